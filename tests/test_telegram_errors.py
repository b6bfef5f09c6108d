"""Failures of sending: each is Retry, Refused or Unknown, and the token is in none of them."""

import logging
import socket
import traceback
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession, web

from adapters.telegram.api import Api
from gateway.errors import Refused, Retry, SendError, Unknown
from gateway.message import Entity
from tests.far.place import close
from tests.far.telegram import TelegramServer
from tests.recording_gate import RecordingGate
from tests.telegram_channel import Channel, closed, opened, part


@dataclass(frozen=True)
class Case:
    """What Telegram answers, and what it must be to the core."""

    how: int
    sentence: str
    kind: type[SendError]
    reason: str = ""
    after: float | None = None


CASES = [
    Case(429, "", Retry, after=7),
    Case(401, "Unauthorized", Refused, "auth"),
    Case(404, "Not Found", Refused, "auth"),
    Case(403, "Forbidden: bot was blocked by the user", Refused, "blocked"),
    Case(403, "Forbidden: user is deactivated", Refused, "blocked"),
    Case(403, "Forbidden: bot was kicked from the supergroup chat", Refused, "blocked"),
    Case(403, "Forbidden: bot is not a member of the channel chat", Refused, "blocked"),
    Case(403, "Forbidden: bot can't initiate conversation with a user", Refused, "blocked"),
    Case(400, "Bad Request: not enough rights to send text messages to the chat", Refused, "blocked"),
    Case(400, "Bad Request: CHAT_WRITE_FORBIDDEN", Refused, "blocked"),
    Case(400, "Bad Request: chat not found", Refused, "gone"),
    Case(400, "Bad Request: PEER_ID_INVALID", Refused, "gone"),
    Case(400, "Bad Request: message thread not found", Refused, "gone"),
    Case(400, "Bad Request: TOPIC_CLOSED", Refused, "gone"),
    Case(400, "Bad Request: can't parse entities: Can't find end tag", Refused, "markup"),
    Case(400, "Bad Request: ENTITY_BOUNDS_INVALID", Refused, "markup"),
    Case(400, "Bad Request: message is too long", Refused, "too_long"),
    Case(400, "Bad Request: message text is empty", Refused, "rejected"),
    Case(400, "Bad Request: something nobody has heard of", Refused, "rejected"),
    Case(500, "Internal Server Error", Retry),
    Case(502, "Bad Gateway", Retry),
    Case(503, "Service Unavailable", Retry),
    Case(504, "Gateway Timeout", Unknown),
]


@pytest.mark.feature("OUT-02", "OUT-05", "OUT-06", "CH-22")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.how} {case.sentence}")
async def test_each_no_of_telegrams_is_one_of_three_errors(case: Case) -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        server.fail("sendMessage", case.how, retry_after=7, description=case.sentence)
        with pytest.raises(SendError) as raised:
            await adapter.send(part(7, "hello"))
        assert type(raised.value) is case.kind
        assert getattr(raised.value, "reason", "") == case.reason
        assert getattr(raised.value, "after", None) == case.after
        assert server.texts() == []
        await adapter.send(part(7, "hello"))
        assert server.texts() == ["hello"]


@pytest.mark.feature("OUT-06", "KEY-08", "FMT-02")
async def test_what_telegram_refuses_by_itself() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        ada, group = server.user(7), server.group(-4001, kind="group")
        ada.says("hi")
        ada.says("hi", group)
        ada.blocks()
        moved = server.migrate(group, ada)
        wide = Entity(type="bold", offset=0, length=99)
        refused = {
            "blocked": part(7, "x"),
            "gone": part(999, "x"),
            "migrated": part(-4001, "x"),
            "too_long": part(moved.id, "😀" * 2049),
            "markup": part(moved.id, "x", wide),
        }
        for reason, one in refused.items():
            with pytest.raises(Refused) as raised:
                await adapter.send(one)
            assert raised.value.reason == reason
            assert raised.value.to == (str(moved.id) if reason == "migrated" else "")
        await adapter.send(part(moved.id, "😀" * 2048))
        assert len(server.sent) == 1


