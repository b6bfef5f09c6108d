"""Two gateways on one database with a Redis: every piece of an answer at either of them, whatever becomes of Redis."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.doors import Event, Gateway, Held
from tests.far.redis import Valkey, valkey
from tests.redis_ends import until
from tests.redis_town import comes_to, two, up


def shown(events: list[Event]) -> str:
    """The text that stands there after what a client was sent."""
    text = ""
    for event in events:
        if event.event == "draft":
            text = event.data["text"]
        elif event.event == "delta":
            text += event.data["text"]
    return text


async def hears(one: Gateway, other: Gateway) -> None:
    """Each knows that the other listens for whoever asks how far an answer is."""
    await up(one, other)
    shared = [gateway.daemon.corridor.shared for gateway in (one, other)]
    await until(lambda: all(end.followed("drafts") for end in shared))


async def follows(gateway: Gateway) -> None:
    """What happens in the only lane is listened to elsewhere."""
    (lane,) = (await gateway.rows("SELECT id FROM lane"))[0]
    await until(lambda: gateway.daemon.corridor.shared.followed(f"lane/{lane}"))


@pytest.mark.feature("STO-03", "STR-03")
async def test_what_is_written_there_is_seen_here_piece_by_piece(tmp_path: Path) -> None:
    async with valkey() as server, two(tmp_path, server.url) as (here, there):
        await hears(here, there)
        visitor = await here.begin("talk")
        held = Held()
        async with visitor.events() as events:
            await comes_to(there, visitor).say_on("tell me")
            await follows(there)
            held.write("It ", "was ", "a dark", "~still writing")
            seen = await events.until("progress")
            assert shown(seen) == "It was a dark"
            held.write(" and stormy night.")
            held.finish()
            seen += await events.until("message")  # the question
            seen += await events.until("message")
            assert shown(seen) == seen[-1].data["text"] == "It was a dark and stormy night."
            deltas = [event for event in seen if event.event == "delta"]
            assert [event.data["n"] for event in deltas] == sorted({event.data["n"] for event in deltas})


@pytest.mark.feature("STO-03", "STR-03")
async def test_who_comes_to_another_one_in_the_middle_sees_the_text_so_far(tmp_path: Path) -> None:
    async with valkey() as server, two(tmp_path, server.url) as (here, there):
        await hears(here, there)
        visitor = await there.begin("talk")
        held = Held()
        await visitor.say_on("tell me")
        held.write("It ", "was ", "a dark")
        live = there.daemon.corridor.live
        (lane,) = (await there.rows("SELECT id FROM lane"))[0]
        await until(lambda: (live.preview(lane) or ("",))[-1] == "It was a dark")
        for _ in range(3):  # and comes again, and again
            async with comes_to(here, visitor).events() as events:
                seen = await events.until("draft")
                assert shown(seen) == "It was a dark"
                assert [event.event for event in seen] == ["typing", "draft"]
        async with comes_to(here, visitor).events() as events:
            await events.until("draft")
            await follows(there)
            held.write(" and stormy", " night.")
            held.finish()
            seen = await events.until("message")
            seen += await events.until("message")
            assert seen[-1].data["text"] == "It was a dark and stormy night."


@pytest.mark.feature("STO-03", "LIF-18")
async def test_a_stop_here_ends_what_is_written_there(tmp_path: Path) -> None:
    async with valkey() as server, two(tmp_path, server.url) as (here, there):
        await hears(here, there)
        visitor = await there.begin("talk")
        held = Held()
        await visitor.say_on("write me a novel")
        held.write("It was")
        await until(lambda: len(held.turns) == 1)
        assert (await comes_to(here, visitor).ask("DELETE", "/api/chat/turn")).status in (200, 204)
        await until(lambda: not there.daemon.router.turns.running)  # the bot itself would never end


async def flushes(server: Valkey) -> None:
    while True:
        await server.ask("FLUSHALL")
        await asyncio.sleep(0.2)


async def stands_still(server: Valkey) -> None:
    while True:
        server.pause()
        await asyncio.sleep(0.5)
        server.resume()
        await asyncio.sleep(0.3)


async def dies(server: Valkey) -> None:
    while True:
        server.kill()
        await asyncio.sleep(0.3)
        await server.start()
        await asyncio.sleep(0.3)


async def is_left_alone(server: Valkey) -> None:
    await asyncio.Event().wait()


FAULTS: list[Any] = [flushes, stands_still, dies, is_left_alone]
PEOPLE, EACH = 6, 8


@pytest.mark.feature("STO-03", "ORD-01", "STO-05")
@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_becomes_of_it_no_message_is_lost_doubled_or_out_of_order(tmp_path: Path, fault: Any) -> None:
    """Everybody writes to either gateway at random, and watches both."""
    async with valkey() as server, two(tmp_path, server.url) as gateways:
        await hears(*gateways)
        trouble = asyncio.ensure_future(fault(server))
        try:
            await asyncio.gather(*(_talks(gateways, number) for number in range(PEOPLE)))
        finally:
            trouble.cancel()
            server.resume()
        rows = await gateways[0].rows("SELECT state, COUNT(*) FROM inbox GROUP BY state")
        assert rows == [("done", PEOPLE * EACH)]


async def _talks(gateways: tuple[Gateway, Gateway], number: int) -> None:
    visitor = await gateways[number % 2].begin("site")
    said = [f"{number}-{message}" for message in range(EACH)]
    at = [comes_to(gateway, visitor) for gateway in gateways]
    async with at[0].events() as first, at[1].events() as second:
        for index, text in enumerate(said):
            await at[(index + number) % 2].say_on(text)
        wanted = [line for text in said for line in (text, f"echo: {text}")]
        for events in (first, second):
            lines: list[Event] = []
            while len(lines) < len(wanted):
                lines += [event for event in await events.until("message") if event.event == "message"]
            questions = [line.data["text"] for line in lines if line.data["role"] == "user"]
            answers = [line.data["text"] for line in lines if line.data["role"] == "assistant"]
            assert (questions, answers) == (said, [f"echo: {text}" for text in said])
            assert [int(line.id) for line in lines] == list(range(1, len(wanted) + 1))


@pytest.mark.feature("STO-03")
async def test_it_may_be_away_at_the_start_and_come_later(tmp_path: Path) -> None:
    server = Valkey()
    async with two(tmp_path, server.url) as gateways:
        await _talks(gateways, 1)
        assert not gateways[0].daemon.corridor.shared.streams
        answer = await gateways[0].ask("GET", "/readyz")
        assert (answer.status, answer.json) == (200, {"status": "ok", "redis": "away"})
        await server.start()
        await up(*gateways)
        answer = await gateways[0].ask("GET", "/readyz")
        assert (answer.status, answer.json) == (200, {"status": "ok", "redis": "up"})
        assert b"\ngateway_redis_up 1.0\n" in gateways[0].daemon.corridor.metrics.text()
        await _talks(gateways, 2)
        server.kill()
        await until(lambda: b"\ngateway_redis_up 0.0\n" in gateways[0].daemon.corridor.metrics.text())
        await _talks(gateways, 3)
    server.gone()
