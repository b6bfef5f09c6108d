"""HTTP events: authentic or 401, on disk or 503, and whatever nobody wants is 200."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier

from adapters.slack.webhook import Webhook
from gateway.adapter import Call
from gateway.errors import Retry
from tests.far.slack import BOT_TOKEN, SIGNING_SECRET, SlackServer
from tests.recording_gate import RecordingGate
from tests.slack_channel import call, closed, opened
from tests.slack_road import road

NOW = 1_760_000_000


class Stopped(Clock):
    def now(self) -> float:
        return NOW


def _webhook() -> Webhook:
    gate = RecordingGate(None)  # type: ignore[arg-type]
    gate.clock = lambda: NOW * 1000
    return Webhook(gate, None, None, SIGNING_SECRET)  # type: ignore[arg-type]


@pytest.mark.feature("CH-06", "SEC-01")
@given(st.binary(max_size=200), st.integers(-400, 400))
def test_what_slacks_own_signer_signs_is_authentic_for_five_minutes(body: bytes, off: int) -> None:
    verifier, stamp = SignatureVerifier(SIGNING_SECRET, Stopped()), str(NOW + off)
    text = body.decode("latin-1").encode()  # the SDK signs text
    signature = verifier.generate_signature(timestamp=stamp, body=text)
    assert signature is not None
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature}
    ours = _webhook().authentic(Call("POST", "/c/help", {}, headers, text, "192.0.2.7"))
    assert ours == verifier.is_valid(text, stamp, signature) == (abs(off) <= 300)


@pytest.mark.feature("CH-06", "SEC-01")
def test_the_vector_in_slacks_own_manual() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name="
        b"foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
        b"hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015."
        b"47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    gate = RecordingGate(None)  # type: ignore[arg-type]
    gate.clock = lambda: 1_531_420_618_000
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    webhook = Webhook(gate, None, None, "8f742231b10e8888abcd99yyyzzz85a5")  # type: ignore[arg-type]
    assert webhook.authentic(Call("POST", "/c/help", {}, headers, body, "192.0.2.7"))


@pytest.mark.feature("CH-06", "SEC-01")
async def test_old_calls_and_those_from_the_future_are_401() -> None:
    async with SlackServer() as server, opened(server, mode="http") as (adapter, gate):
        gate.clock = lambda: NOW * 1000
        body = b'{"type":"url_verification","challenge":"x"}'
        for off, status in ((0, 200), (-300, 200), (300, 200), (-301, 401), (301, 401), (-86400, 401)):
            assert (await adapter.handle(call(body, at=NOW + off))).status == status
        assert (await adapter.handle(call(body, at=NOW, secret="another_secret"))).status == 401
        assert (gate.received, gate.dropped) == ([], [])


@pytest.mark.feature("CH-06")
async def test_the_handshake_gives_the_challenge_back() -> None:
    async with SlackServer() as server, opened(server, mode="http") as (adapter, _):
        for challenge in ("3eZbrw1a", "", 'a"\\ü'):
            reply = await adapter.handle(call(orjson.dumps({"type": "url_verification", "challenge": challenge})))
            assert (reply.status, orjson.loads(reply.body)) == (200, {"challenge": challenge})
        reply = await adapter.handle(call(b'{"type":"url_verification","challenge":{"a":1}}'))
        assert (reply.status, reply.body) == (200, b'{"challenge":""}')


@pytest.mark.feature("CH-06", "INB-01")
async def test_events_commands_and_presses_are_answered_once_they_are_on_disk() -> None:
    async with SlackServer() as server, opened(server, mode="http") as (adapter, gate):
        ada = server.user("U7", "Ada")
        ada.says("hello")
        ada.commands("/reset")
        for happening in list(server.feed.pending.values()):
            gate.open_store.clear()
            answer = asyncio.create_task(adapter.handle(call(happening.body)))
            await server.until(lambda: server.asked("users.info"))
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert not answer.done()
            gate.open_store.set()
            reply = await answer
            assert (reply.status, reply.body) == (200, b"")
            gate.storage_down = 1
            reply = await adapter.handle(call(happening.body))
            assert (reply.status, reply.headers) == (503, {"retry-after": "2"})
        assert gate.texts == ["hello", "/reset"]


@pytest.mark.feature("CH-06", "INB-02", "KEY-06")
async def test_called_before_we_know_who_we_are_we_say_later_and_lose_nothing() -> None:
    second = "xoxb-4444444444-token_of_the_second"
    async with SlackServer() as server:
        server.team("T2", second)
        several: dict[str, Any] = {"bot_token": None, "workspaces": {"T1": BOT_TOKEN, "T2": second}}
        async with closed(server, mode="http", **several) as (adapter, gate):
            server.user("U7", team="T2").says("hello")
            (happening,) = server.feed.pending.values()
            challenge = call(b'{"type":"url_verification","challenge":"x"}')
            for _ in range(2):
                assert (await adapter.handle(call(happening.body))).status == 503
                assert (await adapter.handle(challenge)).status == 200
                server.fail("auth.test", "html", after=1)
                with pytest.raises(Retry):
                    await adapter.open()
            await adapter.open()
            assert (await adapter.handle(call(happening.body))).status == 200
            assert gate.texts == ["hello"]
            assert gate.dropped == []


@pytest.mark.feature("CH-06", "CH-09")
async def test_what_nobody_handles_is_200_and_what_is_nothing_is_400() -> None:
    async with SlackServer() as server, opened(server, mode="http") as (adapter, gate):
        wanted_by_nobody = (
            {"type": "event_callback", "team_id": "T1", "event_id": "E1", "event": {"type": "unheard_of"}},
            {"type": "event_callback", "team_id": "T9", "event_id": "E2", "event": {"type": "message"}},
            {"type": "event_callback", "team_id": "T1", "event_id": "E3", "event": {}},
            {"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1760000000, "api_app_id": "A1"},
        )
        for data in wanted_by_nobody:
            assert (await adapter.handle(call(orjson.dumps(data)))).status == 200
        form = urlencode({"payload": '{"type":"view_submission","view":{}}'}).encode()
        assert (await adapter.handle(call(form))).status == 200
        assert [reason for _, _, reason in gate.dropped] == [
            *("unsupported", "unroutable", "unsupported", "service", "unsupported")
        ]
        for body in (b"", b"{", b"[]", b"{}", b"a=b", b"payload=7", b"payload=%5B%5D", b"%ff", b'{"type":7}'):
            assert (await adapter.handle(call(body))).status == 400
        assert (await adapter.handle(call(b"&".join(b"a%d=b" % n for n in range(5000))))).status == 400


@pytest.mark.feature("CH-06", "INB-03")
async def test_calls_that_come_again_go_through_dedupe_and_are_not_told_by_their_header() -> None:
    async with SlackServer() as server, opened(server, mode="http") as (adapter, gate):
        server.user("U7").says("hello")
        (happening,) = server.feed.pending.values()
        again = {"x-slack-retry-num": "2", "x-slack-retry-reason": "http_timeout"}
        for headers in (again, again, {}):  # the first one was never heard
            assert (await adapter.handle(call(happening.body, headers=headers))).status == 200
        assert gate.texts == ["hello"]


@pytest.mark.feature("CH-06", "DEV-03")
async def test_slack_itself_gets_through_after_failures_and_in_the_end_once(tmp_path) -> None:  # type: ignore[no-untyped-def]
    async with road(tmp_path, "http") as here:
        assert await here.server.pusher.verify() == (200, b'{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"}')
        ada = here.server.user("U7")
        here.server.pusher.clock = lambda: time.time() - 400  # a clock that goes wrong
        ada.says("too old")
        await here.until(lambda: here.server.pusher.deliveries)
        here.server.pusher.clock = time.time
        await here.quiet()
        await here.texts("DU7", ["too old"])
        statuses = [status for number, _, status in here.server.pusher.deliveries if number == 1]
        assert statuses[0] == 401
        assert statuses[-1] == 200


@pytest.mark.feature("CH-06", "CH-22", "CH-23")
async def test_between_events_the_token_is_looked_at() -> None:
    async with SlackServer() as server, opened(server, mode="http", patience=2) as (adapter, gate):
        run = asyncio.create_task(adapter.run())
        await gate.until(lambda: len(gate.pauses) > 2)
        assert gate.pauses[:2] == [300, 300]
        assert gate.rounds == 2
        assert adapter.hears_every > 300, "and if nobody could look, that is noticed"
        assert gate.state == "up"
        run.cancel()


@pytest.mark.feature("CH-06", "CH-07")
async def test_in_socket_mode_nobody_is_let_in_by_http() -> None:
    async with SlackServer() as server, opened(server, mode="socket") as (adapter, gate):
        assert (await adapter.handle(call(b'{"type":"url_verification","challenge":"x"}'))).status == 404
        assert gate.received == []
