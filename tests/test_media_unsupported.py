"""Kinds of messages that no bot could make anything of: said so once for each kind, and not in groups."""

from pathlib import Path

import pytest

from tests.media import hall

pytestmark = pytest.mark.feature("MED-06")
SORRY = "Sorry, this kind of message is not supported."


async def test_it_is_said_once_for_each_kind_and_kept_as_a_placeholder(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        for kind in ("gift", "gift", "giveaway", "gift"):
            await one.say("", extra={"kind": kind})
        assert [part.text for part in one.sent] == [SORRY, SORRY]
        assert one.far.turns == []
        assert [text for role, text in await one.lines() if role == "user"] == [
            "[gift]",
            "[gift]",
            "[giveaway]",
            "[gift]",
        ]
        await one.say("words")
        assert [turn["message"]["text"] for turn in one.far.turns] == ["words"]


async def test_it_is_said_once_even_where_bots_are_told_no_history(tmp_path: Path) -> None:
    async with hall(tmp_path, "history: {mode: none}") as one:
        for _ in range(2):
            await one.say("", extra={"kind": "gift"})
            await one.say("words")
        assert [part.text for part in one.sent] == [SORRY, "well", "well"]


async def test_words_beside_it_are_answered(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        await one.say("look", extra={"kind": "gift"})
        assert [part.text for part in one.sent] == ["well"]


async def test_nothing_is_said_in_groups(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        await one.say("", extra={"kind": "gift"}, place="group", chat="g")
        assert one.sent == []
        assert await one.lines() == [("user", "[gift]")]


async def test_the_operator_may_say_it_otherwise_or_not_at_all(tmp_path: Path) -> None:
    async with hall(tmp_path, 'texts: {unsupported: ""}') as one:
        await one.say("", extra={"kind": "gift"})
        assert one.sent == []
