"""Sending: texts, topics, quotes, edits, drafts, files."""

from typing import Any

import pytest

from gateway.errors import Refused, Retry
from gateway.message import Address, Button, Entity, File
from tests.far.telegram import TelegramServer
from tests.telegram_channel import closed, opened, part


@pytest.mark.feature("FMT-01", "OUT-03")
async def test_text_goes_out_with_entities_in_utf16_units() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7)
        server.user(7).says("hi")
        bold = Entity(type="bold", offset=3, length=4)
        link = Entity(type="text_link", offset=8, length=4, url="https://example.org/")
        code = Entity(type="pre", offset=13, length=3, language="python")
        strange = Entity(type="hologram", offset=0, length=1)
        ref = await adapter.send(part(7, "👩 bold link x=1", bold, link, code, strange))
        assert ref == str(server.sent[0].message_id)
        assert server.sent[0].asked == {
            "chat_id": 7,
            "text": "👩 bold link x=1",
            "entities": [
                {"type": "bold", "offset": 3, "length": 4},
                {"type": "text_link", "offset": 8, "length": 4, "url": "https://example.org/"},
                {"type": "pre", "offset": 13, "length": 3, "language": "python"},
            ],
        }


@pytest.mark.feature("KEY-07", "GRP-08")
async def test_answers_go_to_the_topic_and_quote_what_they_answer() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        forum = server.group(-100123, forum=True)
        roses = forum.topic("Roses")
        asked = server.user(7).says("which ones?", forum, topic=roses)
        topic = {"thread": str(roses), "place": "topic"}
        await adapter.send(part(forum.id, "the red ones", **topic, reply_to=str(asked)))
        await adapter.send(part(forum.id, "said to somebody who deleted it", **topic, reply_to="999"))
        await adapter.send(part(forum.id, "to the general topic"))
        first, second, third = (server.world.chats[forum.id].messages[sent.message_id] for sent in server.sent)
        assert (first["message_thread_id"], first["reply_to_message"]["message_id"]) == (roses, asked)
        assert "reply_to_message" not in second
        assert "message_thread_id" not in third


@pytest.mark.feature("STR-04", "DEV-02")
async def test_edit_changes_a_message_and_repeating_it_is_no_error() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        ref = await adapter.send(part(7, "one"))
        await adapter.edit(ref, part(7, "two", Entity(type="bold", offset=0, length=3)))
        await adapter.edit(ref, part(7, "two", Entity(type="bold", offset=0, length=3)))
        assert server.visible(7) == ["two"]
        with pytest.raises(Refused) as raised:
            await adapter.edit("9999", part(7, "three"))
        assert raised.value.reason == "rejected"  # the message is gone, not the chat


@pytest.mark.feature("STR-01", "STR-04", "DEV-02")
async def test_typing_and_drafts_are_shown_where_they_can_be() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        forum = server.group(-100123, forum=True)
        roses = forum.topic("Roses")
        await adapter.typing(Address(chat="7", user="7"))
        await adapter.typing(Address(chat="-100123", thread=str(roses), place="topic"))
        assert server.actions == [(7, "typing"), (-100123, "typing")]
        await adapter.draft(Address(chat="7", user="7"), 5, "Half **an**")
        await adapter.draft(Address(chat="7", thread="3", user="7"), 6, "word😀 " * 1000 + "end")
        await adapter.draft(Address(chat="-100123", place="group"), 5, "Half an")
        assert server.drafts[0] == (7, 0, 5, "Half an", [{"type": "bold", "offset": 5, "length": 2}])
        assert server.drafts[1][:3] == (7, 3, 6)
        assert server.drafts[1][3].endswith("word😀 end")
        assert len(server.drafts) == 2
        assert server.sent == []


@pytest.mark.feature("GRP-05", "GRP-10")
async def test_leaving_a_group() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        group = server.group(-100123)
        await adapter.leave("-100123")
        assert server.world.chats[group.id].shut
        with pytest.raises(Refused) as raised:
            await adapter.send(part(-100123, "hello?"))
        assert raised.value.reason == "blocked"


@pytest.mark.feature("DEV-02")
async def test_files_are_fetched_piece_by_piece() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.files["AgAC"] = bytes(range(256)) * 1000
        assert b"".join([piece async for piece in adapter.fetch(File(ref="AgAC"))]) == server.files["AgAC"]
        server.fail("getFile", 500)
        for ref, kind in (("AgAC", Retry), ("unknown", Refused)):
            with pytest.raises(kind):
                [piece async for piece in adapter.fetch(File(ref=ref))]


@pytest.mark.feature("DEV-02")
@pytest.mark.parametrize(
    "one",
    [
        part(7, "x", files=(File(url="https://example.org/a.png"),)),
        part(7, "x", buttons=(Button(text="Yes \ud83d", value="yes"),)),
        part(7, "half \ud83d"),
        part(7, ""),
    ],
    ids=["a file that is not kept here", "lone surrogate in a button", "lone surrogate", "nothing"],
)
async def test_what_cannot_be_said_is_refused_aloud(one: Any) -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        with pytest.raises(Refused):
            await adapter.send(one)
        assert server.sent == []


@pytest.mark.feature("CH-25", "OUT-04")
async def test_declared_abilities() -> None:
    async with TelegramServer() as server, closed(server) as (adapter, _):
        limits = adapter.limits
        assert (limits.text, limits.unit, limits.dialect, limits.typing) == (4096, "utf16", "entities", 4)
        assert (limits.edit, limits.draft, limits.groups, limits.threads) == (True, True, True, True)
        assert (limits.buttons, limits.reactions, limits.resend_is_safe) == (True, True, False)
        assert (limits.files_in, limits.files_out, limits.album) == (20 << 20, 50 << 20, 10)
        rates = (limits.account_rate, limits.chat_rate, limits.group_rate)
        assert [(rate.count, rate.seconds) for rate in rates if rate] == [(30, 1), (1, 1), (20, 60)]
        assert dict(adapter.boundary) == {"dm": "user", "group": "chat", "topic": "thread"}
