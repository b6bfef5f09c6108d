"""The daemon: the wanted channels and bots made real. Starting is the first reload, stopping a reload to nothing."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from gateway import sharing
from gateway.adapter import Adapter
from gateway.bot import Bot
from gateway.catching_up import CatchUp
from gateway.channel import Channel
from gateway.client import Client
from gateway.client.client import KEEP_ALIVE
from gateway.clock import Clock
from gateway.connection import Connection
from gateway.corridor import Engaged
from gateway.db.opening import open_database
from gateway.foundation import lay
from gateway.gate import ChannelGate
from gateway.housekeeping import Housekeeping
from gateway.journal import Journal
from gateway.reloading import Origin, Reloading
from gateway.servers import Servers
from gateway.settings import BotSettings, ChannelSettings, Settings
from gateway.spool import Spool
from gateway.tasks import Tasks, ended

WITHDRAWING = 10.0  # seconds that a platform has to forget us
CONNECTIONS = 1000  # kept open at once to bots and platforms
_UNTRIED = ("starting", "auth", "down", "stopped")  # states of channels whose settings are not known to be good

log = structlog.get_logger()


class Tools:
    """What bots are given."""

    def __init__(self, http: aiohttp.ClientSession, client: Client, clock: Clock) -> None:
        self.http, self.client, self.clock = http, client, clock


class Daemon:
    """One process of the gateway. `start`, then `apply` as often as the settings change, then `stop`.

    Without `doors` it does not listen: nobody reaches it but by its adapters.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, root: Path | None = None, doors: bool = True
    ) -> None:
        self.settings, self._given, self._root, self._doors = settings, clock, root, doors
        self._tasks = Tasks()
        self._connections: dict[str, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._forwarder: asyncio.Task[None] | None = None
        self._sharing: asyncio.Task[None] | None = None
        self._journal: Journal | None = None

    async def start(self) -> None:
        """Open the store and the doors, and apply the settings. Raises `StorageDown` or `OSError`; nothing is left."""
        settings = self.settings
        db = await open_database(settings.storage.url, self._root, settings.storage.connections)
        self._clock = self._given or db.clock
        self.http, self.client = _http(), Client()
        self.corridor, self.router = await lay(settings, db, self._clock, self._tasks, self._root)
        self.servers = Servers(self.corridor, self.router, settings, self._root)
        try:
            if not self.corridor.shared.alone:
                self._sharing = await sharing.join(self.corridor)
            await self.corridor.files.open()
            if settings.inbox.journal:
                await self._keep_journal(settings.inbox.journal)
            await self.corridor.shared.open()
            if self._doors:
                await self.servers.listen()
            await self.apply(settings)
        except BaseException:
            await self.stop(0)
            raise
        self.router.start()
        if self.router.spool is not None:
            self._forwarder = self._tasks.start(self.router.spool.run(), "spool")
        self._keeper = self._tasks.start(Housekeeping(self.corridor, self.router.erasure).run(), "housekeeping")
        self.servers.open()
        log.info("daemon.started", listen=self.servers.public, channels=len(settings.channels))

    async def _keep_journal(self, folder: str) -> None:
        """Events may be written down there from now on. Raises `OSError`."""
        self._journal = Journal((self._root or Path()) / folder, self._clock.new_id, self._tasks)
        await self._journal.open()
        self.router.spool = Spool(self.corridor, self._journal, self.router.receive)

    async def apply(self, settings: Settings) -> None:
        """Make the settings real. All that can fail is built first; then what changed is stopped, and started anew.

        What has not changed is not touched, and turns that run end with the bot they began with.
        """
        async with self._one_at_a_time:
            await self._apply(settings)

    async def _apply(self, settings: Settings) -> None:
        bots, channels, moved = await self._build(settings)
        before = {name: self._worked(name, settings) for name in channels}
        gone = self.corridor.channels.keys() - settings.channels.keys()
        with self.corridor.altering(channels):
            for name in [*gone, *channels]:
                await self._close(name, for_good=moved or self._leaves(name, channels.get(name)))
            for name in [*(self.corridor.bots.keys() - settings.bots.keys()), *bots]:
                self._dismiss(name)
            for engaged in bots.values():
                self.router.engage(engaged)
            for channel, gate in channels.values():
                self._connect(channel, gate, before[channel.name])
        for name, wanted in settings.channels.items():
            if wanted == self._running_settings(name):
                self.corridor.channels[name].kept_because = ""
            if wanted.fault:
                log.error("channel.fault", channel=name, error=wanted.fault)
        self.settings, self.corridor.inbox, self.corridor.verbatim = settings, settings.inbox, settings.log.text
        self.servers.apply(settings)
        self.corridor.metrics.applied.labels("ok").inc()

    async def _build(
        self, settings: Settings
    ) -> tuple[dict[str, Engaged], dict[str, tuple[Channel, ChannelGate]], bool]:
        """The bots and channels that are new or other than before, and whether our address is another one."""
        url, moved = settings.server.public_url or "", settings.server.public_url != self.settings.server.public_url
        bots: dict[str, Engaged] = {}
        try:
            for name, bot in settings.bots.items():
                if self._bot_changed(bot):
                    bots[name] = self._bot(bot)
            channels = {
                name: self._channel(channel, url)
                for name, channel in settings.channels.items()
                if (moved or channel != self._running_settings(name) or self._refused(name))
                and channel.plugin is not None
            }
        except BaseException:
            for engaged in bots.values():
                await engaged.bot.close()
            raise
        return bots, channels, moved

    def _dismiss(self, name: str) -> None:
        """A bot is asked nothing more; it is let go when none of its turns can still run."""
        if (engaged := self.corridor.bots.pop(name, None)) is not None:
            self._tasks.start(self._let_go(engaged), f"letting {name} go")

    async def _let_go(self, engaged: Engaged) -> None:
        try:
            await self._clock.sleep(engaged.settings.timeout)
        finally:
            await engaged.bot.close()

    def _running_settings(self, name: str) -> ChannelSettings | None:
        running = self.corridor.channels.get(name)
        return running.settings if running else None

    def _refused(self, name: str) -> bool:
        """Whether a channel waits for credentials that may be good again: it need not wait any longer."""
        running = self.corridor.channels.get(name)
        return running is not None and running.state == "auth"

    def _bot_changed(self, bot: BotSettings) -> bool:
        running = self.corridor.bots.get(bot.name)
        return running is None or running.settings != bot

    def _bot(self, bot: BotSettings) -> Engaged:
        made: Bot = bot.plugin(bot.name, bot.options, Tools(self.http, self.client, self._clock))
        return Engaged(bot.name, bot, made)

    def _channel(self, settings: ChannelSettings, url: str) -> tuple[Channel, ChannelGate]:
        gate = ChannelGate(self.corridor, self.router, self.http, self.client, url)
        adapter: Adapter = settings.plugin(settings.name, settings.options, gate)  # type: ignore[misc]
        share = partial(self.corridor.shared.share, f"channel/{settings.name}")
        gate.channel = Channel(settings.name, settings, adapter, self._clock, share)
        return gate.channel, gate

    def _leaves(self, name: str, following: tuple[Channel, ChannelGate] | None) -> bool:
        """Whether a channel's account is not served under this name any more."""
        running = self.corridor.channels.get(name)
        if running is None or following is None:
            return running is not None
        wanted = following[0]
        return (running.platform, running.account) != (wanted.platform, wanted.account)

    def _worked(self, name: str, settings: Settings) -> ChannelSettings | None:
        """What a channel does well with now, if it could go on with it."""
        running = self.corridor.channels.get(name)
        if running is None or running.state in _UNTRIED or running.settings == settings.channels[name]:
            return None
        return running.settings if settings.bots.keys() >= set(running.bots) else None

    def _connect(self, channel: Channel, gate: ChannelGate, before: ChannelSettings | None = None) -> None:
        """A channel begins to hear and to speak. If its settings are refused, it goes on with those of before."""

        def refused(why: str) -> None:
            if before is not None:
                self._tasks.start(self._roll_back(channel, before, why), f"rolling {channel.name} back")

        self.router.open(channel)
        told = refused if before is not None else None
        connection = Connection(channel, gate, self._clock, self.settings.server.deaf_after, told)
        work = connection.run()
        if channel.adapter.catches_up:
            work = _both(work, CatchUp(channel, gate, self._clock).run())
        self._connections[channel.name] = self._tasks.start(work, f"connection {channel.name}")

    async def _roll_back(self, refused: Channel, before: ChannelSettings, why: str) -> None:
        async with self._one_at_a_time:
            if self.corridor.channels.get(refused.name) is not refused:
                return  # it was changed once more meanwhile
            channel, gate = self._channel(before, self.settings.server.public_url or "")
            channel.kept_because = why
            with self.corridor.altering([refused.name]):
                await self._close(refused.name)
                self._connect(channel, gate)
        log.error("channel.rolled_back", channel=channel.name, reason=why)
        self.corridor.metrics.applied.labels("rolled_back").inc()

    async def _close(self, name: str, *, for_good: bool = False) -> None:
        """A channel falls silent: it hears nothing more, and its outbox waits."""
        if (task := self._connections.pop(name, None)) is not None:
            await ended([task])
        if (channel := self.corridor.channels.pop(name, None)) is not None:
            channel.health("stopped")
            if for_good:
                await self._withdraw(channel)
            await channel.adapter.close()

    async def _withdraw(self, channel: Channel) -> None:
        try:
            async with asyncio.timeout(WITHDRAWING):
                await channel.adapter.withdraw()
        except Exception as error:
            log.warning("channel.withdraw", channel=channel.name, error=type(error).__name__)

    def follow(self, origin: Origin) -> Reloading:
        """From now on the settings are read again whenever their files change, or somebody asks for it."""
        corridor = self.corridor
        reloading = Reloading(origin, self.apply, self.settings, self._clock, corridor.metrics, self._tasks)
        self._watch = self._tasks.start(reloading.watch(), "configuration")
        self.servers.reloads(reloading)
        return reloading

    async def stop(self, drain: float | None = None) -> None:
        """Not ready, no intake, no new turns; running turns get `server.drain`; what is left stays queued."""
        self.servers.shut()
        await self.router.close()
        for task in self._connections.values():
            task.cancel()
        for looking_after in (self._keeper, self._watch, self._forwarder):
            if looking_after is not None:
                looking_after.cancel()
        await self.router.drain(self.settings.server.drain if drain is None else drain)
        await self.servers.close()
        if self._sharing is not None:
            self._sharing.cancel()
        await self._tasks.wait(1.0)
        await self._tasks.cancel()
        for channel in self.corridor.channels.values():
            await channel.adapter.close()
        for engaged in self.corridor.bots.values():
            await engaged.bot.close()
        if self._journal is not None:
            self._journal.close()
        await self.corridor.fetchers.close()
        await self.http.close()
        await self.client.close()
        self.router.leave()
        await self.corridor.shared.close()
        await self.corridor.db.close()
        log.info("daemon.stopped")


async def _both(one: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as both:
        both.create_task(one)
        both.create_task(other)


def _http() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, limit_per_host=0, keepalive_timeout=KEEP_ALIVE)
    timeout = aiohttp.ClientTimeout(total=120, sock_connect=10)
    return aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=True, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
    )
