"""Chat commands: recognised the same everywhere, handled at once, never seen by a bot."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.commands import VERBS
from gateway.message import Outbound, Turn
from gateway.settings.blocks import COMMANDS
from tests.kit import corridor

POLICY = """
bots: {{b: {{kind: echo}}}}
channels: {{p: {{platform: tests.paper, bot: b, limits: {{send: off, messages: off}}, commands: {commands}}}}}
"""


@pytest.mark.feature("CMD-02")
def test_the_configuration_knows_every_command() -> None:
    assert set(COMMANDS) == set(VERBS)


@pytest.mark.feature("CMD-01", "CMD-02", "LIF-10")
@pytest.mark.parametrize(
    "text", ["/reset", "/new", "  /RESET  ", "/Reset@PaperBot", "/reset please", "\n/new\n", "／reset"]
)
async def test_reset_in_any_dress(tmp_path: Path, text: str) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.say("one")
        await kit.say(text)
        await kit.quiet()
        assert kit.paper.texts()[-1] == "Conversation reset."
        assert [turn.message.text for turn in bot.turns] in (["one"], [])


@pytest.mark.feature("CMD-01")
async def test_a_command_for_another_bot_is_ignored(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        accepted = await kit.say("/reset@otherbot")
        await kit.quiet()
        assert accepted.outcome == "not_addressed"
        assert kit.paper.texts() == []
        assert bot.turns == []


@pytest.mark.feature("CMD-01", "CMD-02")
@pytest.mark.parametrize("text", ["please /reset", "reset", "/resets", "/unknown word", "/", "//reset"])
async def test_what_is_no_command_goes_to_the_bot(tmp_path: Path, text: str) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.say(text)
        await kit.quiet()
        assert [turn.message.text for turn in bot.turns] == [text]


@pytest.mark.feature("CMD-01")
async def test_commands_reach_neither_bot_nor_history(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.say("one")
        await kit.quiet()
        for word in ("/help", "/status", "/whoami", "/start", "/history", "/stop"):
            await kit.say(word)
        await kit.say("two")
        await kit.quiet()
        assert [line.text for line in bot.turns[-1].history] == ["one", "one"]
        assert len(bot.turns) == 2


@pytest.mark.feature("CMD-02", "CMD-07")
async def test_what_the_commands_say(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("/start")
        await kit.quiet()
        await kit.say("hello")
        await kit.quiet()
        for word in ("/help", "/status", "/whoami", "/history"):
            await kit.say(word)
            await kit.quiet()
        start, _, help, status, whoami, history = kit.paper.texts()
        session, began = (await kit.rows("SELECT id, created_at FROM session"))[0]
        since = datetime.fromtimestamp(began / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        assert start == "Hello! Send a message to begin."
        assert help.split("\n") == ["Commands:", *(f"/{name}" for name in VERBS)]
        assert status == f"Session {session[-8:]}, bot b: active since {since}, 2 messages, 0 waiting."
        assert whoami == "You are Ada (ada)."
        assert "Ada: hello" in history
        assert "assistant: hello" in history


@pytest.mark.feature("CMD-07")
async def test_start_says_the_operators_words_and_is_not_for_the_bot(tmp_path: Path) -> None:
    text = POLICY.format(commands="{}, texts: {start: Welcome aboard, de: {start: Willkommen}}")
    async with corridor(tmp_path, text) as kit:
        bot = kit.bot()
        await kit.say("/start")
        await kit.say("/start with-a-code")
        await kit.quiet()
        assert kit.paper.texts() == ["Welcome aboard"] * 2
        assert bot.turns == []


@pytest.mark.feature("CMD-07", "LIF-01")
async def test_start_makes_the_session_and_resets_nothing(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.say("/start")
        await kit.say("one")
        await kit.say("/start")
        await kit.say("two")
        await kit.quiet()
        assert bot.turns[1].history[0].text == "one"
        assert len(await kit.rows("SELECT 1 FROM session")) == 1


@pytest.mark.feature("CMD-04")
async def test_commands_overtake_a_busy_turn(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        begun.set()
        await go_on.wait()
        yield Say(Outbound(text="done"))

    async with corridor(tmp_path) as kit:
        kit.bot(slow)
        await kit.say("one")
        await begun.wait()
        await kit.say("two")
        for count, (word, said) in enumerate((("/status", "2 waiting"), ("/help", "/reset"), ("/whoami", "ada")), 1):
            await kit.say(word)
            await kit.until(lambda: len(kit.paper.texts()) == count)  # noqa: B023  (waited for here)
            assert said in kit.paper.texts()[-1]
        go_on.set()
        await kit.quiet()
        assert kit.paper.texts()[3:] == ["done", "done"]


@pytest.mark.feature("CMD-04")
async def test_reset_discards_what_waits_before_it_and_keeps_what_comes_after(tmp_path: Path) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def stuck(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "one":
            begun.set()
            await never.wait()
        yield Say(Outbound(text=turn.message.text))

    async with corridor(tmp_path) as kit:
        kit.bot(stuck)
        await kit.say("one")
        await begun.wait()
        await asyncio.gather(kit.say("two"), kit.say("/reset"), kit.say("three"))
        await kit.quiet()
        assert kit.paper.texts() == ["Conversation reset.", "three"]


@pytest.mark.feature("CMD-04", "LIF-11")
async def test_reset_discards_what_waits_behind_a_session_that_its_bot_has_ended(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def ends(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "bye":
            begun.set()
            await go_on.wait()
            yield Change(end_session=True)
        yield Say(Outbound(text=turn.message.text))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(ends)
        await kit.say("bye")
        await begun.wait()
        await kit.say("two")
        kit.corridor.desk.draining = True  # nobody takes what waits, and nothing is sent
        go_on.set()
        await kit.stored("SELECT session, waiting, pending FROM lane", (None, 1, 1))
        await kit.say("/reset")
        kit.corridor.desk.draining = False
        await kit.say("three")
        await kit.quiet()
        assert kit.paper.texts() == ["Conversation reset.", "three"]
        assert [turn.message.text for turn in bot.turns] == ["bye", "three"]
        assert await kit.rows("SELECT state, reason FROM inbox WHERE seq = 2") == [("dropped", "superseded")]


@pytest.mark.feature("CMD-02")
async def test_a_disabled_command_is_plain_text(tmp_path: Path) -> None:
    async with corridor(tmp_path, POLICY.format(commands="{enabled: [reset]}")) as kit:
        bot = kit.bot()
        await kit.say("/help")
        await kit.quiet()
        assert [turn.message.text for turn in bot.turns] == ["/help"]


@pytest.mark.feature("CMD-02")
async def test_help_names_the_commands_that_there_are(tmp_path: Path) -> None:
    async with corridor(tmp_path, POLICY.format(commands="{enabled: [help, stop]}")) as kit:
        await kit.say("/help")
        await kit.quiet()
        assert kit.paper.texts() == ["Commands:\n/help\n/stop"]


@pytest.mark.feature("CMD-02")
@pytest.mark.parametrize(
    ("who", "place", "allowed"),
    [
        ("anyone", "group", False),  # there group.reset_by has a word, too
        ("admins", "dm", True),
        ("admins", "group", False),
        ("[1002]", "dm", False),
        ("[1001]", "group", True),
    ],
)
async def test_who_may_reset(tmp_path: Path, who: str, place: str, allowed: bool) -> None:
    async with corridor(tmp_path, POLICY.format(commands=f"{{allow: {{reset: {who}}}}}")) as kit:
        await kit.say("/reset", user="1001", place=place, chat="1001" if place == "dm" else "g1")
        await kit.quiet()
        assert kit.paper.texts() == ["Conversation reset." if allowed else "You are not allowed to do that."]


@pytest.mark.feature("CMD-02")
async def test_unknown_commands_may_be_answered_with_help(tmp_path: Path) -> None:
    async with corridor(tmp_path, POLICY.format(commands="{unknown: help}")) as kit:
        bot = kit.bot()
        await kit.say("/nonsense now")
        await kit.quiet()
        assert kit.paper.texts() == ["Unknown command: /nonsense. Try /help."]
        assert bot.turns == []
