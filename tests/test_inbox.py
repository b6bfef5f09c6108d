"""The inbox: each event once, nothing lost, nothing in the way for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway import inbox, lanes
from gateway.bot import Change, Piece, Say
from gateway.db import Rows, Tx
from gateway.errors import BotBroken, BotUnavailable, StorageDown
from gateway.lanes import INBOX
from gateway.message import Inbound, Outbound, Turn
from gateway.router import claim_turns
from tests.kit import Kit, Scripted, corridor, echoes, said
from tests.store import AUDIT, CLEAN, faults

SORRY = "Something went wrong. Please try again."


async def whole(kit: Kit) -> None:
    """Everything is done, and the store is as it should be."""
    await kit.quiet()
    for rules in (AUDIT, CLEAN):
        found = {sql: await kit.rows(sql) for sql in rules.values()}
        assert faults(lambda sql, found=found: found[sql], rules) == []  # type: ignore[misc]
    assert kit.corridor.desk.taken == 0


def plain(sql: str, *args: Any) -> Tx[Rows]:
    return (yield sql, args)


async def on(kit: Kit, seconds: float) -> None:
    """Time goes by, and the bots' work is looked for."""
    kit.clock.ahead += seconds
    for name in kit.corridor.bots:
        kit.router.ring_bot(name)


def away(kit: Kit, draining: bool = True) -> None:
    """While it is away a process takes what comes, and leaves it."""
    kit.corridor.desk.draining = draining
    if not draining:
        for name in kit.corridor.bots:
            kit.router.ring_bot(name)


def event(kit: Kit, *ids: str) -> Inbound:
    inbound = said(kit.here, "-".join(ids))
    return Inbound(**{field: getattr(inbound, field) for field in inbound.__struct_fields__} | {"ids": ids})


