"""The live connection: everything once, in order, whatever happens to it; the same by SSE and WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.live import WATCHER_BACKLOG
from tests.doors import YAML, Event, Gateway, Held, Visitor, running


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as one:
        yield one


def texts(events: list[Event]) -> list[str]:
    return [event.data["text"] for event in events if event.event == "message"]


@pytest.mark.feature("WEB-03", "STR-03", "STR-01")
async def test_a_turn_as_it_happens(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    async with visitor.events() as events:
        turn = await visitor.say_on("hello", message_id="m-1")
        bot.write("Hel", "lo", "~looking it up", " there")
        bot.finish()
        heard = [await events.next() for _ in range(8)]
    assert heard == [
        ("typing", {"on": True}, ""),
        ("delta", {"turn": turn, "attempt": 1, "n": 1, "text": "Hel"}, f"{turn}.1.1"),
        ("delta", {"turn": turn, "attempt": 1, "n": 2, "text": "lo"}, f"{turn}.1.2"),
        ("progress", {"text": "looking it up"}, ""),
        ("delta", {"turn": turn, "attempt": 1, "n": 3, "text": " there"}, f"{turn}.1.3"),
        ("typing", {"on": False}, ""),
        *heard[6:],
    ]
    user, answer = (event for event in heard[6:] if event is not None)
    assert (user[0], user[2], user[1]["text"], user[1]["message_id"]) == ("message", "1", "hello", "m-1")
    assert (answer[0], answer[2], answer[1]["text"], answer[1]["turn"]) == ("message", "2", "Hello there", turn)
    assert answer[1] == (await visitor.history())["messages"][1]


@pytest.mark.feature("STR-03", "WEB-03")
async def test_going_on_after_any_event(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    for number in range(3):
        await visitor.say(f"{number}")
    for since in range(7):
        async with visitor.events(f"?since={since}") as events, visitor.events(Last_Event_ID=str(since)) as others:
            heard = [[await stream.next() for _ in range(6 - since)] for stream in (events, others)]
        assert heard[0] == heard[1]
        assert [int(event.id) for event in heard[0] if event] == list(range(since + 1, 7))


@pytest.mark.feature("STR-03")
async def test_going_on_after_a_delta(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    for text in ("one", "two"):
        bot.write(text)
        bot.finish()
        await visitor.say(text)
    turn = await visitor.say_on("three")
    bot.write("so far")
    async with visitor.events("?since=4") as events:
        assert (await events.until("draft"))[-1].data["text"] == "so far"
    async with visitor.events(Last_Event_ID=f"{turn}.1.1") as events:
        # It is being answered still: what was committed before it has been seen.
        assert [event.event for event in await events.until("draft")] == ["typing", "draft"]
    async with visitor.events("?since=3", Last_Event_ID=f"{turn}.1.1") as events:
        assert [event.id for event in await events.until("draft") if event.event == "message"] == ["4"]
    bot.finish()
    await gateway.until_rows([(6,)], "SELECT count(*) FROM message")
    async with visitor.events(Last_Event_ID=f"{turn}.1.1") as events:
        assert [(await events.next()).id for _ in range(2)] == ["5", "6"]  # type: ignore[union-attr]


@pytest.mark.feature("STR-03", "WEB-03")
async def test_who_comes_late_gets_the_whole_text_so_far(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    turn = await visitor.say_on("hello")
    async with visitor.events() as early:
        bot.write("Once ", "upon ")
        while (await early.next()).data.get("n") != 2:  # type: ignore[union-attr]
            continue
        async with visitor.events() as late:
            assert await late.next() == ("typing", {"on": True}, "")
            draft = {"turn": turn, "attempt": 1, "n": 2, "text": "Once upon "}
            assert await late.next() == ("draft", draft, f"{turn}.1.2")
            bot.write("a time")
            delta = {"turn": turn, "attempt": 1, "n": 3, "text": "a time"}
            assert await late.next() == await early.next() == ("delta", delta, f"{turn}.1.3")


@pytest.mark.feature("STR-03", "WEB-03")
async def test_several_tabs_see_the_same(gateway: Gateway) -> None:
    visitor = await gateway.begin()

    async def heard(count: int) -> list[Any]:
        async with visitor.events() as events:
            found: list[Any] = []
            while len(found) < count:
                event = await events.next()
                found += [event] if event is not None and event.event == "message" else []
            return found

    tabs = [asyncio.ensure_future(heard(20)) for _ in range(5)]
    for number in range(10):
        await visitor.say(f"{number}")
    first, *others = await asyncio.gather(*tabs)
    assert [int(event.id) for event in first] == list(range(1, 21))
    assert all(other == first for other in others)


@pytest.mark.feature("STR-03")
async def test_no_gap_and_nothing_twice_while_coming_and_going(gateway: Gateway) -> None:
    """A client that loses its connection again and again while much is said."""
    visitor = await gateway.begin()
    seen: list[int] = []

    async def come_and_go() -> None:
        while len(seen) < 120:
            since = seen[-1] if seen else 0
            async with visitor.events(f"?since={since}") as events:
                for _ in range(3):
                    event = await events.next() if len(seen) < 120 else None
                    if event is not None and event.event == "message":
                        seen.append(int(event.id))

    reader = asyncio.ensure_future(come_and_go())
    for number in range(60):
        assert (await visitor.say(f"{number}")).status == 200
    await asyncio.wait_for(reader, 20)
    assert seen[:120] == list(range(1, 121))


@pytest.mark.feature("STR-03")
async def test_who_lost_events_reads_again(gateway: Gateway) -> None:
    """More happens at once than a watcher's queue holds; its connection stands still for that long."""
    bot, visitor = Held(), await gateway.begin("talk")
    async with visitor.events() as events:
        turn = await visitor.say_on("hello")
        bot.write("first ")
        while (await events.next()).event != "delta":  # type: ignore[union-attr]
            continue
        lane = (await gateway.rows("SELECT id FROM lane"))[0][0]
        live = gateway.daemon.corridor.live
        for number in range(WATCHER_BACKLOG + 200):
            live.delta(lane, f"{number} ")  # in one turn of the loop: nobody can read meanwhile
        whole = live.preview(lane)
        assert whole is not None
        (draft,) = (event for event in await events.until("draft") if event.event == "draft")
        assert draft.data == {"turn": turn, "attempt": 1, "n": whole.n, "text": whole.text}
        live.delta(lane, "on")
        assert (await events.next()).data["n"] == whole.n + 1  # type: ignore[union-attr]


