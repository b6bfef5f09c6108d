"""Answers shown in groups while they are written, as a message that is edited: within the budget, once, and after a
crash too.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.bot import Change, Delta, Piece
from gateway.message import Turn
from tests.doors import Held, script
from tests.far.telegram import TelegramServer
from tests.far.telegram.people import Group
from tests.process import Gateway
from tests.road import SCRIPTED, UNPACED
from tests.telegram_road import Road, road

pytestmark = pytest.mark.feature("STR-04")
EDITS = f"stream: {{edit: on}}, group: {{reset_by: anyone}}, {UNPACED}"
GROUP = -1005


class Talk:
    """A group in which somebody has asked, and the bot that answers."""

    def __init__(self, here: Road) -> None:
        self.here, self.server = here, here.server
        self.group: Group = here.server.group(GROUP)
        self.ada, self.held = here.server.user(7, "Ada"), Held()
        self.asked = self.ada.says("@far_bot think", self.group)

    @property
    def seen(self) -> list[str]:
        return self.server.visible(GROUP)

    async def shows(self, *texts: str) -> None:
        await self.here.until(lambda: self.seen == list(texts))

    def calls(self, method: str) -> int:
        return sum(called == method for called, _ in self.server.calls)


@asynccontextmanager
async def talk(folder: Path, channel: str = EDITS) -> AsyncIterator[Talk]:
    async with road(folder, "polling", SCRIPTED, channel) as here:
        it = Talk(here)
        await here.until(lambda: it.held.turns)
        yield it


async def test_a_message_grows_and_becomes_the_answer(tmp_path: Path) -> None:
    async with talk(tmp_path) as it:
        it.held.write("It **is")
        await it.shows("It is")
        here = it.server.world.chats[GROUP].messages
        ((shown, message),) = [(number, one) for number, one in here.items() if number != it.asked]
        assert message["entities"] == [{"type": "bold", "offset": 3, "length": 2}], "what is open is closed"
        assert message["reply_to_message"]["message_id"] == it.asked
        it.held.write(" fine**")
        it.held.write(" so")
        it.here.leap(1.3)
        await it.shows("It is fine so")
        it.held.write(" far.")
        it.held.finish()
        await it.shows("It is fine so far.")
        await it.here.quiet()
        assert it.server.texts(GROUP) == ["It is"], "nothing else was sent"
        assert it.calls("deleteMessage") == it.calls("sendMessageDraft") == 0
        assert await it.here.rows("SELECT ref, state FROM outbox") == [(str(shown), "sent")]
        assert await it.here.rows("SELECT text FROM message WHERE role = 'assistant'") == [("It **is fine** so far.",)]


@pytest.mark.parametrize("edit", ["auto", "off"])
async def test_only_where_the_operator_wants_it(edit: str, tmp_path: Path) -> None:
    async with talk(tmp_path, f"stream: {{edit: {edit}}}, {UNPACED}") as it:
        it.held.write("It is", " fine")
        it.held.finish()
        await it.here.texts(GROUP, ["It is fine"])
        await it.here.quiet()
        assert it.calls("editMessageText") == it.calls("sendMessageDraft") == 0


async def test_in_private_chats_it_is_a_draft_also_with_edits_on(tmp_path: Path) -> None:
    async with road(tmp_path, "polling", SCRIPTED, EDITS) as here:
        held = Held()
        here.server.user(7).says("think")
        held.write("It is")
        await here.until(lambda: here.server.drafts)
        held.finish()
        await here.texts(7, ["It is"])
        assert not [method for method, _ in here.server.calls if method == "editMessageText"]


@pytest.mark.feature("STR-05")
@pytest.mark.parametrize("chat", [7, GROUP])
async def test_a_word_on_how_far_it_is_stands_in_the_place_of_the_preview(chat: int, tmp_path: Path) -> None:
    async with road(tmp_path, "polling", SCRIPTED, EDITS) as here:
        held, server, group = Held(), here.server, here.server.group(GROUP)
        server.user(7).says("@far_bot think", group if chat == GROUP else None)

        def seen() -> list[str]:
            return server.visible(GROUP) if chat == GROUP else [draft[3] for draft in server.drafts[-1:]]

        for after, piece, text in (
            (0, "~Looking it up", "Looking it up"),
            (1.3, "It is", "It is"),
            (1.3, "~Too soon for that", "It is"),
            (5, "~Reading page 3", "Reading page 3"),
            (1.3, " fine", "It is fine"),
        ):
            here.leap(after)
            held.write(piece)
            await here.until(lambda: held.pieces.empty() and seen() == [text])  # noqa: B023
            await here.server_answers()
        held.finish()
        await here.until(lambda: server.visible(chat) == ["It is fine"])
        await here.quiet()
        assert len(server.texts(chat)) == 1
        assert await here.rows("SELECT COUNT(*) FROM message WHERE text LIKE '%page%'") == [(0,)]


@pytest.mark.parametrize("fault", [("sendMessage", 0), ("editMessageText", 1)])
async def test_a_429_ends_the_preview_and_not_the_answer(fault: tuple[str, int], tmp_path: Path) -> None:
    method, shown = fault
    async with talk(tmp_path) as it:
        it.server.fail(method, 429, retry_after=1)
        it.held.write("It")
        await it.here.until(lambda: it.calls("sendMessage") == 1)
        for _ in range(3):
            it.held.write(" is")
            it.here.leap(1.3)
            await it.here.server_answers()
        if shown:
            await it.here.until(lambda: it.calls("editMessageText") == 1)
        it.held.finish()
        await it.shows("It is is is")
        await it.here.quiet()
        assert it.server.texts(GROUP) == (["It"] if shown else ["It is is is"])


async def test_an_answer_of_several_parts_begins_where_it_was_shown(tmp_path: Path) -> None:
    async with talk(tmp_path) as it:
        it.held.write("first " * 900)
        await it.here.until(lambda: it.seen)
        it.held.finish()
        await it.here.until(lambda: len(it.seen) == 2)
        await it.here.quiet()
        assert [text.split()[0] for text in it.seen] == ["first", "first"]
        assert " ".join(it.seen).split() == ["first"] * 900
        assert it.calls("sendMessage") == 2


@pytest.mark.parametrize("last", ["/reset@far_bot", "/stop@far_bot"])
async def test_what_is_half_said_goes_when_nothing_comes_of_it(last: str, tmp_path: Path) -> None:
    async with talk(tmp_path) as it:
        it.held.write("half an ans")
        await it.shows("half an ans")
        it.ada.says(last, it.group)
        await it.here.until(lambda: len(it.seen) == 1 and it.seen != ["half an ans"])
        await it.here.quiet()
        assert "half" not in it.seen[0]
        assert await it.here.rows("SELECT COUNT(*) FROM outbox WHERE state IN ('dead', 'unconfirmed')") == [(0,)]


SEEN = asyncio.Event()


async def _thinks_better(turn: Turn) -> AsyncIterator[Piece]:
    yield Delta("half an ans")
    await SEEN.wait()
    yield Change(silent=True)


async def test_a_bot_that_falls_silent_leaves_nothing_behind(tmp_path: Path) -> None:
    async with talk(tmp_path) as it:
        script(_thinks_better)
        it.held.finish()
        it.ada.says("@far_bot again", it.group)
        await it.shows("half an ans")
        SEEN.set()
        await it.shows()
        await it.here.quiet()
        assert await it.here.rows("SELECT 1 FROM message WHERE text LIKE 'half%'") == []


@pytest.mark.feature("LIF-17")
async def test_an_edit_of_the_question_goes_on_in_the_same_message(tmp_path: Path) -> None:
    async with talk(tmp_path) as it:
        it.held.write("About thinking")
        await it.shows("About thinking")
        it.ada.edits(it.asked, "@far_bot drink", it.group)
        await it.here.until(lambda: len(it.held.turns) == 2)
        it.held.write("About drinking")
        await it.shows("About drinking")
        it.held.finish()
        await it.here.quiet()
        assert it.seen == it.server.visible(GROUP) == ["About drinking"]
        assert it.calls("sendMessage") == 1


@pytest.mark.feature("OUT-03")
async def test_nothing_is_shown_above_what_still_waits_to_be_said(tmp_path: Path) -> None:
    async with talk(tmp_path) as it:
        it.server.fail("sendMessage", 500, 2)
        it.held.write("one")
        it.held.finish()  # the preview fails, and so does the answer at first
        await it.here.until(lambda: it.calls("sendMessage") == 2)
        await it.here.until_rows([("ready",)], "SELECT state FROM outbox")
        it.ada.says("@far_bot again", it.group)
        await it.here.until(lambda: len(it.held.turns) == 2)
        it.held.write("two")
        await it.here.server_answers()
        assert it.seen == []
        it.held.finish()
        it.here.leap(60)
        await it.shows("one", "two")


@pytest.mark.feature("OUT-04")
async def test_no_answer_waits_for_its_preview(tmp_path: Path) -> None:
    async with talk(tmp_path, "stream: {edit: on}, limits: {messages: off}") as it:
        it.here.leap(1)  # at the start nobody knows how much was sent just before
        it.held.write("one")
        await it.shows("one")
        it.held.write(" two")
        it.held.finish()
        await it.shows("one two")
        await it.here.until_rows([("sent", 0)], "SELECT state, not_before FROM outbox")


async def writes(turn: Turn) -> AsyncIterator[Piece]:
    """An answer in three pieces, each once the one before was seen."""
    yield Delta("half")
    for number, piece in enumerate((" an", " answer")):
        while not Path(os.environ["GW_SEEN"], f"seen{number}").exists():
            await asyncio.sleep(0.005)
        yield Delta(piece)


PLACES = ["bot.after", "turn.before", "turn.after", "send.before", "send.after", "send.noted"]


@pytest.mark.feature("INB-02", "OUT-05")
@pytest.mark.parametrize("place", [*PLACES, "draft.sent"])
async def test_killed_at_any_moment_the_answer_stands_there_once(place: str, tmp_path: Path) -> None:
    async with TelegramServer() as server:
        group, channel = server.group(GROUP), f"platform: telegram, bot: b, api_base: '{server.url}', {EDITS}"
        yaml = f"""
bots: {{b: {{kind: python, call: 'tests.test_telegram_drafts:writes'}}}}
channels: {{help: {{{channel}, token: '{server.token}'}}}}
"""
        gateway = Gateway(tmp_path, yaml, GW_SEEN=str(tmp_path))
        server.user(7).says("@far_bot think", group)
        await gateway.spawn(GW_FAILPOINT=place)
        for number, text in enumerate(("half", "half an")):
            await server.until(lambda: server.visible(GROUP) == [text], 60)  # noqa: B023
            if place == "draft.sent":
                assert await gateway.ended(60)
                break
            gateway.release(f"seen{number}")
        else:
            assert await gateway.ended(60)
        for number in range(2):
            gateway.release(f"seen{number}")
        async with gateway:
            await server.until(lambda: "half an answer" in server.visible(GROUP), 60)
        # of a message whose id we never learnt nobody can know that it is there
        assert server.visible(GROUP) == [*(["half"] if place == "draft.sent" else []), "half an answer"]
