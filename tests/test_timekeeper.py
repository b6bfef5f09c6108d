"""What waits goes along with a clock that jumps: nothing is put off by it, nothing has become old by it."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import tenure
from gateway.bot import Piece, Say
from gateway.clock import ServerClock
from gateway.errors import BotUnavailable, Retry
from gateway.history import newest
from gateway.housekeeping import PROVEN
from gateway.message import Outbound, Turn
from gateway.pace import Level, Pace
from gateway.retention import KEPT
from gateway.timekeeper import Timekeeper
from tests.keeping import Kept, kept
from tests.kit import YAML, Kit, corridor, echoes
from tests.steps import away, later, plain, whole

pytestmark = [pytest.mark.feature("STO-06"), pytest.mark.store]

HOUR, DAY, A_LITTLE = 3600.0, 86_400.0, 5.0
JUMPS_BACK = pytest.mark.parametrize("seconds", [-A_LITTLE, -HOUR, -DAY])


async def jumps(kit: Kit, seconds: float, keeper: Timekeeper | None = None) -> None:
    """The clock that ours goes by jumps, and that is seen."""
    before = kit.clock.now()
    kit.clock.astray += seconds
    await (keeper or Timekeeper(kit.corridor)).look()
    assert kit.clock.now() - before == pytest.approx(seconds * 1000, abs=60_000 if abs(seconds) > A_LITTLE else 4_000)


async def away_at_first(turn: Turn) -> AsyncIterator[Piece]:
    if turn.attempt == 1:
        raise BotUnavailable("away", after=60)
    yield Say(Outbound(text=f"attempt {turn.attempt}"))


async def waits(kit: Kit, box: str) -> None:
    """Wait until something waits for its time, a minute long."""
    await kit.stored(f"SELECT COUNT(*) FROM {box} WHERE not_before > 0", (1,))


@JUMPS_BACK
async def test_a_message_that_waits_for_its_bot_is_answered_after_a_jump_back(tmp_path: Path, seconds: float) -> None:
    async with corridor(tmp_path, start=False) as kit:
        kit.bot(away_at_first)
        await kit.say("hello")
        await waits(kit, "inbox")
        await jumps(kit, seconds)
        later(kit, 0)
        await whole(kit)
        assert kit.paper.texts() == ["attempt 2"]


@JUMPS_BACK
async def test_a_part_that_waits_for_its_platform_is_sent_after_a_jump_back(tmp_path: Path, seconds: float) -> None:
    async with corridor(tmp_path, start=False) as kit:
        kit.bot(echoes)
        kit.paper.fail(lambda: Retry("slow down", after=60))
        await kit.say("hello")
        await waits(kit, "outbox")
        await jumps(kit, seconds)
        kit.router.ring_channel("p")
        await whole(kit)
        assert kit.paper.texts() == ["hello"]


async def test_what_is_written_by_the_time_of_before_is_seen_at_the_second_look(tmp_path: Path) -> None:
    async with corridor(tmp_path, start=False) as kit:
        bot, keeper, before = kit.bot(echoes), Timekeeper(kit.corridor), kit.clock.now()
        away(kit)
        await kit.say("hello")
        await jumps(kit, -DAY, keeper)
        await kit.corridor.db.write(plain, "UPDATE lane SET in_due_at = $1", before)
        await keeper.look()
        away(kit, draining=False)
        await whole(kit)
        assert len(bot.turns) == 1


async def test_a_clock_that_went_back_while_nobody_ran_puts_nothing_off(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(away_at_first)
        kit.clock.ahead += DAY
        await kit.say("hello")
        await waits(kit, "inbox")
    async with corridor(tmp_path) as kit:
        kit.bot(away_at_first)
        await whole(kit)
        assert kit.paper.texts() == ["attempt 2"]


async def test_what_waits_for_its_time_still_does_after_a_start(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(away_at_first)
        await kit.say("hello")
        await waits(kit, "inbox")
        (due,) = await kit.rows("SELECT not_before FROM inbox")
    async with corridor(tmp_path) as kit:
        bot = kit.bot(away_at_first)
        await kit.say("hello", user="bob")
        await kit.until(lambda: len(bot.turns) > 0)
        assert await kit.rows("SELECT not_before FROM inbox ORDER BY id LIMIT 1") == [due]


@pytest.mark.parametrize("others", [0, 1])
async def test_nothing_is_too_old_after_a_jump_forward(tmp_path: Path, others: int) -> None:
    """Nor if several processes see it, each in its time."""
    async with corridor(tmp_path, start=False) as kit:
        kit.bot(away_at_first)
        kit.paper.fail(lambda: Retry("slow down", after=60))
        await kit.say("/help")
        await waits(kit, "outbox")
        await kit.say("hello")
        await waits(kit, "inbox")
        ((expires,),) = await kit.rows("SELECT expires_at FROM outbox")
        await jumps(kit, DAY + HOUR)
        for _ in range(others):
            kit.clock._zero -= DAY + HOUR
            await Timekeeper(kit.corridor).look()
        ((moved,),) = await kit.rows("SELECT expires_at FROM outbox")
        assert moved - expires == pytest.approx((DAY + HOUR) * 1000, abs=2000)
        later(kit, 60)
        kit.router.ring_channel("p")
        await whole(kit)
        assert kit.paper.texts()[1:] == ["attempt 2"], "neither given up nor late"


@pytest.mark.feature("OUT-07")
@pytest.mark.parametrize("seconds", [DAY, -DAY])
async def test_what_became_of_what_waited_meanwhile_is_kept_when_it_goes(tmp_path: Path, seconds: float) -> None:
    """A part knows its line by when both came to be, which stays as it was."""
    async with kept(tmp_path) as here:
        here.bot(echoes)
        here.paper.fail(lambda: Retry("slow down", after=60))
        session = await here.visit("ada", level="platform", wait=False)
        await waits(here, "outbox")
        await jumps(here, seconds)
        later(here, 60)
        here.router.ring_channel("p")
        await whole(here)
        assert here.paper.texts() == ["hello"]
        await here.later(KEPT / 1000 + 2 * DAY)
        assert await here.rows("SELECT COUNT(*) FROM outbox") == [(0,)]
        lines = [line for line in await here.corridor.db.read(newest, session, 50) if line.role == "assistant"]
        assert [(bool(line.ref), line.fate) for line in lines] == [(True, "sent")]


async def test_so_much_older_is_nothing_by_a_jump_forward(tmp_path: Path) -> None:
    async with corridor(tmp_path, start=False) as kit:
        began = kit.clock.now()
        kit.clock.ahead += 600
        await jumps(kit, HOUR)
        assert kit.clock.age(began) == pytest.approx(600_000, abs=30_000)
        assert kit.clock.age(kit.clock.now() - 1000) == pytest.approx(1000, abs=900)


async def test_what_the_dead_held_when_the_clock_went_back_is_free_once_a_lease_is_over(tmp_path: Path) -> None:
    async with corridor(tmp_path, start=False) as kit:
        kit.bot(away_at_first)
        await kit.say("hello")
        await waits(kit, "inbox")
        far = kit.clock.now() + 60_000
        await kit.corridor.db.write(plain, "UPDATE lane SET in_holder = 'dead', in_due_at = $1", far)
        await kit.corridor.db.write(tenure.hold, "somebody", "dead", kit.clock.now(), far)
        await jumps(kit, -DAY)
        held = await kit.rows("SELECT in_due_at FROM lane UNION ALL SELECT until FROM tenure WHERE holder = 'dead'")
        assert [until - kit.clock.now() <= kit.corridor.lease * 1000 for (until,) in held] == [True, True]


async def test_a_machine_that_is_behind_its_server_has_seen_no_jump() -> None:
    async def asked() -> int:
        return round((time.time() + HOUR) * 1000)

    clock = ServerClock(asked)
    await clock.begin()
    assert clock.now() == pytest.approx((time.time() + HOUR) * 1000, abs=60_000)
    assert clock.leapt_at < 0
    assert clock.age(clock.now() - 60_000) == pytest.approx(60_000, abs=30_000)


async def test_an_answer_that_is_being_made_is_not_late_after_a_jump_forward(tmp_path: Path) -> None:
    async with corridor(tmp_path, start=False) as kit:

        async def jumping(turn: Turn) -> AsyncIterator[Piece]:
            await jumps(kit, 2 * DAY)
            yield Say(Outbound(text="hello"))

        kit.bot(jumping)
        await kit.say("hello")
        await whole(kit)
        assert kit.paper.texts() == ["hello"]
        assert await kit.rows("SELECT COUNT(*) FROM outbox WHERE state = 'sent'") == [(1,)]


@pytest.mark.feature("LIF-05", "LIF-09")
async def test_nobodys_session_ends_by_a_jump_that_is_taken_back(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        await here.visit("ghost")
        before = await here.states()
        await jumps(here, 30 * DAY)
        await attended(here, PROVEN - 60)
        assert await here.states() == before
        await jumps(here, -30 * DAY)
        await attended(here, 120)
        assert await here.states() == {"p ghost": "dormant"}, "by the hour that has passed"
        await jumps(here, 30 * DAY)
        await attended(here, PROVEN)
        assert await here.states() == {"p ghost": "expired"}, "it stood"


async def attended(here: Kept, seconds: float) -> None:
    """Time goes by, and housekeeping is done when it is its turn."""
    here.clock.ahead += seconds
    await here.housekeeping.attend()


@pytest.mark.feature("ACC-03")
@pytest.mark.parametrize("speaker", ["", "ada"])
def test_a_jump_back_silences_nobody(speaker: str) -> None:
    pace, now = Pace(1000, 5), round(DAY * 1000)
    level: Level | None = Level()
    for _ in range(3):
        assert level is not None
        level = level.after(pace, speaker, now)
    assert level is not None
    said = 0
    while level is not None and said < 100:
        level = level.after(pace, speaker, 1000)
        said += level is not None
    assert 0 < said <= 5, "and a flood is held back as before"


@pytest.mark.feature("ACC-03")
async def test_who_is_held_back_after_a_jump_back_is_told_so(tmp_path: Path) -> None:
    async with corridor(tmp_path, YAML.replace("messages: off", "messages: 1/m"), start=False) as kit:
        for seconds in (0, -DAY):
            await jumps(kit, seconds)
            await kit.say("one")
            await kit.say("two")
            await whole(kit)
        told = [text for text in kit.paper.texts() if text not in ("one", "two")]
        assert len(told) == 2
