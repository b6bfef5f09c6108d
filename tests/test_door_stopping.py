"""Stopping an answer, and starting anew while one is being made."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doors import YAML, Gateway, Held, running


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as one:
        yield one


@pytest.mark.feature("LIF-18")
async def test_stop_keeps_what_was_seen_and_says_nothing(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    async with visitor.events() as events:
        turn = await visitor.say_on("tell me everything")
        bot.write("It began ", "long ago")
        while (await events.next()).data.get("n") != 2:  # type: ignore[union-attr]
            continue
        answer = await visitor.ask("DELETE", "/api/chat/turn")
        assert answer.json == {"session_id": visitor.session, "stopped": True}
        await events.until("message")
        assert (await events.next()).data["flag"] == "cancelled"  # type: ignore[union-attr]
    lines = (await visitor.history())["messages"]
    assert [(line["role"], line["text"], line["flag"], line["turn"]) for line in lines] == [
        ("user", "tell me everything", "", turn),
        ("assistant", "It began long ago", "cancelled", turn),
    ]


@pytest.mark.feature("LIF-18")
async def test_nothing_to_stop(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    await visitor.say("hello")
    before = await gateway.rows("SELECT count(*) FROM inbox")
    answer = await visitor.ask("DELETE", "/api/chat/turn")
    assert (answer.status, answer.code) == (409, "nothing_to_stop")
    assert await gateway.rows("SELECT count(*) FROM inbox") == before


@pytest.mark.feature("LIF-18")
async def test_who_waits_for_an_answer_that_is_stopped(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    waiting = asyncio.ensure_future(visitor.say("hello"))
    await gateway.until(lambda: len(bot.turns) == 1)
    await visitor.ask("DELETE", "/api/chat/turn")
    answer = await waiting
    assert (answer.status, answer.json["messages"]) == (200, [])


@pytest.mark.feature("LIF-11", "ID-05")
async def test_who_waits_for_an_answer_when_the_session_is_reset(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    waiting = asyncio.ensure_future(visitor.say("hello"))
    await gateway.until(lambda: len(bot.turns) == 1)
    assert (await visitor.ask("POST", "/api/session/reset")).status == 200
    answer = await waiting
    assert (answer.status, answer.code) == (410, "session_closed")


@pytest.mark.feature("LIF-07", "LIF-10")
@pytest.mark.parametrize("how", ["reset", "end"])
async def test_the_draft_goes_with_its_session(gateway: Gateway, how: str) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    live, lane = gateway.daemon.corridor.live, (await gateway.rows("SELECT id FROM lane"))[0][0]
    await visitor.say_on("tell me everything")
    bot.write("It began")
    await gateway.until(lambda: (draft := live.preview(lane)) is not None and draft.text == "It began")
    assert (await visitor.history())["typing"] is True
    answer = await visitor.ask("POST", f"/api/session/{how}")
    await gateway.until(lambda: live.preview(lane) is None)
    if how == "reset":
        page = (await gateway.ask("GET", "/api/chat", token=answer.json["token"])).json
        assert (page["typing"], [line["text"] for line in page["messages"]]) == (False, ["Conversation reset."])


@pytest.mark.feature("LIF-10", "ID-05")
async def test_two_resets_at_once_are_one(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    answers = await asyncio.gather(*(visitor.ask("POST", "/api/session/reset") for _ in range(2)))
    assert sorted(answer.status for answer in answers) == [200, 410]
    assert await gateway.rows("SELECT count(*) FROM session") == [(2,)]


@pytest.mark.feature("CMD-01", "ID-05")
async def test_a_command_that_an_operator_keeps_to_some(tmp_path: Path) -> None:
    yaml = YAML.replace("default: true", "default: true, commands: {allow: {reset: ['+4915112345678']}}")
    async with running(tmp_path, yaml) as gateway:
        visitor = await gateway.begin()
        answer = await visitor.ask("POST", "/api/session/reset")
        assert (answer.status, answer.code) == (403, "not_allowed")
        assert "session" not in (await visitor.say("/reset")).json
