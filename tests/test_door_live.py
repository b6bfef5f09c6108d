"""The live connection: everything once, in order, whatever happens to it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.live import WATCHER_BACKLOG
from tests.doors import Gateway, Held, running


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as one:
        yield one


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
