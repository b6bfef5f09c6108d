"""What Slack sends, in its own shapes, each with the `Inbound` it is, beside it as data.

`*.json` are events, `*.form.json` the fields of a slash command, `*.interactive.json` presses and the like.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from adapters.slack.actions import Actions
from adapters.slack.events import Drop, Events
from adapters.slack.intake import Found, Intake, parse
from adapters.slack.parents import Parents
from adapters.slack.people import People
from adapters.slack.sdk import Sdk
from adapters.slack.whispers import Whispers
from adapters.slack.workspace import Workspace, Workspaces
from gateway.message import Inbound, decode, encode
from tests.far.slack import BOT_TOKEN, SlackServer
from tests.recording_gate import RecordingGate

FOLDER = Path(__file__).parent / "payloads" / "slack"
EXPECTED = sorted(FOLDER.glob("*.inbound.json"))
PAYLOADS = [file.with_name(file.name.replace(".inbound.", ".")) for file in EXPECTED]
DEEP = b"[" * 100_000


@asynccontextmanager
async def _intake(single: bool = True) -> AsyncIterator[Intake]:
    async with SlackServer() as server, ClientSession() as http:
        server.user("U7", "Ada")
        gate, homes = RecordingGate(http), Workspaces(single)
        homes.know(Workspace(BOT_TOKEN, "T1", "UBOT", "BBOT", "far_bot"))
        sdk = Sdk(gate, server.url)
        people, whispers = People(gate, sdk), Whispers(gate, server.url)
        events = Events("help", homes, people, Parents(gate, sdk))
        yield Intake(gate, events, Actions("help", homes, people, whispers, "/chat"), None)  # type: ignore[arg-type]


async def _read(intake: Intake, payload: Path) -> Found | None:
    data: dict[str, Any] = json.loads(payload.read_bytes())
    if payload.name.endswith(".form.json"):
        return await intake.slash(data)
    if payload.name.endswith(".interactive.json"):
        return await intake.interactive(data)
    return await intake.event(data)


def as_data(found: Found | None) -> Any:
    """As it stands beside the payload."""
    if isinstance(found, Drop):
        return {"dropped": found.reason, "ids": list(found.ids), "account": found.account}
    return json.loads(encode(found))


@pytest.mark.feature("DEV-03", "CH-06", "CH-08", "CH-09", "CMD-06", "GRP-02", "GRP-06", "GRP-10", "CH-24", "STR-06")
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda file: file.stem)
async def test_payload_becomes_the_inbound_beside_it(payload: Path) -> None:
    expected = json.loads(payload.with_suffix(".inbound.json").read_bytes())
    async with _intake() as intake:
        found = await _read(intake, payload)
    assert as_data(found) == expected
    if isinstance(found, Inbound):
        assert decode(Inbound, encode(found)) == found  # all of it is plain data, `extra` too


@pytest.mark.feature("DEV-03")
def test_every_payload_has_its_inbound() -> None:
    assert set(FOLDER.glob("*.json")) == {*EXPECTED, *PAYLOADS}
    assert len(PAYLOADS) > 60


@pytest.mark.feature("CH-09", "INB-03")
async def test_a_mention_has_the_same_ids_but_one_in_both_of_its_events() -> None:
    async with _intake() as intake:
        one = await _read(intake, FOLDER / "text_channel_mention.json")
        other = await _read(intake, FOLDER / "text_channel_app_mention.json")
    assert isinstance(one, Inbound)
    assert isinstance(other, Inbound)
    assert set(one.ids) & set(other.ids) == {"message:C1:1760000000.000100", "client:C1:8f2c"}
    assert (one.text, one.address, one.addressed) == (other.text, other.address, other.addressed)


@pytest.mark.feature("KEY-06", "KEY-09")
async def test_with_several_workspaces_the_address_tells_which() -> None:
    async with _intake(single=False) as intake:
        for name in ("text_dm.json", "text_channel_mention.json", "slash_dm.form.json", "press_dm.interactive.json"):
            found = await _read(intake, FOLDER / name)
            assert isinstance(found, Inbound)
            assert (found.account, found.address.account) == ("T1", "T1")


@pytest.mark.feature("INB-03")
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"null", b"\x00", b'{"a":NaN}', DEEP, DEEP + b"]" * 100_000]
)
def test_what_is_no_object_is_not_parsed(body: bytes) -> None:
    assert parse(body) is None


@pytest.mark.feature("INB-03")
def test_half_a_character_does_not_cost_the_message() -> None:
    assert parse(rb'{"text":"a\ud83db"}') == {"text": "a?b"}
