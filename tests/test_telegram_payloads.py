"""Updates in the Bot API's shape, each with the `Inbound` it is, beside it as data."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.telegram.updates import Drop, Update, Updates, parse
from gateway.message import Inbound, decode, encode

FOLDER = Path(__file__).parent / "payloads" / "telegram"
EXPECTED = sorted(FOLDER.glob("*.inbound.json"))
PAYLOADS = [file.with_name(file.name.replace(".inbound.", ".")) for file in EXPECTED]

DEEP = b"[" * 100_000
NO_UPDATES = [
    *(b"", b"{", b"[]", b"[1]", b'"x"', b"null", b"{}", b"\x00", b"\xef\xbb\xbf"),
    *(b'{"update_id":"1"}', b'{"update_id":1.5}', b'{"update_id":true}', b'{"update_id":null}'),
    b'{"update_id":' + b"9" * 6000 + b"}",
    b'{"update_id":1,"x":NaN}',
    b'{"update_id":1,"x":"\xff"}',
    b'{"update_id":1,"x":' + DEEP + DEEP.replace(b"[", b"]") + b"}",
    DEEP,
]


def _updates() -> Updates:
    updates = Updates("help", "123456789")
    updates.ear.username = "far_bot"
    return updates


def _recorded(payload: Path) -> tuple[Update, Inbound | Drop]:
    update = parse(payload.read_bytes())
    assert update is not None
    expected = payload.with_suffix(".inbound.json").read_bytes()
    data: dict[str, Any] = json.loads(expected)
    if "dropped" in data:
        return update, Drop(tuple(data["ids"]), data["dropped"])
    return update, decode(Inbound, expected)


@pytest.mark.feature("DEV-03", "CH-05", "KEY-07", "GRP-02", "GRP-06", "GRP-10", "CH-24", "INB-03", "ID-19")
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda file: file.stem)
async def test_update_becomes_the_inbound_beside_it(payload: Path) -> None:
    update, expected = _recorded(payload)
    read = await _updates().read(update)
    assert read == expected
    if isinstance(read, Inbound):
        assert decode(Inbound, encode(read)) == read  # all of it is plain data, `extra` too


@pytest.mark.feature("DEV-03")
def test_every_payload_has_its_inbound() -> None:
    assert set(FOLDER.glob("*.json")) == {*EXPECTED, *PAYLOADS}


@pytest.mark.feature("DEV-03")
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda file: file.stem)
def test_payload_is_what_aiogram_knows_as_an_update(payload: Path) -> None:
    """So that the payloads are Telegram's shape and not only ours; but for those that are odd on purpose."""
    from adapters.telegram.sdk import aiogram

    try:
        aiogram.types.Update.model_validate_json(payload.read_bytes())
    except ValueError:
        assert any(word in payload.name for word in ("malformed", "odd", "older"))


@pytest.mark.feature("CH-05")
@pytest.mark.parametrize("body", NO_UPDATES, ids=lambda body: repr(body[:24]))
def test_what_is_no_update_is_not_parsed(body: bytes) -> None:
    assert parse(body) is None


@pytest.mark.feature("CH-05", "INB-03")
async def test_half_a_character_does_not_cost_the_message() -> None:
    body = rb'{"update_id":5,"message":{"message_id":1,"date":1,"chat":{"id":7,"type":"private"},"text":"a\ud83db"}}'
    update = parse(body)
    assert update is not None
    read = await _updates().read(update)
    assert isinstance(read, Inbound)
    assert read.text == "a?b"


@pytest.mark.feature("DEV-01")
def test_plain_text_needs_no_sdk() -> None:
    """Neither importing the adapter nor reading a text loads aiogram; the first photo does, and builds little of it."""
    script = """
import asyncio, sys
from pathlib import Path
import adapters.telegram
from adapters.telegram.updates import Updates, parse
updates = Updates("help", "123456789")
read = lambda name: asyncio.run(updates.read(parse(Path(sys.argv[1], name).read_bytes())))
read("text_dm.json"), read("text_group_mention.json"), read("edited_text.json")
assert "aiogram" not in sys.modules
assert read("photo.json").files
assert "aiogram" in sys.modules
assert not sys.modules["aiogram"].types.Update.__pydantic_complete__
"""
    subprocess.run([sys.executable, "-c", script, str(FOLDER)], check=True, timeout=60)
