"""Participants: who talks with a bot through a channel, remembered across sessions and resets."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from gateway.db import Tx
from gateway.errors import Problem
from gateway.message import Level, Sender

LARGEST_DATA = 256 * 1024  # bytes of JSON


class Person(NamedTuple):
    """Whom a participant row stands for: ids decide, never names."""

    channel: str
    account: str
    bot: str
    person: str


class Known(NamedTuple):
    """A participant's row."""

    id: str
    person: str
    level: Level
    name: str
    language: str
    profile: str
    data: str
    first_seen: int
    last_seen: int | None
    blocked: int


COLUMNS = ", ".join(Known._fields)


def shown(known: Known) -> tuple[str, ...]:
    """What of it follows from how a platform shows somebody."""
    return known.level, known.name, known.language, known.profile


def find(participant: str) -> Tx[Known | None]:
    rows = yield f"SELECT {COLUMNS} FROM participant WHERE id = $1", (participant,)
    return Known._make(rows[0]) if rows else None


def existing(participant: str) -> Tx[Known]:
    """A participant that must be there. Raises `LookupError`."""
    known = yield from find(participant)
    if known is None:
        raise LookupError(f"participant {participant} is not in the store")
    return known


def meet(person: Person, sender: Sender, new_id: str, now: int) -> Tx[Known]:
    """The participant, made when met for the first time, with the profile the platform shows today."""
    lookup = f"SELECT {COLUMNS} FROM participant WHERE channel = $1 AND account = $2 AND bot = $3 AND person = $4"
    rows = yield lookup, person
    if not rows:
        yield (
            """INSERT INTO participant (id, channel, account, bot, person, level, first_seen)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING""",
            (new_id, *person, sender.level, now),
        )
        rows = yield lookup, person
    known = Known._make(rows[0])
    fresh = _refreshed(known, sender, now)
    if fresh != known:
        yield (
            "UPDATE participant SET level = $2, name = $3, language = $4, profile = $5 WHERE id = $1",
            (fresh.id, fresh.level, fresh.name, fresh.language, fresh.profile),
        )
    return fresh


def _refreshed(known: Known, sender: Sender, now: int) -> Known:
    """Every profile value keeps its source and time; what the bot corrected is not overwritten by the platform."""
    profile = orjson.loads(known.profile)
    told = {"name": sender.name, "username": sender.username, "language": sender.language, **sender.profile}
    for field, value in told.items():
        entry = profile.get(field)
        if value and (entry is None or (entry["source"] == "platform" and entry["value"] != value)):
            profile[field] = {"value": value, "source": "platform", "at": now}
    shown = {field: entry["value"] for field, entry in profile.items()}
    return known._replace(
        level=sender.level,
        name=shown.get("name", ""),
        language=shown.get("language", ""),
        profile=orjson.dumps(profile).decode(),
    )


class DataChange(NamedTuple):
    """Changes to a participant's data, applied in this order."""

    set: Mapping[str, Any] = {}
    unset: tuple[str, ...] = ()
    append: Mapping[str, Any] = {}
    increment: Mapping[str, float] = {}


def change(participant: str, changes: DataChange, now: int) -> Tx[bool]:
    """Apply changes to the data and, for `name` and `language`, to the profile. False: it would be too large."""
    rows = yield "SELECT data, profile FROM participant WHERE id = $1 /*FOR UPDATE*/", (participant,)
    if not rows:
        return True
    data = changed(orjson.loads(rows[0][0]), changes)
    text = orjson.dumps(data)
    if len(text) > LARGEST_DATA:
        return False
    profile = orjson.loads(rows[0][1])
    for field in ("name", "language"):
        if isinstance(changes.set.get(field), str):
            profile[field] = {"value": changes.set[field], "source": "bot", "at": now}
    shown = {field: profile[field]["value"] for field in profile}
    yield (
        "UPDATE participant SET data = $2, profile = $3, name = $4, language = $5 WHERE id = $1",
        (
            participant,
            text.decode(),
            orjson.dumps(profile).decode(),
            shown.get("name", ""),
            shown.get("language", ""),
        ),
    )
    return True


def changed(data: dict[str, Any], changes: DataChange) -> dict[str, Any]:
    """The data after the changes. Raises `Problem` when a value does not fit the change asked for."""
    data = {**data, **changes.set}
    for name in changes.unset:
        data.pop(name, None)
    for name, value in changes.append.items():
        before = data.get(name, [])
        if not isinstance(before, list):
            raise Problem(400, "not_a_list", f"participant data {name!r} is no list to append to")
        data[name] = [*before, value]
    for name, step in changes.increment.items():
        before = data.get(name, 0)
        if not isinstance(before, int | float):
            raise Problem(400, "not_a_number", f"participant data {name!r} is no number to increment")
        data[name] = before + step
    return data


def remember_last_visit(participant: str, session: str) -> Tx[None]:
    """A session begins: when this person last wrote in an earlier one."""
    yield (
        """UPDATE participant SET last_seen = (SELECT MAX(last_user_activity) FROM session
             WHERE participant = $1 AND id <> $2) WHERE id = $1""",
        (participant, session),
    )
