"""A part of ours, found again by the platform's id of it: what somebody presses a button of, or reacts to."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.db import Tx
from gateway.message import Part, decode

RECENT = 20_000  # parts of the whole gateway: what was sent longer ago and offers no buttons is not looked for


class Utterance(NamedTuple):
    """A part that was sent. `now` is the session that is open in its lane today, None when none is."""

    id: int
    lane: int
    session: str
    inbox: int | None
    key: str
    bot: str
    now: str | None
    part: Part


_COLUMNS = "o.id, o.lane, o.session, o.inbox, l.key, l.bot, l.session, o.body"
_THERE = "l.channel = $1 AND l.account = $2 AND l.chat = $3"
_OFFERS = """o.body LIKE '%"buttons":[{%'"""  # as our own JSON writes it, and no text within it can
_OFFERED = f"SELECT {_COLUMNS} FROM lane l JOIN outbox o ON o.lane = l.id WHERE {_THERE} AND {_OFFERS}"
_SAID = f"""SELECT {_COLUMNS} FROM outbox o JOIN lane l ON l.id = o.lane
    WHERE o.id > (SELECT COALESCE(MAX(id), 0) FROM outbox) - {RECENT} AND {_THERE}"""


def find(channel: str, account: str, chat: str, ref: str) -> Tx[Utterance | None]:
    """What we said in a chat lately under an id of the platform's."""
    rows = yield f"{_SAID} AND o.ref = $4 ORDER BY o.id DESC LIMIT 1", (channel, account, chat, ref)
    return _utterance(rows[0]) if rows else None


def offered(channel: str, account: str, chat: str, ref: str) -> Tx[list[Utterance]]:
    """What has offered buttons in a chat under an id of the platform's.

    Else what offers some and whose id we have not been told yet, though people may see it already; and, for a
    platform that does not say below which message a button stands, what has offered some last.
    """
    if not ref:
        rows = yield f"{_OFFERED} ORDER BY o.id DESC LIMIT 1", (channel, account, chat)
        return [_utterance(row) for row in rows]
    rows = yield f"{_OFFERED} AND o.ref = $4 ORDER BY o.id DESC LIMIT 1", (channel, account, chat, ref)
    if not rows:
        rows = yield f"{_OFFERED} AND o.state IN ('sending', 'unknown') ORDER BY o.id", (channel, account, chat)
    return [_utterance(row) for row in rows]


def outdone(one: Utterance) -> Tx[bool]:
    """Whether a later answer has offered other buttons."""
    rows = yield (
        f"""SELECT 1 FROM outbox o WHERE o.lane = $1 AND o.id > $2 AND COALESCE(o.inbox, 0) <> $3
              AND o.state NOT IN ('dropped', 'dead') AND {_OFFERS} LIMIT 1""",
        (one.lane, one.id, one.inbox or 0),
    )
    return bool(rows)


def parts_of(entry: int) -> Tx[list[int]]:
    """Our numbers of the parts that answered an entry of the inbox lately, in order."""
    rows = yield (
        f"""SELECT id FROM outbox WHERE id > (SELECT COALESCE(MAX(id), 0) FROM outbox) - {RECENT} AND inbox = $1
              ORDER BY id""",
        (entry,),
    )
    return [number for (number,) in rows]


def standing(parts: Sequence[int]) -> Tx[list[str | int]]:
    """What stands there of parts that answer one entry, in order: the platform's ids; ours of what is on the wire."""
    if not parts:
        return []
    marks = ", ".join(f"${index + 1}" for index in range(len(parts)))
    rows = yield (
        f"""SELECT id, CASE WHEN state = 'sent' THEN ref ELSE '' END, body FROM outbox WHERE id IN ({marks})
              AND (state = 'sending' OR state = 'sent' AND ref <> '') ORDER BY id""",
        tuple(parts),
    )
    places: dict[str | int, str | int] = {}
    there: dict[str | int, str | int] = {}
    for number, ref, body in rows:
        part = decode(Part, body)
        places[number] = ref or places.get(part.replaces, part.replaces) or number
        there[places[number]] = "" if part.gone else ref or number
    return [name for name in there.values() if name]


def ref_of(number: int) -> Tx[str]:
    """The platform's id of what a part of ours has put there, "" when there is nothing."""
    rows = yield "SELECT state, COALESCE(ref, ''), body FROM outbox WHERE id = $1", (number,)
    if not rows:
        return ""
    state, ref, body = rows[0]
    before = decode(Part, body).replaces
    if state == "sent" and ref:
        return str(ref)
    return before if isinstance(before, str) else (yield from ref_of(before))


def _utterance(row: tuple[object, ...]) -> Utterance:
    *head, body = row
    return Utterance(*head, decode(Part, str(body)))  # type: ignore[arg-type, call-arg]
