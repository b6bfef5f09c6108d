"""Every order of things at the outbox, in small, one step at a time.

Two workers, an answer of two parts, a report of the platform, a reset, lapsing leases, deaths and lost answers.
"""

import os
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import pytest

from gateway import commands, lanes, outbox, outcomes
from gateway.ending import Ending, end_turn
from gateway.history import Line
from gateway.kept import settle
from gateway.lanes import OUTBOX, Lease
from gateway.message import Part, decode
from gateway.outbox import Stored
from gateway.outcomes import Outcome
from tests.explore import explore
from tests.store import CLEAN, LEASE, Store, faults, post, receive, take

RESENDS = 1


class Hand(NamedTuple):
    """A worker at a lane's outbox. It starts no request when its lease may have lapsed `since`."""

    lease: Lease
    part: Stored | None
    stage: Literal["claimed", "chosen", "intended", "sent"]
    since: int


class Left(NamedTuple):
    """What may still happen, so that there is an end to it."""

    posts: int
    resets: int
    lapses: int
    deaths: int
    doubts: int
    settles: int


def text(part: Stored) -> str:
    return decode(Part, part.body).text


class Post(NamedTuple):
    """The outbox side. `world` is what the user has, in order; `wire` what was being sent when a reset came."""

    now: int
    names: tuple[str, str]
    hands: tuple[Hand | None, Hand | None]
    left: Left
    world: tuple[str, ...] = ()
    wire: tuple[str, ...] | None = None

    def likeness(self, store: Store) -> object:
        return (
            tuple(self),
            tuple(store.rows("SELECT epoch, pending, out_due_at, out_holder, out_fence FROM lane")),
            tuple(store.rows("SELECT state, attempts, unknowns, not_before, epoch FROM outbox ORDER BY seq")),
        )

    def check(self, store: Store) -> None:
        assert faults(store.rows) == []
        parts = [Stored(*row) for row in store.rows(f"SELECT {outbox.COLUMNS} FROM outbox ORDER BY seq")]
        for part in parts:
            copies = self.world.count(text(part))
            assert copies <= 1 + RESENDS
            assert copies < 2 or part.unknowns >= copies - 1
        assert self.world == tuple(sorted(self.world))
        self._ends_well(store)

    def _ends_well(self, store: Store) -> None:
        """Whoever comes later sends the rest, and no part is missing that is not accounted for."""
        world, now = list(self.world), self.now + 99 * LEASE
        for lease in store.run(lanes.claim, OUTBOX, "c", "late", now, now + LEASE, 1):
            part = store.run(outcomes.following, lease, now, RESENDS)
            while part is not None:
                assert store.run(outbox.intend, lease, part.id)
                world.append(text(part))
                part = store.run(outcomes.note, lease, part.id, Outcome("sent", ref="late"), now, RESENDS)
        assert world == sorted(world)
        assert faults(store.rows) + faults(store.rows, CLEAN) == []
        ends = [(decode(Part, body).text, state) for body, state in store.rows("SELECT body, state FROM outbox")]
        assert all(part in world for part, state in ends if state == "sent")
        assert all(state in ("sent", "unconfirmed", "dropped") for _, state in ends)
        assert all(state != "dropped" for _, state in ends) or self.wire is not None

    def steps(self, store: Store) -> Iterator[tuple[str, Callable[[], "Post"]]]:
        left, now = self.left, self.now
        if left.resets:
            yield "reset", lambda: self._reset(store)
        if left.lapses:
            later = self._replace(now=now + LEASE + 1, left=left._replace(lapses=left.lapses - 1))
            yield "lapse", lambda: later
        if left.settles:
            for number, body in store.rows("SELECT id, body FROM outbox WHERE state <> 'sent'"):
                if decode(Part, body).text in self.world:
                    yield f"report on {number}", lambda number=number: self._settle(store, number)  # type: ignore[misc]
        for me in (0, 1):
            hand = self.hands[me]
            if hand is None:
                yield f"{me} looks", lambda me=me: self._claim(store, me)  # type: ignore[misc]
                if left.posts:
                    yield f"{me} posts", lambda me=me: self._post(store, me)  # type: ignore[misc]
            else:
                yield from self._steps_of(store, me, hand)

    def _steps_of(self, store: Store, me: int, hand: Hand) -> Iterator[tuple[str, Callable[[], "Post"]]]:
        left, part = self.left, hand.part
        if left.deaths:
            dead = self._replace(left=left._replace(deaths=left.deaths - 1))
            yield f"{me} dies", lambda: dead._with(store, me, None)._renamed(me)
        if hand.since != self.now:
            yield f"{me} renews", lambda: self._renew(store, me, hand)
        if part is None:
            yield f"{me} chooses", lambda: self._choose(store, me, hand)
        elif hand.stage == "chosen":
            yield f"{me} intends", lambda: self._intend(store, me, hand, part)
        elif hand.stage == "intended" and hand.since != self.now:
            yield f"{me} is late", lambda: self._late(store, me, hand, part)
        elif hand.stage == "intended":
            yield f"{me} sends", lambda: self._send(store, me, hand, part)
            if left.doubts:
                yield f"{me} must retry", lambda: self._doubt(store, me, hand, part, Outcome("ready", due=self.now))
                yield f"{me} doubts", lambda: self._doubt(store, me, hand, part, Outcome("unknown", due=self.now))
        else:
            yield f"{me} notes", lambda: self._note(store, me, hand, part, Outcome("sent", ref="r"))
            if left.doubts:
                yield f"{me} doubts", lambda: self._doubt(store, me, hand, part, Outcome("unknown", due=self.now))

    def _with(self, store: Store, me: int, hand: Hand | None) -> "Post":
        both = (hand, self.hands[1]) if me == 0 else (self.hands[0], hand)
        return self._replace(hands=both)

    def _renamed(self, me: int) -> "Post":
        first, second = self.names
        return self._replace(names=(f"{first}'", second) if me == 0 else (first, f"{second}'"))

    def _reset(self, store: Store) -> "Post":
        wire = [text(hand.part) for hand in self.hands if hand and hand.part and hand.stage in ("intended", "sent")]
        store.run(
            receive, "reset", self.now, None, commands.effect("reset", commands.Asked(lambda name, **_: f"9 {name}"))
        )
        return self._replace(wire=tuple(wire), left=self.left._replace(resets=self.left.resets - 1))

    def _settle(self, store: Store, number: int) -> "Post":
        assert store.run(settle, str(number), "delivered", "", self.now)
        left = self.left._replace(settles=self.left.settles - 1)
        return self._replace(left=left)

    def _claim(self, store: Store, me: int) -> "Post":
        found = store.run(lanes.claim, OUTBOX, "c", self.names[me], self.now, self.now + LEASE, 1)
        return self._with(store, me, Hand(found[0], None, "claimed", self.now) if found else None)

    def _post(self, store: Store, me: int) -> "Post":
        """Another turn ends, and takes its part along when nothing waits before it."""
        name, event = self.names[me], f"event-{self.left.posts}"
        envelope = store.run(receive, event, self.now, name).envelope
        assert envelope is not None
        parts = post([f"{5 if self.wire is None else 99} {event}"], self.now, name)
        ended = store.run(end_turn, Ending(envelope, "done", self.now, [Line("user", event, turn=event)], parts))
        assert ended is not None
        there = self._replace(left=self.left._replace(posts=self.left.posts - 1))
        return there._with(
            store, me, Hand(ended.load.lease, ended.load.part, "intended", self.now) if ended.load else None
        )

    def _renew(self, store: Store, me: int, hand: Hand) -> "Post":
        kept = store.run(lanes.renew, OUTBOX, self.names[me], self.now + LEASE)
        return self._with(store, me, hand._replace(since=self.now) if hand.lease in kept else hand)

    def _choose(self, store: Store, me: int, hand: Hand) -> "Post":
        part = store.run(outcomes.following, hand.lease, self.now, RESENDS)
        return self._with(store, me, hand._replace(part=part, stage="chosen") if part else None)

    def _intend(self, store: Store, me: int, hand: Hand, part: Stored) -> "Post":
        if store.run(outbox.intend, hand.lease, part.id):
            assert store.rows("SELECT epoch FROM lane") == [(part.epoch,)]
            return self._with(store, me, hand._replace(stage="intended"))
        return self._with(store, me, hand._replace(part=None, stage="claimed"))

    def _late(self, store: Store, me: int, hand: Hand, part: Stored) -> "Post":
        store.run(outcomes.postpone, hand.lease, part.id, self.now)
        return self._with(store, me, None)

    def _send(self, store: Store, me: int, hand: Hand, part: Stored) -> "Post":
        if store.rows("SELECT epoch FROM lane") != [(part.epoch,)]:
            assert text(part) in (self.wire or ())
        return self._replace(world=(*self.world, text(part)))._with(store, me, hand._replace(stage="sent"))

    def _doubt(self, store: Store, me: int, hand: Hand, part: Stored, outcome: Outcome) -> "Post":
        there = self._replace(left=self.left._replace(doubts=self.left.doubts - 1))
        return there._note(store, me, hand, part, outcome)

    def _note(self, store: Store, me: int, hand: Hand, part: Stored, outcome: Outcome) -> "Post":
        following = store.run(outcomes.note, hand.lease, part.id, outcome, self.now, RESENDS)
        return self._with(store, me, hand._replace(part=following, stage="chosen") if following else None)


