"""Buttons in the core: a list where a platform has none, presses and typed answers as choices, and what is too late."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.bot import Piece, Say
from gateway.intake import Accepted
from gateway.message import Button, Inbound, Outbound, Part, Turn
from tests.kit import YAML, Kit, corridor, said

pytestmark = pytest.mark.feature("FMT-04")

WINES = (Button(text="Red *wine*", value="red"), Button(text="White", value="white"))
SHOP = Button(text="Our shop", url="https://example.org/shop")
PLAIN = YAML.replace("bot: b,", "bot: b, format: {input: plain},")
TOO_LATE = "That choice is no longer available."


async def offers(turn: Turn) -> AsyncIterator[Piece]:
    """Two answers with buttons where "wine" is said; else what was chosen."""
    if turn.message.text == "wine":
        yield Say(Outbound(text="Which **one**?", buttons=(*WINES, SHOP)))
        yield Say(Outbound(text="Or a beer?", buttons=(Button(text="Beer", value="beer"),)))
    else:
        yield Say(Outbound(text=f"{turn.message.kind} {turn.message.text}"))


def with_buttons(kit: Kit) -> None:
    """From now on the paper has buttons."""
    kit.here.adapter.limits = replace(kit.here.limits, buttons=True)  # type: ignore[misc]


async def pressed(kit: Kit, value: str, ref: str, *, label: str = "", user: str = "ada", **more: Any) -> Accepted:
    """A press on a button below the message `ref`."""
    inbound = said(kit.here, value, user=user, **more)
    told = {"ref": ref, "text": label}
    accepted = await kit.receive(replace(inbound, kind="button", extra={"button": told, "callback": "c"}))
    await kit.quiet()
    return accepted


async def asked(kit: Kit, **how: Any) -> list[str]:
    """Say "wine"; the platform's ids of both answers."""
    before = len(kit.paper.sent)
    await kit.say("wine", **how)
    await kit.quiet()
    return [f"ref-{number}" for number in range(before + 1, len(kit.paper.sent) + 1)]


@pytest.mark.feature("FMT-02")
async def test_a_text_above_buttons_may_have_to_be_shorter(tmp_path: Path) -> None:
    async def long(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text="word " * 30, buttons=WINES if turn.message.text == "wine" else ()))

    async with corridor(tmp_path) as kit:
        kit.bot(long)
        kit.here.adapter.limits = replace(kit.here.limits, buttons=True, text=200, buttoned=100)  # type: ignore[misc]
        await asked(kit)
        await kit.say("water")
        await kit.quiet()
        assert [len(text) for text in kit.paper.texts()] == [99, 49, 149]
        assert [bool(part.buttons) for part in kit.paper.sent] == [False, True, False]


@pytest.mark.parametrize("yaml", [YAML, PLAIN], ids=["markdown", "plain"])
async def test_where_there_are_no_buttons_they_are_a_numbered_list(yaml: str, tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml) as kit:
        kit.bot(offers)
        await asked(kit)
        first, second = kit.paper.texts()
        assert first.splitlines()[-4:-1] == ["1. Red *wine*", "2. White", ""]
        assert "https://example.org/shop" in first
        assert second.splitlines()[-1] == "1. Beer"
        assert not any(part.buttons for part in kit.paper.sent)


