"""The main road: a message comes in, is written down, is answered, and the answer leaves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Piece
from gateway.message import Turn
from tests.kit import corridor, echoes

pytestmark = pytest.mark.store


@pytest.mark.feature("LIF-01", "OUT-01", "MEM-01")
async def test_a_message_is_answered_and_both_are_kept(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        accepted = await kit.say("hello")
        await kit.quiet()
        assert accepted.outcome == "stored"
        assert kit.paper.texts() == ["hello"]
        lines = await kit.rows("SELECT role, text FROM message ORDER BY seq")
        assert lines == [("user", "hello"), ("assistant", "hello")]
        assert await kit.rows("SELECT state FROM inbox") == [("done",)]
        assert await kit.rows("SELECT state, ref FROM outbox") == [("sent", "ref-1")]
        assert await kit.rows("SELECT waiting, pending, in_due_at, out_due_at FROM lane") == [(0, 0, None, None)]


@pytest.mark.feature("ORD-01", "ORD-03")
async def test_messages_of_one_session_are_answered_one_at_a_time_in_order(tmp_path: Path) -> None:
    busy = 0

    async def counting(turn: Turn) -> AsyncIterator[Piece]:
        nonlocal busy
        busy += 1
        assert busy == 1
        async for piece in echoes(turn):
            yield piece
        busy -= 1

    async with corridor(tmp_path) as kit:
        bot = kit.bot(counting)
        for number in range(30):
            await kit.say(str(number))
        await kit.quiet()
        wanted = [str(number) for number in range(30)]
        assert kit.paper.texts() == wanted
        assert [turn.message.text for turn in bot.turns] == wanted
        for number, turn in enumerate(bot.turns):
            before = [text for earlier in wanted[:number] for text in (earlier, earlier)]
            assert [line.text for line in turn.history] == before[len(before) - len(turn.history) :]
