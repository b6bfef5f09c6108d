"""Sessions as operators see them: found by id or key, listed, read."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from gateway import history, sessions
from gateway.db import Tx
from gateway.errors import Problem
from gateway.message import Message
from gateway.operations.office import Office, moment
from gateway.operations.page import Page, Where, paged
from gateway.sessions import COLUMNS, Facts

STATES = ("active", "dormant", "handoff", "closed", "expired")
MOST_LINES = 1_000


class Wanted(NamedTuple):
    """Which sessions to list. `active` is within how many ms they must have been used."""

    channel: str = ""
    bot: str = ""
    participant: str = ""
    states: Sequence[str] = ()
    active: int | None = None


async def listed(office: Office, wanted: Wanted, page: Page) -> Any:
    """Sessions, most recently used first."""
    rows = await office.corridor.db.read(_listed, wanted, page, office.now())
    return paged("sessions", rows, page, lambda facts: (facts.last_activity, facts.id), brief)


def _listed(wanted: Wanted, page: Page, now: int) -> Tx[list[Facts]]:
    where = Where()
    for column, value in (("channel", wanted.channel), ("bot", wanted.bot), ("participant", wanted.participant)):
        if value:
            where.add(f"{column} = ?", value)
    if wanted.states:
        where.add(f"state IN ({', '.join('?' * len(wanted.states))})", *wanted.states)
    if wanted.active is not None:
        where.add("last_activity >= ?", now - wanted.active)
    if page.after is not None:
        where.add("(last_activity, id) < (?, ?)", *page.after)
    limit = where.take(page.limit + 1)
    rows = yield (
        f"SELECT {COLUMNS} FROM session WHERE {where} ORDER BY last_activity DESC, id DESC LIMIT {limit}",
        tuple(where.arguments),
    )
    return [Facts._make(row) for row in rows]


def find(which: str) -> Tx[Facts]:
    """A session by its id; or by its key, then the open one, else the newest. Raises `Problem`."""
    if "/" in which:
        rows = yield (
            f"""SELECT {COLUMNS} FROM session WHERE lane = (SELECT id FROM lane WHERE key = $1)
                  ORDER BY state IN {sessions.OPEN} DESC, created_at DESC, id DESC LIMIT 1""",
            (which,),
        )
        found = Facts._make(rows[0]) if rows else None
    else:
        found = yield from sessions.facts(which)
    if found is None:
        raise Problem(404, "session_unknown", "there is no such session; sessions are named by their id or key")
    return found


async def shown(office: Office, which: str) -> Any:
    """Everything about one session but what was said in it."""
    return await office.corridor.db.read(_shown, which)


def _shown(which: str) -> Tx[Any]:
    facts = yield from find(which)
    rows = yield (
        "SELECT session, epoch, waiting, pending, chat, thread, place, silenced FROM lane WHERE id = $1",
        (facts.lane,),
    )
    current, epoch, waiting, pending, chat, thread, place, silenced = rows[0]
    who = yield "SELECT person, name, language, level, data FROM participant WHERE id = $1", (facts.participant,)
    return {
        **brief(facts),
        "current": current == facts.id,
        "lane_epoch": epoch,
        "waiting": waiting,
        "pending": pending,
        "silenced": silenced,
        "address": {"chat": chat, "thread": thread, "place": place},
        "participant": _participant(facts.participant, who[0]) if who else None,
        "first_activity": moment(facts.first_activity),
        "last_user_activity": moment(facts.last_user_activity),
        "resolved": None if facts.resolved is None else bool(facts.resolved),
        "resolved_by": facts.resolved_by,
        "resolved_at": moment(facts.resolved_at),
        "tags": orjson.loads(facts.tags),
        "metadata": orjson.loads(facts.metadata),
        "summary": facts.summary,
        "summary_upto": facts.summary_upto,
    }


def _participant(id: str | None, row: Sequence[Any]) -> Any:
    person, name, language, level, data = row
    return {"id": id, "user": person, "name": name, "language": language, "level": level, "data": orjson.loads(data)}


def brief(facts: Facts) -> Any:
    """A session as one line of a list."""
    return {
        "id": facts.id,
        "key": facts.key,
        "channel": facts.channel,
        "bot": facts.bot,
        "state": facts.state,
        "reason": facts.reason,
        "level": facts.level,
        "epoch": facts.epoch,
        "language": facts.language,
        "message_count": facts.message_count,
        "created_at": moment(facts.created_at),
        "last_activity": moment(facts.last_activity),
        "ended_at": moment(facts.ended_at),
    }


async def variables(office: Office, which: str) -> Any:
    """What the bot keeps with a session."""
    facts = await office.corridor.db.read(find, which)
    return {"id": facts.id, "variables": orjson.loads(facts.variables), "context": orjson.loads(facts.context)}


async def lines(office: Office, which: str, after: int, limit: int) -> Any:
    """What was said after a position, or last when `after` is negative. `next` is the position to go on from."""
    facts, found = await office.corridor.db.read(_lines, which, after, limit)
    more = found[-1].seq if after >= 0 and len(found) == limit else None
    return {"id": facts.id, "messages": [line(message) for message in found], "next": more}


def _lines(which: str, after: int, limit: int) -> Tx[tuple[Facts, list[Message]]]:
    facts = yield from find(which)
    if after < 0:
        return facts, (yield from history.newest(facts.id, limit))
    return facts, (yield from history.after(facts.id, after, limit))


def line(message: Message) -> Any:
    """One line of a conversation."""
    files = [{"name": file.name, "mime": file.mime, "size": file.size} for file in message.files]
    buttons = [{"text": button.text, "value": button.value, "url": button.url} for button in message.buttons]
    shown = {
        "seq": message.seq,
        "at": moment(message.at),
        "role": message.role,
        "name": message.name,
        "sender": message.sender,
        "text": message.text,
        "turn": message.turn,
        "flag": message.flag,
        "ref": message.ref,
        "fate": message.fate,
        "files": files,
        "buttons": buttons,
    }
    return {key: value for key, value in shown.items() if value not in ("", [])} | {"text": message.text}
