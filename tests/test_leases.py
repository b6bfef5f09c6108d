"""Leases: who has lost a lane changes nothing, and nobody loses one without need."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import inbox, lanes
from gateway.bot import Delta, Piece, Say
from gateway.db import Tx
from gateway.lanes import INBOX
from gateway.memory import Memory, Remembered
from gateway.message import Outbound, Part, Turn
from tests.kit import Kit, Scripted, Ticking, corridor
from tests.steps import Held, later, whole

pytestmark = pytest.mark.store


async def _taken_over(kit: Kit, me: str) -> None:
    """Another worker takes all lanes, as it may once our leases have lapsed."""
    later = kit.clock.now() + 60_000
    assert await kit.corridor.db.write(lanes.claim, INBOX, "b", me, later, later, 10)


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
        later(kit, 61)  # the other one is never heard of again
        await whole(kit)
        assert kit.paper.texts() == ["attempt 2"]
        assert await kit.rows("SELECT role FROM message ORDER BY seq") == [("user",), ("assistant",)]


class Standstill:
    """Copies of sessions that come when our leases have run out."""

    def __init__(self, kit: Kit) -> None:
        self._kit, self.asked = kit, 0

    async def recall(self, session: str, version: int, reach: int) -> None:
        self.asked += 1
        if self.asked == 1:
            later(self._kit, self._kit.corridor.lease)

    def keep(self, session: str, kept: Remembered) -> None: ...

    def drop(self, session: str, *, erased: bool = False) -> None: ...


@pytest.mark.feature("ORD-03", "STO-05")
async def test_who_may_have_lost_the_lane_does_not_ask_the_bot(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot: Scripted = kit.bot()
        kit.corridor.memory = Memory(kit.corridor.db, cache=(still := Standstill(kit)))
        await kit.say("hello")
        await kit.until(lambda: still.asked == 1 and not kit.router.turns.running)
        assert not bot.turns
        for _ in range(2):  # nobody has taken it: it is let go of, and taken once more
            await kit.router.renew()
            later(kit, kit.corridor.lease)
        await whole(kit)
        assert [turn.attempt for turn in bot.turns] == [2]


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


@pytest.mark.feature("ORD-03", "OUT-03")
async def test_a_lease_that_nobody_works_under_is_let_go_once_it_has_looked_so_for_long(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot()
        await kit.say("hello")
        await whole(kit)
        await kit.corridor.db.write(_in_our_name, kit.corridor.me, kit.clock.now() + 60_000)
        await kit.router.renew()
        later(kit, 1)
        await kit.router.renew()
        assert await kit.rows("SELECT out_holder FROM lane") == [(kit.corridor.me,)]
        later(kit, kit.corridor.lease / 4)
        await kit.router.renew()
        assert await kit.rows("SELECT out_holder FROM lane") == [(None,)]


def _in_our_name(me: str, until: int) -> Tx[None]:
    yield "UPDATE lane SET out_holder = $1, out_due_at = $2 WHERE id = 1", (me, until)


class Noting(Ticking):
    """Nothing is waited for; how long it would have been is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []
        self.goes_on = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.goes_on.wait()
        await asyncio.sleep(0)  # others have their turn


@pytest.mark.feature("ORD-03")
async def test_every_third_of_a_lease_it_is_renewed_whatever_the_bot_takes(tmp_path: Path) -> None:
    async with corridor(tmp_path, start=False) as kit:
        held, clock = Held(), Noting()
        bot = kit.bot(held)
        await kit.say("hello")
        await kit.until(lambda: len(bot.turns) == 1)
        (before,) = await kit.rows("SELECT in_due_at FROM lane")
        kit.corridor.clock = clock
        clock.ahead += 12
        kit.router.start()
        await kit.until(lambda: 5.0 in clock.asked)  # of 15
        clock.goes_on.set()
        await kit.until(lambda: clock.asked.count(5.0) >= 2)
        assert (await kit.rows("SELECT in_due_at FROM lane"))[0][0] >= before[0] + 12_000
        held.go.set()
        await whole(kit)
        assert kit.paper.texts() == ["attempt 1"]


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


@pytest.mark.feature("ORD-03", "OUT-05")
@pytest.mark.parametrize("parts", [1, 2])
async def test_what_may_not_be_ours_any_more_is_not_sent(tmp_path: Path, parts: int) -> None:
    """The process stands still between the moment for which it reckoned its lease and the send."""

    async def speaks(turn: Turn) -> AsyncIterator[Piece]:
        for number in range(parts):
            yield Say(Outbound(text=str(number)))
        asyncio.get_running_loop().call_soon(stand_still)  # while the end of the turn is committed

    def stand_still() -> None:
        kit.clock.ahead += 13  # of 15

    async with corridor(tmp_path) as kit:
        kit.bot(speaks)
        with capture_logs() as told:
            await kit.say("hello")
            await whole(kit)
        assert [one["event"] for one in told] == ["send.late"]
        assert kit.paper.texts() == ["0", "1"][:parts]
        assert await kit.rows("SELECT state, attempts, unknowns FROM outbox") == [("sent", 1, 0)] * parts


@pytest.mark.feature("ORD-03", "OUT-05")
async def test_a_renewal_counts_for_the_leases_that_it_has_found(tmp_path: Path) -> None:
    async with corridor(tmp_path, start=False) as kit:
        arrived, accept = asyncio.Event(), asyncio.Event()

        async def slow(part: Part) -> None:
            if part.text == "0":
                arrived.set()
                await accept.wait()

        async def speaks(turn: Turn) -> AsyncIterator[Piece]:
            for number in range(2):
                yield Say(Outbound(text=str(number)))

        kit.bot(speaks)
        kit.paper.before = slow
        with capture_logs() as told:
            await kit.say("hello")
            await arrived.wait()
            kit.clock.ahead += 10
            await kit.router.renew()
            kit.clock.ahead += 10  # longer than a lease since it was taken, and not since it was renewed
            accept.set()
            await kit.until(lambda: kit.paper.texts() == ["0", "1"])
            await whole(kit)
        assert told == []


@pytest.mark.feature("INB-02")
async def test_what_nobody_works_on_is_found_again(tmp_path: Path) -> None:
    """A caller who is cut off while the store writes leaves a lane held by nobody."""
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.until(lambda: kit.corridor.desk.taken == 0)
        leaving = asyncio.ensure_future(kit.say("hello"))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
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
        later(kit, 61)
        await whole(kit)


@pytest.mark.feature("LIF-18")
async def test_a_stop_whose_turn_died_with_its_process_keeps_nothing_and_asks_nobody_again(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def endless(turn: Turn) -> AsyncIterator[Piece]:
        yield Delta("half an answer")
        begun.set()
        await asyncio.Event().wait()

    async with corridor(tmp_path) as kit:
        bot = kit.bot(endless)
        await kit.say("hello")
        await begun.wait()
        await _taken_over(kit, "other")
        await kit.router.renew()  # what was written here is lost, as in a crash
        await kit.until(lambda: not kit.router.turns.running)
        await kit.say("/stop")
        later(kit, 61)  # the other one is never heard of again
        await whole(kit)
        assert kit.paper.texts() == ["Stopped."]
        assert len(bot.turns) == 1
        lines = await kit.rows("SELECT role, text FROM message WHERE role <> 'system'")
        assert lines == [("user", "hello")]
        assert await kit.rows("SELECT state, reason FROM inbox ORDER BY seq LIMIT 1") == [("done", "cancelled")]
