"""Reading: pages of the history, the conversation as a file, the session and its variables."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doors import YAML, Gateway, Held, running


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as one:
        yield one


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


@pytest.mark.feature("MEM-12", "MEM-07")
@pytest.mark.parametrize("name", ["session", "session.id", "session.message_count", "participant.last_seen"])
async def test_facts_are_not_variables(gateway: Gateway, name: str) -> None:
    visitor = await gateway.begin()
    answer = await visitor.ask("PATCH", "/api/session/variables", {"good": 1, name: 1})
    assert (answer.status, answer.code) == (400, "variable_read_only")
    assert (await visitor.ask("PATCH", "/api/session/variables", {"sessions": 1})).status == 200
    assert (await visitor.ask("GET", "/api/session")).json["variables"] == {"sessions": 1}


@pytest.mark.feature("MEM-07")
async def test_variables_are_gone_after_a_reset(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    await visitor.ask("PATCH", "/api/session/variables", {"a": 1})
    new = (await visitor.ask("POST", "/api/session/reset")).json
    assert (await gateway.ask("GET", "/api/session", token=new["token"])).json["variables"] == {}


@pytest.mark.feature("MEM-08")
async def test_variables_have_a_limit(tmp_path: Path) -> None:
    yaml = YAML.replace("default: true, limits: {messages: off}", "default: true, limits: {variables: 1KB}")
    async with running(tmp_path, yaml) as gateway:
        visitor = await gateway.begin()
        await visitor.ask("PATCH", "/api/session/variables", {"a": "x" * 500})
        answer = await visitor.ask("PATCH", "/api/session/variables", {"b": "x" * 510, "c": 1})
        assert (answer.status, answer.code) == (413, "variables_too_large")
        assert (await visitor.ask("GET", "/api/session")).json["variables"] == {"a": "x" * 500}
