"""History: every line of every session, for good; and how much of it goes along with a turn."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from gateway.db import Tx
from gateway.message import Button, File, Message, Role, Shape, decode, encode


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line about to be written; its place in the session is given when it is."""

    role: Role
    text: str
    name: str = ""
    sender: str = ""
    files: tuple[File, ...] = ()
    buttons: tuple[Button, ...] = ()
    ref: str = ""
    turn: str = ""
    flag: str = ""


class _Extra(Shape, frozen=True):
    files: tuple[File, ...] = ()
    buttons: tuple[Button, ...] = ()
    ratings: Mapping[str, int] = {}
    fate: str = ""


QUIET = 60_000  # ms by which `quiet_from` may lag behind the user's last activity

COLUMNS = "seq, role, name, sender, text, extra, at, ref, turn, flag"


def append(session: str, lines: Sequence[Line], now: int, *, user: bool) -> Tx[list[Message]]:
    """Write lines at the session's end. With `user` the session counts as used by its user at this moment.

    Notices (role system) are kept and shown, but are not counted as messages.
    """
    count = sum(line.role != "system" for line in lines)
    rows = yield (
        """UPDATE session SET next_message = next_message + $2, message_count = message_count + $3,
             last_activity = $4, last_user_activity = CASE WHEN $5 = 1 THEN $4 ELSE last_user_activity END
             WHERE id = $1 RETURNING next_message, state, quiet_from""",
        (session, len(lines), count, now, int(user)),
    )
    last, state, quiet_from = rows[0]
    if user and (state == "dormant" or now - quiet_from >= QUIET):
        yield (
            """UPDATE session SET quiet_from = $2, state = CASE WHEN state = 'dormant' THEN 'active' ELSE state END
                 WHERE id = $1""",
            (session, now),
        )
    first = last - len(lines) + 1
    messages = [_message(first + index, line, now) for index, line in enumerate(lines)]
    if messages:
        yield _insert(session, messages)
    return messages


def _message(seq: int, line: Line, now: int) -> Message:
    return Message(
        seq=seq,
        role=line.role,
        text=line.text,
        at=now,
        name=line.name,
        sender=line.sender,
        files=line.files,
        buttons=line.buttons,
        ref=line.ref,
        turn=line.turn,
        flag=line.flag,
    )


def _insert(session: str, messages: Sequence[Message]) -> tuple[str, tuple[object, ...]]:
    values: list[object] = []
    for m in messages:
        extra = encode(_Extra(files=m.files, buttons=m.buttons)) if m.files or m.buttons else None
        values += (session, m.seq, m.role, m.name, m.sender, m.text, extra, m.at, m.ref, m.turn, m.flag)
    return _inserting(len(messages)), tuple(values)


@lru_cache(maxsize=32)
def _inserting(count: int) -> str:
    width = 11
    rows = ", ".join(
        "(" + ", ".join(f"${row * width + column}" for column in range(1, width + 1)) + ")" for row in range(count)
    )
    return f"INSERT INTO message (session, {COLUMNS}) VALUES {rows}"


def message_of(row: tuple[object, ...]) -> Message:
    """A line, from its `COLUMNS`."""
    seq, role, name, sender, text, extra, at, ref, turn, flag = row
    more = decode(_Extra, extra) if isinstance(extra, str) else _Extra()
    return Message(
        seq=seq,  # type: ignore[arg-type]
        role=role,  # type: ignore[arg-type]
        text=text,  # type: ignore[arg-type]
        at=at,  # type: ignore[arg-type]
        name=name,  # type: ignore[arg-type]
        sender=sender,  # type: ignore[arg-type]
        files=more.files,
        buttons=more.buttons,
        ref=ref,  # type: ignore[arg-type]
        turn=turn,  # type: ignore[arg-type]
        flag=flag,  # type: ignore[arg-type]
        ratings=more.ratings,
        fate=more.fate,
    )


def newest(session: str, limit: int) -> Tx[list[Message]]:
    """The last lines of a session, oldest first, notices included."""
    rows = yield (
        f"SELECT {COLUMNS} FROM message WHERE session = $1 ORDER BY seq DESC LIMIT $2",
        (session, limit),
    )
    return [message_of(row) for row in reversed(rows)]


def after(session: str, seq: int, limit: int) -> Tx[list[Message]]:
    """Lines that come after a position, oldest first."""
    rows = yield (
        f"SELECT {COLUMNS} FROM message WHERE session = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        (session, seq, limit),
    )
    return [message_of(row) for row in rows]


def of_turn(turn: str) -> Tx[list[Message]]:
    """The lines a turn has written: in its session, or, when it was a reset, in the one that came after."""
    rows = yield (
        f"""SELECT {COLUMNS} FROM message WHERE turn = $1 AND session IN (SELECT session FROM inbox WHERE turn = $1
              UNION SELECT lane.session FROM lane JOIN inbox ON inbox.lane = lane.id WHERE inbox.turn = $1)
              ORDER BY seq""",
        (turn,),
    )
    return [message_of(row) for row in rows]


