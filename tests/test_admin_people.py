"""What operators do about people: block them, let them in again, and take the tokens of visitors back."""

from pathlib import Path
from typing import Any

import pytest

from tests.commands import gateway as command
from tests.doors import Visitor
from tests.kit import corridor
from tests.operators import YAML, Desk, desk

ALONE = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paper, bot: b}}
storage: {url: sqlite:///gateway.db}
"""


async def _people(here: Desk, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await here.get(f"participants{query}"))["participants"]
    return found


@pytest.mark.feature("ACC-01", "ADM-02")
async def test_who_is_blocked_is_not_heard_until_they_are_let_in_again(tmp_path: Path) -> None:
    open_to_ada = YAML.replace("limits:", "access: {dm: allowlist, allow: ['9001', '9002']}, limits:", 1)
    async with desk(tmp_path, open_to_ada) as here:
        for user in ("9001", "9002"):
            await here.say("hello", user=user)
        await here.quiet()
        (ada,) = await _people(here, "?channel=p&user=9001")
        assert ada["blocked"] is False
        answer = await here.ask("POST", f"participants/{ada['id']}/block")
        assert answer.json == {"participant": ada["id"], "blocked": True}
        assert (await _people(here, "?user=9001"))[0]["blocked"] is True
        for _ in range(2):
            assert (await here.say("again", user="9001")).outcome == "not_allowed"
        assert (await here.say("again", user="9002")).outcome == "stored"
        await here.ask("POST", f"participants/{ada['id']}/unblock")
        assert (await here.say("once more", user="9001")).outcome == "stored"
        await here.quiet()
        assert here.paper.texts("9001") == ["hello", "once more"]
        for act in ("block", "unblock"):
            assert (await here.ask("POST", f"participants/none/{act}")).code == "participant_unknown"
        for role, status in (("viewer", 403), ("operator", 200)):
            key = await here.key(role)
            assert (await here.admin("POST", f"participants/{ada['id']}/block", key=key)).status == status


@pytest.mark.feature("ACC-01")
async def test_a_blocked_visitor_says_and_begins_nothing_more(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        visitor = await here.gateway.begin("site")
        await visitor.say("hello")
        (person,) = await _people(here, "?channel=site")
        await here.ask("POST", f"participants/{person['id']}/block")
        answer = await visitor.say("again")
        assert (answer.status, answer.code) == (403, "not_allowed")


async def _opens(visitor: Visitor) -> str:
    answer = await visitor.ask("GET", "/api/session")
    return "open" if answer.status == 200 else answer.code


@pytest.mark.feature("ID-04")
async def test_tokens_are_taken_back_one_by_one_by_person_and_by_channel(tmp_path: Path) -> None:
    two = YAML + "  shop: {platform: web, bot: b, identity_secret: 'a secret of thirty-two characters'}\n"
    async with desk(tmp_path, two) as here:
        site, shop = "site", "shop"
        visitors = [await here.gateway.begin(site) for _ in range(3)] + [await here.gateway.begin(shop)]
        one, person = visitors[0], (await here.get(f"sessions/{visitors[1].session}"))["participant"]["id"]
        async with one.events() as events:
            done = await here.ask("POST", "tokens/revoke", {"session": one.session})
            assert done.json == {"revoked": 1}
            assert (await events.rest())[-1] == ("closed", {"reason": "revoked"}, "")
        assert [await _opens(visitor) for visitor in visitors] == ["token_unknown", "open", "open", "open"]
        assert (await here.ask("POST", "tokens/revoke", {"participant": person})).json == {"revoked": 1}
        assert [await _opens(visitor) for visitor in visitors] == ["token_unknown"] * 2 + ["open"] * 2
        assert (await here.ask("POST", "tokens/revoke", {"channel": site})).json == {"revoked": 1}
        assert [await _opens(visitor) for visitor in visitors] == ["token_unknown"] * 3 + ["open"]
        assert (await here.get(f"sessions/{one.session}"))["state"] == "active"


@pytest.mark.feature("ID-04")
@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({}, "bad_parameter"),
        ({"session": "a", "channel": "site"}, "bad_parameter"),
        ({"sesion": "a"}, "unknown_parameter"),
        ({"session": "none"}, "session_unknown"),
        ({"participant": "none"}, "participant_unknown"),
    ],
)
async def test_whose_tokens_must_be_said(tmp_path: Path, named: dict[str, str], code: str) -> None:
    async with desk(tmp_path) as here:
        visitor = await here.gateway.begin("site")
        assert (await here.ask("POST", "tokens/revoke", named)).code == code
        key = await here.key("viewer")
        assert (await here.admin("POST", "tokens/revoke", {"channel": "site"}, key)).status == 403
        assert await _opens(visitor) == "open"


@pytest.mark.feature("ACC-01", "ID-04")
async def test_the_command_line_does_the_same(tmp_path: Path) -> None:
    async with corridor(tmp_path, ALONE) as kit:
        await kit.say("hello", user="ada")
        await kit.quiet()

    def run(*args: str) -> Any:
        return command(*args, "-c", "gateway.yaml", folder=tmp_path)

    (ada,) = run("participants", "list", "--json").json["participants"]
    assert run("participants", "block", ada["id"]).out == f"{ada['id']} is blocked\n"
    assert run("participants", "list", "--json").json["participants"][0]["blocked"] is True
    assert run("participants", "unblock", ada["id"], "--json").json == {"participant": ada["id"], "blocked": False}
    assert run("tokens", "revoke", "--channel", "p").out == "0 revoked\n"
    assert run("tokens", "revoke").code == 2
    assert run("tokens", "revoke", "--session", "none").code == 1