@pytest.mark.feature("STR-03", "BOT-06")
async def test_a_new_attempt_begins_a_new_draft(gateway: Gateway) -> None:
    visitor = await gateway.begin("talk")
    lane = (await gateway.rows("SELECT id FROM lane"))[0][0]
    live = gateway.daemon.corridor.live
    async with visitor.events() as events:
        await events.response.content.readline()
        live.begin(lane, "t", 1)
        live.delta(lane, "one")
        live.end(lane)
        live.begin(lane, "t", 2)
        live.delta(lane, "two")
        heard = [await events.next() for _ in range(5)]
    assert [event.id for event in heard if event] == ["", "t.1.1", "", "", "t.2.1"]


@pytest.mark.feature("WEB-03")
async def test_signs_of_life(gateway: Gateway) -> None:
    gateway.house.beat = 0.02
    visitor = await gateway.begin()
    async with visitor.events() as events:
        waiting = asyncio.ensure_future(events.next())
        await gateway.until(lambda: events.beats >= 5)
        await visitor.say("hello")
        assert (await waiting).event == "typing"  # type: ignore[union-attr]


@pytest.mark.feature("WEB-03", "LIF-13")
async def test_the_end_is_told_and_ends_the_stream(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    async with visitor.events() as events:
        await visitor.ask("POST", "/api/session/end")
        heard = await events.rest()
    assert texts(heard) == ["Conversation ended."]
    assert heard[-1] == ("closed", {"reason": "user"}, "")


@pytest.mark.feature("WEB-03", "LIF-10")
async def test_a_reset_is_told_to_the_other_tabs(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    async with visitor.events() as events:
        new = (await visitor.say("/reset")).json["session"]
        heard = await events.rest()
    # What is said in the new session is not for those who hold the old token.
    assert heard == [("reset", {"session_id": new["session_id"]}, "")]


@pytest.mark.feature("WEB-03", "LIF-15")
async def test_a_bot_that_ends_the_session(tmp_path: Path) -> None:
    async with running(tmp_path, YAML.replace("tests.doors:echo", "tests.doors:farewell")) as gateway:
        visitor = await gateway.begin()
        async with visitor.events() as events:
            assert (await visitor.say("bye")).json["messages"][0]["text"] == "Farewell!"
            heard = await events.rest()
        assert texts(heard) == ["bye", "Farewell!"]
        assert heard[-1] == ("closed", {"reason": "bot"}, "")


@pytest.mark.feature("WEB-03", "ID-04")
async def test_a_stream_ends_when_its_token_is_taken_back(gateway: Gateway) -> None:
    gateway.house.beat = 0.01
    visitor = await gateway.begin()
    async with visitor.events() as events:

        def revoke() -> Any:
            yield "DELETE FROM token", ()

        await gateway.daemon.corridor.db.write(revoke)
        assert await events.rest() == [("closed", {"reason": "revoked"}, "")]


@pytest.mark.feature("WEB-03", "ID-04")
async def test_an_open_stream_is_a_use_of_the_token(gateway: Gateway) -> None:
    gateway.house.beat = 0.01
    visitor = await gateway.begin()
    (before,) = await gateway.rows("SELECT used_at FROM token")
    async with visitor.events() as events:
        gateway.clock.ahead += 3600
        waiting = asyncio.ensure_future(events.next())
        await gateway.until_rows([(1,)], "SELECT count(*) FROM token WHERE used_at > $1", before[0] + 60_000)
        waiting.cancel()


@pytest.mark.feature("ACC-04")
async def test_live_connections_have_a_limit(tmp_path: Path) -> None:
    yaml = YAML.replace('listen: "127.0.0.1:0"}', 'listen: "127.0.0.1:0", max_connections: 2}', 1)
    async with running(tmp_path, yaml) as gateway:
        visitor = await gateway.begin()
        async with visitor.events(), visitor.events():
            answer = await visitor.ask("GET", "/api/chat/events")
            assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "too_many_connections", "5")
            assert (await visitor.say("others go on")).status == 200
        await gateway.until(lambda: gateway.house.live == 0)
        async with visitor.events():
            pass


@pytest.mark.feature("WEB-03", "ACC-04")
async def test_who_does_not_read_is_let_go_of(gateway: Gateway) -> None:
    """A client that takes nothing: it is cut off, and its place is free again."""
    gateway.house.slowest = 0.2
    visitor = await gateway.begin("talk")
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(f"GET /api/chat/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {visitor.token}\r\n\r\n".encode())
    await gateway.until(lambda: gateway.house.live == 1)
    lane = (await gateway.rows("SELECT id FROM lane"))[0][0]
    live = gateway.daemon.corridor.live
    live.begin(lane, "t", 1)
    async with asyncio.timeout(20):
        while gateway.house.live:
            live.delta(lane, "x" * 10_000)
            await asyncio.sleep(0)
    writer.close()


@pytest.mark.feature("WEB-03", "OBS-03")
async def test_streams_end_when_the_gateway_stops(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        bot, visitor = Held(), await gateway.begin("talk")
        async with visitor.events() as events:
            waiting = asyncio.ensure_future(visitor.say("hello"))
            await gateway.until(lambda: len(bot.turns) == 1)
            gateway.daemon.servers.shut()
            answer = await gateway.ask("GET", "/api/chat", token=visitor.token)
            assert (answer.status, answer.code) == (503, "not_ready")
            closing = asyncio.ensure_future(gateway.daemon.servers.close())
            assert (await waiting).status == 202
            assert [event.event for event in await events.rest()] == ["typing"]
            await closing


# --- the answer to one message as a stream


@pytest.mark.feature("WEB-02", "STR-03")
async def test_one_turn_as_a_stream(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    bot.write("before")
    bot.finish()
    await visitor.say("earlier")
    bot.write("Hel", "lo")
    bot.finish()
    heard = await said_as_stream(visitor, {"message": "hello", "message_id": "m-1"})
    assert [event.event for event in heard] == ["typing", "delta", "delta", "typing", "message", "message"]
    assert texts(heard) == ["hello", "Hello"]
    # Asked again, it has been answered already.
    again = await said_as_stream(visitor, {"message": "hello", "message_id": "m-1"})
    assert again == heard[4:]
    (notice, reset) = await said_as_stream(visitor, {"message": "/reset"})
    assert notice.data["text"] == "Conversation reset."
    assert reset.event == "reset"
    assert (await gateway.ask("GET", "/api/session", token=reset.data["token"])).status == 200


async def said_as_stream(visitor: Visitor, body: Any) -> list[Event]:
    answer = await visitor.ask("POST", "/api/chat", body, headers={"Accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            found.append(Event(fields["event"], json.loads(fields["data"]), fields.get("id", "")))
    return found


# --- WebSocket


async def socket(gateway: Gateway, first: Any, **headers: str) -> aiohttp.ClientWebSocketResponse:
    one = await gateway.http.ws_connect(f"{gateway.url}/api/chat/ws", headers=headers)
    await (one.send_bytes(first) if isinstance(first, bytes) else one.send_json(first))
    return one


@pytest.mark.feature("WEB-03", "STR-03")
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
