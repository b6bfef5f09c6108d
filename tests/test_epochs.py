"""The reset epoch: nothing from before a reset is answered or sent after it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import sessions
from gateway.bot import Change, Piece, Say
from gateway.message import Outbound, Turn
from tests.kit import Kit, corridor
from tests.steps import Held, whole

pytestmark = pytest.mark.store


class Wire:
    """The way out of a corridor: the first part is `taken` onto it, and arrives when the platform may `accept` it."""

    def __init__(self, kit: Kit) -> None:
        self.taken, self.accept = asyncio.Event(), asyncio.Event()
        kit.paper.before = self._carry

    async def _carry(self, part: object) -> None:
        self.taken.set()
        await self.accept.wait()


@pytest.mark.feature("LIF-11")
async def test_an_answer_that_comes_after_a_reset_is_dropped(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        held = Held()
        bot = kit.bot(held)
        await kit.say("one")
        await kit.say("two")
        await kit.until(lambda: bot.turns != [])
        await kit.say("/reset")
        held.go.set()
        await kit.say("three")
        await whole(kit)
        assert kit.paper.texts() == ["Conversation reset.", "attempt 1"]
        assert [turn.message.text for turn in bot.turns] == ["one", "three"]
        before, after = (turn.session for turn in bot.turns)
        assert before.id != after.id
        assert (before.epoch, after.epoch) == (0, 1)
        assert bot.turns[1].history == ()
        assert await kit.rows("SELECT state, reason FROM inbox ORDER BY seq") == [
            ("dropped", "superseded"),
            ("dropped", "superseded"),
            ("done", "command"),
            ("done", None),
        ]


@pytest.mark.feature("LIF-11")
async def test_parts_from_before_a_reset_are_not_sent(tmp_path: Path) -> None:
    async def long(turn: Turn) -> AsyncIterator[Piece]:
        for number in range(3):
            yield Say(Outbound(text=f"{turn.message.text} {number}"))

    async with corridor(tmp_path) as kit:
        wire = Wire(kit)
        kit.bot(long)
        await kit.say("old")
        await wire.taken.wait()  # the first part is on the wire
        await kit.say("/reset")
        await kit.say("new")
        wire.accept.set()
        await whole(kit)
        assert kit.paper.texts() == ["old 0", "Conversation reset.", "new 0", "new 1", "new 2"]
        assert await kit.rows("SELECT state, reason FROM outbox ORDER BY seq LIMIT 3") == [
            ("sent", None),
            ("dropped", "superseded"),
            ("dropped", "superseded"),
        ]


@pytest.mark.feature("LIF-11", "LIF-15")
@pytest.mark.parametrize("how", ["ended", "resolved", "settled", "timeout"])
async def test_a_close_that_nobody_asked_for_lets_queued_parts_go_out(tmp_path: Path, how: str) -> None:
    async def long(turn: Turn) -> AsyncIterator[Piece]:
        for number in range(3):
            yield Say(Outbound(text=f"{number}"))
        yield Change(end_session=how == "ended", resolved=how == "resolved" or None)

    async with corridor(tmp_path) as kit:
        wire = Wire(kit)
        kit.bot(long)
        await kit.say("hello")
        await wire.taken.wait()  # the first part is on the wire
        session = (await kit.rows("SELECT id FROM session"))[0][0]
        if how == "settled":
            assert await kit.corridor.db.write(sessions.resolve, session, True, "user", kit.clock.now())
        elif how == "timeout":
            assert await kit.corridor.db.write(sessions.close, session, "timeout", kit.clock.now())
        reason = {"ended": "bot", "timeout": "timeout"}.get(how, "resolved")
        assert await kit.rows("SELECT state, reason, ended_at > 0 FROM session") == [("closed", reason, 1)]
        wire.accept.set()
        await whole(kit)
        assert kit.paper.texts() == ["0", "1", "2"]


@pytest.mark.feature("LIF-11", "LIF-13")
async def test_an_end_by_its_user_drops_queued_parts(tmp_path: Path) -> None:
    async def long(turn: Turn) -> AsyncIterator[Piece]:
        for number in range(3):
            yield Say(Outbound(text=f"{number}"))

    async with corridor(tmp_path) as kit:
        wire = Wire(kit)
        kit.bot(long)
        await kit.say("hello")
        await wire.taken.wait()
        await kit.say("/end")
        wire.accept.set()
        await whole(kit)
        assert kit.paper.texts() == ["0", "Conversation ended."]


@pytest.mark.feature("LIF-11", "OUT-03")
@pytest.mark.parametrize("steps", range(12))
async def test_a_reset_between_two_parts(tmp_path: Path, steps: int) -> None:
    """Wherever it falls between the parts of an answer, nothing old follows it, and nothing is sent by two."""

    async def long(turn: Turn) -> AsyncIterator[Piece]:
        for number in range(6):
            yield Say(Outbound(text=f"{number}"))

    async with corridor(tmp_path) as kit:
        kit.bot(long)
        await kit.say("old")
        await kit.until(lambda: kit.paper.sent != [])
        for _ in range(steps):
            await asyncio.sleep(0)
        await kit.say("/reset")
        await whole(kit)
        texts = kit.paper.texts()
        before = texts.index("Conversation reset.")
        assert texts == [*map(str, range(before)), "Conversation reset."]


@pytest.mark.feature("LIF-11", "LIF-13")
async def test_an_end_that_meets_the_beginning_of_a_turn_opens_nothing(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot()
        for number in range(20):
            user = f"user-{number}"
            await asyncio.gather(kit.say("hello", user=user), kit.say("/end", user=user))
        await whole(kit)
        assert await kit.rows("SELECT COUNT(*) FROM session WHERE state <> 'closed'") == [(0,)]


@pytest.mark.feature("LIF-11", "LIF-19")
async def test_a_reset_holds_across_a_restart(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot()
        kit.here.health("auth")  # what is said waits
        await kit.say("old")
        await kit.until(lambda: not kit.router.turns.running)
        await kit.say("/reset")
        await kit.stored("SELECT COUNT(*), SUM(pending) FROM outbox, lane WHERE lane.id = 1", (2, 2))
    async with corridor(tmp_path) as kit:
        await whole(kit)
        assert kit.paper.texts() == ["Conversation reset."]
