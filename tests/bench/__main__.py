"""`python -m tests.bench [--messages N] [--chats N]`: prints what a message costs, here and through the bare relay."""

import argparse
import asyncio
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.far import Ledger, serve
from tests.bench.load import SECRET, Load
from tests.bench.measured import cost, percentile

YAML = """\
server: {{listen: 127.0.0.1:{port}}}
admin: {{listen: 127.0.0.1:{admin}}}
log: {{level: warning}}
storage: {{url: "sqlite:///{folder}/gateway.db"}}
bots:
  bench: {{kind: http, url: "http://127.0.0.1:{far}/bot"}}
channels:
  help:
    platform: telegram
    bot: bench
    token: "1:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    mode: webhook
    secret: {secret}
    api_base: http://127.0.0.1:{far}
    limits: {{send: off, messages: off}}
"""

AT_ONCE = 64  # connections


class Row(NamedTuple):
    """One contestant's figures: microseconds and milliseconds, as the heading says."""

    name: str
    rate: float
    cpu: float
    ack50: float
    ack99: float
    whole50: float
    whole99: float
    peak: float
    growth: float
    lost: int
    doubled: int
    disordered: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def process(*command: str, port: int) -> AsyncIterator[int]:
    """A contestant, once it listens; yields its process id."""
    running = await asyncio.create_subprocess_exec(sys.executable, "-m", *command)
    try:
        async with asyncio.timeout(20):
            while not await _listens(port):
                if running.returncode is not None:
                    raise SystemExit(f"{command[0]} ended with {running.returncode}")
                await asyncio.sleep(0.05)
        yield running.pid
    finally:
        if running.returncode is None:
            running.terminate()
            await running.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


class Contestant:
    """One of those compared, and what has been seen of it so far."""

    def __init__(self, name: str, pid: int, port: int, chats: int) -> None:
        self.name, self._pid, self._port, self._chats = name, pid, port, chats
        self._serial = 1
        self._faults: Counter[str] = Counter()
        self.messages, self.seconds, self.cpu = 0, 0.0, 0.0

    def _load(self, ledger: Ledger, messages: int, chats: int) -> Load:
        self._serial += messages
        return Load(ledger.renewed(), self._port, chats, messages, self._serial - messages)

    async def warm_up(self, ledger: Ledger, messages: int) -> None:
        """Everybody who will write has written once, so that what follows is the everyday."""
        await self._load(ledger, messages, self._chats).flat_out(AT_ONCE)
        self._at_first = cost(self._pid)

    async def flat_out(self, ledger: Ledger, messages: int) -> float:
        """As much as it takes. Returns CPU seconds for each message."""
        before = cost(self._pid)
        self.seconds += await self._load(ledger, messages, self._chats).flat_out(AT_ONCE)
        spent = cost(self._pid).cpu - before.cpu
        self.messages += messages
        self.cpu += spent
        self._check(ledger)
        return spent / messages

    async def at_half_pace(self, ledger: Ledger, messages: int) -> Row:
        """The waiting times at half of what it has shown to take, and with them everything that is known."""
        rate = self.messages / self.seconds
        await self._load(ledger, messages, self._chats).steady(rate / 2, 256)
        self._check(ledger)
        acks = [(at - ledger.sent[key]) * 1000 for key, at in ledger.acknowledged.items()]
        wholes = [(at - ledger.sent[key]) * 1000 for key, at in ledger.answered.items()]
        last = cost(self._pid)
        return Row(
            self.name,
            rate,
            self.cpu / self.messages * 1e6,
            percentile(acks, 0.5),
            percentile(acks, 0.99),
            percentile(wholes, 0.5),
            percentile(wholes, 0.99),
            last.peak,
            last.resident - self._at_first.resident,
            self._faults["lost"],
            self._faults["doubled"],
            self._faults["disordered"],
        )

    def _check(self, ledger: Ledger) -> None:
        self._faults.update(lost=ledger.lost, doubled=ledger.doubled, disordered=ledger.disordered)


async def compare(both: list[Contestant], ledger: Ledger, messages: int, rounds: int) -> tuple[list[Row], float]:
    """In turns, a round each, so that whatever else the machine does meets both alike; and their ratio."""
    for one in both:
        await one.warm_up(ledger, messages // 10)
    ratios = []
    for _ in range(rounds):
        relay, gateway = [await one.flat_out(ledger, messages // rounds) for one in both]
        ratios.append(gateway / relay)
    return [await one.at_half_pace(ledger, messages // 2) for one in both], median(ratios)


async def run(messages: int, chats: int, rounds: int) -> tuple[list[Row], float]:
    ledger = Ledger()
    server, far = await serve(ledger)
    port, there, admin = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "gateway.yaml"
        config.write_text(YAML.format(port=port, admin=admin, folder=folder, far=far, secret=SECRET), "utf-8")
        async with (
            process("tests.bench.relay", str(there), str(far), port=there) as relay,
            process("gateway.cli", "run", "-c", str(config), port=port) as gateway,
        ):
            both = [
                Contestant("bare relay", relay, there, chats),
                Contestant("gateway, SQLite FULL", gateway, port, chats),
            ]
            found = await compare(both, ledger, messages, rounds)
    server.close()
    return found


def table(rows: list[Row], ratio: float) -> str:
    heads = ("", "msg/s", "CPU us/msg", "ack p50", "ack p99 ms", "answer p50", "answer p99 ms", "peak MB", "grown MB")
    lines = ["  ".join(f"{head:>13}" if head else f"{'':22}" for head in heads)]
    for row in rows:
        figures = (row.rate, row.cpu, row.ack50, row.ack99, row.whole50, row.whole99, row.peak, row.growth)
        lines.append(f"{row.name:22}  " + "  ".join(f"{figure:13.1f}" for figure in figures))
        lines.append(f"{'':22}  lost {row.lost}, doubled {row.doubled}, out of order {row.disordered}")
    lines.append(f"CPU per message against the bare relay: {ratio:.2f} (median of the rounds)")
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("--messages", type=int, default=10_000)
    arguments.add_argument("--chats", type=int, default=1_000)
    arguments.add_argument("--rounds", type=int, default=10)
    wanted = arguments.parse_args()
    print(table(*asyncio.run(run(wanted.messages, wanted.chats, wanted.rounds))))


if __name__ == "__main__":
    main()
