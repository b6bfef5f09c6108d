"""The whole corridor in one process for tests: a real store, real routing, and a platform made of paper."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from gateway import moving, recovery
from gateway.bot import Answering, Piece, Say
from gateway.channel import Channel
from gateway.client import Client
from gateway.clock import Clock
from gateway.corridor import Corridor, Engaged
from gateway.db import Rows, Tx
from gateway.db.opening import open_database
from gateway.desk import Desk
from gateway.files.store import FileStore
from gateway.gate import ChannelGate
from gateway.intake import Accepted
from gateway.live import Live
from gateway.memory import Memory
from gateway.message import Inbound, Outbound, Turn
from gateway.metrics import Metrics
from gateway.router import Router
from gateway.settings import Settings, load
from gateway.tasks import Tasks
from tests.aid import beside
from tests.paper import Paper, paper, said
from tests.patience import PATIENCE
from tests.postgres import storage, stored

YAML = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}}}
"""

Answers = Callable[[Turn], AsyncIterator[Piece]]


class Scripted:
    """A bot made of a function; it keeps every turn it was given."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.turns: list[Turn] = []

    def answer(self, turn: Turn) -> AsyncIterator[Piece]:
        self.turns.append(turn)
        return self._answers(turn)

    async def close(self) -> None:
        pass


async def echoes(turn: Turn) -> AsyncIterator[Piece]:
    yield Say(Outbound(text=turn.message.text))


class Ticking(Clock):
    """The machine's clock, and a step to go forward by: waiting is not tested by waiting.

    `astray` is how far the machine's clock has jumped since it began.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ahead = self.astray = 0.0

    def now(self) -> int:
        return super().now() + round(self.ahead * 1000)

    def tick(self) -> float:
        return super().tick() + self.ahead

    async def strayed(self) -> float:
        return await super().strayed() + self.astray


class Kit:
    """One process's corridor with its channels open. `here` is the channel `p`, unless another is named."""

    def __init__(self, settings: Settings, corridor: Corridor, router: Router) -> None:
        self.settings, self.corridor, self.router = settings, corridor, router

    @property
    def here(self) -> Channel:
        return self.corridor.channels["p"]

    @property
    def paper(self) -> Paper:
        return self.here.adapter.paper  # type: ignore[attr-defined, no-any-return]

    @property
    def clock(self) -> Ticking:
        clock = self.corridor.clock
        assert isinstance(clock, Ticking)
        return clock

    def bot(self, answers: Answers = echoes, name: str = "b") -> Scripted:
        """Put a scripted bot in a bot's place."""
        bot = Scripted(answers)
        self.router.engage(Engaged(name, self.settings.bots[name], bot))
        return bot

    async def say(self, text: str, channel: str = "p", **how: Any) -> Accepted:
        here = self.corridor.channels[channel]
        return await self.receive(said(here, text, **how))

    async def receive(self, inbound: Inbound, raw: bytes = b"") -> Accepted:
        return await self.router.receive(self.corridor.channels[inbound.channel], inbound, raw)

    async def rows(self, sql: str, *args: Any) -> Rows:
        def query() -> Tx[Rows]:
            return (yield sql, args)

        return await self.corridor.db.read(query)

    async def until(self, seen: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for something to be so; how long the machine takes does not matter."""
        async with asyncio.timeout(seconds):
            while not seen():
                await asyncio.sleep(0.002)

    async def stored(self, sql: str, row: tuple[Any, ...]) -> None:
        """Wait until the store says so."""
        async with asyncio.timeout(PATIENCE):
            while await self.rows(sql) != [row]:
                await asyncio.sleep(0.002)

    async def quiet_outbox(self) -> None:
        """Wait until nothing is to be sent."""
        async with asyncio.timeout(PATIENCE):
            while await self.rows("SELECT 1 FROM lane WHERE out_due_at IS NOT NULL") or self.router.delivery.held:
                await asyncio.sleep(0.002)

    async def quiet(self) -> None:
        """Wait until nothing is being answered, sent, or due."""
        due = "SELECT 1 FROM lane WHERE in_due_at IS NOT NULL OR out_due_at IS NOT NULL"
        async with asyncio.timeout(PATIENCE):
            while await self.rows(due) or self.router.turns.running or self.router.delivery.held:
                await asyncio.sleep(0.002)


def configure(folder: Path, yaml: str = YAML) -> Settings:
    """Settings of a YAML text."""
    file = folder / "gateway.yaml"
    file.write_text(stored(yaml, folder), "utf-8")
    return load(file, {})


@asynccontextmanager
async def corridor(
    folder: Path, yaml: str = YAML, *, sheet: str | None = None, me: str = "", start: bool = True
) -> AsyncIterator[Kit]:
    """A corridor on the store in `folder`: closed in order at the end, its work put back."""
    wanted = configure(folder, yaml)
    clock, tasks = Ticking(), Tasks()
    db = await open_database(storage(folder), folder)
    router: Router
    desk = Desk(clock, wanted.server.workers, lambda bot: router.ring_bot(bot))  # noqa: PLW0108 - made later
    http, client = aiohttp.ClientSession(), Client()
    files, name, lease = FileStore(db, clock, folder / "files"), me or clock.new_id(), wanted.server.lease
    await files.open()
    about = AsyncExitStack()
    joined, copies = await about.enter_async_context(beside(folder, name, clock))
    memory = Memory(db, joined, copies)
    shared = Corridor(db, clock, desk, memory, Live(joined), Metrics(), tasks, files, wanted.inbox, name, lease)
    shared.shared = joined
    shared.aliases.update(await db.read(moving.aliases))
    shared.recovering = await db.read(recovery.until)
    router = Router(shared)
    kit = Kit(wanted, shared, router)
    for bot in wanted.bots.values():
        router.engage(Engaged(bot.name, bot, bot.plugin(bot.name, bot.options, _Tools(http, client, clock))))
    for name, channel in wanted.channels.items():
        assert channel.plugin is not None
        gate = ChannelGate(shared, router, http, client, "")
        gate.channel = Channel(name, channel, channel.plugin(name, channel.options, gate), clock)
        gate.channel.adapter.paper = paper(sheet or str(folder))  # type: ignore[attr-defined]
        gate.channel.health("up")
        router.open(gate.channel)
    if start:
        router.start()
    try:
        yield kit
    finally:
        await router.drain(5)
        await tasks.wait(1)
        await tasks.cancel()
        await shared.fetchers.close()
        await http.close()
        await client.close()
        await about.aclose()
        await db.close()


class _Tools:
    def __init__(self, http: aiohttp.ClientSession, client: Client, clock: Clock) -> None:
        self.http, self.client, self.clock = http, client, clock


__all__ = ["Answering", "Kit", "Scripted", "Ticking", "configure", "corridor", "echoes", "said"]
