"""What `doctor` is told about an app's account, and what is wrong with a channel's keys."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from adapters.slack import Adapter, probe
from adapters.slack.events import Events
from adapters.slack.parents import Parents
from adapters.slack.people import People
from adapters.slack.sdk import Sdk
from adapters.slack.workspace import Workspaces
from gateway.adapter import Finding
from gateway.settings import load
from tests.far.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer
from tests.recording_gate import RecordingGate
from tests.slack_channel import closed
from tests.source import ROOT
from tests.yaml_files import Files


def bad(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if not finding.ok]


@pytest.mark.feature("CH-06", "CH-07")
async def test_all_is_well() -> None:
    async with SlackServer() as server:
        async with closed(server) as (adapter, _):
            findings = await adapter.probe()
            assert bad(findings) == []
            assert findings[0].text == "the token belongs to @far_bot in Far (T1)"
            assert findings[-1].text == "Socket Mode can be connected"
        async with closed(server, mode="http", public_url="https://chat.example.org") as (adapter, _):
            findings = await adapter.probe()
            assert bad(findings) == []
            assert findings[-1].text.endswith("to https://chat.example.org/c/help")


@pytest.mark.feature("CH-06")
async def test_without_a_public_address_nobody_can_call() -> None:
    async with SlackServer() as server, closed(server, mode="http") as (adapter, _):
        assert bad(await adapter.probe()) == ["nobody can call us: server.public_url is not set"]


@pytest.mark.feature("CH-08", "CMD-06")
async def test_missing_scopes_are_told_with_what_they_cost() -> None:
    async with SlackServer() as server, closed(server) as (adapter, _):
        server.scopes = "im:history,app_mentions:read,users:read"
        findings = await adapter.probe()
        assert bad(findings) == ["the scope chat:write is missing"]
        told = [finding.text for finding in findings if finding.remedy and finding.ok]
        assert "without the scope files:read files that users send cannot be read" in told
        assert "without the scope channels:history in threads the bot must be mentioned every time" in told
        assert not any("users:read" in text for text in told)


@pytest.mark.feature("CH-22", "SEC-01")
async def test_wrong_tokens_and_an_unreachable_server_are_told() -> None:
    async with SlackServer() as server:
        keys: dict[str, Any] = {"bot_token": None, "workspaces": {"T1": BOT_TOKEN, "T2": "xoxb-9999999999-wrong"}}
        async with closed(server, **keys) as (adapter, _):
            server.app_revoked = True
            assert bad(await adapter.probe()) == ["auth.test: invalid_auth", "apps.connections.open: invalid_auth"]
        async with closed(server, bot_token=None, workspaces={"T5": BOT_TOKEN}) as (adapter, _):
            assert bad(await adapter.probe())[0].startswith("the token under workspaces.T5 belongs to")
    async with closed(server) as (adapter, _):
        findings = await adapter.probe()
        assert len(bad(findings)) == len(findings) == 2
        assert all("api_base" in finding.remedy for finding in findings)
        assert not any(token in str(findings) for token in (BOT_TOKEN, APP_TOKEN))


GIVEN = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "bot_token"),
    ({"bot_token": BOT_TOKEN}, "app_token"),
    ({"bot_token": BOT_TOKEN, "mode": "http"}, "signing_secret"),
    ({**GIVEN, "workspaces": {"T1": BOT_TOKEN}}, "cannot stand beside bot_token"),
    ({**GIVEN, "bot_token": APP_TOKEN}, "begins with xoxb-"),
    ({**GIVEN, "app_token": BOT_TOKEN}, "begins with xapp-"),
    ({"app_token": APP_TOKEN, "workspaces": {"team": BOT_TOKEN}}, "workspaces"),
    ({**GIVEN, "mode": "push"}, "mode"),
    ({**GIVEN, "command": "chat"}, "command"),
    ({**GIVEN, "signing_secret": "short"}, "signing_secret"),
    ({**GIVEN, "prompts": [{"title": "a", "message": "b"}] * 5}, "prompts"),
    ({**GIVEN, "prompts": [{"title": "", "message": "b"}]}, "prompts"),
    ({**GIVEN, "api_base": "ftp://slack.com"}, "api_base"),
]


@pytest.mark.feature("CFG-02", "SEC-01", "CH-06", "CH-07")
@pytest.mark.parametrize(("keys", "named"), WRONG, ids=[named for _, named in WRONG])
def test_what_is_wrong_with_the_keys_is_said_and_no_secret_with_it(
    keys: dict[str, Any], named: str, tmp_path: Path
) -> None:
    channel = json.dumps({"platform": "slack", "bot": "b", **keys})
    found = Files(tmp_path).wrong(load, f"bots: {{b: {{kind: echo}}}}\nchannels:\n  help: {channel}\n")
    assert any(named in line for line in found), found
    assert not any(secret in "".join(found) for secret in (BOT_TOKEN, APP_TOKEN, SIGNING_SECRET))


@pytest.mark.feature("CH-06", "CH-07")
def test_one_mode_needs_only_its_own_keys() -> None:
    Adapter.Options.model_validate(GIVEN)
    Adapter.Options.model_validate({"bot_token": BOT_TOKEN, "signing_secret": SIGNING_SECRET, "mode": "http"})
    Adapter.Options.model_validate({"workspaces": {"T1": BOT_TOKEN, "E1": BOT_TOKEN}, "app_token": APP_TOKEN})


def _documented() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "slack.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.feature("CH-06", "CH-07", "CH-08")
def test_the_manifest_of_the_documentation_asks_for_what_is_used() -> None:
    manifest = YAML(typ="safe").load(next(block for block in _documented() if "oauth_config" in block))
    scopes = set(manifest["oauth_config"]["scopes"]["bot"])
    assert scopes >= {*probe._NEEDED, *probe._USED}
    history = {"channels": "channels", "groups": "groups", "im": "im", "mpim": "mpim"}
    events = set(manifest["settings"]["event_subscriptions"]["bot_events"])
    assert {f"{history[one.removeprefix('message.')]}:history" for one in events if "message." in one} <= scopes
    gate = RecordingGate(None)  # type: ignore[arg-type]
    sdk = Sdk(gate, "http://127.0.0.1:9")
    read = Events("help", Workspaces(True), People(gate, sdk), Parents(gate, sdk))._readers
    heard = {*(one.partition(".")[0] for one in events), "member_left_channel"}  # ours comes as channel_left too
    assert set(read) == heard - {"assistant_thread_started"}


@pytest.mark.feature("CFG-01")
def test_the_channels_of_the_documentation_load(tmp_path: Path) -> None:
    whole, several = (block for block in _documented() if "TOKEN" in block)
    tokens = dict.fromkeys(re.findall(r"\$\{(\w+)\}", whole + several), BOT_TOKEN) | {"SLACK_APP_TOKEN": APP_TOKEN}
    many = whole.replace("    bot_token: ${SLACK_BOT_TOKEN}\n", several)
    for text in (whole, many):
        channel = load(Files(tmp_path).write(text), tokens).channels["help"]
        assert channel.options.mode == "socket"  # type: ignore[union-attr]
