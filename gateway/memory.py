"""Sessions that this process answered last, kept in memory so that a turn need not read what it has just written.

A copy carries the lane's history version; the claim says the current one, and a stale copy is read again.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from gateway import history, participants, sessions
from gateway.db import Database, Tx, about
from gateway.message import Message, Sender
from gateway.participants import Known, Person, shown
from gateway.sessions import Facts
from gateway.shared import LOOK, Shared
from gateway.shared.memory import Alone

SESSIONS = 4_000
PEOPLE = 20_000


class Held(NamedTuple):
    """What a copy holds of a history: the lines up to `last` that are not in the summary, as after so many rewrites."""

    rewrites: int
    summary_upto: int
    last: int


NOTHING = Held(-1, 0, 0)


class Remembered:
    """A session's state and the part of its history that is not in the summary.

    `reach` is how long the window would be, had so much been said. `rewrites` says in how many versions of the lane
    more has changed than that lines came at the end; -1: nobody knows.
    """

    def __init__(
        self, version: int, facts: Facts, window: list[Message], reach: int, rewrites: int = NOTHING.rewrites
    ) -> None:
        self.version, self.facts, self.window, self.rewrites = version, facts, window, rewrites
        self.reach = reach
        self.variables: Mapping[str, Any] = orjson.loads(facts.variables)
        self.context: Mapping[str, Any] = orjson.loads(facts.context)
        self.summary, self.summary_upto = facts.summary, facts.summary_upto
        self.message_count = facts.message_count
        self.last_activity = facts.last_activity
        self.resumed = facts.state == "dormant"

    def extend(self, version: int, messages: Sequence[Message], limit: int) -> None:
        """A turn of this session was committed by this process."""
        spoken = [message for message in messages if message.role != "system"]
        self.go_on(spoken, limit)
        self.message_count += len(spoken)
        self.version, self.resumed = version, False
        if messages:
            self.last_activity = messages[-1].at

    def go_on(self, spoken: Sequence[Message], limit: int) -> None:
        """More has been said."""
        self.reach = min(self.reach, limit)
        self.window += spoken
        del self.window[: max(0, len(self.window) - limit)]

    @property
    def held(self) -> Held:
        return Held(self.rewrites, self.summary_upto, self.window[-1].seq if self.window else 0)

    def fold(self, summary: str, upto: int) -> None:
        """What came up to a position is in the summary now."""
        self.summary, self.summary_upto = summary, upto
        self.window = [message for message in self.window if message.seq > upto]


def load(session: str, limit: int) -> Tx[tuple[Facts, list[Message]]]:
    facts = yield from sessions.existing(session)
    return facts, (yield from history.spoken(session, facts.summary_upto, limit))


class Read(NamedTuple):
    """What was read of a session: `messages` goes on from where the copy ends when that still `goes_on`, else it is all
    that a copy holds.
    """

    facts: Facts
    messages: list[Message]
    known: Known | None
    rewrites: int
    goes_on: bool


_AT_ONCE = f"""SELECT {", ".join(f"s.{name}" for name in Facts._fields)}, l.rewrites, l.goes_on,
      (SELECT json_agg(json_build_array({history.COLUMNS})) FROM (SELECT {history.COLUMNS} FROM message
         WHERE session = s.id AND seq > s.summary_upto AND (NOT l.goes_on OR seq > $6) AND role <> 'system'
         ORDER BY seq DESC LIMIT $2) AS said),
      {", ".join(f"p.{name}" for name in Known._fields)}
    FROM session s LEFT JOIN participant p ON p.id = $3 CROSS JOIN LATERAL (SELECT version - grown AS rewrites,
      version - grown = $4 AND s.summary_upto >= $5 AS goes_on FROM lane WHERE id = s.lane) AS l WHERE s.id = $1"""


@about(lambda session, limit, participant, held: session)
def load_at_once(session: str, limit: int, participant: str, held: Held) -> Tx[Read]:
    """The same with a participant, by one statement, since each is a way to a server and back; and of the history only
    what has come since. Where there is no server a process has its store for itself, and seldom reads what it has
    written.
    """
    rows = yield _AT_ONCE, (session, limit, participant, *held)
    if not rows:
        raise LookupError(f"session {session} is not in the store")
    width = len(Facts._fields)
    facts, (rewrites, goes_on, said), known = rows[0][:width], rows[0][width : width + 3], rows[0][width + 3 :]
    messages = [history.message_of(tuple(line)) for line in reversed(orjson.loads(said or "[]"))]
    return Read(Facts._make(facts), messages, Known._make(known) if known[0] else None, rewrites, goes_on)


class Cache(Protocol):
    """Copies of sessions that whichever process answers next may use. Nothing is committed because of one."""

    async def recall(self, session: str, version: int, reach: int) -> Remembered | None:
        """The copy as of a version of its lane, with at least so much history. It is not waited for if it is slow."""

    def keep(self, session: str, kept: Remembered) -> None:
        """A session has been committed as it stands here."""

    def drop(self, session: str, *, erased: bool = False) -> None:
        """A copy is no good any more; with `erased` none of what was known before may come back."""


class Memory:
    """The most recent sessions and people."""

    def __init__(self, db: Database, shared: Shared | None = None, cache: Cache | None = None) -> None:
        self._db, self._shared, self._cache = db, shared or Alone(), cache
        self._shared.subscribe("people", self._changed)
        self._shared.subscribe("sessions", self._blanked)
        self._sessions: OrderedDict[str, Remembered] = OrderedDict()
        self._people: OrderedDict[Person, tuple[Sender, Known]] = OrderedDict()
        self._by_id: dict[str, Person] = {}
        self._blankings = 0

    async def session(self, session: str, version: int, limit: int, participant: str = "") -> Remembered:
        """The session as of a version of its lane; `limit` is the longest history anyone wants.

        Where somebody else has answered last, they may also have changed what is known of the participant.
        """
        kept = self._sessions.get(session)
        if kept is None or kept.version != version or kept.reach < limit:
            blankings = self._blankings
            kept = await self._load(session, version, limit, participant, kept)
            if self._blankings != blankings:  # it may hold what was said no more when we heard so
                return kept
        self._sessions[session] = kept
        self._sessions.move_to_end(session)
        if len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)
        return kept

    async def _load(
        self, session: str, version: int, limit: int, participant: str, former: Remembered | None
    ) -> Remembered:
        copy = await self._cache.recall(session, version, limit) if self._cache is not None else None
        if copy is not None:
            self._renew(participant, None)
            return copy
        if self._shared.alone:
            kept = Remembered(version, *(await self._db.read(load, session, limit)), limit)
        else:
            if former is not None and former.reach < limit:
                former = None  # more is wanted than it holds
            held, before = (former.held, list(former.window)) if former is not None else (NOTHING, [])
            read = await self._db.read(load_at_once, session, limit, participant, held)
            self._renew(participant, read.known)
            left = [message for message in before if message.seq > read.facts.summary_upto] if read.goes_on else []
            kept = Remembered(version, read.facts, left, limit, read.rewrites)
            kept.go_on(read.messages, limit)
        self.committed(session, kept)
        return kept

    def committed(self, session: str, kept: Remembered) -> None:
        """A session stands in the store as it stands here."""
        if self._cache is not None:
            self._cache.keep(session, kept)

    def forget_session(self, session: str) -> None:
        """Its copy is no good any more."""
        self._drop_session(session, erased=False)

    def forget_words(self, session: str, *, erased: bool = False) -> None:
        """What was said in a session is gone, or some of it: no process is to have it. `erased`: all, for good."""
        self._blankings += 1
        self._drop_session(session, erased=erased)
        self._shared.publish("sessions", session)

    def _drop_session(self, session: str, *, erased: bool) -> None:
        self._sessions.pop(session, None)
        if self._cache is not None:
            self._cache.drop(session, erased=erased)

    def _blanked(self, session: str) -> None:
        """Another process has let words go, in this session or in any."""
        self._blankings += 1
        if session == LOOK:
            self._sessions.clear()
        else:
            self._sessions.pop(session, None)

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

    def _renew(self, participant: str, known: Known | None) -> None:
        """What another process may have changed is as it has just been read, or not known any more."""
        if self._shared.alone:
            return
        person = self._by_id.get(participant)
        kept = self._people.get(person) if person is not None else None
        if person is not None and kept is not None and known is not None and shown(known) == shown(kept[1]):
            self._people[person] = (kept[0], known)
        else:
            self._drop(participant)

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
