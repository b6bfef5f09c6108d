"""Messages of a web client that become one turn: everyone who waits for an answer gets it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doors import YAML, Gateway, running
from tests.leap import leap

pytestmark = pytest.mark.feature("ORD-05", "ORD-04", "WEB-02")
QUIET = YAML.replace("bot: echo, default: true,", "bot: echo, default: true, coalesce: {quiet: 3s},")


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, QUIET) as one:
        yield one


async def quiet(gateway: Gateway, count: int) -> None:
    """Nothing more is said for a while."""
    await gateway.until_rows([(count,)], "SELECT COUNT(*) FROM inbox")
    gateway.clock.ahead += 4
    leap(4)
    gateway.daemon.router.ring_bot("echo")


async def test_each_of_them_is_answered_with_the_whole(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    waiting = [asyncio.ensure_future(visitor.say("one", message_id="a"))]
    await gateway.until_rows([(1,)], "SELECT COUNT(*) FROM inbox")
    waiting.append(asyncio.ensure_future(visitor.say("two", message_id="b")))
    await quiet(gateway, 2)
    answers = await asyncio.gather(*waiting)
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json["turn_id"] != answers[1].json["turn_id"]
    assert [[line["text"] for line in answer.json["messages"]] for answer in answers] == [["echo: one\ntwo"]] * 2
    again = await visitor.say("two", message_id="b")
    assert [line["text"] for line in again.json["messages"]] == ["echo: one\ntwo"]
    assert (await visitor.say("three", message_id="b")).code == "idempotency_conflict"


async def test_so_is_whoever_listens(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    turn = await visitor.say_on("one")
    streams = {"Accept": "text/event-stream"}
    listening = asyncio.ensure_future(visitor.say("two", headers=streams))
    await quiet(gateway, 2)
    answer = await listening
    assert b"echo: one\\ntwo" in answer.body
    assert turn.encode() in answer.body
