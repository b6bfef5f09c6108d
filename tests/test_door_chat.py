"""Saying and reading: one message, one answer, however often it is sent; pages of the history; stop; variables."""

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
async def test_what_takes_longer_is_answered_later(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    gateway.house.patience = 0.05
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


# --- reading


@pytest.mark.feature("WEB-01")
async def test_pages_of_the_history(gateway: Gateway) -> None:
    visitor = await gateway.begin(name="Ada")
    for number in range(30):
        await visitor.say(f"{number}", message_id=f"m-{number}")
    page = await visitor.history()
    assert [line["seq"] for line in page["messages"]] == list(range(11, 61))
    assert page["has_more"] is True
    assert page["session"]["session_id"] == visitor.session
    assert page["session"]["message_count"] == 60
    user, bot = page["messages"][:2]
    assert (user["role"], user["text"], user["message_id"], user["name"]) == ("user", "5", "m-5", "Ada")
    assert "tree" not in user
    assert (bot["role"], bot["turn"], bot["files"], bot["buttons"]) == ("assistant", user["turn"], [], [])
    assert abs(bot["at"] - gateway.clock.now()) < 60_000
    page = await visitor.history("?since=3&limit=2")
    assert ([line["seq"] for line in page["messages"]], page["has_more"]) == ([4, 5], True)
    page = await visitor.history("?since=0&limit=1000")
    assert (len(page["messages"]), page["has_more"]) == (60, False)
    assert (await visitor.history("?since=60"))["messages"] == []


@pytest.mark.feature("WEB-01")
@pytest.mark.parametrize(
    "query", ["since=x", "since=-1", "since=", "since=٣", "limit=0", "limit=x", "since=1e3", "limit=" + "9" * 5000]
)
async def test_odd_queries(gateway: Gateway, query: str) -> None:
    answer = await (await gateway.begin()).ask("GET", f"/api/chat?{query}")
    assert (answer.status, answer.code) == (400, f"invalid_{query.partition('=')[0]}")


@pytest.mark.feature("WEB-01")
async def test_what_has_not_changed_is_not_sent_again(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    await visitor.say("hello")
    tag = (await visitor.ask("GET", "/api/chat")).headers["etag"]
    gateway.clock.ahead += 120  # the token's life goes on, which is no change
    again = await visitor.ask("GET", "/api/chat", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status, again.body) == (304, b"")
    await visitor.say("more")
    assert (await visitor.ask("GET", "/api/chat", headers={"If-None-Match": tag})).status == 200


@pytest.mark.feature("WEB-04")
async def test_how_the_session_stands(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    facts = (await visitor.ask("GET", "/api/session")).json
    named = {"session_id": visitor.session, "channel": "site", "bot": "echo", "state": "active", "level": "anonymous"}
    assert facts.items() >= named.items()


@pytest.mark.feature("WEB-04")
@pytest.mark.parametrize("format", ["txt", "md", "json"])
async def test_the_conversation_as_a_file(gateway: Gateway, format: str) -> None:
    visitor = await gateway.begin(name="A*da")
    for number in range(105):
        await visitor.say(f"line {number}\n# no heading")
    answer = await visitor.ask("GET", f"/api/session/export?format={format}")
    assert answer.headers["content-disposition"] == f'attachment; filename="conversation.{format}"'
    if format == "json":
        assert [line["seq"] for line in answer.json["messages"]] == list(range(1, 211))
    text = answer.body.decode()
    assert [text.count(f"line {number}\\n" if format == "json" else f"line {number}\n") for number in range(105)] == [
        2
    ] * 105
    if format == "md":
        assert "**A\\*da**" in text
        assert "\n> # no heading\n" in text
    assert (await visitor.ask("GET", "/api/session/export?format=exe")).code == "invalid_format"


# --- stopping


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


# --- variables


@pytest.mark.feature("MEM-07")
async def test_variables_are_set_and_deleted(gateway: Gateway) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    path = "/api/session/variables"
    assert (await visitor.ask("PATCH", path, {"step": 3, "who.x": {"a": [1, None]}})).json == {
        "variables": {"step": 3, "who.x": {"a": [1, None]}}
    }
    bot.finish()
    await visitor.say("hello")
    assert bot.turns[0].session.variables == {"step": 3, "who.x": {"a": [1, None]}}
    await visitor.ask("PATCH", path, {"step": None, "gone": None})
    bot.finish()
    await visitor.say("again")
    assert bot.turns[1].session.variables == {"who.x": {"a": [1, None]}}
    assert (await visitor.ask("GET", "/api/session")).json["variables"] == {"who.x": {"a": [1, None]}}


@pytest.mark.feature("MEM-07")
@pytest.mark.parametrize("name", ["", "1a", "a b", "a" * 65, "ü", "a-b", "a\n"])
async def test_names_of_variables(gateway: Gateway, name: str) -> None:
    visitor = await gateway.begin()
    answer = await visitor.ask("PATCH", "/api/session/variables", {"good": 1, name: 1})
    assert (answer.status, answer.code) == (400, "variable_name")
    assert (await visitor.ask("GET", "/api/session")).json["variables"] == {}


@pytest.mark.feature("MEM-08")
async def test_variables_have_a_limit(tmp_path: Path) -> None:
    yaml = YAML.replace("default: true, limits: {messages: off}", "default: true, limits: {variables: 1KB}")
    async with running(tmp_path, yaml) as gateway:
        visitor = await gateway.begin()
        await visitor.ask("PATCH", "/api/session/variables", {"a": "x" * 500})
        answer = await visitor.ask("PATCH", "/api/session/variables", {"b": "x" * 510, "c": 1})
        assert (answer.status, answer.code) == (413, "variables_too_large")
        assert (await visitor.ask("GET", "/api/session")).json["variables"] == {"a": "x" * 500}
