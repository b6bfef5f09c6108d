"""The two queues as operators see them: what waits, and on demand what has been."""

from typing import Any, NamedTuple

from gateway.db import Tx
from gateway.errors import Problem
from gateway.operations.office import Office, moment
from gateway.operations.page import Page, Where, paged

WAITING = {"inbox": ("waiting",), "outbox": ("ready", "sending", "unknown")}
DEAD = {"inbox": ("dead",), "outbox": ("unconfirmed", "dead")}
STATES = {
    "inbox": ("waiting", "done", "dropped", "dead"),
    "outbox": ("ready", "sending", "unknown", "sent", "unconfirmed", "dropped", "dead"),
}
_SINCE = {"inbox": "received_at", "outbox": "created_at"}


class Sought(NamedTuple):
    """Which entries to list. `age` is how many ms old they must be; `state` "" stands for what waits."""

    channel: str = ""
    reason: str = ""
    age: int | None = None
    state: str = ""


class Queued(NamedTuple):
    """An entry of either box as one line of a list. `name` is its turn or part, `at` when it came, in ms."""

    box: str
    id: int
    name: str
    key: str
    session: str
    channel: str
    state: str
    reason: str | None
    attempts: int
    at: int
    not_before: int
    error: str | None
    status: str | None = None

    @property
    def delivery(self) -> str | None:
        """How far a part has come, as the platform reports it: queued, sent, delivered, read, failed."""
        if self.box == "inbox":
            return None
        found = "queued" if self.state in _QUEUED else "failed" if self.state in _FAILED else self.state
        return self.status or found


_COLUMNS = {
    "inbox": """'inbox', q.id, q.turn, lane.key, q.session, q.channel, q.state, q.reason, q.attempts, q.received_at,
        q.not_before, q.error, NULL""",
    "outbox": """'outbox', q.id, CAST(q.id AS TEXT), lane.key, q.session, q.channel, q.state, q.reason, q.attempts,
        q.created_at, q.not_before, q.error, q.status""",
}

_QUEUED, _FAILED = ("ready", "sending", "unknown"), ("dead", "unconfirmed")


async def listed(office: Office, box: str, sought: Sought, page: Page) -> Any:
    """Entries of a box: what waits with the oldest first, else the newest first."""
    rows = await office.corridor.db.read(_listed, box, sought, page, office.now())
    return paged(box, rows, page, lambda row: (row.id,), shown)


def _listed(box: str, sought: Sought, page: Page, now: int) -> Tx[list[Queued]]:
    where = _where(box, sought, now)
    if sought.state and sought.state not in STATES[box]:
        raise Problem(400, "bad_state", f"state is one of {', '.join(STATES[box])}")
    states = (sought.state,) if sought.state else WAITING[box]
    waits = states[0] in WAITING[box]
    # Spelled as the partial indexes are, and in an order that they do not have: else the whole table is walked.
    group = next((group for group in (WAITING[box], DEAD[box]) if states[0] in group), states)
    for among in dict.fromkeys((group, states)):
        where.add(_among(among))
    if page.after is not None:
        where.add(f"q.id {'>' if waits else '<'} ?", *page.after)
    order = "q.id + 0" if waits else "q.id DESC"
    return (yield from _rows(box, where, order, page.limit + 1))


def _where(box: str, sought: Sought, now: int) -> Where:
    where = Where()
    if sought.channel:
        where.add("q.channel = ?", sought.channel)
    if sought.reason:
        where.add("q.reason = ?", sought.reason)
    if sought.age is not None:
        where.add(f"q.{_SINCE[box]} <= ?", now - sought.age)
    return where


def _among(states: tuple[str, ...]) -> str:
    quoted = ", ".join(f"'{state}'" for state in states)
    return f"q.state IN ({quoted})" if len(states) > 1 else f"q.state = {quoted}"


def _rows(box: str, where: Where, order: str, most: int) -> Tx[list[Queued]]:
    limit = where.take(most)
    rows = yield (
        f"""SELECT {_COLUMNS[box]} FROM {box} q JOIN lane ON lane.id = q.lane WHERE {where}
              ORDER BY {order} LIMIT {limit}""",
        tuple(where.arguments),
    )
    return [Queued._make(row) for row in rows]


async def dead(office: Office, boxes: tuple[str, ...], sought: Sought, page: Page) -> Any:
    """What was given up, newest first, with parts that may or may not have been sent."""
    rows = await office.corridor.db.read(_dead, boxes, sought, page, office.now())
    return paged("dead", rows, page, lambda row: (row.at, row.box, row.id), shown)


def _dead(boxes: tuple[str, ...], sought: Sought, page: Page, now: int) -> Tx[list[Queued]]:
    found: list[Queued] = []
    for box in boxes:
        where = _where(box, sought, now)
        where.add(_among(DEAD[box]))
        since = f"q.{_SINCE[box]}"
        if page.after is not None:
            where.add(f"({since}, '{box}', q.id) < (?, ?, ?)", *page.after)
        found += yield from _rows(box, where, f"{since} DESC, q.id DESC", page.limit + 1)
    found.sort(key=lambda row: (row.at, row.box, row.id), reverse=True)
    return found[: page.limit + 1]


def shown(row: Queued) -> Any:
    """One line of a list."""
    return {
        "box": row.box,
        "id": row.id,
        ("turn" if row.box == "inbox" else "part"): row.name,
        "key": row.key,
        "session": row.session,
        "channel": row.channel,
        "state": row.state,
        "reason": row.reason,
        "attempts": row.attempts,
        "at": moment(row.at),
        "not_before": moment(row.not_before),
        "error": row.error,
        "status": row.delivery,
    }
