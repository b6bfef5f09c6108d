"""Programs that speak for their users, with a key: POST /c/<channel>."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.operations import keys
from gateway.operations.office import Office
from tests.doors import YAML, Answer, Gateway, Held, running


class Caller:
    """A program with a key."""

    def __init__(self, gateway: Gateway, key: str, channel: str = "partners") -> None:
        self.gateway, self.key, self.channel = gateway, key, channel

    async def say(self, user: Any, message: str, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        body = {"user": user, "message": message, **more}
        return await self.gateway.ask("POST", f"/c/{self.channel}", body, self.key, headers=headers or {})


async def a_key(gateway: Gateway, channel: str = "partners") -> str:
    office = Office(gateway.daemon.corridor, gateway.daemon.router, gateway.daemon.settings)
    made = await keys.create(office, keys.CALLER, channel)
    return str(made["key"])


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    yaml = YAML + "  others: {platform: api, bot: scripted, limits: {messages: off}}\n"
    async with running(tmp_path, yaml) as one:
        yield one


@pytest.fixture
async def caller(gateway: Gateway) -> Caller:
    return Caller(gateway, await a_key(gateway))


@pytest.mark.feature("CH-15", "WEB-02")
async def test_the_answer_comes_with_the_response(caller: Caller) -> None:
    answer = await caller.say("42", "hello", message_id="m-1")
    assert answer.status == 200
    assert [line["text"] for line in answer.json["messages"]] == ["echo: hello"]
    again = await caller.say("42", "hello", message_id="m-1")
    assert again.json == answer.json
    assert (await caller.say("42", "other", message_id="m-1")).code == "idempotency_conflict"
    assert (await caller.say("43", "other", message_id="m-1")).status == 200


@pytest.mark.feature("CH-15")
async def test_users_go_on_where_they_were(caller: Caller) -> None:
    first = (await caller.say("42", "one")).json["session_id"]
    assert (await caller.say("42", "two")).json["session_id"] == first
    assert (await caller.say(42, "three")).json["session_id"] == first  # the same id as a number
    assert (await caller.say("43", "one")).json["session_id"] != first
    second = (await caller.say("42", "four", session="new")).json["session_id"]
    assert second != first
    assert (await caller.say("42", "five")).json["session_id"] == second  # the newest open one
    assert (await caller.say("42", "six", session=first)).json["session_id"] == first
    assert (await caller.say("42", "seven")).json["session_id"] == first
    level = "SELECT DISTINCT person, level FROM participant ORDER BY person"
    assert await caller.gateway.rows(level) == [("42", "verified"), ("43", "verified")]


@pytest.mark.feature("CH-15", "ID-05")
async def test_sessions_of_others_are_not_there(caller: Caller) -> None:
    mine = (await caller.say("42", "hello")).json["session_id"]
    for user, session in (("43", mine), ("42", "made up"), ("42", "")):
        answer = await caller.say(user, "hi", session=session)
        assert (answer.status, answer.code) == (404, "unknown_session")
    assert (await caller.say("42", "hi", session=7)).code == "invalid_session"
    visitor = await caller.gateway.begin()
    assert (await caller.say("42", "hi", session=visitor.session)).code == "unknown_session"


@pytest.mark.feature("CH-15")
async def test_twenty_first_messages_begin_one_session(caller: Caller) -> None:
    answers = await asyncio.gather(*(caller.say("42", f"{number}") for number in range(20)))
    assert len({answer.json["session_id"] for answer in answers}) == 1
    assert await caller.gateway.rows("SELECT count(*) FROM session") == [(1,)]


@pytest.mark.feature("CH-15", "LIF-10", "LIF-13")
async def test_commands(caller: Caller) -> None:
    first = (await caller.say("42", "hello")).json["session_id"]
    reset = (await caller.say("42", "/reset")).json
    assert reset["session_id"] != first
    assert reset["messages"][0]["text"] == "Conversation reset."
    assert (await caller.say("42", "again")).json["session_id"] == reset["session_id"]
    await caller.say("42", "/end")
    assert (await caller.say("42", "anew")).json["session_id"] not in (first, reset["session_id"])


@pytest.mark.feature("CH-15")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"message": "hi"}, "user_missing"),
        ({"user": "", "message": "hi"}, "user_missing"),
        ({"user": " ", "message": "hi"}, "user_missing"),
        ({"user": None, "message": "hi"}, "user_missing"),
        ({"user": True, "message": "hi"}, "user_missing"),
        ({"user": ["x"], "message": "hi"}, "user_missing"),
        ({"user": "x" * 256, "message": "hi"}, "user_missing"),
        ({"user": "a\nb", "message": "hi"}, "user_missing"),
        ({"user": 1.5, "message": "hi"}, "user_missing"),
        ({"user": "42"}, "message_empty"),
        ({"user": "42", "message": "hi", "name": 3}, "invalid_name"),
        ({"user": "42", "message": "hi", "files": ["x"]}, "invalid_files"),
    ],
)
async def test_what_is_no_message(caller: Caller, body: Any, code: str) -> None:
    answer = await caller.gateway.ask("POST", "/c/partners", body, caller.key)
    assert (answer.status, answer.code) == (400, code)
    assert await caller.gateway.rows("SELECT 1 FROM session") == []


@pytest.mark.feature("CH-15", "SEC-01")
async def test_only_its_own_key_opens_a_channel(gateway: Gateway, caller: Caller) -> None:
    visitor = await gateway.begin()
    other = await a_key(gateway, "others")
    office = Office(gateway.daemon.corridor, gateway.daemon.router, gateway.daemon.settings)
    operator = (await keys.create(office, "admin"))["key"]
    revoked = await keys.create(office, keys.CALLER, "partners")
    await keys.revoke(office, revoked["id"])
    body = {"user": "42", "message": "hi"}
    for wrong in (other, operator, revoked["key"], visitor.token, caller.key[:-1], caller.key.upper(), "gw_"):
        answer = await gateway.ask("POST", "/c/partners", body, wrong)
        assert (answer.status, answer.code) == (401, "token_unknown")
    assert (await gateway.ask("POST", "/c/partners", body)).code == "token_missing"
    assert (await gateway.ask("GET", "/api/chat", token=caller.key)).code == "token_unknown"
    assert await gateway.rows("SELECT 1 FROM inbox") == []


@pytest.mark.feature("CH-15", "STR-03")
async def test_the_answer_as_it_is_written(gateway: Gateway) -> None:
    bot = Held()
    bot.write("Hel", "lo")
    bot.finish()
    caller = Caller(gateway, await a_key(gateway, "others"), "others")
    answer = await caller.say("42", "hi", {"Accept": "text/event-stream"})
    events = [line.removeprefix("event: ") for line in answer.body.decode().split("\n") if line.startswith("event: ")]
    assert events == ["typing", "delta", "delta", "typing", "message", "message"]


@pytest.mark.feature("CH-15", "WEB-02")
async def test_what_takes_longer(tmp_path: Path) -> None:
    yaml = YAML + "  others: {platform: api, bot: scripted, wait: 0.02s}\n"
    async with running(tmp_path, yaml) as gateway:
        assert gateway.daemon.corridor.channels["partners"].adapter.options.wait == 30
        await answered_later(gateway)


async def answered_later(gateway: Gateway) -> None:
    bot = Held()
    caller = Caller(gateway, await a_key(gateway, "others"), "others")
    answer = await caller.say("42", "hi", message_id="m-1")
    assert answer.status == 202
    assert set(answer.json) == {"turn_id", "session_id"}
    bot.write("at last")
    bot.finish()
    await gateway.until_rows([(2,)], "SELECT count(*) FROM message")
    again = await caller.say("42", "hi", message_id="m-1")
    assert [line["text"] for line in again.json["messages"]] == ["at last"]
    assert json.loads(again.body)["turn_id"] == answer.json["turn_id"]


@pytest.mark.feature("CH-15", "ACC-05")
async def test_a_key_may_call_so_often_whoever_it_speaks_for(gateway: Gateway, caller: Caller) -> None:
    passed, begun = 0, gateway.clock.tick()
    while (answer := await caller.say(f"user-{passed}", "")).status == 400:
        passed += 1
    assert 400 <= passed <= 400 + (gateway.clock.tick() - begun) * 400 / 60 + 1
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    other = Caller(gateway, await a_key(gateway))
    assert (await other.say("42", "hello")).status == 200


@pytest.mark.feature("CH-15", "ACC-05")
async def test_a_user_who_says_too_much(tmp_path: Path) -> None:
    yaml = YAML.replace("api, bot: echo, limits: {messages: off}", "api, bot: echo, limits: {messages: 2/m}")
    async with running(tmp_path, yaml) as gateway:
        caller = Caller(gateway, await a_key(gateway))
        assert [(await caller.say("42", f"{n}")).status for n in range(3)] == [200, 200, 429]
        assert (await caller.say("43", "hi")).status == 200
