"""Who may end a conversation that several people share, what the platform is asked for it, and the yes before it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.admins import BELIEVED
from gateway.bot import Piece, Say
from gateway.confirming import PATIENCE
from gateway.errors import Retry
from gateway.message import Address, Outbound, Turn
from tests.groups import chat, hear, outcome, yaml
from tests.kit import Kit, corridor

DONE = "Conversation reset."
REFUSED = "You are not allowed to do that."
UNSURE = "Whether you may do that could not be checked just now. Please try again."
QUESTION = "This ends the conversation for everybody here. Answer yes within a minute to go on."
ASKED_FIRST = "group: {reset_by: anyone, confirm_reset: true}"


async def told(kit: Kit, text: str, user: str = "ada", chat: str = "g1", **how: Any) -> list[str]:
    """What is said after somebody has spoken."""
    before = len(kit.paper.sent)
    await hear(kit, text, user, chat, **how)
    await kit.quiet()
    return [part.text for part in kit.paper.sent[before:]]


@pytest.mark.feature("GRP-09")
@pytest.mark.parametrize("command", ["/reset", "/end"])
@pytest.mark.parametrize(
    ("group", "user", "allowed"),
    [
        ("{}", "ada", True),  # an admin, and that is what is asked when nothing is said
        ("{}", "bob", False),
        ("{reset_by: admins}", "bob", False),
        ("{reset_by: anyone}", "bob", True),
        ("{reset_by: sender}", "bob", True),  # who began
        ("{reset_by: sender}", "ada", False),
    ],
)
async def test_who_may_end_a_shared_conversation(
    tmp_path: Path, command: str, group: str, user: str, allowed: bool
) -> None:
    async with corridor(tmp_path, yaml(f"group: {group}")) as kit:
        kit.paper.admins.add(("g1", "ada"))
        await hear(kit, "hello", "bob")
        await hear(kit, "hello", "ada")
        await kit.quiet()
        done = DONE if command == "/reset" else "Conversation ended."
        assert await told(kit, command, user) == [done if allowed else REFUSED]
        closed = await kit.rows("SELECT COUNT(*) FROM session WHERE state = 'closed'")
        assert closed == [(int(allowed),)]


@pytest.mark.feature("GRP-09")
async def test_who_began_is_known_before_the_first_answer(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("group: {reset_by: sender}")) as kit:
        never = asyncio.Event()

        async def stuck(turn: Turn) -> AsyncIterator[Piece]:
            await never.wait()
            yield Say(Outbound(text="late"))

        kit.bot(stuck)
        await hear(kit, "hello", "bob")
        await kit.until(lambda: bool(kit.router.turns.running))
        await hear(kit, "/reset", "ada")
        await kit.until(lambda: kit.paper.texts() == [REFUSED])
        await hear(kit, "/reset", "bob")
        await kit.quiet()
        assert kit.paper.texts() == [REFUSED, DONE]
        assert await told(kit, "/reset", "ada") == [DONE]  # nothing has been said since: nothing is lost


@pytest.mark.feature("GRP-09")
@pytest.mark.parametrize("where", ["session: {scope: {group: user}}", "groups: {g1: {scope: user}}"])
async def test_everybody_may_reset_a_conversation_of_their_own(tmp_path: Path, where: str) -> None:
    async with corridor(tmp_path, yaml(where)) as kit:
        assert await told(kit, "/reset", "bob") == [DONE]
        assert kit.paper.asked == []


@pytest.mark.feature("GRP-09")
@pytest.mark.parametrize(
    ("group", "said"), [("{}", DONE), ("{reset_by: admins}", REFUSED), ("{reset_by: sender}", DONE)]
)
async def test_where_a_platform_names_no_admins(tmp_path: Path, group: str, said: str) -> None:
    async with corridor(tmp_path, yaml(f"group: {group}", platform="tests.plugins.equals")) as kit:
        assert await told(kit, "/reset") == [said]
        warned = [problem.path for problem in kit.settings.warnings if "names no admins" in problem.message]
        assert warned == (["channels.p.group.reset_by"] if "admins" in group else [])


@pytest.mark.feature("GRP-09")
async def test_in_private_nobody_is_asked(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("commands: {allow: {reset: admins}}", ASKED_FIRST)) as kit:
        await kit.say("/reset")
        await kit.quiet()
        assert kit.paper.texts() == [DONE]
        assert kit.paper.asked == []


@pytest.mark.feature("GRP-09")
async def test_what_the_platform_said_is_believed_for_five_minutes(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml()) as kit:
        kit.paper.admins.add(("g1", "ada"))
        assert await told(kit, "/reset", "ada") == [DONE]
        assert await told(kit, "/reset", "bob") == [REFUSED]
        kit.paper.admins = {("g1", "bob")}
        assert await told(kit, "/reset", "ada") == [DONE]
        assert await told(kit, "/reset", "bob") == [REFUSED]
        assert [(at.chat, at.user) for at in kit.paper.asked] == [("g1", "ada"), ("g1", "bob")]
        assert await told(kit, "/reset", "ada", chat="g2") == [REFUSED]  # rights are a chat's
        kit.clock.ahead += BELIEVED
        assert await told(kit, "/reset", "ada") == [REFUSED]
        assert await told(kit, "/reset", "bob") == [DONE]


@pytest.mark.feature("GRP-09")
async def test_a_platform_that_cannot_say_is_asked_again(tmp_path: Path) -> None:
    async def down(address: Address) -> None:
        raise Retry("away")

    async def broken(address: Address) -> None:
        raise ValueError("a bug of the adapter's")

    async def silent(address: Address) -> None:
        await asyncio.Event().wait()

    async with corridor(tmp_path, yaml()) as kit:
        kit.paper.admins.add(("g1", "ada"))
        for how in (down, broken, silent):
            kit.paper.asking = how
            assert await told(kit, "/reset") == [UNSURE]
        kit.paper.asking = None
        assert await told(kit, "/reset") == [DONE]


@pytest.mark.feature("GRP-09", "CMD-04")
async def test_while_the_platform_is_asked_only_what_stands_behind_the_command_waits(tmp_path: Path) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slow(address: Address) -> None:
        asked.set()
        await answered.wait()

    async with corridor(tmp_path, yaml()) as kit:
        kit.paper.admins.add(("g1", "ada"))
        kit.paper.asking = slow
        await hear(kit, "one")
        await kit.quiet()
        reset = asyncio.ensure_future(hear(kit, "/reset"))
        await asked.wait()
        behind = [asyncio.ensure_future(hear(kit, text, "bob")) for text in ("two", "three")]
        assert await outcome(kit, "elsewhere", chat="g2") == "stored"
        await kit.say("in private")
        assert not any(task.done() for task in behind)
        answered.set()
        await asyncio.gather(reset, *behind)
        await kit.quiet()
        assert kit.paper.texts("g1") == ["one", DONE, "two", "three"]
        lines = await kit.rows(
            """SELECT m.text FROM message m JOIN session s ON s.id = m.session JOIN lane l ON l.session = s.id
                 WHERE l.chat = 'g1' AND m.role = 'user' ORDER BY m.seq"""
        )
        assert lines == [("two",), ("three",)]


@pytest.mark.feature("GRP-09", "CMD-01")
@pytest.mark.parametrize("text", ["/reset@other_bot", "please /reset", "/resets", "hello", "/status"])
async def test_the_platform_is_asked_for_nothing_else(tmp_path: Path, text: str) -> None:
    async with corridor(tmp_path, yaml("group: {allow: [g1]}")) as kit:
        await hear(kit, text)
        await hear(kit, "/reset", chat="g2")
        await chat(kit, "/reset")
        assert kit.paper.asked == []


@pytest.mark.feature("CMD-02")
@pytest.mark.parametrize(
    ("allow", "user", "allowed"),
    [
        ("{status: admins}", "7001", True),
        ("{status: admins}", "9", False),
        ("{status: [9]}", "9", True),
        ("{status: [9]}", "7001", False),
    ],
)
async def test_admins_of_a_group_may_use_what_is_theirs(tmp_path: Path, allow: str, user: str, allowed: bool) -> None:
    async with corridor(tmp_path, yaml(f"commands: {{allow: {allow}}}")) as kit:
        kit.paper.admins.add(("g1", "7001"))
        (said,) = await told(kit, "/status", user)
        assert said.startswith("Session ") if allowed else said == REFUSED


@pytest.mark.feature("CMD-02", "GRP-09")
async def test_ids_beat_what_the_group_says(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("commands: {allow: {reset: [9]}}", "group: {reset_by: anyone}")) as kit:
        assert await told(kit, "/reset", "9") == [DONE]
        assert await told(kit, "/reset", "7001") == [REFUSED]


@pytest.mark.feature("GRP-09")
@pytest.mark.parametrize("yes", ["yes", "Yes", "YES!", " yes. "])
@pytest.mark.parametrize("addressed", [True, False])
async def test_a_reset_that_is_asked_first_takes_a_yes(tmp_path: Path, yes: str, addressed: bool) -> None:
    async with corridor(tmp_path, yaml(ASKED_FIRST)) as kit:
        bot = kit.bot()
        assert await told(kit, "hello") == ["hello"]
        assert await told(kit, "/reset") == [QUESTION]
        assert await kit.rows("SELECT state FROM session") == [("active",)]
        assert await told(kit, yes, addressed=addressed) == [DONE]
        assert await kit.rows("SELECT state, reason FROM session ORDER BY created_at") == [
            ("closed", "reset"),
            ("active", None),
        ]
        assert [turn.message.text for turn in bot.turns] == ["hello"]
        assert not await kit.rows("SELECT 1 FROM message WHERE role = 'user' AND text <> 'hello'")


@pytest.mark.feature("GRP-09")
async def test_only_the_same_person_may_say_yes_only_once_and_only_for_a_minute(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(ASKED_FIRST)) as kit:
        assert await outcome(kit, "yes", addressed=False) == "not_addressed"  # nobody has asked
        await told(kit, "/reset", "ada")
        assert await told(kit, "yes", "bob") == ["yes"]  # that is for the bot
        assert await told(kit, "yes", "ada", chat="g2") == ["yes"]
        assert await told(kit, "yes please", "ada") == ["yes please"]
        assert await told(kit, "yes", "ada") == [DONE]
        assert await told(kit, "yes", "ada") == ["yes"]
        await told(kit, "/reset", "ada")
        kit.clock.ahead += PATIENCE / 1000
        assert await told(kit, "yes", "ada") == ["yes"]
        assert await kit.rows("SELECT COUNT(*) FROM session WHERE reason = 'reset'") == [(1,)]


@pytest.mark.feature("GRP-09", "LIF-19")
async def test_the_question_outlives_a_restart(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(ASKED_FIRST)) as kit:
        assert await told(kit, "/reset") == [QUESTION]
    async with corridor(tmp_path, yaml(ASKED_FIRST), sheet="other") as kit:
        assert await told(kit, "yes") == [DONE]


@pytest.mark.feature("GRP-09")
async def test_a_yes_and_a_question_that_come_together(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(ASKED_FIRST)) as kit:
        await told(kit, "/reset")
        await asyncio.gather(*(hear(kit, "yes") for _ in range(3)))
        await kit.quiet()
        assert kit.paper.texts().count(DONE) == 1
        assert kit.paper.texts().count("yes") == 2


@pytest.mark.feature("GRP-09", "FMT-04")
async def test_where_there_are_buttons_one_press_will_do(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(ASKED_FIRST, platform="tests.plugins.clicker")) as kit:
        assert await told(kit, "/reset") == [QUESTION]
        (button,) = kit.paper.sent[-1].buttons
        assert (button.text, button.value) == ("yes", "yes")
        press: dict[str, Any] = {"kind": "button", "extra": {"button": {"ref": "ref-1", "text": "yes"}}}
        assert DONE not in await told(kit, button.value, "bob", **press)
        assert await told(kit, "/reset") == [QUESTION]
        press["extra"] = {"button": {"ref": f"ref-{len(kit.paper.sent)}", "text": "yes"}}
        assert await told(kit, button.value, **press) == [DONE]


@pytest.mark.feature("GRP-09")
async def test_the_yes_may_be_in_other_words(tmp_path: Path) -> None:
    texts = "texts: {confirm_reset: 'Wirklich? {yes}!', yes: Ja}"
    async with corridor(tmp_path, yaml(ASKED_FIRST, texts)) as kit:
        assert await told(kit, "/reset") == ["Wirklich? Ja!"]
        assert await told(kit, "ja") == [DONE]


@pytest.mark.feature("GRP-09")
async def test_who_may_not_reset_is_not_asked_and_cannot_say_yes(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("group: {confirm_reset: true}", "access: {block: [666]}")) as kit:
        assert await told(kit, "/reset", "bob") == [REFUSED]
        assert await told(kit, "yes", "bob") == ["yes"]
        kit.paper.admins.add(("g1", "666"))
        assert await outcome(kit, "/reset", "666") == "not_allowed"
        assert await outcome(kit, "yes", "666") == "not_allowed"
