"""An answer while it is being written, as its chat sees it: the platform's own draft, or a message that is edited.

Such a message is opened only where nothing else waits to be said. Its platform's id is kept with the entry that is
answered: whoever ends the turn, after a crash another process, puts the answer in its place, and what ends without an
answer takes it away.
"""

import asyncio
from typing import Protocol

from msgspec.structs import replace

from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.errors import SendError
from gateway.failpoint import failpoint
from gateway.markup import render
from gateway.message import Part, Turn, turn_key
from gateway.running import Running
from gateway.shown import is_silent, note
from gateway.speaking import quote


class Draft(Protocol):
    """`show` raises a `SendError` when no more can be shown. After `settle` nothing is on its way."""

    async def show(self, text: str, *, progress: bool) -> None: ...

    async def settle(self) -> None: ...


def draft(corridor: Corridor, channel: Channel, running: Running, turn: Turn) -> Draft | None:
    """How a turn's answer is shown while it is written, None where it is not."""
    limits, place, wish = channel.limits, turn.message.address.place, channel.settings.stream.edit
    if wish == "off" or not channel.sends:
        return None
    if limits.draft and place in (limits.draft_places or (place,)):
        return _Own(channel, turn)
    if wish == "on" and limits.edit and limits.delete and not turn.message.replaces:
        return _Edited(corridor, channel, running, turn)
    return None  # what stands there is an earlier answer, or nothing can be taken back


class _Own:
    """The platform's own. It vanishes with the answer."""

    def __init__(self, channel: Channel, turn: Turn) -> None:
        self._adapter, self._address, self._key = channel.adapter, turn.message.address, turn_key(turn.id)

    async def show(self, text: str, *, progress: bool) -> None:
        show = self._adapter.progress if progress else self._adapter.draft
        await show(self._address, self._key, text)

    async def settle(self) -> None:
        pass


class _Edited:
    """A message that is edited. A call once begun is ended, so that it is known what it made, and none comes late."""

    def __init__(self, corridor: Corridor, channel: Channel, running: Running, turn: Turn) -> None:
        self._c, self._channel, self._running, self._turn = corridor, channel, running, turn
        self._call: asyncio.Task[SendError | None] | None = None
        running.draft = turn.message.draft  # of an earlier try

    async def show(self, text: str, *, progress: bool) -> None:
        limits, inbound = self._channel.limits, self._turn.message
        pieces = render(text, limits.dialect, limits.text, limits.unit, self._channel.settings.format.input)
        if not pieces:
            return
        end = pieces[-1]  # of a long text
        part = Part(id=f"{self._turn.id}.draft", address=inbound.address, text=end.text, entities=end.entities)
        self._call = self._c.tasks.start(self._put(replace(part, reply_to=quote(self._channel, inbound))), "draft")
        if (error := await asyncio.shield(self._call)) is not None:
            raise error

    async def settle(self) -> None:
        if self._call is not None:
            await asyncio.wait([self._call])
            self._call = None  # an error in it leads back here

    async def _put(self, part: Part) -> SendError | None:
        adapter, running = self._channel.adapter, self._running
        try:
            if running.draft:
                await adapter.edit(running.draft, part)
            elif await self._c.db.read(is_silent, running.envelope.lease.lane):
                running.draft = await adapter.send(part)
                failpoint("draft.sent")
                if not await self._c.insist(note, running.envelope.lease, running.envelope.entry.id, running.draft):
                    await adapter.delete(part.address, running.draft)
        except SendError as error:
            return error
        return None
