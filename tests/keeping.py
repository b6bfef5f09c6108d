"""A corridor with its housekeeping, for tests in which much time goes by."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from gateway.housekeeping import Housekeeping
from gateway.message import Level, Sender
from gateway.tokens import Grant, digest, issue
from tests.kit import Kit, corridor
from tests.paper import said

YAML = """
bots: {b: {kind: echo}}
defaults: {limits: {send: off, messages: off}}
channels:
  p: {platform: tests.paper, bot: b}
  brief: {platform: tests.paper, bot: b, session: {idle: {after: 5m}, expire: {identified: 1d}}}
  endless: {platform: tests.paper, bot: b, session: {idle: {after: never}, expire: {anonymous: never}}}
"""
HOUR, DAY = 3600.0, 86400.0


class Kept(Kit):
    """A corridor with its housekeeping, done when the test says so."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit.settings, kit.corridor, kit.router)
        self.housekeeping = Housekeeping(kit.corridor, kit.router.erasure)

    async def later(self, seconds: float) -> None:
        """Time goes by, and housekeeping is done."""
        self.clock.ahead += seconds
        await self.housekeeping.round()
        await self.housekeeping.day()

    async def states(self) -> dict[str, str]:
        """The state of every session by its channel and user."""
        rows = await self.rows(
            "SELECT s.channel || ' ' || person, state FROM session s JOIN participant p ON p.id = participant"
        )
        return dict(rows)

    async def visit(
        self, user: str, channel: str = "p", level: Level = "anonymous", text: str = "hello", *, wait: bool = True
    ) -> str:
        """Somebody says something and is answered. Returns their session."""
        sender = Sender(id=user, name=user.title(), level=level)
        event = said(self.corridor.channels[channel], text, user=user)
        accepted = await self.receive(replace(event, sender=sender))
        if wait:
            await self.quiet()
        return accepted.session

    async def token(self, session: str, ttl: float | None) -> bytes:
        rows = await self.rows("SELECT channel, lane, id, participant FROM session WHERE id = $1", session)
        hashed = digest(f"token of {session} {ttl}")
        channel, lane, id, participant = rows[0]
        grant = Grant(channel, lane, id, participant, None if ttl is None else round(ttl * 1000))
        await self.corridor.db.write(issue, hashed, grant, self.clock.now())
        return hashed

    async def tokens(self) -> set[bytes]:
        return {row[0] for row in await self.rows("SELECT hash FROM token")}


@asynccontextmanager
async def kept(folder: Path, yaml: str = YAML) -> AsyncIterator[Kept]:
    async with corridor(folder, yaml) as kit:
        yield Kept(kit)
