"""What the stations of the corridor share: the store, the clock, the channels and bots that are wanted now."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import structlog

from gateway import outbox
from gateway.adapter import State
from gateway.bot import Answering
from gateway.channel import Channel
from gateway.clock import Clock
from gateway.db import Database, Tx
from gateway.desk import Desk
from gateway.disk import Disk
from gateway.errors import StorageDown
from gateway.fetch import Fetchers
from gateway.files.store import FileStore
from gateway.live import Live
from gateway.loops import Loops
from gateway.memory import Memory
from gateway.metrics import Metrics
from gateway.settings import BotSettings, InboxSettings
from gateway.shared import Aid, Shared
from gateway.shared.memory import Alone
from gateway.tasks import Tasks

T = TypeVar("T")
P = ParamSpec("P")

STORAGE_PAUSE = 1.0  # seconds
SURE = 0.8  # of a lease: who could not renew it for longer goes by nobody's word any more

log = structlog.get_logger()


@dataclass(frozen=True)
class Engaged:
    """A bot that serves: how it is configured, and the thing that answers."""

    name: str
    settings: BotSettings
    bot: Answering


@dataclass
class Corridor:
    """One process's part in the corridor. `me` names this process in every lease it takes."""

    db: Database
    clock: Clock
    desk: Desk
    memory: Memory
    live: Live
    metrics: Metrics
    tasks: Tasks
    files: FileStore
    inbox: InboxSettings
    me: str
    lease: float  # seconds
    fetchers: Fetchers = field(default_factory=Fetchers)
    shared: Shared = field(default_factory=Alone)
    redis: Aid | None = None
    verbatim: bool = False  # whether the log may hold what people say
    recovering: int = 0  # what was sent up to this time (ms) may have been answered before the store was restored
    channels: dict[str, Channel] = field(default_factory=dict)
    bots: dict[str, Engaged] = field(default_factory=dict)
    aliases: dict[tuple[str, str, str], str] = field(default_factory=dict)  # chats that go on under another id
    disk: Disk = field(default_factory=Disk)
    trouble: StorageDown | None = None  # why something could not be taken in, the last time
    loops: Loops = field(init=False)
    _altered: dict[str, asyncio.Event] = field(default_factory=dict)  # channels that are away for a moment

    def __post_init__(self) -> None:
        self.loops = Loops(self.clock)

    @contextmanager
    def altering(self, channels: Collection[str]) -> Iterator[None]:
        """Channels that are here again when this is over, under other settings: turns wait for them so long."""
        over = asyncio.Event()
        self._altered.update(dict.fromkeys(channels, over))
        try:
            yield
        finally:
            for name in channels:
                del self._altered[name]
            over.set()

    async def channel(self, name: str) -> Channel | None:
        """A channel as it is once nobody alters it any more. None: it is not served here."""
        if (over := self._altered.get(name)) is not None:
            await over.wait()
        return self.channels.get(name)

    async def insist(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Write what must not be lost for want of storage: try until it is taken."""
        while True:
            try:
                return await self.db.write(tx, *args, **kwargs)
            except StorageDown as error:
                log.error("storage.down", error=str(error))
                await self.clock.sleep(STORAGE_PAUSE)

    def health(self, channel: Channel, state: State, detail: str = "") -> None:
        """How a channel does; operators are told when that changes."""
        if (state, detail) != (channel.state, channel.detail):
            log.info("channel.health", channel=channel.name, state=state, detail=detail)
        if state == "auth" and channel.state != state:
            self.tasks.start(self.insist(outbox.keep_longer, channel.name, outbox.PAUSED), "kept longer")
        channel.health(state, detail)
        self.metrics.channel_up.labels(channel.name).set(int(state == "up"))

    def moved(self, channel: str, account: str, old: str, new: str) -> None:
        """A chat goes on under another id: so does every id that it has had before."""
        if not old or not new or old == new:
            return
        for key, to in self.aliases.items():
            if key[:2] == (channel, account) and to == old:
                self.aliases[key] = new
        self.aliases.pop((channel, account, new), None)
        self.aliases[channel, account, old] = new
        self.shared.publish("moved")

    def sure(self, since: float) -> bool:
        """Whether what was taken or renewed at that time (monotonic seconds) is ours for certain. While we stood still,
        somebody else may have gone on from there.
        """
        return self.clock.tick() < since + SURE * self.lease

    def lease_end(self) -> int:
        """When a lease taken now ends, in ms."""
        return self.clock.now() + round(self.lease * 1000)
