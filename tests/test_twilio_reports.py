"""What Twilio reports of messages: each report finds its part, and each part waits for the one before it to arrive."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from tests.far.twilio import WHATSAPP, TwilioServer
from tests.leap import leap
from tests.twilio_channel import ADA, call, opened, part, reported


async def quiet(task: asyncio.Task[Any]) -> None:
    """Whatever else wants to run has run; the task is still waiting."""
    for _ in range(200):
        await asyncio.sleep(0)
    assert not task.done()


@pytest.mark.feature("CH-12", "OUT-07")
async def test_a_message_goes_to_the_person_and_its_reports_come_to_us() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        ref = await channel.adapter.send(part("hello", id="42"))
        asked = server.sent[0].asked
        assert (asked["To"], asked["From"]) == ([f"whatsapp:{ADA}"], [WHATSAPP])
        assert ref == server.sent[0].sid
        callback = urlsplit(server.sent[0].callback)
        assert (callback.netloc, callback.path) == ("chat.example.org", "/c/help")
        assert parse_qs(callback.query)["part"] == ["42"]
        assert "rc=5" in callback.fragment
        for status in ("queued", "sent", "delivered", "read"):
            assert (await reported(channel, server, status)).status == 200
        assert channel.gate.settled == [("42", status, ref) for status in ("sent", "delivered", "read")]


@pytest.mark.feature("OUT-07", "SEC-02")
async def test_reports_are_taken_only_for_the_part_that_they_are_signed_for() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        await channel.adapter.send(part("hello", id="42"))
        form = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("AccountSid", server.account)]
        signed = call(server, form, server.sent[0].callback.partition("#")[0])
        assert (await channel.adapter.handle(signed)).status == 200
        assert (await channel.adapter.handle(replace(signed, query={**signed.query, "part": "43"}))).status == 401
        assert [part for part, *_ in channel.gate.settled] == ["42"]


@pytest.mark.feature("OUT-07")
async def test_reports_of_nothing_of_ours_change_nothing() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        base = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("AccountSid", server.account)]
        cases = [
            (base, 200),
            ([*base[:2], ("AccountSid", "AC" + "66" * 16)], 200),
            ([base[0], ("MessageStatus", "flying"), base[2]], 400),
            ([("MessageStatus", "delivered")], 400),
        ]
        for form, status in cases:
            assert (await channel.adapter.handle(call(server, form))).status == status
        assert channel.gate.settled == []
        assert [drop[2] for drop in channel.gate.dropped] == ["unroutable"]


@pytest.mark.feature("OUT-07", "INB-01")
async def test_a_report_that_cannot_be_written_is_asked_for_again() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        await channel.adapter.send(part("hello", id="42"))
        channel.gate.storage_down = 1
        assert [(await reported(channel, server, "delivered")).status for _ in range(2)] == [503, 200]
        assert len(channel.gate.settled) == 1


@pytest.mark.feature("OUT-06", "OUT-07", "OUT-08")
@pytest.mark.parametrize(("error", "shut"), [(63024, True), (63003, True), (21610, True), (63016, False), (0, False)])
async def test_who_cannot_be_reached_is_let_alone_until_they_write(error: int, shut: bool) -> None:
    async with TwilioServer() as server, opened(server) as channel:
        await channel.adapter.send(part("hello", id="42"))
        for _ in range(2):
            await reported(channel, server, "undelivered", error)
        assert {outcome for _, outcome, _ in channel.gate.settled} == {"window" if error == 63016 else "failed"}
        heard = [inbound for inbound, _ in channel.gate.received]
        assert [(one.kind, one.address.chat) for one in heard] == ([("blocked", ADA)] if shut else [])


@pytest.mark.feature("OUT-03")
@pytest.mark.parametrize("status", ["delivered", "read", "failed", "undelivered"])
async def test_a_part_waits_until_the_one_before_it_has_arrived(status: str) -> None:
    async with TwilioServer() as server, opened(server) as channel:
        await channel.adapter.send(part("one", id="1"))
        second = asyncio.create_task(channel.adapter.send(part("two", id="2")))
        await quiet(second)
        await channel.adapter.send(part("hello", chat="+15550101", id="3"))  # others do not wait for it
        await reported(channel, server, "sent", sent=0)
        await quiet(second)
        await reported(channel, server, status, sent=0)
        await second
        assert server.texts(f"whatsapp:{ADA}") == ["one", "two"]


@pytest.mark.feature("OUT-03")
async def test_a_part_waits_no_longer_than_ten_seconds() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        await channel.adapter.send(part("one", id="1"))
        tasks = [asyncio.create_task(channel.adapter.send(part(f"{n}", id=f"{n}"))) for n in (2, 3)]
        leap(9)
        await quiet(tasks[0])
        leap(2)
        await tasks[0]
        await quiet(tasks[1])
        leap(11)
        await tasks[1]
        assert server.texts() == ["one", "2", "3"]


@pytest.mark.feature("OUT-03", "OUT-05")
async def test_what_was_not_sent_holds_up_nobody() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        for how in (429, 400, "reset"):
            server.fail("messages", how)
            with pytest.raises(Exception, match="message: "):
                await channel.adapter.send(part("one", id="1"))
        await channel.adapter.send(part("two", id="2"))
        assert server.texts() == ["two"]


@pytest.mark.feature("OUT-03")
async def test_a_report_that_is_faster_than_the_answer_counts() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        server.fail("messages", "accept_then_hang")
        first = asyncio.create_task(channel.adapter.send(part("one", id="1")))
        await server.until(lambda: server.sent)
        await reported(channel, server, "delivered")
        await channel.adapter.send(part("two", id="2"))
        assert server.texts() == ["one", "two"]
        first.cancel()
        await asyncio.wait([first])
