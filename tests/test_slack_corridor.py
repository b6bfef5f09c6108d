"""Slack and the core together: routing, files, choices, membership, pace, and what is not supported."""

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from gateway.message import Turn
from tests.doors import Held
from tests.far.slack import SlackServer
from tests.road import ECHO, SCRIPTED, UNPACED
from tests.slack_road import MODES, Road, gateway, road

both = pytest.mark.parametrize("mode", MODES)
HERE = "tests.test_slack_corridor"
SHOWS = f"kind: python, call: '{HERE}:shows'"
ASKS = f"kind: python, call: '{HERE}:asks'"
SALES = f"kind: echo}}, sales: {{kind: python, call: '{HERE}:sells'"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


async def sells(turn: Turn) -> str:
    return f"sales: {turn.message.text} ({len(turn.history)})"


async def shows(turn: Turn) -> dict[str, Any]:
    """Says what it was told besides the words, and gives the files back."""
    message = turn.message
    assert "xoxb" not in repr(turn), "the platform's token is nobody's business"
    quoted = message.extra.get("quoted", {})
    words = [message.text, *(f"{one.kind} {one.name} {one.mime} {one.size}" for one in message.files)]
    if quoted:
        words.append(f"[{quoted['sender']['name']}: {quoted['text']}]")
    return {"messages": [{"text": "; ".join(words), "files": [{"id": file.id} for file in message.files]}]}


async def asks(turn: Turn) -> dict[str, Any]:
    message = turn.message
    if message.kind == "button":
        return {"text": f"chosen: {message.text}"}
    buttons = [{"text": "Yes", "value": "y"}, {"text": "No", "value": "n"}]
    return {"messages": [{"text": f"{message.text}?", "buttons": buttons}]}


@pytest.mark.feature("CH-01", "KEY-01", "KEY-06", "GRP-04", "DEV-03")
@both
async def test_one_workspace_is_served_by_several_bots_by_channel_by_keyword_and_by_default(
    mode: str, tmp_path: Path
) -> None:
    routes = f"{UNPACED}, routes: [{{chat: C2, bot: sales}}, {{keyword: [buy], bot: sales}}]"
    async with road(tmp_path, mode, SALES, routes) as here:
        server = here.server
        ada, general, shop = server.user("U7", "Ada"), server.room("C1"), server.room("C2", "shop")
        for room, text in ((general, "hello"), (shop, "hello"), (general, "buy shoes")):
            ada.says(f"@far_bot {text}", room)
        ada.says("hi")
        await here.quiet()
        assert sorted(server.visible("C1")) == ["hello", "sales: shoes (0)"]
        assert server.visible("C2") == ["sales: hello (0)"]
        assert server.visible("DU7") == ["hi"]
        bought = next(ts for ts, one in general.channel.messages.items() if one["text"].endswith("buy shoes"))
        ada.says("and socks", general, thread=bought)
        await here.quiet()
        assert server.visible("C1", bought) == ["sales: shoes (0)", "sales: and socks (2)"]
        keys = {row[0].split("/")[1] for row in await here.rows("SELECT key FROM session")}
        assert keys == {"b", "sales"}


@pytest.mark.feature("MED-01", "MED-04", "GRP-07")
@both
async def test_files_come_to_the_bot_and_go_back(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, SHOWS) as here:
        server = here.server
        ada, bob, room = server.user("U7", "Ada"), server.user("U8", "Bob"), server.room("C1")
        ada.shares(PNG, "cat.png", "image/png", "mine")
        await here.quiet()
        (answer,) = (one for one in ada.direct.messages.values() if "bot_id" in one)
        assert answer["text"] == f"mine; photo cat.png image/png {len(PNG)}"
        assert [server.world.files[one["id"]].content for one in answer["files"]] == [PNG]
        begun = bob.says("who knows <this>?", room)
        ada.says("@far_bot do you?", room, thread=begun)
        await here.quiet()
        assert server.visible("C1", begun) == ["do you?; [Bob: who knows &lt;this&gt;?]"]


@pytest.mark.feature("MED-06", "MED-01")
async def test_what_cannot_be_read_is_told_once_in_direct_messages_and_not_in_channels(tmp_path: Path) -> None:
    async with road(tmp_path, "socket", SHOWS) as here:
        server = here.server
        ada, room = server.user("U7", "Ada"), server.room("C1")
        call = {"text": "", "blocks": [{"type": "call", "block_id": "b", "call_id": "R1"}]}
        for _ in range(2):
            ada.posts(dict(call))
            await here.quiet()
        begun = ada.says("@far_bot hello", room)
        await here.quiet()
        ada.posts(dict(call), room, thread=begun)
        await here.quiet()
        await here.texts("DU7", ["Sorry, this kind of message is not supported."])
        assert server.visible("C1") == ["hello"]
        told = await here.rows("SELECT DISTINCT text FROM message WHERE role = 'user' ORDER BY text")
        assert told == [("[call]",), ("hello",)]


@pytest.mark.feature("FMT-04", "KEY-03")
@both
async def test_a_press_is_the_choice_it_stands_for_in_its_own_conversation(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, ASKS) as here:
        server = here.server
        ada, bob, room = server.user("U7", "Ada"), server.user("U8", "Bob"), server.room("C1")
        begun = ada.says("@far_bot tea", room)
        ada.says("coffee")
        await here.quiet()
        bob.presses("Yes", room)
        ada.presses("No")
        await here.quiet()
        assert server.visible("C1", begun) == ["tea?", "chosen: y"]
        assert server.visible("DU7") == ["coffee?", "chosen: n"]
        ada.says("juice")
        await here.quiet()
        ada.says("yes")
        await here.quiet()
        assert server.visible("DU7")[2:] == ["juice?", "chosen: y"]
        offered = next(one for one in ada.direct.messages.values() if one["text"] == "juice?")
        del offered["blocks"]
        ada.presses("No")  # of what was offered before
        await here.quiet()
        assert server.visible("DU7")[4] == "That choice is no longer available."


