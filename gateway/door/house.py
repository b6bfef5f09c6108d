"""What the rooms of the public door share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web
from pydantic import SecretStr

from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.ingress.body import Bodies
from gateway.ingress.peer import peer
from gateway.live import STOP, Watcher
from gateway.probes import Intake
from gateway.router import Router
from gateway.settings import Settings


class Visitors(Protocol):
    """What the door reads in the options of a channel with `limits.door == "visitors"`, besides its page's."""

    wait: float  # this one of all that have a door
    default: bool
    path: str | None
    token_ttl: float | None
    identity_secret: SecretStr | None
    remember_visitors: bool


@dataclass
class House:
    """One process's public side."""

    corridor: Corridor
    router: Router
    settings: Settings
    intake: Intake
    bodies: Bodies = field(default_factory=Bodies)
    live: int = 0  # connections that stay open
    beat: float = 15.0  # seconds of silence after which a live connection shows that it lives
    slowest: float = 20.0  # seconds in which a client must take what it is sent
    waiting: dict[object, Watcher] = field(default_factory=dict)  # by connection: who hears for it

    @property
    def channels(self) -> Mapping[str, Channel]:
        return self.corridor.channels

    @property
    def now(self) -> int:
        return self.corridor.clock.now()

    def spooled(self) -> int | None:
        """How many events wait for the store; None where they could not."""
        return None if self.router.spool is None else self.router.spool.rows

    @contextmanager
    def hear(self, request: web.BaseRequest, lane: int) -> Iterator[Watcher]:
        """Listen to a lane for a request. When its connection is lost, the watcher is told to stop."""
        with self.corridor.live.watch(lane) as watcher:
            self.waiting[request.protocol] = watcher
            try:
                yield watcher
            finally:
                self.waiting.pop(request.protocol, None)

    def lost(self, connection: object) -> None:
        """A connection is gone; nobody reads what would be written to it."""
        if (watcher := self.waiting.get(connection)) is not None:
            watcher.put(STOP)

    def peer(self, request: web.BaseRequest) -> str:
        return peer(request, self.settings.server.trusted_proxies)

    def visited(self) -> list[Channel]:
        """The channels that visitors reach by a page, in the order of the operator's file."""
        found = [channel for channel in self.channels.values() if channel.limits.door == "visitors"]
        order = {name: index for index, name in enumerate(self.settings.channels)}
        return sorted(found, key=lambda channel: order.get(channel.name, len(order)))

    def front(self) -> Channel | None:
        """The channel that `/` opens: the one whose page stands there, the default one, or the only one."""
        channels = self.visited()
        at_root = [channel for channel in channels if options(channel).path == "/"]
        chosen = at_root or [channel for channel in channels if options(channel).default]
        if chosen:
            return chosen[0]
        return channels[0] if len(channels) == 1 else None


def options(channel: Channel) -> Visitors:
    found: Visitors = channel.adapter.options
    return found


def life(channel: Channel, level: str) -> int | None:
    """How long a visitor's unused token lives, in ms; who signed in is never thrown out."""
    ttl = options(channel).token_ttl
    return None if level == "verified" or ttl is None else round(ttl * 1000)
