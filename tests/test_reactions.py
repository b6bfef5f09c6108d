"""Reactions to answers, told to the bot where the operator wants it."""

from pathlib import Path
from typing import Any

import pytest

from gateway.message import Turn
from tests import slack_road, telegram_road, whatsapp_road
from tests.kit import YAML, corridor
from tests.road import ECHO, REMEMBERS, UNPACED
from tests.test_feedback import put, reacts

pytestmark = pytest.mark.feature("MED-05")
TELLS = "kind: python, call: 'tests.test_reactions:tells'"
ASKS = YAML.replace("bot: b,", "bot: b, session: {on_reaction: answer}, group: {reset_by: anyone},")


async def test_nobody_is_asked_about_a_reaction_unless_the_operator_wants_it(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.say("hi")
        await kit.quiet()
        await reacts(kit, "ref-1", put("👍"))
        await kit.quiet()
        assert len(bot.turns) == 1


async def test_what_is_put_on_an_answer_may_be_told_to_the_bot_and_is_a_rating_all_the_same(tmp_path: Path) -> None:
    async with corridor(tmp_path, ASKS) as kit:
        bot = kit.bot()
        await kit.say("hi")
        await kit.quiet()
        for reaction in (put("👍"), put("❤"), {"emoji": "❤", "removed": True}):
            await reacts(kit, "ref-1", reaction, event=f"event {reaction}")
            await reacts(kit, "ref-1", reaction, event=f"event {reaction}")  # the platform tells it again
            await kit.quiet()
        assert [turn.message.text for turn in bot.turns] == ["hi", "[reaction 👍]", "[reaction ❤]"]
        told = bot.turns[1].message
        assert (told.kind, told.reply_to, told.extra["reaction"]) == ("reaction", "ref-1", put("👍"))
        assert told.extra["quoted"]["text"] == "hi"
        assert await kit.rows("SELECT extra FROM message WHERE seq = 2") == [('{"ratings":{"ada":1}}',)]
        assert await kit.rows("SELECT reason FROM dropped ORDER BY id") == [("unsupported",)], "what was taken away"
        assert kit.paper.texts() == ["hi", "[reaction 👍]", "[reaction ❤]"]


@pytest.mark.feature("GRP-01", "GRP-02")
async def test_only_reactions_to_answers_of_the_conversation_that_goes_on_are_told(tmp_path: Path) -> None:
    async with corridor(tmp_path, ASKS) as kit:
        bot = kit.bot()
        topic: dict[str, Any] = {"chat": "g", "place": "topic", "thread": "5"}
        await kit.say("in a topic", **topic)
        await kit.quiet()
        # platforms do not say in which topic or thread the message stands
        await reacts(kit, "ref-1", put("🎉"), user="bob", chat="g", place="group", addressed=False)
        await kit.quiet()
        assert [(turn.message.text, turn.message.address.thread) for turn in bot.turns] == [
            ("in a topic", "5"),
            ("[reaction 🎉]", "5"),
        ]
        await reacts(kit, "what somebody else said", put("🎉"), user="bob", chat="g", place="group")
        await kit.say("/reset", **topic)
        await kit.quiet()
        await reacts(kit, "ref-1", put("🎉"), user="bob", chat="g", place="group")
        await kit.quiet()
        assert len(bot.turns) == 2
        assert await kit.rows("SELECT reason FROM dropped") == [("not_addressed",), ("unsupported",)]


async def tells(turn: Turn) -> str:
    quoted = turn.message.extra.get("quoted")
    return f"{turn.message.text}, about {quoted['text']}" if quoted else turn.message.text


@pytest.mark.parametrize("mode", telegram_road.MODES)
async def test_on_telegram(mode: str, tmp_path: Path) -> None:
    async with telegram_road.road(tmp_path, mode, TELLS, f"session: {{on_reaction: answer}}, {UNPACED}") as here:
        ada = here.server.user(7)
        ada.says("hi")
        await here.texts(7, ["hi"])
        await here.quiet()
        ada.reacts(here.server.sent[0].message_id, "🔥")
        told = "[reaction 🔥], about hi"
        await here.texts(7, ["hi", told])
        await here.quiet()
        ada.reacts(here.server.sent[0].message_id)
        await here.quiet()
        assert here.server.texts(7) == ["hi", told]


@pytest.mark.feature("CH-08")
@pytest.mark.parametrize("mode", slack_road.MODES)
async def test_on_slack_it_is_told_in_its_thread(mode: str, tmp_path: Path) -> None:
    async with slack_road.road(tmp_path, mode, ECHO, f"session: {{on_reaction: answer}}, {UNPACED}") as here:
        ada, bob, room = here.server.user("U7", "Ada"), here.server.user("U8", "Bob"), here.server.room("C1")
        begun = ada.says("@far_bot hello", room)
        await here.quiet()
        answer = next(ts for ts, one in room.channel.messages.items() if one.get("thread_ts") == begun)
        bob.reacts(answer, "tada", room)
        bob.reacts(begun, "tada", room)
        await here.quiet()
        assert here.server.visible("C1", begun) == ["hello", "[reaction 🎉]"]


async def test_on_whatsapp(tmp_path: Path) -> None:
    async with whatsapp_road.road(tmp_path, REMEMBERS, session={"on_reaction": "answer"}) as here:
        ada = here.server.user(7)
        ada.says("hello")
        await here.quiet()
        (answer,) = here.server.sent
        for emoji in ("👍", ""):
            ada.reacts(answer.message_id, emoji)
            await here.quiet()
        assert [sent.text for sent in here.server.sent] == ["hello (0)", "[reaction 👍] (2)"]
