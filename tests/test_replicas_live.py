"""Two gateways on one database: what happens at one is seen, stopped and waited for at the other."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from gateway.bot import Change, Piece, Say
from gateway.daemon import Daemon
from gateway.message import Outbound, Turn
from gateway.meter import Meter
from gateway.settings import load
from gateway.units import Rate
from tests import doors
from tests.doors import Event, Held, Visitor, script
from tests.kit import Ticking
from tests.postgres import FILE, server
from tests.test_bell import bells, until
from tests.test_pacing import Still


class Two(NamedTuple):
    """The gateways, and a visitor of the first who also comes to the second."""

    here: Visitor
    there: Visitor


@pytest.fixture(params=["told", "looked for"])
async def two(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    """With the bell, and without: then what is not told is found by looking."""
    daemons = []
    for name in ("a", "b"):
        file = tmp_path / f"{name}.yaml"
        own = f"files: '{tmp_path}/files', local: '{tmp_path}/{name}'"
        yaml = doors.YAML.replace(f"url: {FILE}, files: files", f"url: '{server().database(tmp_path)}', {own}")
        file.write_text(yaml, "utf-8")
        daemons.append(Daemon(load(file, {}), root=tmp_path))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        try:
            for daemon in daemons:
                await daemon.start()
                if request.param == "looked for":
                    await daemon.corridor.shared.close()
            first, second = (doors.Gateway(daemon, Ticking(), http) for daemon in daemons)
            here = await first.begin("talk")
            yield Two(here, Visitor(second, here.begun))
        finally:
            for daemon in daemons:
                await daemon.stop(0)


def texts(events: list[Event]) -> list[str]:
    return [event.data["text"] for event in events if event.event == "message"]


@pytest.mark.feature("STR-03", "STO-05", "WEB-03")
async def test_an_answer_made_there_is_seen_here(two: Two) -> None:
    held = Held()
    async with two.here.events() as events:
        for number in (1, 2):
            asking = asyncio.ensure_future(two.there.say(f"question {number}"))
            held.write(f"answer {number}")
            held.finish()
            seen: list[Event] = []
            while len(texts(seen)) < 2:
                seen += await events.until("message")
            assert texts(seen) == [f"question {number}", f"answer {number}"]
            assert (await asking).status == 200


@pytest.mark.feature("STR-03", "STO-05", "WEB-04")
async def test_who_waits_here_is_given_the_answer_made_there(two: Two) -> None:
    held = Held()
    await two.there.say_on("one")
    await two.there.gateway.until(lambda: len(held.turns) == 1)
    waiting = asyncio.ensure_future(two.here.say("two"))
    await two.here.gateway.until_rows([(2,)], "SELECT waiting FROM lane")
    held.write("first answer")
    held.finish()
    held.write("second answer")
    held.finish()
    answer = await waiting
    assert (answer.status, [one["text"] for one in answer.json["messages"]]) == (200, ["second answer"])
    assert [turn.message.text for turn in held.turns] == ["one", "two"]


@pytest.mark.feature("LIF-18", "STO-05")
async def test_a_stop_here_ends_what_is_written_there(two: Two) -> None:
    held = Held()
    await two.there.say_on("write me a novel")
    held.write("It was a dark and")
    await two.there.gateway.until(lambda: len(held.turns) == 1)
    running = two.there.gateway.daemon.router.turns.running
    assert running
    assert (await two.here.ask("DELETE", "/api/chat/turn")).status in (200, 204)
    await two.there.gateway.until(lambda: not running)  # the bot itself would never end
    await two.here.gateway.until_rows([("done", "cancelled")], "SELECT state, reason FROM inbox ORDER BY seq LIMIT 1")


@pytest.mark.feature("LIF-10", "LIF-11", "STO-05", "STR-03")
async def test_a_reset_here_ends_the_turn_and_the_stream_there(two: Two) -> None:
    held = Held()
    async with two.there.events() as events:
        await two.there.say_on("hello")
        await two.there.gateway.until(lambda: len(held.turns) == 1)
        answer = await two.here.say("/reset")
        assert answer.status == 200, answer.body
        seen = await events.rest()
        assert (seen[-1].event, seen[-1].data) == ("reset", {"session_id": answer.json["session"]["session_id"]})
        running = two.there.gateway.daemon.router.turns.running
        await two.there.gateway.until(lambda: not running)
        assert await two.here.gateway.rows("SELECT COUNT(*) FROM message WHERE role = 'assistant'") == [(0,)]


@pytest.mark.feature("STO-05", "KEY-06")
async def test_what_is_known_of_a_person_is_what_any_process_knows(two: Two) -> None:
    """Each has met them before, and kept what it knew."""

    async def counts(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text=f"visit {turn.participant.data.get('visits', 0)}, {len(turn.history)} lines before"))
        if turn.message.text == "count":  # who changes something by itself keeps no copy
            yield Change(participant_increment={"visits": 1})

    script(counts)
    said = []
    for number in range(6):
        answer = await (two.here, two.there)[number % 2].say("count" if number % 2 else "hello")
        said += [one["text"] for one in answer.json["messages"]]
    assert said == [f"visit {number // 2}, {2 * number} lines before" for number in range(6)]


@pytest.mark.feature("OUT-04", "STO-05")
async def test_each_process_has_its_share_of_an_accounts_rate(tmp_path: Path) -> None:
    async with bells(tmp_path, 2) as (one, other):
        clock, sent = Still(), 0
        meters = []
        for end in (one, other):
            end.subscribe("channel/c", lambda _: None)
            meters.append(Meter(clock, Rate(30, 1), None, None, partial(end.share, "channel/c")))
        await until(lambda: one.share("channel/c") == other.share("channel/c") == 0.5)
        assert all(meter.take("a", False) > 0 for meter in meters)  # they start empty
        clock.at += 1
        for _ in range(10_000):
            sent += sum(meter.take("a", False) == 0 for meter in meters)
            clock.at += 0.001
        assert 300 <= sent <= 330
