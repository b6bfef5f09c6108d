"""`python -m tests.bench [--messages N] [--chats N]`: prints what a message costs, here and through the bare relay."""

import argparse
import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
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


async def measure(name: str, pid: int, port: int, ledger: Ledger, messages: int, chats: int) -> Row:
    """Warm up, then flat out for cost and throughput, then at half that pace for the waiting times."""
    warm = max(1, min(messages // 10, 1000))
    await Load(ledger.renewed(), port, min(chats, warm), warm, 1).flat_out(64)
    before = cost(pid)
    seconds = await Load(ledger.renewed(), port, chats, messages, warm + 1).flat_out(64)
    after = cost(pid)
    rate, cpu = messages / seconds, (after.cpu - before.cpu) / messages * 1e6
    verdict = ledger.lost, ledger.doubled, ledger.disordered
    await Load(ledger.renewed(), port, chats, messages // 2, warm + messages + 1).steady(rate / 2, 256)
    acks = [(at - ledger.sent[key]) * 1000 for key, at in ledger.acknowledged.items()]
    wholes = [(at - ledger.sent[key]) * 1000 for key, at in ledger.answered.items()]
    last = cost(pid)
    return Row(
        name,
        rate,
        cpu,
        percentile(acks, 0.5),
        percentile(acks, 0.99),
        percentile(wholes, 0.5),
        percentile(wholes, 0.99),
        last.peak,
        last.resident - before.resident,
        *(sum(pair) for pair in zip(verdict, (ledger.lost, ledger.doubled, ledger.disordered), strict=True)),
    )


async def run(messages: int, chats: int) -> list[Row]:
    ledger = Ledger()
    server, far = await serve(ledger)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        async with process("tests.bench.relay", str(port), str(far), port=port) as pid:
            rows.append(await measure("bare relay", pid, port, ledger, messages, chats))
        port, config = free_port(), Path(folder) / "gateway.yaml"
        config.write_text(YAML.format(port=port, admin=free_port(), folder=folder, far=far, secret=SECRET), "utf-8")
        async with process("gateway.cli", "run", "-c", str(config), port=port) as pid:
            rows.append(await measure("gateway, SQLite FULL", pid, port, ledger, messages, chats))
    server.close()
    return rows


def table(rows: list[Row]) -> str:
    heads = ("", "msg/s", "CPU us/msg", "ack p50", "ack p99 ms", "answer p50", "answer p99 ms", "peak MB", "grown MB")
    lines = ["  ".join(f"{head:>13}" if head else f"{'':22}" for head in heads)]
    for row in rows:
        figures = (row.rate, row.cpu, row.ack50, row.ack99, row.whole50, row.whole99, row.peak, row.growth)
        lines.append(f"{row.name:22}  " + "  ".join(f"{figure:13.1f}" for figure in figures))
        lines.append(f"{'':22}  lost {row.lost}, doubled {row.doubled}, out of order {row.disordered}")
    lines.append(f"CPU per message against the bare relay: {rows[1].cpu / rows[0].cpu:.2f}")
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("--messages", type=int, default=10_000)
    arguments.add_argument("--chats", type=int, default=1_000)
    wanted = arguments.parse_args()
    print(table(asyncio.run(run(wanted.messages, wanted.chats))))


if __name__ == "__main__":
    main()
