"""What was let go at the door: by id and reason, never with what it said."""

from typing import Any, NamedTuple

from gateway.db import Tx
from gateway.errors import Problem
from gateway.gates import REASONS
from gateway.operations.office import Office, moment
from gateway.operations.page import Page, Where, paged


class Missed(NamedTuple):
    """Which events to list. `event` is the platform's own id; `age` is how many ms old they must be."""

    channel: str = ""
    reason: str = ""
    event: str = ""
    age: int | None = None


class Dropped(NamedTuple):
    """An event that was let go."""

    id: int
    channel: str
    account: str
    event: str
    chat: str
    reason: str
    at: int


async def listed(office: Office, missed: Missed, page: Page) -> Any:
    """Events that were let go, the latest first. Raises `Problem` for a reason that there is not."""
    if missed.reason and missed.reason not in REASONS:
        raise Problem(400, "bad_reason", f"reason is one of {', '.join(REASONS)}")
    rows = await office.corridor.db.read(_listed, missed, page, office.now())
    return paged("dropped", rows, page, lambda row: (row.id,), _shown)


def _listed(missed: Missed, page: Page, now: int) -> Tx[list[Dropped]]:
    where = Where()
    for column, value in (("channel", missed.channel), ("reason", missed.reason), ("event", missed.event)):
        if value:
            where.add(f"{column} = ?", value)
    if missed.age is not None:
        where.add("at <= ?", now - missed.age)
    if page.after is not None:
        where.add("id < ?", *page.after)
    limit = where.take(page.limit + 1)
    rows = yield (
        f"SELECT {', '.join(Dropped._fields)} FROM dropped WHERE {where} ORDER BY id DESC LIMIT {limit}",
        tuple(where.arguments),
    )
    return [Dropped._make(row) for row in rows]


def _shown(row: Dropped) -> Any:
    return {**row._asdict(), "at": moment(row.at)}