@pytest.mark.feature("GRP-05", "GRP-10", "OUT-06")
@both
async def test_a_channel_welcomes_us_once_and_one_that_removed_us_is_left_alone(mode: str, tmp_path: Path) -> None:
    welcome = f"texts: {{group_welcome: 'Hello, all!'}}, {UNPACED}"
    async with road(tmp_path, mode, SCRIPTED, welcome) as here:
        server = here.server
        ada, room = server.user("U7", "Ada"), server.room("C1")
        room.channel.members.discard(room.team.bot.id)
        room.invites_bot(ada)
        await here.quiet()
        assert server.visible("C1") == ["Hello, all!"]
        held = Held()
        ada.says("@far_bot think", room)
        await here.until(lambda: held.turns)
        room.removes_bot()
        await here.until(lambda: not server.feed.pending)
        held.write("too late")
        held.finish()
        await here.quiet()
        assert server.visible("C1") == ["Hello, all!"]
        assert not await here.rows("SELECT 1 FROM outbox WHERE state = 'ready'")


@pytest.mark.feature("OUT-04", "OUT-03", "OUT-02")
async def test_one_message_a_second_in_each_channel_and_slacks_own_wish_besides(tmp_path: Path) -> None:
    async with road(tmp_path, "socket", ECHO, "limits: {messages: off}") as here:
        server = here.server
        people = [server.user(f"U{number}") for number in (7, 8)]
        for number in range(3):
            for person in people:
                person.says(f"{person.id} {number}")
        await here.until(lambda: len(server.sent) == 2)
        assert {sent.channel for sent in server.sent} == {"DU7", "DU8"}, "neither waits for the other"
        server.fail("chat.postMessage", 429, retry_after=20)
        here.leap(1.1)
        await here.until(lambda: len(server.asked("chat.postMessage")) == 4)
        assert len(server.sent) == 3
        for _ in range(8):
            here.leap(21)
            await here.until(lambda: not here.gateway.daemon.router.delivery.held)
        await here.quiet()
        for person in people:
            await here.texts(f"D{person.id}", [f"{person.id} {number}" for number in range(3)])


@pytest.mark.feature("CMD-06", "CH-08")
@both
async def test_a_slash_command_is_answered_where_the_bot_is_no_member(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, ECHO) as here:
        server = here.server
        ada, room = server.user("U7", "Ada", admin=True), server.room("C1")
        room.channel.members.discard(room.team.bot.id)
        ada.commands("/reset", where=room)
        await here.quiet()
        assert [(one["for"], one["text"]) for one in room.channel.whispers] == [("U7", "Conversation reset.")]


@pytest.mark.feature("STR-05")
async def test_the_message_shows_how_far_its_answer_is(tmp_path: Path) -> None:
    acks = f"stream: {{ack: {{seen: 👀, done: ✅, failed: ❌}}}}, {UNPACED}"
    async with road(tmp_path, "socket", SCRIPTED, acks) as here:
        ada = here.server.user("U7", "Ada")
        held = Held()
        ref = ada.says("think")
        message = ada.direct.messages[ref]
        await here.until(lambda: message.get("own_reactions") == ["eyes"])
        held.write("done")
        held.finish()
        await here.until(lambda: message["own_reactions"] == ["white_check_mark"])


@pytest.mark.feature("STR-06")
@both
async def test_thumbs_below_an_answer_are_its_rating(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, ECHO) as here:
        server = here.server
        ada, bob, room = server.user("U7", "Ada"), server.user("U8", "Bob"), server.room("C1")
        begun = ada.says("@far_bot hello", room)
        await here.quiet()
        answer = next(ts for ts, one in room.channel.messages.items() if one.get("thread_ts") == begun)
        ada.reacts(answer, "+1::skin-tone-3", room)
        bob.reacts(answer, "thumbsdown", room)
        bob.reacts(begun, "+1", room)
        await here.quiet()
        assert await _ratings(here) == {"U7": 1, "U8": -1}
        bob.reacts(answer, "thumbsdown", room, removed=True)
        await here.quiet()
        assert await _ratings(here) == {"U7": 1}


async def _ratings(here: Road) -> dict[str, int]:
    ((told,),) = await here.rows("SELECT extra FROM message WHERE role = 'assistant'")
    ratings: dict[str, int] = json.loads(told)["ratings"]
    return ratings


@pytest.mark.feature("INB-01", "INB-03", "DEV-03", "CH-06", "CH-07")
@both
async def test_whatever_order_they_come_in_all_are_answered_once(mode: str, tmp_path: Path) -> None:
    async with SlackServer() as server, gateway(server, tmp_path, mode) as here:
        server.feed.copies = 2
        server.feed.hold()
        wanted = defaultdict(set)
        people = [server.user(f"U{number}") for number in range(7, 11)]
        for number in range(40):
            people[number % 4].says(str(number))
            wanted[f"D{people[number % 4].id}"].add(str(number))
        server.feed.release(random.Random(7))
        await here.quiet()
        for channel, texts in wanted.items():
            assert sorted(server.visible(channel)) == sorted(texts)
