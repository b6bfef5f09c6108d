"""Saying something: one message, one answer, however often it is sent."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors import YAML, Gateway, Held, running


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as one:
        yield one


# --- saying


@pytest.mark.feature("WEB-02", "CH-14")
async def test_the_answer_comes_with_the_response(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    answer = await visitor.say("**hello**", message_id="m-1")
    assert answer.status == 200
    (line,) = answer.json["messages"]
    assert (line["role"], line["text"], line["turn"]) == ("assistant", "echo: **hello**", answer.json["turn_id"])
    assert line["tree"] == [{"t": "p", "c": ["echo: ", {"t": "b", "c": ["hello"]}]}]
    assert "session" not in answer.json


@pytest.mark.feature("WEB-02")
async def test_what_takes_longer_is_answered_later(tmp_path: Path) -> None:
    async with running(tmp_path, YAML.replace("bot: scripted,", "bot: scripted, wait: 0.05s,")) as gateway:
        await answered_later(gateway)


async def answered_later(gateway: Gateway) -> None:
    assert gateway.daemon.corridor.channels["site"].adapter.options.wait == 30
    bot, visitor = Held(), await gateway.begin("talk")
    answer = await visitor.say("take your time")
    assert answer.status == 202
    assert set(answer.json) == {"turn_id"}
    page = await visitor.history()
    assert page["typing"] is True
    assert [(one["text"], one["turn"]) for one in page["pending"]] == [("take your time", answer.json["turn_id"])]
    bot.write("here it is")
    bot.finish()
    await gateway.until_rows([(2,)], "SELECT count(*) FROM message")
    await gateway.until(lambda: not gateway.daemon.router.turns.running)
    page = await visitor.history()
    assert (page["typing"], page["pending"]) == (False, [])
    assert [line["text"] for line in page["messages"]] == ["take your time", "here it is"]


@pytest.mark.feature("WEB-02")
async def test_who_does_not_wait_is_told_at_once(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    turn = await visitor.say_on("hello", message_id="m-1")
    assert (await visitor.history())["pending"][0]["message_id"] == "m-1"
    await gateway.until(lambda: len(bot.turns) == 1)
    assert bot.turns[0].id == turn


REFUSED: dict[str, tuple[Any, int, str]] = {
    "nothing": ({}, 400, "message_empty"),
    "blank": ({"message": " \n\t "}, 400, "message_empty"),
    "invisible": ({"message": "\u0000\u0007"}, 400, "message_empty"),
    "number": ({"message": 7}, 400, "invalid_message"),
    "null": ({"message": None}, 400, "invalid_message"),
    "list": ({"message": ["hi"]}, 400, "invalid_message"),
    "too long": ({"message": "x" * 32_001}, 413, "message_too_long"),
    "id number": ({"message": "hi", "message_id": 7}, 400, "invalid_message_id"),
    "id empty": ({"message": "hi", "message_id": ""}, 400, "invalid_message_id"),
    "id long": ({"message": "hi", "message_id": "x" * 201}, 400, "invalid_message_id"),
    "id control": ({"message": "hi", "message_id": "a\nb"}, 400, "invalid_message_id"),
    "files text": ({"message": "hi", "files": "abc"}, 400, "invalid_files"),
    "files numbers": ({"message": "hi", "files": [1]}, 400, "invalid_files"),
}


@pytest.mark.feature("WEB-02")
@pytest.mark.parametrize(("body", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_message(gateway: Gateway, body: Any, status: int, code: str) -> None:
    visitor = await gateway.begin()
    answer = await visitor.ask("POST", "/api/chat", body)
    assert (answer.status, answer.code) == (status, code)
    assert await gateway.rows("SELECT 1 FROM inbox") == []


@pytest.mark.feature("WEB-02")
async def test_the_longest_message(gateway: Gateway) -> None:
    text = "ü" * 32_000
    answer = await (await gateway.begin()).say(text)
    assert answer.json["messages"][0]["text"] == f"echo: {text}"


@pytest.mark.feature("WEB-02", "INB-05")
async def test_over_the_limit_nothing_is_lost(tmp_path: Path) -> None:
    yaml = YAML.replace("default: true, limits: {messages: off}", "default: true, limits: {messages: 2/m}")
    async with running(tmp_path, yaml) as gateway:
        visitor = await gateway.begin()
        for number in range(2):
            assert (await visitor.say(f"{number}")).status == 200
        answer = await visitor.say("too many", message_id="kept")
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert answer.headers["retry-after"] == "30"
        gateway.clock.ahead += 60
        assert (await visitor.say("too many", message_id="kept")).json["messages"][0]["text"] == "echo: too many"


@pytest.mark.feature("WEB-02")
async def test_a_channel_that_is_switched_off(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        token = (await gateway.begin()).token
    async with running(tmp_path, YAML.replace("default: true", "default: true, enabled: false")) as gateway:
        answer = await gateway.ask("POST", "/api/chat", {"message": "hi"}, token)
        assert (answer.status, answer.code) == (503, "channel_disabled")
        assert (await gateway.ask("POST", "/api/session")).status == 503


@pytest.mark.feature("WEB-02")
async def test_a_bot_that_fails(tmp_path: Path) -> None:
    yaml = YAML.replace("tests.doors:echo", "tests.doors:fails") + "defaults: {texts: {failed: Sorry!}}\n"
    async with running(tmp_path, yaml) as gateway:
        answer = await (await gateway.begin()).say("hello")
        assert answer.status == 200
        assert [(line["role"], line["text"], line["flag"]) for line in answer.json["messages"]] == [
            ("system", "Sorry!", "failed")
        ]


# --- the same again


@pytest.mark.feature("INB-05")
@pytest.mark.parametrize("by_header", [True, False])
async def test_the_same_message_twice_is_one_turn(gateway: Gateway, by_header: bool) -> None:
    visitor = await gateway.begin()
    again: Any = {"headers": {"Idempotency-Key": "k-1"}} if by_header else {"message_id": "k-1"}
    first, second = await visitor.say("hello", **again), await visitor.say("hello", **again)
    assert (first.status, second.status) == (200, 200)
    assert first.json == second.json
    assert len((await visitor.history())["messages"]) == 2
    other = await visitor.say("something else", **again)
    assert (other.status, other.code) == (409, "idempotency_conflict")
    assert (await visitor.say("something else")).status == 200


@pytest.mark.feature("INB-05")
async def test_twenty_at_the_same_moment_are_one_turn(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    answers = await asyncio.gather(*(visitor.say("hello", message_id="k-1") for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    assert len({answer.body for answer in answers}) == 1
    assert len(await gateway.rows("SELECT 1 FROM inbox")) == 1


@pytest.mark.feature("INB-05")
async def test_the_same_while_it_is_being_answered(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    turn = await visitor.say_on("hello", message_id="k-1")
    assert await visitor.say_on("hello", message_id="k-1") == turn
    waiting = asyncio.gather(visitor.say("hello", message_id="k-1"), visitor.say("hello", message_id="k-1"))
    await gateway.until(lambda: len(gateway.daemon.corridor.live) == 2)
    bot.write("once")
    bot.finish()
    for answer in await waiting:
        assert [line["text"] for line in answer.json["messages"]] == ["once"]
    assert len(bot.turns) == 1


@pytest.mark.feature("INB-05")
async def test_the_same_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        visitor = await gateway.begin()
        first = await visitor.say("hello", message_id="k-1")
    async with running(tmp_path) as gateway:
        again = await gateway.ask("POST", "/api/chat", {"message": "hello", "message_id": "k-1"}, visitor.token)
        assert again.json == first.json


@pytest.mark.feature("INB-05")
async def test_keys_of_others_are_their_own(gateway: Gateway) -> None:
    one, two = await gateway.begin(), await gateway.begin()
    first, second = await one.say("mine", message_id="1"), await two.say("yours", message_id="1")
    assert first.json["turn_id"] != second.json["turn_id"]
    assert [answer.json["messages"][0]["text"] for answer in (first, second)] == ["echo: mine", "echo: yours"]
