"""What tests of edits and deletions share: a bot that takes its time, and users who think better of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from msgspec.structs import replace

from gateway import history
from gateway.bot import Piece, Say
from gateway.errors import Refused, SendError
from gateway.intake import Accepted
from gateway.message import Address, Kind, Outbound, Part, Turn
from tests.kit import Kit, Scripted, said


class Slow:
    """A bot that answers when it may, with as many messages as the text has lines."""

    def __init__(self, kit: Kit) -> None:
        self.go = asyncio.Event()
        self.bot: Scripted = kit.bot(self._answer)

    async def _answer(self, turn: Turn) -> AsyncIterator[Piece]:
        await self.go.wait()
        for line in turn.message.text.split("/"):
            if line == "silence":
                return
            yield Say(Outbound(text=f"re: {line}"))

    @property
    def asked(self) -> list[str]:
        return [turn.message.text for turn in self.bot.turns]


async def answered(kit: Kit, *texts: str) -> Slow:
    """A bot that has answered these as messages `m0`, `m1` and so on, and answers what comes at once."""
    slow = Slow(kit)
    slow.go.set()
    for number, text in enumerate(texts):
        await kit.say(text, ref=f"m{number}")
        await kit.quiet()
    return slow


async def change(kit: Kit, kind: Kind, ref: str, text: str = "", **how: Any) -> Accepted:
    return await kit.receive(replace(said(kit.here, text, ref=ref, **how), kind=kind))


async def lines(kit: Kit) -> list[tuple[str, str]]:
    ((session,),) = await kit.rows("SELECT id FROM session WHERE state = 'active'")
    return [(line.role, line.text) for line in await kit.corridor.db.read(history.newest, session, 50)]


def deleting(kit: Kit) -> list[str]:
    """From now on what was written on the paper can be taken away; what was."""
    kit.here.adapter.limits = replace(kit.here.limits, delete=True)  # type: ignore[misc]
    deleted: list[str] = []

    async def delete(address: Address, ref: str) -> None:
        if ref in deleted:
            raise Refused("rejected", "it is gone already")
        deleted.append(ref)

    kit.here.adapter.delete = delete  # type: ignore[method-assign]
    return deleted


def editing(kit: Kit) -> list[tuple[str, str]]:
    """From now on what was written on the paper can be written anew; what was, by its id."""
    kit.here.adapter.limits = replace(kit.here.limits, edit=True)  # type: ignore[misc]
    edited: list[tuple[str, str]] = []

    async def edit(ref: str, part: Part) -> None:
        edited.append((ref, part.text))

    kit.here.adapter.edit = edit  # type: ignore[method-assign]
    return edited


class Wire:
    """The platform takes its time over one text, and may not want it in the end."""

    def __init__(self, kit: Kit, text: str, error: SendError | None = None) -> None:
        self._go, self._kit, self._text, self._error = asyncio.Event(), kit, text, error
        self._held = False
        adapter = kit.here.adapter
        self._send, self._edit = adapter.send, adapter.edit
        adapter.send, adapter.edit = self._sends, self._edits  # type: ignore[method-assign]

    async def meanwhile(self, text: str) -> None:
        """While it takes its time, message `m1` becomes this one, and is answered anew."""
        await self._kit.until(lambda: self._held)
        await change(self._kit, "edit", "m1", text)
        await self._kit.stored("SELECT COUNT(*) FROM inbox WHERE state = 'waiting'", (0,))
        self._go.set()
        await self._kit.quiet()

    async def _sends(self, part: Part) -> str:
        await self._hold(part)
        return await self._send(part)

    async def _edits(self, ref: str, part: Part) -> None:
        await self._hold(part)
        await self._edit(ref, part)

    async def _hold(self, part: Part) -> None:
        if part.text != self._text:
            return
        self._held = True
        await self._go.wait()
        if self._error:
            raise self._error