def spoken(session: str, seq: int, limit: int) -> Tx[list[Message]]:
    """What user and bot said after a position: what a bot is told and a summary is made of."""
    rows = yield (
        f"""SELECT {COLUMNS} FROM message WHERE session = $1 AND seq > $2 AND role <> 'system'
              ORDER BY seq DESC LIMIT $3""",
        (session, seq, limit),
    )
    return [message_of(row) for row in reversed(rows)]


def line_of(session: str, turn: str, number: int) -> Tx[int | None]:
    """Where the n-th message of a turn's answer stands, counted from 0. None when it is no answer of a bot's."""
    rows = yield (
        "SELECT seq, role FROM message WHERE session = $1 AND turn = $2 AND role <> 'user' ORDER BY seq",
        (session, turn),
    )
    return rows[number][0] if number < len(rows) and rows[number][1] == "assistant" else None


def ratings(session: str, seq: int) -> Tx[Mapping[str, int] | None]:
    """What people think of an answer. None when it is none."""
    rows = yield (
        "SELECT extra FROM message WHERE session = $1 AND seq = $2 AND role = 'assistant' /*FOR UPDATE*/",
        (session, seq),
    )
    if not rows:
        return None
    return ratings_of(rows[0][0]) if rows[0][0] else {}


def ratings_of(extra: str) -> Mapping[str, int]:
    """What people think of an answer, by what is kept beside its text."""
    return decode(_Extra, extra).ratings


def rate(session: str, seq: int, ratings: Mapping[str, int]) -> Tx[None]:
    """Keep what people think of an answer."""
    before = yield from _extra(session, seq)
    extra = encode(replace(before, ratings=ratings))
    yield "UPDATE message SET extra = $3 WHERE session = $1 AND seq = $2", (session, seq, extra)


def fated(session: str, seq: int, ref: str, state: str) -> Tx[None]:
    """Keep under which id of the platform's a line went out, and what became of it."""
    before = yield from _extra(session, seq)
    yield (
        "UPDATE message SET ref = COALESCE(NULLIF(ref, ''), $3), extra = $4 WHERE session = $1 AND seq = $2",
        (session, seq, ref, encode(replace(before, fate=state))),
    )


def _extra(session: str, seq: int) -> Tx[_Extra]:
    rows = yield "SELECT extra FROM message WHERE session = $1 AND seq = $2", (session, seq)
    return decode(_Extra, rows[0][0]) if rows and rows[0][0] else _Extra()


def files_of(session: str, seq: int) -> Tx[list[str]]:
    """The ids of our files that a line holds."""
    extra = yield from _extra(session, seq)
    return [file.id for file in extra.files if file.id]


class Found(NamedTuple):
    """What a user said, and whether nobody has said anything after it."""

    seq: int
    turn: str
    text: str
    last: bool


def said_under(session: str, ref: str) -> Tx[Found | None]:
    """What a user said under an id of the platform's."""
    rows = yield (
        """SELECT seq, turn, text FROM message WHERE session = $1 AND role = 'user' AND ref = $2
             ORDER BY seq DESC LIMIT 1""",
        (session, ref),
    )
    if not rows:
        return None
    later = yield (
        "SELECT 1 FROM message WHERE session = $1 AND role = 'user' AND seq > $2 AND turn <> $3 LIMIT 1",
        (session, rows[0][0], rows[0][1]),
    )
    seq, turn, text = rows[0]
    return Found(seq, turn, text, not later)


def was_said(session: str, text: str) -> Tx[bool]:
    """Whether a user has said exactly this in a session."""
    rows = yield "SELECT 1 FROM message WHERE session = $1 AND role = 'user' AND text = $2 LIMIT 1", (session, text)
    return bool(rows)


def rewrite(session: str, seq: int, text: str, *, blank: bool) -> Tx[None]:
    """Other words for a line; with `blank` nothing else of it is kept either."""
    if blank:
        yield "UPDATE message SET extra = NULL WHERE session = $1 AND seq = $2", (session, seq)
    yield "UPDATE message SET text = $3 WHERE session = $1 AND seq = $2", (session, seq, text)


def take_back(session: str, turn: str, successor: str) -> Tx[None]:
    """The answer of a turn counts no more: it is kept, and never told to a bot. What was asked goes to another turn."""
    rows = yield (
        """UPDATE message SET role = 'system', flag = 'superseded' WHERE session = $1 AND turn = $2
             AND role = 'assistant' RETURNING 1""",
        (session, turn),
    )
    yield "UPDATE session SET message_count = message_count - $2 WHERE id = $1", (session, len(rows))
    yield (
        "UPDATE message SET turn = $3 WHERE session = $1 AND turn = $2 AND role = 'user'",
        (session, turn, successor),
    )
