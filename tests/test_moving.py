"""A group that goes on under another id keeps its conversation, in whatever order that is learnt."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.errors import Refused, Retry
from gateway.intake import Accepted
from gateway.message import Address, Inbound
from gateway.moving import aliases
from tests.answers import parts, three, wait
from tests.kit import Kit, corridor, said
from tests.steps import Held, away, whole

pytestmark = pytest.mark.store

OLD, NEW = "-100", "-1000000000100"
GROUPS = """
bots: {b: {kind: echo}}
channels:
  p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}, group: {mode: open, quote: false}}
"""


async def group(kit: Kit, text: str, chat: str = OLD, **more: Any) -> Accepted:
    return await kit.say(text, chat=chat, place="group", **more)


def moves(kit: Kit, event: str = "") -> Inbound:
    """The platform's own news of the move."""
    news = said(kit.here, "", chat=OLD, place="group", event=event)
    return replace(news, kind="migrate", address=Address(chat=OLD, place="group"), extra={"from": OLD, "to": NEW})


async def one_conversation(kit: Kit) -> None:
    """There is one lane with one session, under the new id."""
    await whole(kit)
    lanes = await kit.rows("SELECT key, chat, session FROM lane WHERE key NOT LIKE '%merged%'")
    assert len(lanes) == 1
    key, chat, session = lanes[0]
    assert chat == NEW
    assert NEW in key.replace("%2D", "-")
    assert await kit.rows("SELECT id, key FROM session WHERE state = 'active'") == [(session, key)]


@pytest.mark.feature("KEY-08")
async def test_a_refused_send_moves_the_chat_and_is_sent_there(tmp_path: Path) -> None:
    async with corridor(tmp_path, GROUPS) as kit:
        bot = kit.bot(three)
        await group(kit, "one")
        await whole(kit)
        kit.paper.fail(lambda: Refused("migrated", to=NEW), chat=OLD)
        await group(kit, "two")
        await whole(kit)
        assert kit.paper.texts(OLD) == ["one 1", "one 2", "one 3"]
        assert kit.paper.texts(NEW) == ["two 1", "two 2", "two 3"]
        for chat in (OLD, NEW):  # either id is understood from now on
            await group(kit, "three", chat)
        await whole(kit)
        assert kit.paper.texts(NEW)[3:] == ["three 1", "three 2", "three 3"] * 2
        assert len(kit.paper.texts(OLD)) == 3
        assert len({turn.session.id for turn in bot.turns}) == 1
        assert [line.text for line in bot.turns[2].history][:4] == ["one", "one 1", "one 2", "one 3"]
        await one_conversation(kit)
    async with corridor(tmp_path, GROUPS) as kit:
        await group(kit, "four", OLD)
        await one_conversation(kit)
        assert kit.paper.texts(NEW)[-1] == "four"


@pytest.mark.feature("KEY-08")
@pytest.mark.parametrize("first", [OLD, NEW])
async def test_the_platforms_news_move_the_chat(tmp_path: Path, first: str) -> None:
    async with corridor(tmp_path, GROUPS) as kit:
        bot = kit.bot(three)
        await group(kit, "before")
        await whole(kit)
        if first == NEW:  # somebody writes in the new chat before we hear of the move
            await group(kit, "early", NEW)
            await whole(kit)
        await kit.receive(moves(kit))
        await kit.receive(moves(kit))  # told in both chats
        for chat in (NEW, OLD):
            await group(kit, "after", chat)
        await one_conversation(kit)
        assert "before" in [line.text for line in bot.turns[-1].history]
        assert kit.paper.texts(NEW)[-3:] == ["after 1", "after 2", "after 3"]