@pytest.mark.feature("OUT-05", "SEC-01")
@pytest.mark.parametrize(
    ("how", "copies"),
    [
        ("reset", 0),
        ("html", 0),
        ("accept_then_reset", 1),
        ("accept_then_cut", 1),
    ],
)
async def test_a_lost_answer_is_unknown_and_sent_once(how: Any, copies: int) -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        server.fail("sendMessage", how)
        with pytest.raises(Unknown):
            await adapter.send(part(7, "hello"))
        assert server.texts() == ["hello"] * copies
        assert [method for method, _ in server.calls].count("sendMessage") == 1


@pytest.mark.feature("OUT-05")
async def test_time_that_runs_out_after_sending_is_unknown() -> None:
    async with TelegramServer() as server, closed(server) as (_, gate):
        server.user(7).says("hi")
        server.fail("sendMessage", "accept_then_hang")
        api = Api(gate, server.url, server.token)
        with pytest.raises(Unknown):
            await api.call("sendMessage", {"chat_id": 7, "text": "hello"}, dict, 0.3)
        assert server.texts() == ["hello"]


@pytest.mark.feature("OUT-05")
async def test_time_that_runs_out_before_connecting_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        async with ClientSession() as http:  # nobody accepts: whoever comes next waits
            api = Api(RecordingGate(http), f"http://127.0.0.1:{full.getsockname()[1]}", "1:x")
            with pytest.raises(Retry, match="no connection in time"):
                await api.call("sendMessage", {"chat_id": 7, "text": "hello"}, dict, 0.2)


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize("api_base", ["http://127.0.0.1:1", "https://127.0.0.1:{port}"])
async def test_no_connection_is_not_sent(api_base: str) -> None:
    """Refused, no TLS: Telegram has not seen the request."""
    async with TelegramServer() as server:
        base = api_base.format(port=server.url.rpartition(":")[2])
        async with closed(server, api_base=base) as (adapter, _):
            with pytest.raises(Retry):
                await adapter.send(part(7, "hello"))


@pytest.mark.feature("OUT-05")
async def test_no_address_is_not_sent() -> None:
    async with ClientSession() as http:
        api = Api(RecordingGate(http), f"http://{'x' * 64}.invalid", "1:x")  # no name server need be asked
        with pytest.raises(Retry):
            await api.call("sendMessage", {"chat_id": 7, "text": "hello"}, dict)


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize("status", [302, 403, 407, 413])
async def test_an_answer_by_a_proxy_in_between_is_not_sent(status: int) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status, text="<html>", headers={"Location": "http://127.0.0.1:1/"})

    app = web.Application()
    app.router.add_route("*", "/{all:.*}", refuse)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with TelegramServer() as server, closed(server, api_base=base) as (adapter, _):
        with pytest.raises(Retry):
            await adapter.send(part(7, "hello"))
    await close(runner)


@pytest.mark.feature("SEC-01", "DEV-02")
async def test_the_token_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with TelegramServer() as server, opened(server) as channel:
        server.user(7).says("hi")
        gone = TelegramServer()
        await gone.start()
        await gone.stop()
        for how in ("reset", "html", "accept_then_reset", "accept_then_cut", 400, 401, 403, 404, 429, 500):
            server.fail("sendMessage", how, description=f"Bad Request: {server.token}")
            _assert_clean(await _failure(channel), server.token)
        async with closed(gone) as unreachable:
            _assert_clean(await _failure(unreachable), server.token)
        async with ClientSession() as http:
            api = Api(RecordingGate(http), server.url, server.token)
            server.fail("sendMessage", "accept_then_hang")
            with pytest.raises(Unknown) as raised:
                await api.call("sendMessage", {"chat_id": 7, "text": "hello"}, dict, 0.1)
            _assert_clean(raised.value, server.token)
        assert server.token.partition(":")[2] not in repr(channel.adapter.options)
    assert server.token.partition(":")[2] not in caplog.text


async def _failure(channel: Channel) -> SendError:
    with pytest.raises(SendError) as raised:
        await channel.adapter.send(part(7, "hello"))
    return raised.value


def _assert_clean(error: SendError, token: str) -> None:
    """Neither in the text nor in anything chained to it, which a logger may print."""
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    assert token.partition(":")[2] not in shown
