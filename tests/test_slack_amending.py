"""What people think better of on Slack: their edits and deletions, and what becomes of our answers."""

from pathlib import Path
from typing import Any

import pytest

from gateway.message import Turn
from tests.doors import Held
from tests.road import REMEMBERS, SCRIPTED, UNPACED
from tests.slack_road import MODES, road

both = pytest.mark.parametrize("mode", MODES)


@pytest.mark.feature("LIF-17", "CH-09")
@both
async def test_an_edit_of_the_last_message_is_answered_anew_in_the_same_place(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS, f"session: {{on_edit: reanswer_last}}, {UNPACED}") as here:
        server = here.server
        ada, room = server.user("U7", "Ada"), server.room("C1")
        first = ada.says("one")
        await here.quiet()
        ada.edits(first, "uno")
        await here.quiet()
        assert server.visible("DU7") == ["uno (0)"]
        assert [text for _, _, text in server.updates] == ["uno (0)"]
        begun = ada.says("@far_bot two", room)
        await here.quiet()
        below = ada.says("three", room, thread=begun)
        await here.quiet()
        ada.edits(below, "tres", room)
        await here.quiet()
        assert server.visible("C1", begun) == ["two (0)", "tres (2)"]
        gone = next(ts for ts, one in room.channel.messages.items() if one["text"] == "tres (2)")
        del room.channel.messages[gone]  # somebody deletes our answer
        ada.edits(below, "trois", room)
        await here.quiet()
        assert server.visible("C1", begun) == ["two (0)", "trois (2)"]
        ada.edits(first, "eins", None)
        ada.unfurls(first)
        await here.quiet()
        told = await here.rows("SELECT text FROM message WHERE role = 'user' ORDER BY text")
        assert [text for (text,) in told] == ["eins", "trois", "two"]


async def lists(turn: Turn) -> dict[str, Any]:
    return {"messages": [{"text": line} for line in turn.message.text.split("/")]}


@pytest.mark.feature("LIF-17")
@both
async def test_what_a_new_answer_has_no_use_for_is_deleted(mode: str, tmp_path: Path) -> None:
    bot = f"kind: python, call: '{__name__}:lists'"
    async with road(tmp_path, mode, bot, f"session: {{on_edit: reanswer_last}}, {UNPACED}") as here:
        ada = here.server.user("U7", "Ada")
        said = ada.says("one/two/three")
        await here.texts("DU7", ["one", "two", "three"])
        ada.edits(said, "uno")
        await here.quiet()
        assert here.server.visible("DU7") == ["uno"]
        ada.edits(said, "uno/due")
        await here.quiet()
        assert here.server.visible("DU7") == ["uno", "due"]


@pytest.mark.feature("LIF-17")
@both
async def test_a_deleted_message_that_waits_is_dropped_and_one_that_was_answered_is_blanked(
    mode: str, tmp_path: Path
) -> None:
    async with road(tmp_path, mode, SCRIPTED) as here:
        server = here.server
        ada = server.user("U7", "Ada")
        held = Held()
        first = ada.says("first")
        await here.until(lambda: held.turns)
        waits = ada.says("waits")
        await here.until(lambda: not server.feed.pending)
        ada.deletes(waits)
        await here.until(lambda: not server.feed.pending)
        held.write("answer")
        held.finish()
        await here.texts("DU7", ["answer"])
        ada.deletes(first)
        await here.quiet()
        assert [turn.message.text for turn in held.turns] == ["first"]
        assert await here.rows("SELECT text FROM message WHERE role = 'user'") == [("[deleted]",)]
