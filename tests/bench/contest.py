"""Those who are compared: started as they would be in earnest, each with its own store, and asked in turns."""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.far import Ledger
from tests.bench.load import SECRET, Load
from tests.bench.measured import costs, family, percentile
from tests.ports import free_port
from tests.postgres import Server

YAML = """\
server: {{listen: 127.0.0.1:{port}}}
admin: {{listen: 127.0.0.1:{admin}}}
log: {{level: warning}}
storage: {{url: "{url}", files: "{folder}/files", local: "{folder}/{port}"}}
bots:
  bench: {{kind: http, url: "http://127.0.0.1:{far}/bot", concurrency: 1000}}  # not what is measured
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

AT_ONCE = 64  # connections to each process


class Row(NamedTuple):
    """One contestant's figures: microseconds and milliseconds, as the heading says."""

    name: str
    rate: float
    cpu: float
    database: float
    ack50: float
    ack99: float
    whole50: float
    whole99: float
    peak: float
    growth: float
    lost: int
    doubled: int
    disordered: int


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
    """One of those compared, perhaps of several processes, and what has been seen of it so far.

    `beside` is the process of a database server, whose work is accounted for apart.
    """

    def __init__(self, name: str, pids: Sequence[int], ports: Sequence[int], chats: int, beside: int = 0) -> None:
        self.name, self._pids, self._ports, self._chats, self._beside = name, pids, ports, chats, beside
        self._at_once = AT_ONCE * len(ports)
        self._serial = 1
        self._faults: Counter[str] = Counter()
        self.messages, self.seconds, self.cpu, self.database = 0, 0.0, 0.0, 0.0

    def _load(self, ledger: Ledger, messages: int, chats: int) -> Load:
        self._serial += messages
        return Load(ledger.renewed(), self._ports, chats, messages, self._serial - messages)

    def _spent(self) -> tuple[float, float]:
        return costs(self._pids).cpu, costs(family(self._beside)).cpu if self._beside else 0.0

    async def warm_up(self, ledger: Ledger, messages: int) -> None:
        """Everybody who will write has written once to each process, mostly, so that what follows is the everyday."""
        for _ in self._ports:
            await self._load(ledger, messages, self._chats).flat_out(self._at_once)
        self._at_first = costs(self._pids)

    async def flat_out(self, ledger: Ledger, messages: int) -> float:
        """As much as it takes. Returns CPU seconds for each message."""
        before, database = self._spent()
        self.seconds += await self._load(ledger, messages, self._chats).flat_out(self._at_once)
        after, worked = self._spent()
        self.messages += messages
        self.cpu += after - before
        self.database += worked - database
        self._check(ledger)
        return (after - before) / messages

    async def at_half_pace(self, ledger: Ledger, messages: int) -> Row:
        """The waiting times at half of what it has shown to take, and with them everything that is known."""
        rate = self.messages / self.seconds
        await self._load(ledger, messages, self._chats).steady(rate / 2, 256)
        self._check(ledger)
        acks = [(at - ledger.sent[key]) * 1000 for key, at in ledger.acknowledged.items()]
        wholes = [(at - ledger.sent[key]) * 1000 for key, at in ledger.answered.items()]
        last = costs(self._pids)
        return Row(
            self.name,
            rate,
            self.cpu / self.messages * 1e6,
            self.database / self.messages * 1e6,
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


@asynccontextmanager
async def relay(far: int, chats: int) -> AsyncIterator[Contestant]:
    """The bare relay that remembers nothing."""
    port = free_port()
    async with process("tests.bench.relay", str(port), str(far), port=port) as pid:
        yield Contestant("bare relay", [pid], [port], chats)


@asynccontextmanager
async def on_sqlite(far: int, chats: int, folder: Path) -> AsyncIterator[Contestant]:
    """One gateway on a file."""
    async with gateways(1, f"sqlite:///{folder}/gateway.db", far, folder) as (pids, ports):
        yield Contestant("gateway, SQLite FULL", pids, ports, chats)


@asynccontextmanager
async def on_postgres(far: int, chats: int, folder: Path, replicas: int) -> AsyncIterator[Contestant]:
    """Gateways on one database of a server that writes to the disk."""
    server = await asyncio.to_thread(Server, Path(tempfile.gettempdir()))
    try:
        url = await asyncio.to_thread(server.database, folder)
        async with gateways(replicas, url, far, folder) as (pids, ports):
            yield Contestant(f"PostgreSQL, {replicas} replica{'s'[: replicas - 1]}", pids, ports, chats, server.pid)
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def gateways(count: int, url: str, far: int, folder: Path) -> AsyncIterator[tuple[list[int], list[int]]]:
    """So many gateways on one store, with their process ids and ports."""
    pids, ports = [], [free_port() for _ in range(count)]
    async with AsyncExitStack() as stack:
        for port in ports:
            config = folder / f"gateway-{port}.yaml"
            told = {"admin": free_port(), "url": url, "folder": folder, "far": far, "secret": SECRET}
            config.write_text(YAML.format(port=port, **told), "utf-8")
            command = ("gateway.cli", "run", "-c", str(config))
            pids.append(await stack.enter_async_context(process(*command, port=port)))
        yield pids, ports