@pytest.mark.feature("KEY-08")
async def test_what_waits_goes_along(tmp_path: Path) -> None:
    """Messages of both chats that wait, and parts on their way, all follow; the older conversation goes first."""
    async with corridor(tmp_path, GROUPS) as kit:
        kit.bot(three)
        kit.paper.fail(lambda: Retry("busy", after=1000), chat=OLD)
        await group(kit, "old 0")
        await kit.stored("SELECT state, attempts, out_holder FROM outbox, lane WHERE seq = 1", ("ready", 1, None))
        away(kit)
        await group(kit, "old 1")
        await group(kit, "new 1", NEW)
        await group(kit, "old 2")
        await kit.receive(moves(kit))
        away(kit, draining=False)
        wait(kit, 1001)
        await one_conversation(kit)
        assert kit.paper.texts(OLD) == []
        said = [text[:-2] for text in kit.paper.texts(NEW)]
        assert said == [text for text in ("old 0", "old 1", "old 2", "new 1") for _ in range(3)]
        assert {state for (state,) in await parts(kit, "state")} == {"sent"}


@pytest.mark.feature("KEY-08", "INB-03")
async def test_topics_move_with_their_group_and_others_stay(tmp_path: Path) -> None:
    async with corridor(tmp_path, GROUPS) as kit:
        bot = kit.bot()
        for thread in ("", "7", "8"):
            await kit.say("hello", chat=OLD, place="topic" if thread else "group", thread=thread)
        await kit.say("hello", user="ada")
        await group(kit, "hello", "-200")
        await kit.receive(moves(kit, event="news"))
        assert (await kit.receive(moves(kit, event="news"))).outcome == "duplicate"
        for thread in ("", "7", "8"):
            await kit.say("again", chat=NEW, place="topic" if thread else "group", thread=thread)
        await whole(kit)
        assert [len(turn.history) for turn in bot.turns[-3:]] == [2, 2, 2]
        chats = await kit.rows("SELECT chat, COUNT(*) FROM lane GROUP BY chat ORDER BY chat")
        assert chats == [(NEW, 3), ("-200", 1), ("ada", 1)]


@pytest.mark.feature("KEY-08")
async def test_an_answer_in_the_making_finds_the_new_chat(tmp_path: Path) -> None:
    async with corridor(tmp_path, GROUPS) as kit:
        held = Held()
        bot = kit.bot(held)
        await group(kit, "hello")
        await kit.until(lambda: bot.turns != [])
        kit.paper.fail(lambda: Refused("migrated", to=NEW), times=99, chat=OLD)
        await kit.receive(moves(kit))
        held.go.set()
        await one_conversation(kit)
        assert kit.paper.texts() == ["attempt 1"]
        assert kit.paper.texts(NEW) == ["attempt 1"]


@pytest.mark.feature("KEY-08")
async def test_a_platform_that_sends_us_in_circles_is_given_up(tmp_path: Path) -> None:
    async with corridor(tmp_path, GROUPS) as kit:
        kit.bot(three)
        for chat, to in ((OLD, NEW), (NEW, OLD)):
            kit.paper.fail(lambda to=to: Refused("migrated", to=to), times=99, chat=chat)  # type: ignore[misc]
        await group(kit, "hello")
        await whole(kit)
        assert {reason for (reason,) in await parts(kit, "reason")} == {"migrated"}


@pytest.mark.feature("KEY-08")
async def test_a_chat_that_moves_twice_is_known_by_every_id(tmp_path: Path) -> None:
    async with corridor(tmp_path, GROUPS) as kit:
        bot = kit.bot()
        await group(kit, "one")
        await whole(kit)
        await kit.receive(moves(kit))
        further = replace(moves(kit), extra={"from": NEW, "to": "-300"})
        await kit.receive(further)
        for chat in (OLD, NEW, "-300"):
            await group(kit, "two", chat)
        await whole(kit)
        assert len({turn.session.id for turn in bot.turns}) == 1
    async with corridor(tmp_path, GROUPS) as kit:
        assert set((await kit.corridor.db.read(aliases)).values()) == {"-300"}
        await group(kit, "three", OLD)
        await whole(kit)
        assert await kit.rows("SELECT COUNT(*), MAX(chat) FROM lane") == [(1, "-300")]
