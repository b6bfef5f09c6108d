"""What fails: the process, ourselves, the bot; each counted apart, none in the way for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.bot import Change, Piece, Say
from gateway.errors import BotBroken, BotUnavailable
from gateway.inbox import claim
from gateway.message import Outbound, Turn
from tests.kit import YAML, Kit, corridor, echoes, said
from tests.steps import away, later, plain, whole

pytestmark = pytest.mark.store

SORRY = "Something went wrong. Please try again."


async def _dies(kit: Kit, times: int) -> None:
    """A worker takes what waits and is never heard of again, so often."""
    for number in range(times):
        now = kit.clock.now()
        envelopes, _ = await kit.corridor.db.write(claim, "b", f"dead-{number}", now, now, 10)
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
        before = kit.clock.now()
        await kit.say("count", user="bob")
        for failures in range(1, 5):
            await kit.stored("SELECT refusals, failures, attempts FROM inbox", (failures, 0, failures))
            due, now = (await kit.rows("SELECT not_before FROM inbox"))[0][0], kit.clock.now()
            assert before + 500 * 2 ** (failures - 1) <= due <= now + 1000 * 2 ** (failures - 1)
            later(kit, 60)
            before = kit.clock.now()
        await whole(kit)
        assert len(bot.turns) == 5
        assert kit.paper.texts() == [SORRY]
        assert await kit.rows("SELECT state, reason FROM inbox") == [("dead", "poison")]
        assert await kit.rows("SELECT role, flag FROM message ORDER BY seq") == [("user", ""), ("system", "failed")]
        kit.bot()
        await kit.say("go on", user="bob")
        await whole(kit)
        assert kit.paper.texts()[-1] == "go on"


@pytest.mark.feature("INB-07")
async def test_how_often_and_how_far_apart_is_the_operators_choice_up_to_a_minute(tmp_path: Path) -> None:
    yaml = YAML + "inbox: {attempts: 10}\n"

    async def impossible(turn: Turn) -> AsyncIterator[Piece]:
        yield Change(variables={"number": 2**70})

    async with corridor(tmp_path, yaml) as kit:
        bot, before = kit.bot(impossible), kit.clock.now()
        await kit.say("count")
        for failures in range(1, 10):
            await kit.stored("SELECT refusals FROM inbox", (failures,))
            due = (await kit.rows("SELECT not_before FROM inbox"))[0][0]
            assert failures < 7 or before + 30_000 <= due <= kit.clock.now() + 60_000
            later(kit, 60)
            before = kit.clock.now()
        await whole(kit)
        assert len(bot.turns) == 10
        assert kit.paper.texts() == [SORRY]


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
            later(kit, 60)
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
        bot, before = kit.bot(failing(*[BotUnavailable("away")] * 4)), kit.clock.now()
        away(kit, draining=False)
        for failures in range(1, 5):
            counts = "SELECT failures, refusals, attempts FROM inbox"
            await kit.stored(counts, (failures, 0, failures + 2))
            due, now = (await kit.rows("SELECT not_before FROM inbox"))[0][0], kit.clock.now()
            assert before + 500 * 2 ** (failures - 1) <= due <= now + 1000 * 2 ** (failures - 1)
            later(kit, 60)
            before = kit.clock.now()
        await whole(kit)
        assert [turn.attempt for turn in bot.turns] == [3, 4, 5, 6, 7]
        assert len({turn.id for turn in bot.turns}) == 1
        assert kit.paper.texts() == ["hello"]


@pytest.mark.feature("BOT-06")
@pytest.mark.parametrize(
    ("errors", "asked"), [([BotUnavailable("away")] * 9, 4), ([BotBroken("no")], 1), ([ValueError("what")], 1)]
)
async def test_a_bot_that_fails_for_good_leads_to_an_apology(
    tmp_path: Path, errors: list[Exception], asked: int
) -> None:
    async with corridor(tmp_path, YAML.replace("{kind: echo}", "{kind: echo, retries: 3}")) as kit:
        bot = kit.bot(failing(*errors))
        await kit.say("hello", event="x")
        for failures in range(1, asked):
            await kit.stored("SELECT failures FROM inbox", (failures,))
            later(kit, 60)
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
        later(kit, 301)
        await whole(kit)
        assert len(bot.turns) == 2


@pytest.mark.feature("BOT-06", "INB-07")
async def test_an_open_circuit_counts_for_nobody_and_one_success_closes_it(tmp_path: Path) -> None:
    async with corridor(tmp_path, YAML.replace("{kind: echo}", "{kind: echo, away_after: 1m}")) as kit:
        bot = kit.bot(failing(*[BotBroken("no")] * 5))
        for number in range(5):
            await kit.say("hello", user=f"user-{number}")
        await whole(kit)
        assert kit.corridor.desk.seats("b").breaker.open
        waiting = [await kit.say("now?", user=f"user-{number}") for number in range(10)]
        assert {accepted.envelope for accepted in waiting} == {None}
        await kit.stored("SELECT COUNT(*), SUM(attempts), MAX(in_holder) FROM inbox, lane WHERE 1 = 0", (0, None, None))
        assert await kit.rows("SELECT SUM(attempts) FROM inbox WHERE state = 'waiting'") == [(0,)]
        assert len(bot.turns) == 5
        later(kit, 31)
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


@pytest.mark.feature("CFG-04", "ORD-01")
async def test_what_is_taken_in_while_its_channel_ends_is_answered_at_once(tmp_path: Path) -> None:
    """A turn is taken with its message: whoever is cancelled in between leaves no lease behind that must run out."""
    async with corridor(tmp_path, start=False) as kit:  # nobody looks for such leases
        bot, gate = kit.bot(), kit.here.adapter.gate
        for steps in range(1, 30):
            taking = asyncio.create_task(gate.receive_all([(said(kit.here, f"after {steps}", user=str(steps)), b"")]))
            for _ in range(steps):
                await asyncio.sleep(0)
            taking.cancel()
            await asyncio.wait([taking])
            await kit.until(lambda steps=steps: len(bot.turns) == steps)  # type: ignore[misc]
