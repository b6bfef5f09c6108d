"""What platforms push while the store is away: written into the journal, acknowledged, and taken in when it is back.

While the journal holds anything, everything goes through it: nothing may overtake what waits there.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import structlog

from gateway import inbox
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.errors import StorageDown
from gateway.intake import Accepted
from gateway.journal import Journal
from gateway.message import Inbound, decode, encode
from gateway.repeats import named

PATIENCE = 1.5  # seconds that the store has; some platforms wait three for our answer
AGAIN = 1.0  # seconds between two looks whether the store is back
ADOPTED_EVERY = 60.0  # seconds
ABSENT = 60.0  # seconds in which a channel that is not there may come back: it is perhaps being changed

log = structlog.get_logger()


class Event(msgspec.Struct, frozen=True):
    """A record of the journal: an event as a channel's adapter handed it in."""

    channel: str
    inbound: str
    raw: str = ""


class Spool:
    """Takes events in by `receive` of the router, or by the journal."""

    def __init__(
        self, corridor: Corridor, journal: Journal, receive: Callable[[Channel, Inbound, bytes], Awaitable[Accepted]]
    ) -> None:
        self._c, self._journal, self._receive = corridor, journal, receive
        self._rung = asyncio.Event()
        self._absent_since: float | None = None

    @property
    def rows(self) -> int:
        """How many events wait for the store."""
        return self._journal.rows

    async def receive(self, channel: Channel, inbound: Inbound, raw: bytes = b"") -> Accepted:
        """Take an event in. It is on disk when this returns; raises `StorageDown` when it is not."""
        inbound = named(inbound, self._c.clock.new_id)  # it is to be known again by the same ids
        if not self._journal.rows:
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._receive(channel, inbound, raw)
            except (StorageDown, TimeoutError) as error:
                log.warning("journal.used", channel=channel.name, error=str(error) or "no answer")
        event = Event(channel.name, encode(inbound), base64.b64encode(raw).decode())
        await self._journal.append(msgspec.json.encode(event))
        self._c.metrics.accepted(channel.name, "journal").inc()
        self._c.metrics.journal_rows.set(self.rows)
        self._rung.set()
        return Accepted("stored", inbox.turn_of(inbox.mark(channel.name, inbound.account, inbound.ids[0])))

    async def run(self) -> None:
        """Take in what waits, again and again, until cancelled."""
        while True:
            try:
                await self._forward()
                with suppress(TimeoutError):
                    async with asyncio.timeout(ADOPTED_EVERY):
                        await self._rung.wait()
                self._rung.clear()
                await self._journal.adopt()
            except OSError as error:
                log.error("storage.down", error=f"the journal: {error}")
                await self._c.clock.sleep(AGAIN)

    async def _forward(self) -> None:
        """Take in all that waits, the oldest first; as long as the store is away, wait for it."""
        while self.rows:
            records = await self._journal.read()
            for record in records:
                while not await self._taken(record.content):
                    await self._c.clock.sleep(AGAIN)
                self._journal.forget(record)
                self._c.metrics.journal_rows.set(self.rows)
            if not records:  # it is being written
                await self._c.clock.sleep(AGAIN / 100)

    async def _taken(self, content: bytes) -> bool:
        """Whether an event need not wait any more. What was taken in before is a repeat."""
        event, inbound = None, None
        try:
            event = msgspec.json.decode(content, type=Event)
            inbound = decode(Inbound, event.inbound)
            if (channel := self._c.channels.get(event.channel)) is None:
                return await self._without_channel(event, inbound)
            self._absent_since = None
            await self._receive(channel, inbound, base64.b64decode(event.raw))
        except StorageDown:
            return False
        except Exception as error:
            log.error("journal.refused", channel=event.channel if event else "", exc_info=error)
            return await self._let_go(event, inbound, "unsupported")
        return True

    async def _without_channel(self, event: Event, inbound: Inbound) -> bool:
        now = self._c.clock.tick()
        self._absent_since = now if self._absent_since is None else self._absent_since
        return now - self._absent_since > ABSENT and await self._let_go(event, inbound, "channel_disabled")

    async def _let_go(self, event: Event | None, inbound: Inbound | None, reason: str) -> bool:
        """It must not be in the way for ever."""
        name, account, ids = event.channel if event else "", "", tuple[str, ...]()
        if inbound is not None:
            account, ids = inbound.account, inbound.ids
        try:
            await self._c.db.write(inbox.note_dropped, name, account, ids, "", reason, self._c.clock.now())
        except StorageDown:
            return False
        self._c.metrics.accepted(name, reason).inc()
        return True
