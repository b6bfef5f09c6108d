"""People as operators see them: who they are, and how everything that is known of one goes."""

from typing import Any, NamedTuple

from gateway import participants
from gateway.db import Tx
from gateway.errors import Problem
from gateway.operations.office import Office, moment
from gateway.operations.page import Page, Where, paged
from gateway.participants import Known


class Wanted(NamedTuple):
    """Which participants to list; `user` is the platform's id of a person."""

    channel: str = ""
    bot: str = ""
    user: str = ""


class Shown(NamedTuple):
    """A participant as one line of a list."""

    id: str
    channel: str
    account: str
    bot: str
    person: str
    name: str
    level: str
    first_seen: int
    blocked: int


async def listed(office: Office, wanted: Wanted, page: Page) -> Any:
    """Participants, those met last first. There is one for each bot that somebody met."""
    rows = await office.corridor.db.read(_listed, wanted, page)
    return paged("participants", rows, page, lambda row: (row.first_seen, row.id), _line)


def _listed(wanted: Wanted, page: Page) -> Tx[list[Shown]]:
    where = Where()
    for column, value in (("channel", wanted.channel), ("bot", wanted.bot), ("person", wanted.user)):
        if value:
            where.add(f"{column} = ?", value)
    if page.after is not None:
        where.add("(first_seen, id) < (?, ?)", *page.after)
    limit = where.take(page.limit + 1)
    rows = yield (
        f"""SELECT {", ".join(Shown._fields)} FROM participant WHERE {where}
              ORDER BY first_seen DESC, id DESC LIMIT {limit}""",
        tuple(where.arguments),
    )
    return [Shown._make(row) for row in rows]


def _line(row: Shown) -> Any:
    line = row._asdict()
    return {**line, "user": line.pop("person"), "first_seen": moment(row.first_seen), "blocked": bool(row.blocked)}


def existing(participant: str) -> Tx[Known]:
    """A participant by their id. Raises `Problem` 404."""
    known = yield from participants.find(participant)
    if known is None:
        raise unknown()
    return known


async def block(office: Office, participant: str, *, blocked: bool) -> Any:
    """From now on nothing that this person writes is taken in, whatever lists say; or again as they say.

    It holds at their account of a channel, with whichever bot they speak. Raises `Problem` 404.
    """
    for same in await office.corridor.db.write(_block, participant, blocked):
        office.corridor.memory.forget_participant(same)
    return {"participant": participant, "blocked": blocked}


def _block(participant: str, blocked: bool) -> Tx[list[str]]:
    known = yield from existing(participant)
    rows = yield (
        """UPDATE participant SET blocked = $3 WHERE person = $2
             AND (channel, account) = (SELECT channel, account FROM participant WHERE id = $1) RETURNING id""",
        (participant, known.person, int(blocked)),
    )
    return [id for (id,) in rows]


def unknown() -> Problem:
    """There is nobody of this id."""
    return Problem(404, "participant_unknown", "there is no such participant; `gateway participants list` shows all")


async def erase(office: Office, participant: str) -> Any:
    """Everything that is known of a person at their account of a channel goes, whichever bot they met there.

    The answer counts what has gone. Once it was begun it is finished, also after a crash. Raises `Problem` 404.
    """
    counts = await office.router.erasure.erase(participant)
    if counts is None:
        raise unknown()
    return {"participant": participant, "erased": counts}
