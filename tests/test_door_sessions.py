"""Sessions of visitors: how they begin, and what a reset leaves."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors import YAML, Gateway, Held, running

HOUR = 3600


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    yaml = YAML.replace("default: true, limits: {messages: off}", "default: true, limits: {variables: 1KB}")
    async with running(tmp_path, yaml) as one:
        yield one


@pytest.mark.feature("ID-01", "CH-14")
async def test_one_call_gives_a_session(gateway: Gateway) -> None:
    answer = await gateway.ask("POST", "/api/session")
    assert answer.status == 201
    begun = answer.json
    assert begun["channel"] == "site"  # the default one
    assert begun["bot"] == "echo"
    assert begun["expires_at"] == pytest.approx(gateway.clock.now() + 7 * 24 * HOUR * 1000, abs=60_000)
    assert (await gateway.begin()).session != begun["session_id"]


@pytest.mark.feature("ID-01", "LIF-01")
async def test_lane_session_participant_and_token_come_together(gateway: Gateway) -> None:
    visitor = await gateway.begin("talk", name="Ada \u202e\n Lovelace")
    rows = await gateway.rows(
        """SELECT s.id, l.session, p.name, p.level, s.level, t.session FROM session s JOIN lane l ON l.id = s.lane
             JOIN participant p ON p.id = s.participant JOIN token t ON t.participant = p.id"""
    )
    assert rows == [(visitor.session, visitor.session, "Ada Lovelace", "anonymous", "anonymous", visitor.session)]


@pytest.mark.feature("ID-01", "CH-14", "CH-18")
async def test_without_a_default_the_only_channel_is_taken(tmp_path: Path) -> None:
    yaml = YAML.replace("default: true, ", "")
    async with running(tmp_path, yaml) as two:
        assert (await two.ask("POST", "/api/session")).code == "unknown_channel"
        assert (await two.ask("GET", "/")).status == 404
    (one := tmp_path / "one").mkdir()
    async with running(one, "\n".join(line for line in yaml.splitlines() if "talk:" not in line)) as only:
        assert (await only.begin()).begun["channel"] == "site"
        page = await only.ask("GET", "/")
        assert (page.status, page.body) == (200, (await only.ask("GET", "/site")).body)


@pytest.mark.feature("ID-01", "ID-05")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"channel": "nowhere"}, 404, "unknown_channel"),
        ({"channel": "partners"}, 404, "unknown_channel"),  # has no visitors
        ({"channel": 7}, 404, "unknown_channel"),
        ({"channel": ["site"]}, 404, "unknown_channel"),
        ({"session_id": "mine"}, 400, "not_yours_to_choose"),
        ({"token": "A" * 43}, 400, "not_yours_to_choose"),
        ({"name": 5}, 400, "invalid_name"),
        ({"variables": ["step"]}, 400, "invalid_variables"),
        ({"variables": {"no name": 1}}, 400, "variable_name"),
        ({"variables": {"long": "x" * 2000}}, 413, "variables_too_large"),
    ],
)
async def test_what_a_client_may_not_choose(gateway: Gateway, body: Any, status: int, code: str) -> None:
    answer = await gateway.ask("POST", "/api/session", body)
    assert (answer.status, answer.code) == (status, code)
    assert await gateway.rows("SELECT 1 FROM session") == []


@pytest.mark.feature("ID-01")
async def test_what_is_not_known_is_ignored(gateway: Gateway) -> None:
    assert (await gateway.ask("POST", "/api/session", {"template": "x", "later": {"rows": 1}})).status == 201


@pytest.mark.feature("ID-01", "MEM-07")
async def test_it_may_begin_with_variables(gateway: Gateway) -> None:
    bot = Held()
    bot.finish()
    visitor = await gateway.begin("talk", name="Ada", variables={"plan": "pro", "seen": [1, None], "gone": None})
    await visitor.say("hello")
    assert bot.turns[0].session.variables == {"plan": "pro", "seen": [1, None]}
    assert (await gateway.begin("talk", variables=None)).begun["channel"] == "talk"


@pytest.mark.feature("ID-01")
@pytest.mark.parametrize("policy", ["{dm: 'off'}", "{dm: allowlist, allow: ['+4915112345678']}"])
async def test_closed_to_the_public(tmp_path: Path, policy: str) -> None:
    async with running(tmp_path, YAML.replace("bot: echo, default", f"bot: echo, access: {policy}, default")) as shut:
        answer = await shut.ask("POST", "/api/session")
        assert (answer.status, answer.code) == (401, "not_allowed")


@pytest.mark.feature("ID-05", "LIF-10")
@pytest.mark.parametrize("by_chat", [True, False])
async def test_a_reset_gives_a_new_session_and_token(gateway: Gateway, by_chat: bool) -> None:
    visitor = await gateway.begin()
    await visitor.say("remember this")
    if by_chat:
        answer = await visitor.say("/reset")
        assert [line["text"] for line in answer.json["messages"]] == ["Conversation reset."]
        new = answer.json["session"]
    else:
        new = (await visitor.ask("POST", "/api/session/reset")).json
    assert new["session_id"] != visitor.session
    assert new["token"] != visitor.token
    assert (await visitor.ask("GET", "/api/chat")).code == "session_closed"
    page = (await gateway.ask("GET", "/api/chat", token=new["token"])).json
    assert [line["text"] for line in page["messages"]] == ["Conversation reset."]
    assert len(await gateway.rows("SELECT DISTINCT lane FROM session")) == 1


@pytest.mark.feature("MEM-10", "MEM-09")
@pytest.mark.parametrize("remembered", [True, False])
async def test_what_a_bot_keeps_about_a_visitor(tmp_path: Path, remembered: bool) -> None:
    yaml = YAML.replace("default: true", f"default: true, remember_visitors: {str(remembered).lower()}")
    async with running(tmp_path, yaml) as gateway:
        visitor = await gateway.begin(name="Ada")

        def keep() -> Any:
            yield """UPDATE participant SET data = '{"likes": "tea"}'""", ()

        await gateway.daemon.corridor.db.write(keep)
        await visitor.ask("POST", "/api/session/reset")
        kept = await gateway.rows("SELECT name, data FROM participant")
        assert kept == [("Ada", '{"likes": "tea"}') if remembered else ("", "{}")]