@pytest.mark.parametrize("word", ["2", "2.", "(2)", "#2", " 2) ", "White", "white", " WHITE! "])
async def test_the_number_or_the_label_counts_as_the_choice(word: str, tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:

        async def wines(turn: Turn) -> AsyncIterator[Piece]:
            yield Say(Outbound(text="Which?", buttons=WINES))

        bot = kit.bot(wines)
        for text in ("wine", word):
            await kit.say(text)
            await kit.quiet()
        message = bot.turns[1].message
        assert (message.kind, message.text) == ("button", "white")
        assert message.extra["button"] == {"ref": "", "text": "White"}
        lines = await kit.rows("SELECT text FROM message WHERE role = 'user' ORDER BY seq")
        assert lines == [("wine",), ("white",)]


@pytest.mark.parametrize("history", ["none", "window, max_messages: 0", "window, max_messages: 1", "summary"])
async def test_only_the_next_message_is_taken_for_a_choice(history: str, tmp_path: Path) -> None:
    yaml = YAML.replace("bot: b,", f"bot: b, history: {{mode: {history}}},")
    async with corridor(tmp_path, yaml) as kit:
        bot = kit.bot(offers)
        for text in ("wine", "1", "1", "3"):
            await kit.say(text)
            await kit.quiet()
        assert [(turn.message.kind, turn.message.text) for turn in bot.turns] == [
            *(("message", "wine"), ("button", "beer"), ("message", "1"), ("message", "3"))
        ]


async def test_what_is_no_choice_stays_as_it_was_said(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot(offers)
        for text in ("7", "0", "Our shop", "red and white", "-1", "1e9"):
            await kit.say("wine")
            await kit.say(text)
            await kit.quiet()
            assert (bot.turns[-1].message.kind, bot.turns[-1].message.text) == ("message", text)


async def test_a_press_is_a_turn_like_a_message(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        with_buttons(kit)
        bot = kit.bot(offers)
        wine, _ = await asked(kit)
        assert kit.paper.sent[0].buttons == (*WINES, SHOP)
        assert kit.paper.sent[0].text == "Which one?"
        accepted = await pressed(kit, "red", wine, label="whatever a client says")
        assert accepted.outcome == "stored"
        message = bot.turns[-1].message
        assert (message.kind, message.text, message.extra) == (
            "button",
            "red",
            {"button": {"ref": wine, "text": "Red *wine*"}},
        )
        assert kit.paper.texts()[-1] == "button red"
        assert (await pressed(kit, "beer", "ref-2", event="event-press")).outcome == "stored"
        assert (await pressed(kit, "beer", "ref-2", event="event-press")).outcome == "duplicate"


async def test_typed_numbers_are_words_where_there_are_buttons_and_labels_are_choices(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        with_buttons(kit)
        bot = kit.bot(offers)
        for text in ("wine", "2", "wine", "white"):
            await kit.say(text)
            await kit.quiet()
        assert [(turn.message.kind, turn.message.text) for turn in bot.turns[1:]] == [
            *(("message", "2"), ("message", "wine"), ("button", "white"))
        ]


async def test_a_value_too_long_for_the_platform_is_found_by_the_buttons_number(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        with_buttons(kit)
        bot = kit.bot(offers)
        wine, _ = await asked(kit)
        for told, value in (({"index": 1, "text": ""}, "white"), ({"text": "White"}, "white")):
            inbound = replace(said(kit.here, ""), kind="button", extra={"button": {"ref": wine, **told}})
            assert (await kit.receive(inbound)).outcome == "stored"
            await kit.quiet()
            assert bot.turns[-1].message.text == value


async def _reset(kit: Kit) -> str:
    await kit.say("/reset")
    await kit.quiet()
    return TOO_LATE


async def _newer(kit: Kit) -> str:
    await asked(kit)
    return TOO_LATE


async def _talk(kit: Kit) -> str:
    await kit.say("something else")
    await kit.quiet()
    return "button red"


@pytest.mark.parametrize("between", [_reset, _newer, _talk])
async def test_a_press_is_good_until_the_session_ends_or_others_are_offered(between: Any, tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        with_buttons(kit)
        bot = kit.bot(offers)
        wine, _ = await asked(kit)
        answer = await between(kit)
        turns = len(bot.turns)
        accepted = await pressed(kit, "red", wine)
        assert kit.paper.texts()[-1] == answer
        late = answer == TOO_LATE
        assert accepted.outcome == ("stale" if late else "stored")
        assert len(bot.turns) == turns + (not late)
        if late:
            assert await kit.rows("SELECT reason FROM dropped") == [("stale",)]


FOREIGN: list[dict[str, Any]] = [
    {"value": "rosé", "ref": "ref-1"},
    {"value": "Our shop", "ref": "ref-1"},
    {"value": "https://example.org/shop", "ref": "ref-1"},
    {"value": "", "ref": "ref-1"},
    {"value": "red", "ref": "ref-2"},
    {"value": "red", "ref": "ref-999"},
    {"value": "red", "ref": "ref-1", "user": "eve"},
    {"value": "red", "ref": "ref-1", "user": "eve", "chat": "ada"},
    {"value": "/reset", "ref": "ref-1"},
]


@pytest.mark.parametrize("press", FOREIGN, ids=str)
async def test_a_press_on_what_was_not_offered_to_them_is_too_late(press: dict[str, Any], tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        with_buttons(kit)
        bot = kit.bot(offers)
        await asked(kit)
        accepted = await pressed(kit, **press)
        assert (accepted.outcome, kit.paper.texts()[-1]) == ("stale", TOO_LATE)
        assert len(bot.turns) == 1
        assert len(await kit.rows("SELECT 1 FROM message WHERE text = 'wine'")) == 1, "nothing was reset"


async def test_in_a_group_of_separate_members_only_who_asked_may_choose(tmp_path: Path) -> None:
    yaml = YAML.replace("bot: b,", "bot: b, session: {scope: {group: user}},")
    async with corridor(tmp_path, yaml) as kit:
        with_buttons(kit)
        kit.bot(offers)
        wine, _ = await asked(kit, chat="g", place="group")
        assert (await pressed(kit, "red", wine, user="eve", chat="g", place="group")).outcome == "stale"
        assert (await pressed(kit, "red", wine, user="ada", chat="g", place="group")).outcome == "stored"
        assert kit.paper.texts("g")[-1] == "button red"


async def test_a_press_that_overtakes_our_own_note_of_the_message_counts(tmp_path: Path) -> None:
    """The platform may tell of a press before we have written down under which id it has the message."""
    async with corridor(tmp_path) as kit:
        with_buttons(kit)
        bot = kit.bot(offers)

        async def meanwhile(part: Part) -> None:
            if part.text == "Which one?":
                inbound: Inbound = said(kit.here, "white")
                told = {"button": {"ref": "ref-1", "text": "White"}}
                await kit.receive(replace(inbound, kind="button", extra=told))

        kit.paper.before = meanwhile
        await kit.say("wine")
        await kit.quiet()
        assert [turn.message.text for turn in bot.turns] == ["wine", "white"]
