"""How a live connection goes on and ends; one answer as a stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.bot import Change, Piece, Say
from gateway.message import Outbound, Turn
from tests.doors import YAML, Event, Gateway, Held, Visitor, running, script
from tests.patience import PATIENCE


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as one:
        yield one


def texts(events: list[Event]) -> list[str]:
    return [event.data["text"] for event in events if event.event == "message"]


@pytest.mark.feature("WEB-03")
async def test_signs_of_life(gateway: Gateway) -> None:
    assert gateway.house.beat == 15
    gateway.house.beat = 0.02
    visitor = await gateway.begin()
    async with visitor.events() as events:
        waiting = asyncio.ensure_future(events.next())
        await gateway.until(lambda: events.beats >= 5)
        await visitor.say("hello")
        assert (await waiting).event == "typing"  # type: ignore[union-attr]


@pytest.mark.feature("WEB-03", "LIF-13", "CH-14")
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


@pytest.mark.feature("WEB-02", "WEB-03", "LIF-15", "INB-02")
async def test_what_is_said_behind_a_farewell_is_answered_where_it_was_said(tmp_path: Path) -> None:
    async def parts(turn: Turn) -> AsyncIterator[Piece]:
        while (piece := await gone.get()) is not None:
            yield Say(Outbound(text=f"{piece} {turn.message.text}"))
        yield Change(end_session=True)

    gone: asyncio.Queue[str | None] = asyncio.Queue()
    async with running(tmp_path) as gateway:
        script(parts)
        visitor = await gateway.begin("talk")
        async with visitor.events() as events:
            for text in ("thanks", "one more thing"):
                await visitor.say_on(text)
            for word in ("Bye:", None):
                gone.put_nowait(word)
            await events.until("message")
            assert (await events.until("message"))[-1].data["text"] == "Bye: thanks"
            assert (await visitor.ask("GET", "/api/session")).json["state"] == "active"
            for word in ("Well:", None):
                gone.put_nowait(word)
            heard = await events.rest()
        assert texts(heard) == ["one more thing", "Well: one more thing"]
        assert heard[-1] == ("closed", {"reason": "bot"}, "")
        assert await gateway.rows("SELECT COUNT(*) FROM session") == [(1,)]


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
    async with asyncio.timeout(PATIENCE):
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
