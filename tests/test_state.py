"""What bots keep: variables and context of a session, data about a participant, and nothing of it is anybody else's."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.message import Outbound, Turn
from tests.kit import corridor

POLICY = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paper, bot: b, limits: {send: off, messages: off, variables: 1KB}}}
"""


@pytest.mark.feature("MEM-07", "MEM-11")
async def test_variables_and_context_are_changes_not_documents(tmp_path: Path) -> None:
    changes = iter(
        [
            Change(variables={"a": 1, "b": 2}, context={"prompt": "short"}),
            Change(variables={"b": None, "c": 3}),
            Change(context={"prompt": None}),
        ]
    )

    async def sets(turn: Turn) -> AsyncIterator[Piece]:
        if (change := next(changes, None)) is not None:
            yield change
        yield Say(Outbound(text="ok"))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(sets)
        for number in range(4):
            await kit.say(str(number))
        await kit.quiet()
        seen = [(dict(turn.session.variables), dict(turn.session.context)) for turn in bot.turns]
        assert seen == [
            ({}, {}),
            ({"a": 1, "b": 2}, {"prompt": "short"}),
            ({"a": 1, "c": 3}, {"prompt": "short"}),
            ({"a": 1, "c": 3}, {}),
        ]


@pytest.mark.feature("MEM-08")
async def test_variables_that_are_too_large_are_left_out_and_the_text_is_sent(tmp_path: Path) -> None:
    async def hoards(turn: Turn) -> AsyncIterator[Piece]:
        yield Change(variables={"small": 1} if turn.message.text == "one" else {"big": "x" * 2000})
        yield Say(Outbound(text="kept" if turn.session.variables else "empty"))

    async with corridor(tmp_path, POLICY) as kit:
        bot = kit.bot(hoards)
        for text in ("one", "two", "three"):
            await kit.say(text)
        await kit.quiet()
        assert kit.paper.texts() == ["empty", "kept", "kept"]
        assert bot.turns[-1].session.variables == {"small": 1}


@pytest.mark.feature("MEM-09")
async def test_participant_data_is_set_appended_incremented_and_unset(tmp_path: Path) -> None:
    async def learns(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "one":
            yield Change(participant_set={"a": 1}, participant_append={"l": "x"}, participant_increment={"n": 2})
        else:
            yield Change(participant_unset=("a",), participant_append={"l": "y"}, participant_increment={"n": 0.5})
        yield Say(Outbound(text="ok"))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(learns)
        for text in ("one", "two", "/reset", "three"):
            await kit.say(text)
            await kit.quiet()
        assert [dict(turn.participant.data) for turn in bot.turns] == [
            {},
            {"a": 1, "l": ["x"], "n": 2},
            {"l": ["x", "y"], "n": 2.5},
        ]


@pytest.mark.feature("MEM-09")
async def test_participant_data_that_are_too_large_are_left_out_and_the_text_is_sent(tmp_path: Path) -> None:
    async def hoards(turn: Turn) -> AsyncIterator[Piece]:
        size = 256 * 1024 - len('{"a":""}') + (turn.message.text == "more")
        yield Change(participant_set={"a": "x" * size})
        yield Say(Outbound(text="said"))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(hoards)
        for text in ("all", "more", "last"):
            await kit.say(text)
            await kit.quiet()
        assert kit.paper.texts() == ["said"] * 3
        assert [len(turn.participant.data.get("a", "")) for turn in bot.turns] == [0, 262_136, 262_136]


@pytest.mark.feature("MEM-11", "KEY-06")
async def test_a_hundred_sessions_at_once_each_with_its_own_secret(tmp_path: Path) -> None:
    async def keeps(turn: Turn) -> AsyncIterator[Piece]:
        who = turn.participant.user
        yield Change(
            variables={"secret": f"v-{who}"}, context={"prompt": f"c-{who}"}, participant_set={"d": f"p-{who}"}
        )
        yield Say(Outbound(text=f"w-{turn.message.text}"))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(keeps)
        people = [f"u{number:03}" for number in range(100)]
        for _ in range(3):
            await asyncio.gather(*(kit.say(f"word of {who}", user=who) for who in people))
        await kit.quiet()
        assert len(bot.turns) == 300
        for turn in bot.turns:
            mine = turn.participant.user
            everything = repr(turn)
            assert [who for who in people if who in everything] == [mine]
        last = [turn for turn in bot.turns if turn.session.message_count == 4]
        assert len(last) == 100
        for turn in last:
            mine = turn.participant.user
            assert turn.session.variables == {"secret": f"v-{mine}"}
            assert turn.session.context == {"prompt": f"c-{mine}"}
            assert turn.participant.data == {"d": f"p-{mine}"}
            assert [line.text for line in turn.history] == [f"word of {mine}", f"w-word of {mine}"] * 2