@pytest.mark.feature("INB-03")
async def test_an_event_counts_once_by_whichever_of_its_ids(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        outcomes = [
            (await kit.receive(event(kit, *ids))).outcome
            for ids in (("a", "b"), ("a",), ("b",), ("b", "c"), ("c",), ("d", "d"), ("d",), ("e", "a"), ("f",))
        ]
        new, again = "stored", "duplicate"
        assert outcomes == [new, again, again, again, again, new, again, again, new]
        await whole(kit)
        assert [turn.message.text for turn in bot.turns] == ["a-b", "d-d", "f"]
    async with corridor(tmp_path) as kit:
        assert [(await kit.receive(event(kit, one))).outcome for one in "abcdef"] == [again] * 6
        assert (await kit.receive(event(kit, "g"))).outcome == new


@pytest.mark.feature("INB-03")
async def test_fifty_copies_at_once_are_one(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        for number in range(5):
            one = event(kit, f"{number}", f"{number}'")
            taken = await asyncio.gather(*(kit.receive(one) for _ in range(50)))
            assert sorted(accepted.outcome for accepted in taken) == ["duplicate"] * 49 + ["stored"]
            assert len({accepted.turn for accepted in taken}) == 1
        await whole(kit)
        assert len(bot.turns) == 5
        assert len(kit.paper.sent) == 5


@pytest.mark.feature("INB-01")
async def test_what_could_not_be_written_is_not_acknowledged(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await kit.quiet()
        pages = (await kit.rows("PRAGMA page_count"))[0][0]
        await kit.corridor.db.write(plain, f"PRAGMA max_page_count = {pages}")
        long = "x" * 200_000
        with pytest.raises(StorageDown):
            await kit.say(long, event="long")
        assert kit.corridor.desk.taken == 0
        await kit.corridor.db.write(plain, "PRAGMA max_page_count = 1000000")
        assert (await kit.say(long, event="long")).outcome == "stored"
        await whole(kit)


@pytest.mark.feature("INB-02", "OUT-01")
async def test_an_answer_that_cannot_be_written_yet_is_kept_until_it_can(tmp_path: Path) -> None:
    async def long(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text="y" * 200_000))

    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await kit.quiet()
        bot = kit.bot(long)
        pages = (await kit.rows("PRAGMA page_count"))[0][0]
        await kit.corridor.db.write(plain, f"PRAGMA max_page_count = {pages + 3}")
        await kit.say("tell me")
        await kit.until(lambda: bot.turns != [])
        with pytest.raises(StorageDown):
            await kit.corridor.db.write(plain, "CREATE TABLE filling AS SELECT zeroblob(200000) AS x")
        assert await kit.rows("SELECT state FROM inbox ORDER BY id") == [("done",), ("waiting",)]
        await kit.corridor.db.write(plain, "PRAGMA max_page_count = 1000000")
        await whole(kit)
        assert len(bot.turns) == 1
        assert sum(len(text) for text in kit.paper.texts()[1:]) == 200_000


async def _dies(kit: Kit, times: int) -> None:
    """A worker takes what waits and is never heard of again, so often."""
    for number in range(times):
        now = kit.clock.now()
        envelopes, _ = await kit.corridor.db.write(claim_turns, "b", f"dead-{number}", now, now, 10)
        assert envelopes
        kit.clock.ahead += 0.001


@pytest.mark.feature("INB-07")
async def test_what_kills_its_worker_three_times_is_buried(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        for crashes, answers in ((2, ["two"]), (3, [SORRY])):
            before = len(kit.paper.sent)
            away(kit)
            await kit.say("two" if crashes == 2 else "three")
            await _dies(kit, crashes)
            away(kit, draining=False)
            await whole(kit)
            assert kit.paper.texts()[before:] == answers
        assert [turn.attempt for turn in bot.turns] == [3]
        assert await kit.rows("SELECT state, reason, attempts FROM inbox ORDER BY id") == [
            ("done", None, 3),
            ("dead", "poison", 4),
        ]
        await kit.say("go on")
        await whole(kit)
        assert kit.paper.texts()[-1] == "go on"
        assert [line.text for line in bot.turns[-1].history] == ["two", "two", "three"]


@pytest.mark.feature("INB-07")
async def test_our_own_failures_count_apart_and_are_borne_five_times(tmp_path: Path) -> None:
    async def impossible(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text="a number"))
        yield Change(variables={"number": 2**70})

    async with corridor(tmp_path) as kit:
        bot = kit.bot(impossible)
        await kit.say("count", user="bob")
        for failures in range(1, 5):
            await kit.stored("SELECT refusals, failures, attempts FROM inbox", (failures, 0, failures))
            due, now = (await kit.rows("SELECT not_before FROM inbox"))[0][0], kit.clock.now()
            assert due - now <= 1000 * 2 ** (failures - 1)
            await on(kit, 60)
        await whole(kit)
        assert len(bot.turns) == 5
        assert kit.paper.texts() == [SORRY]
        assert await kit.rows("SELECT state, reason FROM inbox") == [("dead", "poison")]
        assert await kit.rows("SELECT role, flag FROM message ORDER BY seq") == [("user", ""), ("system", "failed")]
        kit.bot()
        await kit.say("go on", user="bob")
        await whole(kit)
        assert kit.paper.texts()[-1] == "go on"


@pytest.mark.feature("INB-07", "INB-02")
async def test_what_nobody_can_read_is_not_in_the_way_for_ever(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        away(kit)
        await kit.say("one")
        await kit.say("two")
        await kit.corridor.db.write(plain, "UPDATE inbox SET body = '{' WHERE id = 1")
        away(kit, draining=False)
        for failures in range(1, 5):
            await kit.stored("SELECT refusals FROM inbox WHERE id = 1", (failures,))
            await on(kit, 60)
        await whole(kit)
        assert await kit.rows("SELECT state, reason FROM inbox ORDER BY id") == [("dead", "poison"), ("done", None)]
        assert kit.paper.texts() == ["two"]


def failing(*errors: Exception | None) -> Any:
    """A bot that fails like this, turn by turn, and then echoes."""
    plan = list(errors)

    async def answers(turn: Turn) -> AsyncIterator[Piece]:
        error = plan.pop(0) if plan else None
        if error is not None:
            raise error
        async for piece in echoes(turn):
            yield piece

    return answers


@pytest.mark.feature("BOT-06", "INB-07")
async def test_a_bots_failures_are_its_own(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        away(kit)
        await kit.say("hello")
        await _dies(kit, 2)
        bot = kit.bot(failing(*[BotUnavailable("away")] * 4))
        away(kit, draining=False)
        for failures in range(1, 5):
            counts = "SELECT failures, refusals, attempts FROM inbox"
            await kit.stored(counts, (failures, 0, failures + 2))
            await on(kit, 60)
        await whole(kit)
        assert [turn.attempt for turn in bot.turns] == [3, 4, 5, 6, 7]
        assert len({turn.id for turn in bot.turns}) == 1
        assert kit.paper.texts() == ["hello"]


@pytest.mark.feature("BOT-06")
@pytest.mark.parametrize(
    ("errors", "asked"), [([BotUnavailable("away")] * 9, 5), ([BotBroken("no")], 1), ([ValueError("what")], 1)]
)
async def test_a_bot_that_fails_for_good_leads_to_an_apology(
    tmp_path: Path, errors: list[Exception], asked: int
) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot(failing(*errors))
        await kit.say("hello", event="x")
        for failures in range(1, asked):
            await kit.stored("SELECT failures FROM inbox", (failures,))
            await on(kit, 60)
        await whole(kit)
        assert len(bot.turns) == asked
        assert await kit.rows("SELECT state, reason FROM inbox") == [("dead", "bot_failed")]
        assert kit.paper.texts() == [SORRY]
        assert (await kit.say("hello", event="x")).outcome == "duplicate"


@pytest.mark.feature("BOT-06")
async def test_a_bots_own_wish_to_wait_is_obeyed(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot(failing(BotUnavailable("busy", after=300)))
        before = kit.clock.now()
        await kit.say("hello")
        await kit.stored("SELECT failures FROM inbox", (1,))
        due = (await kit.rows("SELECT not_before FROM inbox"))[0][0]
        assert before + 300_000 <= due <= kit.clock.now() + 300_000
        assert await kit.rows("SELECT in_due_at, in_holder FROM lane") == [(due, None)]
        await on(kit, 301)
        await whole(kit)
        assert len(bot.turns) == 2


@pytest.mark.feature("BOT-06", "INB-07")
async def test_an_open_circuit_counts_for_nobody_and_one_success_closes_it(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot(failing(*[BotBroken("no")] * 5))
        for number in range(5):
            await kit.say("hello", user=f"user-{number}")
        await whole(kit)
        assert kit.corridor.desk.seats("b").breaker.open
        waiting = [await kit.say("now?", user=f"user-{number}") for number in range(10)]
        assert {accepted.envelope for accepted in waiting} == {None}
        await kit.stored("SELECT COUNT(*), SUM(attempts), MAX(in_holder) FROM inbox, lane WHERE 0", (0, None, None))
        assert await kit.rows("SELECT SUM(attempts) FROM inbox WHERE state = 'waiting'") == [(0,)]
        assert len(bot.turns) == 5
        await on(kit, 31)
        await whole(kit)
        assert kit.paper.texts()[5:] == ["now?"] * 10
        assert [turn.attempt for turn in bot.turns[5:]] == [1] * 10


@pytest.mark.feature("BOT-06")
async def test_a_probe_is_not_spent_on_nothing(tmp_path: Path) -> None:
    """After an outage the first message is the probe, whenever it comes."""
    async with corridor(tmp_path) as kit:
        kit.bot(failing(*[BotBroken("no")] * 5))
        for number in range(5):
            await kit.say("hello", user=f"user-{number}")
        await whole(kit)
        kit.clock.ahead += 31
        for _ in range(3):  # looked for, and nothing there
            await kit.router._look_for_turns("b")
        accepted = await kit.say("anyone?")
        assert accepted.envelope is not None
        await whole(kit)
        assert kit.paper.texts()[-1] == "anyone?"
        assert not kit.corridor.desk.seats("b").breaker.open


@pytest.mark.feature("STO-06", "INB-02", "LIF-19")
async def test_a_drain_puts_work_back_uncounted(tmp_path: Path) -> None:
    async def never(turn: Turn) -> AsyncIterator[Piece]:
        await asyncio.Event().wait()
        yield Say(Outbound())

    for restart in range(5):
        async with corridor(tmp_path) as kit:
            bot = kit.bot(never)
            for user in ("ada", "bob"):
                await kit.say(f"{restart}", user=user)
            await kit.until(lambda bot=bot: len(bot.turns) == 2)  # type: ignore[misc]
            await kit.router.drain(0)
            await kit.stored("SELECT SUM(attempts), COUNT(in_holder) FROM inbox, lane", (0, 0))
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await whole(kit)
        for user in ("ada", "bob"):
            assert kit.paper.texts(user) == ["0", "1", "2", "3", "4"]
        assert {turn.attempt for turn in bot.turns} == {1}


@pytest.mark.feature("STO-06")
async def test_a_drain_waits_for_what_ends_in_time(tmp_path: Path) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        begun.set()
        await go.wait()
        async for piece in echoes(turn):
            yield piece

    async with corridor(tmp_path) as kit:
        kit.bot(slow)
        await kit.say("one")
        await kit.say("two")
        await begun.wait()
        draining = asyncio.ensure_future(kit.router.drain(20))
        await asyncio.sleep(0)
        assert (await kit.say("three")).outcome == "stored"
        go.set()
        await draining
        assert await kit.rows("SELECT state, attempts FROM inbox ORDER BY id") == [
            ("done", 1),
            ("waiting", 0),
            ("waiting", 0),
        ]
        assert await kit.rows("SELECT in_holder, out_holder FROM lane") == [(None, None)]
    async with corridor(tmp_path) as kit:
        await whole(kit)
        assert kit.paper.texts() == ["one", "two", "three"]


@pytest.mark.feature("INB-06")
async def test_a_backlog_is_answered_oldest_first(tmp_path: Path) -> None:
    users = [f"user-{(7 * number) % 20}" for number in range(20)]
    async with corridor(tmp_path) as kit:
        away(kit)
        for user in users:
            await kit.say("hello", user=user)
            kit.clock.ahead += 1
    yaml = """
bots: {b: {kind: echo, concurrency: 1}}
channels: {p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}}}
"""
    async with corridor(tmp_path, yaml) as kit:
        kit.clock.ahead = 60
        bot = kit.bot()
        await whole(kit)
        assert [turn.message.address.user for turn in bot.turns] == users


@pytest.mark.feature("INB-06")
@pytest.mark.parametrize("drop", [False, True])
async def test_what_waited_for_a_day_is_answered_with_an_excuse_or_dropped(tmp_path: Path, drop: bool) -> None:
    yaml = f"""
bots: {{b: {{kind: echo}}}}
channels: {{p: {{platform: tests.paper, bot: b, limits: {{send: off, messages: off}}}}}}
inbox: {{drop_stale: {str(drop).lower()}}}
"""
    async with corridor(tmp_path, yaml) as kit:
        bot = kit.bot()
        away(kit)
        await kit.say("old")
        kit.clock.ahead += 24 * 3600
        await kit.say("new", user="bob")
        kit.clock.ahead += 1
        away(kit, draining=False)
        await whole(kit)
        late = kit.here.say("en")("late")
        assert kit.paper.texts("bob") == ["new"]
        assert kit.paper.texts("ada") == ([] if drop else [f"{late}\n\nold"])
        assert len(bot.turns) == (1 if drop else 2)
        old = ("dead", "stale") if drop else ("done", None)
        assert await kit.rows("SELECT state, reason FROM inbox ORDER BY id") == [old, ("done", None)]


async def _taken_over(kit: Kit, me: str) -> None:
    """Another worker takes all lanes, as it may once our leases have lapsed."""
    later = kit.clock.now() + 60_000
    assert await kit.corridor.db.write(lanes.claim, INBOX, "b", me, later, later, 10)


class Held:
    """A bot that thinks until it is told to go on."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, turn: Turn) -> AsyncIterator[Piece]:
        await self.go.wait()
        yield Say(Outbound(text=f"attempt {turn.attempt}"))


@pytest.mark.feature("ORD-03", "INB-02")
@pytest.mark.parametrize("told", [True, False])
async def test_who_has_lost_the_lane_changes_nothing(tmp_path: Path, told: bool) -> None:
    async with corridor(tmp_path) as kit:
        held = Held()
        bot: Scripted = kit.bot(held)
        await kit.say("hello")
        await kit.until(lambda: len(bot.turns) == 1)
        await _taken_over(kit, "other")
        if told:  # by the heartbeat; else it finds out when it wants to commit
            await kit.router.renew()
        held.go.set()
        await kit.until(lambda: not kit.router.turns.running)
        assert await kit.rows("SELECT COUNT(*) FROM message") == [(0,)]
        assert await kit.rows("SELECT state, attempts FROM inbox") == [("waiting", 1)]
        await on(kit, 61)  # the other one is never heard of again
        await whole(kit)
        assert kit.paper.texts() == ["attempt 2"]
        assert await kit.rows("SELECT role FROM message ORDER BY seq") == [("user",), ("assistant",)]


@pytest.mark.feature("ORD-03")
async def test_a_heartbeat_disturbs_nobody_who_holds_a_lane(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        for round in range(40):
            said = [kit.say(f"{round}", user=f"user-{number}") for number in range(5)]
            await asyncio.gather(kit.router.renew(), *said, kit.router.renew())
        await whole(kit)
        assert {turn.attempt for turn in bot.turns} == {1}
        assert len(kit.paper.sent) == 200


@pytest.mark.feature("ORD-03", "OUT-05")
async def test_a_clock_that_jumps_asks_and_sends_nothing_twice(tmp_path: Path) -> None:
    """A suspended machine wakes up hours later with its turns and its requests still under way."""
    async with corridor(tmp_path) as kit:
        held, arrived, accept = Held(), asyncio.Event(), asyncio.Event()

        async def slow(part: object) -> None:
            arrived.set()
            await accept.wait()

        kit.paper.before = slow
        bot = kit.bot(held)
        await kit.say("hello")
        await kit.until(lambda: len(bot.turns) == 1)
        kit.corridor.clock.ahead += 7200  # type: ignore[attr-defined]
        for _ in range(3):
            await kit.router._look_for_turns("b")
        held.go.set()
        await arrived.wait()
        kit.corridor.clock.ahead += 7200  # type: ignore[attr-defined]
        for _ in range(3):
            await kit.router._look_for_parts("p")
        accept.set()
        await whole(kit)
        assert len(bot.turns) == 1
        assert kit.paper.texts() == ["attempt 1"]


@pytest.mark.feature("INB-02")
async def test_what_nobody_works_on_is_found_again(tmp_path: Path) -> None:
    """A caller who is cut off while the store writes leaves a lane held by nobody."""
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        leaving = asyncio.ensure_future(kit.say("hello"))
        while kit.corridor.desk.taken == 0:
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        assert kit.corridor.desk.taken == 0
        await kit.stored("SELECT attempts, in_holder FROM inbox, lane", (1, kit.corridor.me))
        await kit.router.renew()
        kit.router.ring_bot("b")
        await whole(kit)
        assert kit.paper.texts() == ["hello"]
        assert len(bot.turns) == 1


@pytest.mark.feature("INB-02")
async def test_putting_back_is_for_who_holds_the_lane(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        held = Held()
        bot = kit.bot(held)
        await kit.say("hello")
        await kit.until(lambda: len(bot.turns) == 1)
        mine = next(iter(kit.router.turns.running.values())).envelope
        await _taken_over(kit, "other")
        assert not await kit.corridor.db.write(inbox.give_back, mine.lease, mine.entry.id, 0, failed=1)
        assert await kit.rows("SELECT failures, attempts FROM inbox") == [(0, 1)]
        held.go.set()
        await on(kit, 61)
        await whole(kit)
