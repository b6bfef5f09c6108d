"""`gateway talk`: a conversation in this terminal, by the real path, on a store that is thrown away afterwards."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from gateway.adapter import Adapter, Receipt
from gateway.cli.running import run
from gateway.cli.shown import USAGE, complain, give_up
from gateway.daemon import Daemon
from gateway.db import Tx
from gateway.log import configure
from gateway.message import Inbound
from gateway.plugins import find
from gateway.settings import ChannelSettings, Settings

LOOK_EVERY = 0.02  # seconds


def converse(settings: Settings, channel: str, user: str, group: str) -> None:
    """Talk until the input ends. The channel keeps its keys, gates, commands and formatting, and loses its network."""
    name = channel or next(iter(settings.channels), "")
    if name not in settings.channels:
        known = ", ".join(settings.channels) or "none"
        give_up(f"error: there is no channel {name} (known: {known})" if name else "error: there is no channel", USAGE)
    talk = Talk(settings.channels[name], user, group)
    configure(settings.log.model_copy(update={"level": "warning"}), settings.secrets(), json=False)
    with tempfile.TemporaryDirectory(prefix="gateway-talk-") as folder:
        try:
            run(talk.through(settings, Path(folder)))
        except KeyboardInterrupt:
            complain("")


class Talk:
    """One conversation: the terminal in the place of a channel's platform."""

    def __init__(self, channel: ChannelSettings, user: str, group: str) -> None:
        self._over = asyncio.Event()
        self._daemon: Daemon | None = None
        self._channel = self._pretending(channel, user, group)

    async def through(self, settings: Settings, folder: Path) -> None:
        """From the first line to the last answer."""
        storage = settings.storage.model_copy(update={"url": "sqlite:///talk.db", "files": "files"})
        own = replace(settings, storage=storage, channels={self._channel.name: self._channel})
        self._daemon = Daemon(own, root=folder, doors=False)
        await self._daemon.start()
        try:
            await self._over.wait()
        finally:
            await self._daemon.stop(0)

    def _pretending(self, channel: ChannelSettings, user: str, group: str) -> ChannelSettings:
        if channel.plugin is None:
            give_up(f"error: channel {channel.name}: {channel.fault}")
        if group and "group" not in channel.plugin.boundary:
            give_up(f"error: {channel.platform} has no groups", USAGE)
        terminal: Any = find("adapters", "terminal", Adapter)
        try:
            options = terminal.Options(user=user, chat=group)
        except ValidationError as error:
            give_up(f"error: --as: {error.errors()[0]['msg']}", USAGE)
        limits = channel.limits.model_copy(update={"send": "off"})
        changed = {"plugin": self._stand_in(terminal, channel.plugin), "options": options, "limits": limits}
        return channel.model_copy(update=changed)

    def _stand_in(self, terminal: Any, real: type[Adapter]) -> type[Adapter]:
        talk = self
        # A client that renders Markdown by itself is shown here as people read it.
        dialect = "plain" if real.limits.dialect == "tree" else real.limits.dialect

        class StandIn(terminal):  # type: ignore[misc]
            """Types and prints as the terminal does; is able to do what the real platform is."""

            limits = msgspec.structs.replace(real.limits, pulled=False, typing=0, draft=False, dialect=dialect)
            boundary = real.boundary

            def __init__(self, name: str, options: Any, gate: Any) -> None:
                super().__init__(name, options, _Patient(gate, talk))

            async def run(self) -> None:
                await super().run()
                talk._over.set()

        return StandIn

    async def settled(self) -> None:
        """Wait until nothing waits any more: all that was said is answered, and all answers are printed."""
        if self._daemon is None:
            return
        corridor = self._daemon.corridor
        while (waiting := await corridor.db.read(_waiting)) > 0:
            await corridor.clock.sleep(LOOK_EVERY * min(waiting, 5))


def _waiting() -> Tx[int]:
    rows = yield (
        """SELECT (SELECT COUNT(*) FROM inbox WHERE state = 'waiting')
             + (SELECT COUNT(*) FROM outbox WHERE state IN ('ready', 'sending', 'unknown'))""",
        (),
    )
    count: int = rows[0][0]
    return count


class _Patient:
    """The gate, but one line is answered before the next is taken."""

    def __init__(self, gate: Any, talk: Talk) -> None:
        self._gate, self._talk = gate, talk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)

    async def receive(self, inbound: Inbound, raw: bytes = b"") -> Receipt:
        receipt: Receipt = await self._gate.receive(inbound, raw)
        await self._talk.settled()
        if receipt.outcome != "stored":
            complain(f"({receipt.outcome})")
        return receipt
