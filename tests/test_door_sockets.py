"""The live connection by WebSocket: the same events, the token in the first frame."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.doors import Gateway, Held, running


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as one:
        yield one


async def socket(gateway: Gateway, first: Any, **headers: str) -> aiohttp.ClientWebSocketResponse:
    one = await gateway.http.ws_connect(f"{gateway.url}/api/chat/ws", headers=headers)
    await (one.send_bytes(first) if isinstance(first, bytes) else one.send_json(first))
    return one


@pytest.mark.feature("WEB-03", "STR-03", "CH-14")
async def test_the_same_by_websocket(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    one = await socket(gateway, {"token": visitor.token, "since": 0})
    async with visitor.events() as events:
        await gateway.until(lambda: len(gateway.daemon.corridor.live) == 2)
        await visitor.say_on("hello")
        bot.write("Hel", "lo")
        bot.finish()
        for _ in range(6):
            event, frame = await events.next(), await one.receive_json()
            assert event is not None
            assert frame == {"event": event.event, "id": event.id, "data": event.data}
    await visitor.ask("POST", "/api/session/end")
    assert [(await one.receive_json())["event"] for _ in range(2)] == ["message", "closed"]
    assert (await one.receive()).type is aiohttp.WSMsgType.CLOSE
    again = await socket(gateway, {"token": (await gateway.begin()).token, "since": 0})
    await again.close()
    await gateway.until(lambda: gateway.house.live == 0)


@pytest.mark.feature("WEB-03")
async def test_a_websocket_goes_on_where_it_was(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    for number in range(3):
        await visitor.say(f"{number}")
    one = await socket(gateway, {"token": visitor.token, "since": 4})
    assert [(await one.receive_json())["id"] for _ in range(2)] == ["5", "6"]
    await one.close()


@pytest.mark.feature("WEB-03", "ID-03")
@pytest.mark.parametrize(
    ("first", "status", "code"),
    [
        ({}, 401, "token_missing"),
        ({"token": 7}, 401, "token_missing"),
        ({"token": "x"}, 401, "token_unknown"),
        ({"token": "x", "since": -1}, 400, "invalid_since"),
        ({"token": "x", "since": "1"}, 400, "invalid_since"),
        ({"token": "x", "since": True}, 400, "invalid_since"),
        ([], 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b"[" * 10_000, 413, "too_deep"),
    ],
)
async def test_first_frames_that_open_nothing(gateway: Gateway, first: Any, status: int, code: str) -> None:
    one = await socket(gateway, first)
    frame = await one.receive_json()
    assert (frame["event"], frame["data"]["status"], frame["data"]["code"]) == ("error", status, code)
    closed = await one.receive()
    assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 4000 + status)


@pytest.mark.feature("WEB-03")
async def test_what_is_no_websocket(gateway: Gateway) -> None:
    answer = await gateway.ask("GET", "/api/chat/ws")
    assert (answer.status, answer.code) == (426, "upgrade_required")


@pytest.mark.feature("WEB-03", "INB-10")
async def test_a_frame_that_is_too_large(gateway: Gateway) -> None:
    one = await socket(gateway, b"x" * 100_000)
    assert (await one.receive()).type is aiohttp.WSMsgType.CLOSE
    await gateway.until(lambda: gateway.house.live == 0)
