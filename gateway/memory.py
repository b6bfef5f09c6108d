"""Sessions that this process answered last, kept in memory so that a turn need not read what it has just written.

A copy carries the lane's history version; the claim says the current one, and a stale copy is read again.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from gateway import history, participants, sessions
from gateway.db import Database, Tx
from gateway.message import Message, Sender
from gateway.participants import Known, Person
from gateway.sessions import Facts
from gateway.shared import LOOK, Shared
from gateway.shared.memory import Alone

SESSIONS = 4_000
PEOPLE = 20_000


class Remembered:
    """A session's state and the part of its history that is not in the summary."""

    def __init__(self, version: int, facts: Facts, window: list[Message]) -> None:
        self.version, self.facts, self.window = version, facts, window
        self.variables: Mapping[str, Any] = orjson.loads(facts.variables)
        self.context: Mapping[str, Any] = orjson.loads(facts.context)
        self.summary, self.summary_upto = facts.summary, facts.summary_upto
        self.message_count = facts.message_count
        self.last_activity = facts.last_activity
        self.resumed = facts.state == "dormant"

    def extend(self, version: int, messages: Sequence[Message], limit: int) -> None:
        """A turn of this session was committed by this process."""
        spoken = [message for message in messages if message.role != "system"]
        self.window += spoken
        del self.window[: max(0, len(self.window) - limit)]
        self.message_count += len(spoken)
        self.version, self.resumed = version, False
        if messages:
            self.last_activity = messages[-1].at

    def fold(self, summary: str, upto: int) -> None:
        """What came up to a position is in the summary now."""
        self.summary, self.summary_upto = summary, upto
        self.window = [message for message in self.window if message.seq > upto]


def load(session: str, limit: int) -> Tx[tuple[Facts, list[Message]]]:
    facts = yield from sessions.existing(session)
    return facts, (yield from history.spoken(session, facts.summary_upto, limit))


class Cache(Protocol):
    """Copies of sessions that whichever process answers next may use. Nothing is committed because of one."""

    async def recall(self, session: str, version: int, reach: int) -> Remembered | None:
        """The copy as of a version of its lane, with at least so much history. It is not waited for if it is slow."""

    def keep(self, session: str, kept: Remembered, reach: int) -> None:
        """A session has been committed as it stands here."""

    def drop(self, session: str, *, erased: bool = False) -> None:
        """A copy is no good any more; with `erased` none of what was known before may come back."""


class Memory:
    """The most recent sessions and people."""

    def __init__(self, db: Database, shared: Shared | None = None, cache: Cache | None = None) -> None:
        self._db, self._shared, self._cache = db, shared or Alone(), cache
        self._shared.subscribe("people", self._changed)
        self._sessions: OrderedDict[str, Remembered] = OrderedDict()
        self._people: OrderedDict[Person, tuple[Sender, Known]] = OrderedDict()
        self._by_id: dict[str, Person] = {}

    async def session(self, session: str, version: int, limit: int, participant: str = "") -> Remembered:
        """The session as of a version of its lane; `limit` is the longest history anyone wants.

        Where somebody else has answered last, they may also have changed what is known of the participant.
        """
        kept = self._sessions.get(session)
        if kept is None or kept.version != version:
            if not self._shared.alone:
                self._drop(participant)
            kept = self._sessions[session] = await self._load(session, version, limit)
        self._sessions.move_to_end(session)
        if len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)
        return kept

    async def _load(self, session: str, version: int, limit: int) -> Remembered:
        copy = await self._cache.recall(session, version, limit) if self._cache is not None else None
        if copy is not None:
            return copy
        kept = Remembered(version, *(await self._db.read(load, session, limit)))
        self.committed(session, kept, limit)
        return kept

    def committed(self, session: str, kept: Remembered, limit: int) -> None:
        """A session stands in the store as it stands here."""
        if self._cache is not None:
            self._cache.keep(session, kept, limit)

    def forget_session(self, session: str, *, erased: bool = False) -> None:
        self._sessions.pop(session, None)
        if self._cache is not None:
            self._cache.drop(session, erased=erased)

    def known(self, person: Person, sender: Sender) -> Known | None:
        """The participant, when nothing the platform says about them has changed since."""
        kept = self._people.get(person)
        if kept is None or kept[0] != sender or not self._shared.hears:
            return None
        self._people.move_to_end(person)
        return kept[1]

    def learn(self, person: Person, sender: Sender, known: Known) -> None:
        self._people[person] = (sender, known)
        self._by_id[known.id] = person
        if len(self._people) > PEOPLE:
            _, (_, oldest) = self._people.popitem(last=False)
            self._by_id.pop(oldest.id, None)

    async def participant(self, participant: str) -> Known:
        """A participant by id."""
        person = self._by_id.get(participant)
        if person is not None and person in self._people and self._shared.hears:
            return self._people[person][1]
        return await self._db.read(participants.existing, participant)

    def forget(self, person: Person) -> None:
        if (kept := self._people.get(person)) is not None:
            self.forget_participant(kept[1].id)

    def forget_participant(self, participant: str) -> None:
        """Somebody's row has changed, or is gone: no process is to go by its copy."""
        self._drop(participant)
        self._shared.publish("people", participant)

    def _drop(self, participant: str) -> None:
        person = self._by_id.pop(participant, None)
        if person is not None:
            self._people.pop(person, None)

    def _changed(self, participant: str) -> None:
        """Another process has changed somebody's row, or may have changed anybody's."""
        if participant == LOOK:
            self._people.clear()
            self._by_id.clear()
        else:
            self._drop(participant)

    def clear(self) -> None:
        self._sessions.clear()
        self._people.clear()
        self._by_id.clear()
