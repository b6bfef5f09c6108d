"""What is meant for the bot although nobody calls it: answers to its question in a group, and more in its threads."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.bot import Piece, Say
from gateway.message import Button, Outbound, Sender, Turn
from tests.groups import chat, hear, outcome, yaml
from tests.kit import Kit, corridor, said

WINES = (Button(text="Red wine", value="red"), Button(text="White", value="white"))


async def offers(turn: Turn) -> AsyncIterator[Piece]:
    if turn.message.text == "wine":
        yield Say(Outbound(text="Which?", buttons=WINES))
    else:
        yield Say(Outbound(text=f"{turn.message.kind} {turn.message.text}"))


async def asked(kit: Kit) -> None:
    await hear(kit, "wine")
    await kit.quiet()


@pytest.mark.feature("FMT-04", "GRP-02")
@pytest.mark.parametrize("word", ["2", "2.", "White", "white!"])
async def test_in_a_group_a_typed_choice_needs_no_mention(word: str, tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml()) as kit:
        kit.bot(offers)
        assert await chat(kit, word, "bob") == "not_addressed"
        await asked(kit)
        assert await chat(kit, "what do you think?", "bob") == "not_addressed"
        assert await chat(kit, word, "bob") == "stored"
        await kit.quiet()
        assert kit.paper.texts("g1")[-1] == "button white"
        assert await chat(kit, word, "bob") == "not_addressed", "it was chosen already"


@pytest.mark.feature("FMT-04", "GRP-02")
async def test_what_the_gateway_says_between_leaves_the_question_open(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml()) as kit:
        kit.bot(offers)
        await asked(kit)
        await hear(kit, "/status")
        await kit.quiet()
        assert await chat(kit, "1", "bob") == "stored"


@pytest.mark.feature("FMT-04", "GRP-02")
async def test_a_choice_is_not_open_elsewhere_nor_after_a_reset(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("group: {reset_by: anyone}")) as kit:
        kit.bot(offers)
        await asked(kit)
        assert await chat(kit, "1", "bob", "g2") == "not_addressed"
        assert await chat(kit, "1", "bob", place="topic", thread="9") == "not_addressed"
        await hear(kit, "/reset")
        assert await chat(kit, "1", "bob") == "not_addressed"


@pytest.mark.feature("FMT-04", "GRP-04", "GRP-11", "CH-24")
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ('groups: {g1: {users: ["7001"]}}', "not_addressed"),
        ("session: {scope: {group: user}}", "not_addressed"),
        ('access: {block: ["900"]}', "not_allowed"),
    ],
)
async def test_who_may_not_write_cannot_choose_either(more: str, reason: str, tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(more)) as kit:
        kit.bot(offers)
        await hear(kit, "wine", "7001")
        await kit.quiet()
        assert await chat(kit, "1", "900") == reason
        assert await chat(kit, "1", "7001") == "stored"


@pytest.mark.feature("GRP-11", "FMT-04")
async def test_another_bot_chooses_only_when_it_speaks_to_us(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("group: {allow_bots: true}")) as kit:
        kit.bot(offers)
        await asked(kit)
        robot = replace(said(kit.here, "1", user="r2", chat="g1", place="group", addressed=False), sender=None)
        robot = replace(robot, sender=Sender(id="r2", bot=True))
        assert (await kit.receive(robot)).outcome == "not_addressed"


# --- threads


@pytest.mark.feature("GRP-01", "GRP-04")
@pytest.mark.parametrize("mode", ["listen", "off"])
async def test_an_open_thread_does_not_go_on_where_the_bot_is_to_be_silent(mode: str, tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await hear(kit, "hello", place="thread", thread="t1")
        await kit.quiet()
    async with corridor(tmp_path, yaml(f"group: {{mode: {mode}}}")) as kit:
        assert await chat(kit, "more", place="thread", thread="t1") == "not_addressed"


@pytest.mark.feature("GRP-11", "GRP-02")
async def test_two_bots_in_an_open_thread_are_parted_too(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("group: {allow_bots: true, bot_loop_limit: 6}")) as kit:
        await hear(kit, "hello", place="thread", thread="t1")
        outcomes = []
        for number in range(8):
            inbound = said(kit.here, f"{number}", user="r2", chat="g1", place="thread", thread="t1", addressed=False)
            outcomes.append((await kit.receive(replace(inbound, sender=Sender(id="r2", bot=True)))).outcome)
            await kit.quiet()
        assert outcomes[0] == "stored"
        assert outcomes[-1] == "loop"


@pytest.mark.feature("CMD-01", "GRP-02")
async def test_another_bots_command_in_an_open_thread_is_not_ours(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml()) as kit:
        bot = kit.bot()
        await hear(kit, "hello", place="thread", thread="t1")
        await kit.quiet()
        assert await outcome(kit, "/help@otherbot", place="thread", thread="t1", addressed=False) == "not_addressed"
        assert await outcome(kit, "/status", place="thread", thread="t1", addressed=False) == "stored"
        await kit.quiet()
        assert len(bot.turns) == 1
