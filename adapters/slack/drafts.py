"""Answers that are shown while they are being written.

In threads Slack has streams for that; elsewhere, if the operator wants it, a message is edited. Either is a message
that stays: so the answer's first part takes its place, and one whose answer never comes is removed.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import orjson

from adapters.slack import parts
from adapters.slack.api import Api
from adapters.slack.draft import Draft, Spot
from adapters.slack.people import People
from adapters.slack.workspace import Workspace, Workspaces
from gateway.adapter import Gate
from gateway.errors import Refused, SendError, StorageDown
from gateway.message import Address, Part, turn_key

_KEPT = "drafts"
_REMEMBERED = 5000
_NOWHERE = ("not_supported", "not_allowed", "not_enabled", "unknown_method", "missing_scope")


class Drafts:
    """One channel's open drafts, at most one in each spot. What is open is kept over restarts, to be removed then."""

    def __init__(self, gate: Gate, api: Api, homes: Workspaces, people: People) -> None:
        self._gate, self._api, self._homes, self._people = gate, api, homes, people
        self._open: dict[Spot, Draft] = {}
        self._locks: WeakValueDictionary[Spot, asyncio.Lock] = WeakValueDictionary()
        self._busy: set[asyncio.Future[Any]] = set()
        self._streamless: set[tuple[str, ...]] = set()  # places that have no streams, and spots that got none

    async def show(self, home: Workspace, address: Address, key: int, text: str) -> None:
        """Show so much of an answer. Raises what `send` may.

        A call that is under way is finished though we are not waited for any more: else nobody would know of the
        message it makes.
        """
        if address.place == "group":
            return
        await self._finished(self._show(home, address, key, text))

    async def take(self, home: Workspace, part: Part) -> str:
        """Make the draft of a part's turn that part, and return its id; "" when there is none, or not any more.

        Raises `Retry`, `Unknown` or `Refused("auth")`. Asked again, it edits the same message again.
        """
        spot = (home.team, part.address.chat, part.address.thread)
        if spot not in self._open and spot not in self._locks:  # nothing is shown there, nor about to be
            return ""
        async with self._lock(spot):
            draft = self._open.get(spot)
            if draft is None:
                return ""
            if part.files or not part.turn or draft.key != turn_key(part.turn):
                await self._remove(spot, draft)
                return ""
            try:
                await draft.become(self._api, home, parts.words(part))
            except Refused as refused:
                if refused.reason == "auth":
                    raise
                await self._remove(spot, draft)
                return ""
            await self._forget(spot)
            return draft.ts

    async def clear(self) -> None:
        """Remove what an earlier process has left behind."""
        left = _read(await self._gate.recall(_KEPT))
        for team, chat, thread, ts in left:
            if (team, chat, thread) in self._open:  # it was only the connection that began anew
                continue
            await self._remove((team, chat, thread), Draft(team, chat, ts, streams=True))  # or not: it does no harm

    async def close(self) -> None:
        """Nobody goes on with what is open now."""
        while self._busy:
            await asyncio.wait(set(self._busy))
        for spot, draft in list(self._open.items()):
            await self._remove(spot, draft)

    def _lock(self, spot: Spot) -> asyncio.Lock:
        """One thing at a time in a spot. It lives as long as somebody has it or waits for it."""
        lock = self._locks.get(spot)
        if lock is None:
            lock = self._locks[spot] = asyncio.Lock()
        return lock

    async def _finished(self, work: Coroutine[Any, Any, None]) -> None:
        doing = asyncio.gather(work)
        self._busy.add(doing)
        doing.add_done_callback(self._done)
        await asyncio.shield(doing)

    def _done(self, doing: "asyncio.Future[Any]") -> None:
        self._busy.discard(doing)
        if not doing.cancelled():
            doing.exception()  # seen, should nobody wait for it any more

    async def _show(self, home: Workspace, address: Address, key: int, text: str) -> None:
        spot = (home.team, address.chat, address.thread)
        async with self._lock(spot):
            draft = self._open.get(spot)
            if draft is not None and draft.key == key and await draft.go_on(self._api, home, text):
                return
            if draft is not None:
                await self._remove(spot, draft)
            draft = await self._begin(home, address, key, text)
            if draft is not None:
                self._open[spot] = draft
                await self._note()

    async def _begin(self, home: Workspace, address: Address, key: int, text: str) -> Draft | None:
        where = parts.target(address)
        place, spot = (home.team, address.place), (home.team, address.chat, address.thread)
        if address.thread and not self._streamless.intersection((place, spot)):
            asked = {**where, **(await self._recipient(home, address) if address.place == "thread" else {})}
            try:
                return await Draft.stream(self._api, home, asked, key, text)
            except Refused as refused:
                if refused.reason in ("gone", "blocked", "auth"):
                    raise
                self._go_without(place if _nowhere(refused) else spot)
        return await Draft.message(self._api, home, where, key, text) if self._gate.edits else None

    async def _recipient(self, home: Workspace, address: Address) -> dict[str, str]:
        """In channels a stream is for whoever asked, who may be of another organisation."""
        team = await self._people.team(home, address.user)
        return {"recipient_team_id": team, "recipient_user_id": address.user}

    def _go_without(self, where: tuple[str, ...]) -> None:
        if len(self._streamless) >= _REMEMBERED:
            self._streamless.clear()
        self._streamless.add(where)

    async def _remove(self, spot: Spot, draft: Draft) -> None:
        home = self._homes.find(draft.team)
        if home is not None:
            with suppress(SendError):
                await draft.remove(self._api, home)
        await self._forget(spot)

    async def _forget(self, spot: Spot) -> None:
        self._open.pop(spot, None)
        await self._note()

    async def _note(self) -> None:
        left = [[*spot, draft.ts] for spot, draft in self._open.items()]
        with suppress(StorageDown):  # an answer is not to wait for this
            await self._gate.keep(_KEPT, orjson.dumps(left).decode() if left else "")


def _nowhere(refused: Refused) -> bool:
    """Whether there are no streams in this kind of place, or for this app; else it was only this one."""
    return any(word in str(refused) for word in _NOWHERE)


def _read(kept: str) -> list[list[str]]:
    """What an earlier process noted."""
    try:
        found = orjson.loads(kept or "[]")
    except orjson.JSONDecodeError:
        return []
    wanted = isinstance(found, list) and all(isinstance(one, list) and len(one) == 4 for one in found)
    return found if wanted else []
