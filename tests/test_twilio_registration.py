"""Who Twilio calls: set when a channel opens, looked at again and again, and taken back only while it is ours."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from gateway.adapter import Finding
from gateway.errors import Refused, Retry
from tests.far.twilio import NUMBER, PAGE, WHATSAPP, TwilioServer
from tests.twilio_channel import PUBLIC, Channel, closed, opened

pytestmark = pytest.mark.feature("CH-20")

OURS = f"{PUBLIC}/c/help"
ELSEWHERE = "https://elsewhere.example/secret-path"


def told(url: str) -> str:
    return url.partition("#")[0]


@pytest.mark.parametrize("sender", [WHATSAPP, NUMBER])
async def test_a_sender_is_pointed_to_us_and_back_to_nobody(sender: str) -> None:
    async with TwilioServer() as server, opened(server, **{"from": sender}) as (adapter, _):
        assert told(server.webhooks[sender]) == OURS
        assert "rc=5" in server.webhooks[sender], "Twilio has to come again when we could not write"
        await adapter.withdraw()
        assert server.webhooks[sender] == ""


@pytest.mark.parametrize("sender", [WHATSAPP, NUMBER])
async def test_what_points_to_somebody_else_by_then_is_left_alone(sender: str) -> None:
    async with TwilioServer() as server, opened(server, **{"from": sender}) as (adapter, _):
        held: dict[str, Any] = server.senders["XE1"]["webhook"] if sender == WHATSAPP else server.numbers["PN1"]
        held["callback_url" if sender == WHATSAPP else "sms_url"] = ELSEWHERE
        before = len(server.calls)
        await adapter.withdraw()
        assert ELSEWHERE in held.values()
        assert len(server.calls) == before + 1


async def test_what_is_ours_already_is_not_set_again_and_other_addresses_are_kept() -> None:
    async with TwilioServer() as server, opened(server) as (adapter, _):
        webhook = server.senders["XE1"]["webhook"]
        assert (webhook["fallback_url"], webhook["callback_method"]) == ("https://example.org/fallback", "POST")
        before = len(server.calls)
        await adapter.open()
        assert len(server.calls) == before + 2  # the account and the sender were looked at


async def test_it_may_be_left_to_the_operator() -> None:
    async with TwilioServer() as server, opened(server, register_webhook=False, conversations=True) as (adapter, gate):
        assert adapter.hears_every == 0
        await adapter.run()
        await adapter.withdraw()
        assert [route for route, _ in server.calls] == ["account"]
        assert gate.states == [("up", "")]


@pytest.mark.parametrize(
    ("sender", "words"),
    [
        ("whatsapp:+14155238886", "sandbox"),
        (PAGE, "by hand"),
        ("+14155550111", "not a number of the account"),
        ("+14155550122", "a TwiML app is set"),
        ("whatsapp:+14155550111", "not a WhatsApp sender of the account"),
    ],
)
async def test_what_cannot_be_set_is_told_and_does_no_harm(sender: str, words: str) -> None:
    app = {"sid": "PN2", "phone_number": "+14155550122", "sms_url": "", "sms_application_sid": "AP" + "1" * 32}
    async with TwilioServer() as server, closed(server, **{"from": sender}) as channel:
        server.numbers["PN2"] = app
        await channel.adapter.open()
        await _run(channel)
        state, detail = channel.gate.states[-1]
        assert state == "up"
        assert words in detail
        assert channel.gate.rounds, "it is no dead connection"
        assert app["sms_url"] == ""
        assert OURS in detail
        await channel.adapter.withdraw()


async def _run(channel: Channel, pauses: int = 1) -> None:
    """Run until so many pauses have begun."""
    channel.gate.patience = len(channel.gate.pauses) + pauses - 1
    task = asyncio.create_task(channel.adapter.run())
    await channel.gate.until(lambda: len(channel.gate.pauses) > channel.gate.patience or task.done())
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.feature("CH-22", "CH-23")
async def test_a_failure_is_told_and_tried_again_more_and_more_seldom() -> None:
    async with TwilioServer() as server, closed(server) as channel:
        server.fail("senders", 500, times=3)
        await channel.adapter.open()
        await _run(channel, 5)
        assert channel.gate.pauses == [5, 10, 20, 300, 300]
        assert channel.gate.rounds == 2
        assert channel.adapter.hears_every > 300
        states = [state for state, _ in channel.gate.states]
        assert states == ["retrying", "retrying", "retrying", "up", "up"]
        assert "webhook not registered" in channel.gate.states[0][1]
        assert told(server.webhooks[WHATSAPP]) == OURS


@pytest.mark.feature("CH-23")
async def test_what_somebody_takes_away_is_set_again() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        server.senders["XE1"]["webhook"]["callback_url"] = ELSEWHERE
        await _run(channel, 2)
        assert told(server.senders["XE1"]["webhook"]["callback_url"]) == OURS


@pytest.mark.feature("CH-13")
async def test_conversations_have_one_webhook_for_all_and_it_is_not_taken_from_anybody() -> None:
    async with TwilioServer() as server:
        async with opened(server, conversations=True) as (adapter, _):
            assert told(server.conversations_url) == OURS
            assert "onMessageAdded" in server.filters
            await adapter.withdraw()
            assert server.conversations_url == ""
        server.conversations_url, server.filters = OURS, ["onMessageAdded"]
        async with opened(server, conversations=True) as (adapter, _):
            assert "onMessageUpdated" in server.filters, "ours already, but of an older version"
        server.conversations_url, server.senders["XE1"]["webhook"] = ELSEWHERE, None
        async with opened(server, conversations=True) as channel:
            await _run(channel)
            assert server.conversations_url == ELSEWHERE
            assert told(server.webhooks[WHATSAPP]) == OURS, "one that is set by hand keeps no other from being set"
            state, detail = channel.gate.states[-1]
            assert (state, "somebody else" in detail, "secret-path" in detail) == ("up", True, False)
            await channel.adapter.withdraw()
            assert server.conversations_url == ELSEWHERE


@pytest.mark.feature("CH-22")
@pytest.mark.parametrize("status", ["suspended", "closed"])
async def test_an_account_that_may_not_speak_stops_the_channel(status: str) -> None:
    async with TwilioServer() as server, closed(server) as (adapter, _):
        server.status = status
        with pytest.raises(Refused) as raised:
            await adapter.open()
        assert raised.value.reason == "auth"


@pytest.mark.feature("CH-22")
@pytest.mark.parametrize(("how", "reason"), [(401, "auth"), (404, "auth"), (500, ""), (429, ""), ("html", "")])
async def test_an_account_that_cannot_be_asked_is_asked_again(how: Any, reason: str) -> None:
    async with TwilioServer() as server, closed(server) as (adapter, _):
        server.fail("account", how)
        with pytest.raises((Refused, Retry)) as raised:
            await adapter.open()
        assert getattr(raised.value, "reason", "") == reason
        await adapter.open()


async def test_a_registration_that_is_refused_for_want_of_rights_stops_the_channel() -> None:
    async with TwilioServer() as server, closed(server) as (adapter, _):
        server.fail("senders", 401)
        with pytest.raises(Refused) as raised:
            await adapter.open()
        assert raised.value.reason == "auth"


def bad(findings: list[Finding]) -> list[str]:
    assert all(finding.remedy for finding in findings if not finding.ok)
    return [finding.text for finding in findings if not finding.ok]


async def test_a_probe_tells_what_is_well_and_what_is_not() -> None:
    async with TwilioServer() as server:
        async with opened(server) as (adapter, _):
            findings = await adapter.probe()
            assert [finding.text for finding in findings] == [
                "the account Far is active",
                "the sender's messages come to us",
            ]
            server.senders["XE1"]["webhook"]["callback_url"] = ELSEWHERE
            assert bad(await adapter.probe()) == ["the sender's messages go to https://elsewhere.example"]
            server.senders["XE1"]["webhook"]["callback_url"] = OURS
        async with closed(server, conversations=True) as (adapter, _):
            assert bad(await adapter.probe()) == ["events of conversations go to nobody"]
            await adapter.open()
            assert bad(await adapter.probe()) == []
            assert len(await adapter.probe()) == 3
        async with opened(server) as (adapter, _):
            server.senders["XE1"]["webhook"] = None
            assert bad(await adapter.probe()) == ["the sender's messages go to nobody"]
            server.fail("senders", 500)
            assert "cannot be looked at" in bad(await adapter.probe())[0]
            server.fail("account", 401)
            assert "20003" in bad(await adapter.probe())[0]
        async with closed(server, public_url="") as (adapter, _):
            assert "server.public_url is not set" in bad(await adapter.probe())[0]
        async with closed(server, **{"from": PAGE}) as (adapter, _):
            assert bad(await adapter.probe()) == []
            assert OURS in (await adapter.probe())[1].remedy
