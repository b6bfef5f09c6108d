"""A store in memory that runs the real transactions one by one, can go back to how it was, and audits itself.

For tests that must try every order of things: no threads, no clock, no disk.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import cycle
from typing import Any, ParamSpec, Protocol, TypeVar

import apsw

from gateway.db import Rows, Tx, migrations
from gateway.inbox import Envelope, mark, open_lease
from gateway.intake import Accepted, Arrival, Effect, accept
from gateway.lanes import INBOX, Spot, claim
from gateway.message import Address, Inbound, Outbound, Part, Sender, encode
from gateway.participants import Person
from gateway.post import Post
from tests import postgres

T = TypeVar("T")
P = ParamSpec("P")

SPOT = Spot("c/b/dm:user=ada", "c", "acct", "b", "dm", "dm", "ada", "")
LEASE = 1000


class Connection(Protocol):
    """A transaction on one database that is never committed, and may go back to where it was."""

    def rows(self, sql: str, values: tuple[Any, ...]) -> Rows: ...

    def do(self, sql: str) -> None: ...


class _File:
    def __init__(self) -> None:
        self._file = apsw.Connection(":memory:")
        for _, sql in migrations():
            self._file.execute(re.sub(r"^\);", ") STRICT;", sql, flags=re.MULTILINE))
        self._file.execute("PRAGMA foreign_keys = 1")
        self._file.execute("BEGIN")

    def rows(self, sql: str, values: tuple[Any, ...]) -> Rows:
        return self._file.execute(_dialect(sql), values).fetchall()

    def do(self, sql: str) -> None:
        self._file.execute(sql)


@cache
def _dialect(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"?\1", sql)


class Store:
    """The schema of the program on one connection."""

    def __init__(self) -> None:
        self._db: Connection = postgres.Scratch() if postgres.CHOSEN else _File()

    def run(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """One transaction; nothing of it stays when it raises."""
        generator = tx(*args, **kwargs)
        self._db.do("SAVEPOINT running")
        try:
            sql, values = next(generator)
            while True:
                sql, values = generator.send(self.rows(sql, *values))
        except StopIteration as end:
            self._db.do("RELEASE running")
            return end.value  # type: ignore[no-any-return]
        except BaseException:
            self._db.do("ROLLBACK TO running")
            self._db.do("RELEASE running")
            raise

    def rows(self, sql: str, *values: Any) -> Rows:
        return self._db.rows(sql, values)

    @contextmanager
    def tried(self) -> Iterator[None]:
        """What is done meanwhile is undone."""
        self._db.do("SAVEPOINT tried")
        try:
            yield
        finally:
            self._db.do("ROLLBACK TO tried")
            self._db.do("RELEASE tried")


AUDIT: Mapping[str, str] = {
    "waiting counts what waits": """SELECT id FROM lane WHERE waiting <>
        (SELECT COUNT(*) FROM inbox WHERE lane = lane.id AND state = 'waiting')""",
    "pending counts what is to be sent": """SELECT id FROM lane WHERE pending <>
        (SELECT COUNT(*) FROM outbox WHERE lane = lane.id AND state IN ('ready', 'sending', 'unknown'))""",
    "an inbox is due while something waits, and only then": """SELECT id FROM lane
        WHERE (in_due_at IS NULL) <> (waiting = 0)""",
    "an outbox is due while something is to be sent, and only then": """SELECT id FROM lane
        WHERE (out_due_at IS NULL) <> (pending = 0)""",
    "nobody holds what is empty": """SELECT id FROM lane
        WHERE (in_holder IS NOT NULL AND in_due_at IS NULL) OR (out_holder IS NOT NULL AND out_due_at IS NULL)""",
    "one part of a lane is on the wire": """SELECT lane FROM outbox WHERE state = 'sending'
        GROUP BY lane HAVING COUNT(*) > 1""",
    "only the head has been tried": """SELECT i.id FROM inbox i WHERE i.state = 'waiting' AND i.attempts > 0 AND EXISTS
        (SELECT 1 FROM inbox j WHERE j.lane = i.lane AND j.state = 'waiting' AND j.seq < i.seq)""",
    "parts leave in order": """SELECT o.id FROM outbox o WHERE o.state IN ('sending', 'unknown', 'sent') AND EXISTS
        (SELECT 1 FROM outbox p WHERE p.lane = o.lane AND p.seq < o.seq AND p.state IN ('ready', 'sending', 'unknown'))
        """,
    "an answered entry has its line, once": """SELECT id FROM inbox WHERE state = 'done' AND reason IS NULL AND 1 <>
        (SELECT COUNT(*) FROM message m WHERE m.turn = inbox.turn AND m.role = 'user')""",
    "what is not answered has no lines": """SELECT id FROM inbox WHERE state IN ('waiting', 'dropped') AND EXISTS
        (SELECT 1 FROM message m WHERE m.turn = inbox.turn AND m.role = 'user' AND m.flag <> 'superseded')
        AND COALESCE(reason, '') <> 'requeued'
        """,
    "attempts count": "SELECT id FROM inbox WHERE attempts < failures + refusals",
    "a lane points to its open session": """SELECT lane.id FROM lane LEFT JOIN session s
        ON s.lane = lane.id AND s.state IN ('active', 'dormant', 'handoff') WHERE lane.session IS DISTINCT FROM s.id""",
}
"""What must hold after every transaction whatsoever; each finds the rows for which it does not."""

CLEAN: Mapping[str, str] = {
    "nothing waits": "SELECT id FROM inbox WHERE state = 'waiting'",
    "nothing is to be sent": "SELECT id FROM outbox WHERE state IN ('ready', 'sending', 'unknown')",
    "nobody holds a lane": "SELECT id FROM lane WHERE in_holder IS NOT NULL OR out_holder IS NOT NULL",
}
"""What must hold besides once all is done."""


def faults(rows: Callable[[str], Rows], rules: Mapping[str, str] = AUDIT) -> list[str]:
    """The rules that do not hold, each with the rows it does not hold for."""
    broken = {number for (number,) in rows(_any_of(tuple(rules.values())))}
    suspects = [each for number, each in enumerate(rules.items()) if number in broken]
    return [f"{rule}: {found}" for rule, sql in suspects if (found := rows(sql))]


@cache
def _any_of(statements: tuple[str, ...]) -> str:
    """One question instead of one for each statement: the numbers of those that find something."""
    return " UNION ALL ".join(f"SELECT {number} WHERE EXISTS ({sql})" for number, sql in enumerate(statements))


def letter(text: str) -> str:
    return encode(Part(id="", address=Address(chat="ada", user="ada"), text=text))


def post(texts: list[str], now: int, me: str | None = None, expires_at: int | None = None) -> Post:
    return Post("c", [letter(text) for text in texts], expires_at, me, now + LEASE)


def arrival(event: str, now: int, me: str | None = None, effect: Effect | None = None, spot: Spot = SPOT) -> Arrival:
    """A message of Ada's, or a command of hers."""

    def speak(said: Any) -> Post:
        return post([one.text for one in said if isinstance(one, Outbound)], now)

    inbound = Inbound(channel="c", account="acct", ids=(event,), address=Address(chat="ada", user="ada"), text=event)
    return Arrival(
        spot=spot,
        marks=[mark("c", "acct", event)],
        events=[event],
        turn=event,
        body=encode(inbound),
        raw=None,
        now=now,
        person=Person("c", "acct", "b", "ada"),
        sender=Sender(id="ada"),
        known=None,
        new_id=cycle(["participant-ada", f"session-{event}"]).__next__,
        voice=speak,
        me=me,
        until=now + LEASE,
        effect=effect,
    )


def receive(event: str, now: int, me: str | None = None, effect: Effect | None = None) -> Tx[Accepted]:
    return accept(arrival(event, now, me, effect))


def take(me: str, now: int) -> Tx[Envelope | None]:
    """What a worker gets when it looks for work."""
    leases = yield from claim(INBOX, "b", me, now, now + LEASE, 1)
    return (yield from open_lease(leases[0], now)) if leases else None
