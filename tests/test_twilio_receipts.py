"""Receipts of what we say in a conversation: what is true of everybody there is the status of the part."""

from pathlib import Path
from typing import Any

import pytest

from adapters.twilio.receipts import mark, marked
from gateway.message import File
from tests.far.twilio import TwilioServer
from tests.far.twilio.people import Conversation
from tests.road import REMEMBERS, UNPACED
from tests.twilio_channel import call, opened, part
from tests.twilio_road import Road, road

pytestmark = pytest.mark.feature("OUT-07", "CH-13")
CHAT = "CH" + "1" * 32
KEYS = f"conversations: true, name: helper, group: {{mode: open}}, {UNPACED}"
STATUS = "SELECT state, status FROM outbox"


async def answered(here: Road) -> tuple[Conversation, str]:
    """Somebody in a conversation was answered: the id of our line."""
    chat = here.server.conversation(CHAT)
    await chat.says("whatsapp:+15550101", "hello")
    await here.until(lambda: chat.said)
    await here.quiet()
    (line,) = chat.said
    return chat, line


async def test_a_part_climbs_with_what_all_telephones_have(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS, KEYS) as here:
        chat, line = await answered(here)
        seen = []
        for told in (
            {"sent": "all"},
            {"sent": "all", "delivered": "some"},
            {"sent": "all", "delivered": "all", "read": "some"},
            {"sent": "all", "delivered": "all", "read": "all"},
            {"sent": "all", "delivered": "all"},  # told late
            {"delivered": "some", "failed": "some"},
        ):
            assert await chat.reached(line, copies=2, **told) == 200
            seen += [status for _, status in await here.rows(STATUS)]
        assert seen == ["sent", "sent", "delivered", "read", "read", "read"]


async def test_a_line_that_reached_nobody_is_a_dead_letter(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS, KEYS) as here:
        chat, line = await answered(here)
        assert await chat.reached(line, failed="some") == 200
        assert await here.rows(STATUS) == [("sent", None)]
        assert await chat.reached(line, undelivered="all") == 200
        assert await here.rows(STATUS) == [("dead", "failed")]


async def test_the_last_line_of_a_part_tells_of_it() -> None:
    async with TwilioServer() as server, opened(server, name="helper", conversations=True) as channel:
        chat = server.conversation(CHAT)
        channel.gate.contents["f1"] = b"%PDF-1.7"
        plan = File(id="f1", name="plan.pdf", mime="application/pdf", size=8, url="https://example.org/f1")
        ref = await channel.adapter.send(part("Look", chat=CHAT, place="group", id="42", files=(plan,)))
        assert [marked(attributes) for _, attributes in chat.said.values()] == ["", "42"]
        for line in chat.said:
            chat.receipts[line] = {"delivered": "all"}
            form = chat.form("onDeliveryUpdated", "", MessageSid=line)
            assert (await channel.adapter.handle(call(server, form))).status == 200
        assert channel.gate.settled == [("42", "delivered", ref)]


async def test_while_twilio_cannot_be_asked_it_is_to_tell_us_again() -> None:
    async with TwilioServer() as server, opened(server, name="helper", conversations=True) as channel:
        chat = server.conversation(CHAT)
        ref = await channel.adapter.send(part("Look", chat=CHAT, place="group", id="42"))
        chat.receipts[ref] = {"read": "all"}
        server.fail("line", 503)
        told = call(server, chat.form("onDeliveryUpdated", "", MessageSid=ref))
        assert [(await channel.adapter.handle(told)).status for _ in range(2)] == [503, 200]
        assert channel.gate.settled == [("42", "read", ref)]


CASES: list[tuple[dict[str, Any], int]] = [
    ({"MessageSid": "IM" + "0" * 32}, 200),  # of a line that is gone
    ({"MessageSid": ""}, 400),
    ({"MessageSid": "../Messages"}, 400),
    ({"ConversationSid": "CH/../../x"}, 400),
    ({"AccountSid": "AC" + "6" * 32}, 200),
]


@pytest.mark.parametrize(("fields", "status"), CASES)
async def test_a_receipt_of_nothing_of_ours_changes_nothing(fields: dict[str, str], status: int) -> None:
    async with TwilioServer() as server, opened(server, name="helper", conversations=True) as channel:
        form = server.conversation(CHAT).form("onDeliveryUpdated", "", **fields)
        assert (await channel.adapter.handle(call(server, form))).status == status
        assert channel.gate.settled == []


async def test_lines_of_others_and_channels_without_conversations_are_left_alone() -> None:
    async with TwilioServer() as server:
        chat = server.conversation(CHAT)
        foreign = ("", "{", "[]", "7", '{"part": 7}', '{"part": ""}', '{"theirs": "1"}')
        for author, attributes in (*(("helper", one) for one in foreign), ("mallory", mark("42")), ("", mark("42"))):
            chat.said["IM1"], chat.receipts["IM1"] = (author, attributes), {"read": "all"}
            async with opened(server, name="helper", conversations=True) as channel:
                form = chat.form("onDeliveryUpdated", "", MessageSid="IM1")
                assert (await channel.adapter.handle(call(server, form))).status == 200
                assert channel.gate.settled == []
        chat.said["IM1"] = "helper", mark("42")
        async with opened(server, name="helper") as channel:
            form = chat.form("onDeliveryUpdated", "", MessageSid="IM1")
            assert (await channel.adapter.handle(call(server, form))).status == 200
            assert (channel.gate.settled, [drop[2] for drop in channel.gate.dropped]) == ([], ["service"])