def office(left: Left) -> tuple[Store, Post]:
    store, now = Store(), 1_000_000
    store.run(receive, "hello", now)
    envelope = store.run(take, "first", now)
    assert envelope is not None
    parts = post(["1 hello", "2 hello"], now)
    store.run(end_turn, Ending(envelope, "done", now, [Line("user", "hello", turn="hello")], parts))
    return store, Post(now, ("A", "B"), (None, None), left)


@pytest.mark.timeout(600)  # every step is a question to the store, and some stores are servers
@pytest.mark.feature("OUT-01", "OUT-03", "OUT-05", "ORD-03", "LIF-11")
@pytest.mark.parametrize(
    "left",
    [
        Left(posts=0, resets=0, lapses=1, deaths=0, doubts=1, settles=1),
        Left(posts=1, resets=1, lapses=0, deaths=0, doubts=0, settles=1),
        Left(posts=0, resets=1, lapses=1, deaths=1, doubts=0, settles=0),
    ],
    ids=["doubts", "resets", "deaths"],
)
def test_every_order_at_the_outbox(left: Left) -> None:
    assert explore(*office(left)) > 300


@pytest.mark.skipif(os.environ.get("GW_ORDERS") != "all", reason="takes minutes: run it with GW_ORDERS=all")
@pytest.mark.timeout(0)
@pytest.mark.feature("OUT-03", "OUT-05", "LIF-11")
def test_every_order_at_the_outbox_of_more() -> None:
    assert explore(*office(Left(posts=1, resets=1, lapses=1, deaths=0, doubts=1, settles=1))) > 10_000
