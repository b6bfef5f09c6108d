"""Every order of things, in small: two workers, two messages, a reset, lapsing leases and deaths, one step at a time.

What each step does is the real transaction on the real schema; what is tried is every order of them.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from gateway import commands, inbox, lanes
from gateway.ending import Ending, end_turn
from gateway.history import Line
from gateway.inbox import Envelope
from gateway.lanes import INBOX
from tests.explore import explore
from tests.postgres import CHOSEN
from tests.store import CLEAN, LEASE, Store, faults, post, receive, take


class Left(NamedTuple):
    """What may still happen, so that there is an end to it."""

    messages: tuple[str, ...]
    resets: int
    lapses: int
    deaths: int
    returns: int


class Desk(NamedTuple):
    """The inbox side. `held` is what each worker believes to hold; `frozen` what a reset found ended."""

    now: int
    names: tuple[str, str]
    held: tuple[Envelope | None, Envelope | None]
    left: Left
    fence: int = 0
    frozen: tuple[tuple[str, str], ...] = ()

    def likeness(self, store: Store) -> object:
        return (
            tuple(self),
            tuple(store.rows("SELECT session, epoch, waiting, in_due_at, in_holder, in_fence, pending FROM lane")),
            tuple(store.rows("SELECT turn, state, reason, attempts, failures, not_before, session FROM inbox")),
            tuple(store.rows("SELECT inbox, state FROM outbox ORDER BY seq")),
        )

    def check(self, store: Store) -> None:
        assert faults(store.rows) == []
        lane = store.rows("SELECT in_fence, in_holder FROM lane")
        if lane:
            fence, holder = lane[0]
            assert fence >= self.fence
            rightful = [held for held in self.held if held is not None and holder and held.lease.fence == fence]
            assert len(rightful) <= 1
        order = store.rows("""SELECT i.seq FROM message m JOIN inbox i ON i.turn = m.turn WHERE m.role = 'user'
            AND i.state = 'done' AND i.reason IS NULL ORDER BY m.session, m.seq""")
        answers = store.rows("SELECT i.seq FROM outbox o JOIN inbox i ON i.id = o.inbox ORDER BY o.seq")
        assert answers == sorted(answers)
        assert order == sorted(order)
        for turn, state in self.frozen:
            assert store.rows("SELECT state FROM inbox WHERE turn = $1", turn) == [(state,)]
        self._ends_well(store)

    def _ends_well(self, store: Store) -> None:
        """Whoever comes later finds the rest, and answers it in order."""
        now = self.now + 99 * LEASE
        envelope = store.run(take, "late", now)
        while envelope is not None:
            ended = store.run(end_turn, self._ending(envelope, now))
            assert ended is not None
            envelope = ended.next
        assert faults(store.rows, {**CLEAN, "nothing is to be sent": "SELECT 1 WHERE 1 = 0"}) == []
        assert faults(store.rows) == []

    def _ending(self, envelope: Envelope, now: int) -> Ending:
        lines = [Line("user", "said", turn=envelope.entry.turn), Line("assistant", "answer", turn=envelope.entry.turn)]
        return Ending(envelope, "done", now, lines, post(["answer"], now))

    def steps(self, store: Store) -> Iterator[tuple[str, Callable[[], "Desk"]]]:
        left, now = self.left, self.now
        for me in (None, 0, 1):
            if left.messages and (me is None or self.held[me] is None):
                yield f"message for {me}", lambda me=me: self._accept(store, me)  # type: ignore[misc]
        if left.resets:
            yield "reset", lambda: self._reset(store)
        if left.lapses:
            later = self._replace(now=now + LEASE + 1, left=left._replace(lapses=left.lapses - 1))
            yield "lapse", lambda: later
        for me in (0, 1):
            yield from self._steps_of(store, me)

    def _steps_of(self, store: Store, me: int) -> Iterator[tuple[str, Callable[[], "Desk"]]]:
        held, left = self.held[me], self.left
        if held is None:
            yield f"{me} looks", lambda: self._with(store, me, store.run(take, self.names[me], self.now))
            return
        yield f"{me} renews", lambda: self._renew(store, me, held)
        yield f"{me} ends", lambda: self._end(store, me, held)
        if left.returns:
            yield f"{me} fails", lambda: self._return(store, me, held, LEASE // 2, failed=1)
            yield f"{me} puts back", lambda: self._return(store, me, held, 0)
        if left.deaths:
            first, second = self.names
            names = (f"{first}'", second) if me == 0 else (first, f"{second}'")
            dead = self._replace(names=names, left=left._replace(deaths=left.deaths - 1))
            yield f"{me} dies", lambda: dead._with(store, me, None)

    def _with(self, store: Store, me: int, held: Envelope | None) -> "Desk":
        rows = store.rows("SELECT in_fence FROM lane")
        both = (held, self.held[1]) if me == 0 else (self.held[0], held)
        return self._replace(held=both, fence=rows[0][0] if rows else 0)

    def _accept(self, store: Store, me: int | None) -> "Desk":
        event, *others = self.left.messages
        accepted = store.run(receive, event, self.now, None if me is None else self.names[me])
        assert store.run(receive, event, self.now, "x").outcome == "duplicate"
        there = self._replace(left=self.left._replace(messages=tuple(others)))
        if me is None or accepted.envelope is None:
            return there
        return there._with(store, me, accepted.envelope)

    def _reset(self, store: Store) -> "Desk":
        store.run(receive, "reset", self.now, None, commands.effect("reset", commands.Asked(lambda name, **_: name)))
        frozen = store.rows("SELECT turn, state FROM inbox ORDER BY seq")
        assert all(state in ("done", "dropped") for _, state in frozen)
        return self._replace(left=self.left._replace(resets=0), frozen=tuple(frozen))

    def _rightful(self, store: Store, held: Envelope) -> bool:
        return bool(store.rows("SELECT 1 FROM lane WHERE in_fence = $1 AND in_holder IS NOT NULL", held.lease.fence))

    def _renew(self, store: Store, me: int, held: Envelope) -> "Desk":
        rightful = self._rightful(store, held)
        kept = held.lease in store.run(lanes.renew, INBOX, self.names[me], self.now + LEASE)
        assert kept == rightful
        return self._with(store, me, held if kept else None)

    def _end(self, store: Store, me: int, held: Envelope) -> "Desk":
        rightful, before = self._rightful(store, held), self.likeness(store)
        ended = store.run(end_turn, self._ending(held, self.now))
        assert (ended is not None) == rightful
        assert rightful or self.likeness(store) == before
        return self._with(store, me, ended.next if ended else None)

    def _return(self, store: Store, me: int, held: Envelope, after: int, failed: int = 0) -> "Desk":
        rightful, before = self._rightful(store, held), self.likeness(store)
        kept = store.run(inbox.give_back, held.lease, held.entry.id, self.now + after, failed=failed)
        assert kept == rightful
        assert rightful or self.likeness(store) == before
        there = self._replace(left=self.left._replace(returns=self.left.returns - 1))
        return there._with(store, me, None)


def desk(left: Left) -> tuple[Store, Desk]:
    store = Store()
    return store, Desk(1_000_000, ("A", "B"), (None, None), left)


@pytest.mark.feature("ORD-01", "ORD-03", "LIF-11", "INB-03", "OUT-01")
@pytest.mark.parametrize(
    "left",
    [
        Left(("one", "two"), resets=0, lapses=1, deaths=1, returns=1),
        Left(("one", "two"), resets=1, lapses=1, deaths=0, returns=0),
    ],
    ids=["deaths", "resets"],
)
def test_every_order_at_the_inbox(left: Left) -> None:
    assert explore(*desk(left)) > 300


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.feature("ORD-01", "ORD-03", "LIF-11")
def test_every_order_at_the_inbox_of_more() -> None:
    """On a server, where what was undone is in the way of every step, a twentieth of them takes as long."""
    lapses, returns, states = (1, 0, 900) if CHOSEN else (2, 1, 20_000)
    assert explore(*desk(Left(("one", "two"), resets=1, lapses=lapses, deaths=1, returns=returns))) > states
