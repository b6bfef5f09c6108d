"""Where somebody has spoken, and which lines are theirs: found by readers along indexes, a bounded step at a time.

Every step is told where the last one ended, and returns what it found and where to go on; None: there is no more.
"""

from collections.abc import AsyncIterator, Callable, Container
from typing import Any, NamedTuple, TypeVar

from gateway import history
from gateway.db import Database, Rows, Tx
from gateway.keys import SessionKey

T = TypeVar("T")
K = TypeVar("K")

STEP = 1_000  # rows looked at in one step


class Whom(NamedTuple):
    """A person at one account of a channel: the ids of today and before, and a participant for each bot met."""

    channel: str
    account: str
    person: str
    ids: frozenset[str]
    participants: tuple[str, ...]


class Home(NamedTuple):
    """A lane that is theirs alone."""

    lane: int
    key: str
    chat: str
    private: bool


class Line(NamedTuple):
    """A line that they said or rated."""

    session: str
    seq: int


class Place(NamedTuple):
    """A session in the order in which those of a lane, or of a participant, began."""

    at: int
    session: str


BEGINNING = Place(-(1 << 62), "")
_HOME = "id, key, chat, place"


def whom(participant: str) -> Tx[Whom | None]:
    """Whom a participant's row stands for, None when there is no such row."""
    rows = yield "SELECT channel, account, person FROM participant WHERE id = $1", (participant,)
    if not rows:
        return None
    at = rows[0]
    same = yield "SELECT id FROM participant WHERE channel = $1 AND account = $2 AND person = $3", at
    before = yield "SELECT old_chat FROM chat_alias WHERE channel = $1 AND account = $2 AND new_chat = $3", at
    return Whom(at[0], at[1], at[2], frozenset((at[2], *(old for (old,) in before))), tuple(id for (id,) in same))


async def steps(
    db: Database, find: Callable[..., Tx[tuple[list[T], K | None]]], *about: object, begin: K
) -> AsyncIterator[list[T]]:
    """What is found in each step, to the end."""
    after: K | None = begin
    while after is not None:
        found, after = await db.read(find, *about, after)
        yield found


async def homes(db: Database, who: Whom) -> list[Home]:
    """The lanes in which nobody but them speaks with the bot."""
    found: dict[int, Home] = {}
    searches = [
        *(steps(db, met, who, participant, begin=BEGINNING) for participant in who.participants),
        *(steps(db, _chats, who, id, begin=0) for id in who.ids),
        steps(db, _apart, who, begin=0),
    ]
    for search in searches:
        async for some in search:
            found |= {home.lane: home for home in some}
    return list(found.values())


def met(who: Whom, participant: str, after: Place) -> Tx[tuple[list[Home], Place | None]]:
    """Lanes of the sessions that a participant stands for."""
    began = yield (
        """SELECT lane, created_at, id FROM session WHERE participant = $1 AND (created_at, id) > ($2, $3)
             ORDER BY created_at, id LIMIT $4""",
        (participant, *after, STEP),
    )
    if not began:
        return [], None
    numbers = sorted({lane for lane, _, _ in began})
    marks = ", ".join(f"${index + 3}" for index in range(len(numbers)))
    rows = yield (
        f"SELECT {_HOME} FROM lane WHERE channel = $1 AND account = $2 AND id IN ({marks})",
        (who.channel, who.account, *numbers),
    )
    found = [_home(row) for row in rows if alone(row[1], who.ids)]
    return found, Place(*began[-1][1:]) if len(began) == STEP else None


def _chats(who: Whom, chat: str, after: int) -> Tx[tuple[list[Home], int | None]]:
    """Lanes of the chat that has their id."""
    rows = yield (
        f"""SELECT {_HOME} FROM lane WHERE channel = $1 AND account = $2 AND chat = $3 AND id > $4
              ORDER BY id LIMIT $5""",
        (who.channel, who.account, chat, after, STEP),
    )
    return _named(rows, who)


def _apart(who: Whom, after: int) -> Tx[tuple[list[Home], int | None]]:
    """Lanes of groups in which each has a conversation of their own."""
    rows = yield (
        # As the index has it, here and below: else it is not used.
        f"""SELECT {_HOME} FROM lane WHERE channel = $1 AND account = $2 AND id > $3
              AND place <> 'dm' AND key LIKE '%user=%' ORDER BY id LIMIT $4""",
        (who.channel, who.account, after, STEP),
    )
    return _named(rows, who)


def _named(rows: Rows, who: Whom) -> tuple[list[Home], int | None]:
    found = [_home(row) for row in rows if user(row[1]) in who.ids]
    return found, rows[-1][0] if len(rows) == STEP else None


def _home(row: tuple[Any, ...]) -> Home:
    return Home(row[0], row[1], row[2], row[3] in ("dm", "conversation"))


def user(key: str) -> str | None:
    return next((value for name, value in SessionKey.parse(key).ids if name == "user"), None)


def alone(key: str, ids: Container[str]) -> bool:
    """Whether the lane of a key, in which somebody of these ids has a session, is theirs alone."""
    named = user(key)
    return named in ids if named is not None else SessionKey.parse(key).scope == "conversation"


async def company(db: Database, who: Whom) -> AsyncIterator[str]:
    """The sessions at their account in which several people may speak."""
    async for shared in steps(db, _shared, who, begin=0):
        for lane, first, second in shared:
            if second is None:  # as in most: there is nothing more to be asked for
                if first is not None:
                    yield first
                continue
            async for some in steps(db, conversations, lane, begin=BEGINNING):
                for session in some:
                    yield session


def _shared(who: Whom, after: int) -> Tx[tuple[list[tuple[int, str | None, str | None]], int | None]]:
    """Lanes in which several people may speak, each with its first two sessions."""
    nth = "(SELECT s.id FROM session s WHERE s.lane = l.id ORDER BY s.created_at, s.id LIMIT 1 OFFSET {})"
    rows = yield (
        f"""SELECT l.id, {nth.format(0)}, {nth.format(1)} FROM lane l WHERE channel = $1 AND account = $2 AND l.id > $3
             AND scope <> 'conversation' AND key NOT LIKE '%user=%' ORDER BY l.id LIMIT $4""",
        (who.channel, who.account, after, STEP),
    )
    return [(lane, first, second) for lane, first, second in rows], rows[-1][0] if len(rows) == STEP else None


def conversations(lane: int, after: Place) -> Tx[tuple[list[str], Place | None]]:
    """The sessions of a lane."""
    rows = yield (
        """SELECT created_at, id FROM session WHERE lane = $1 AND (created_at, id) > ($2, $3)
             ORDER BY created_at, id LIMIT $4""",
        (lane, *after, STEP),
    )
    return [session for _, session in rows], Place(*rows[-1]) if len(rows) == STEP else None


def lines(who: Whom, session: str, after: int) -> Tx[tuple[list[Line], int | None]]:
    """What they said in a session, and the answers that they rated."""
    rows = yield (
        """SELECT seq, sender, CASE WHEN role = 'assistant' AND extra LIKE '%"ratings"%' THEN extra END FROM message
             WHERE session = $1 AND seq > $2 ORDER BY seq LIMIT $3""",
        (session, after, STEP),
    )
    theirs = [
        Line(session, seq)
        for seq, sender, extra in rows
        if sender in who.ids or (extra and not who.ids.isdisjoint(history.ratings_of(extra)))
    ]
    return theirs, rows[-1][0] if len(rows) == STEP else None
