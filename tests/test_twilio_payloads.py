"""Webhooks in Twilio's shape, each with the `Inbound` it is, beside it as data."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.twilio.conversations import Conversations
from adapters.twilio.fields import read_form, read_json
from adapters.twilio.messages import Drop, Messages, Stray
from adapters.twilio.senders import party
from adapters.twilio.statuses import read_status
from gateway.message import Inbound, decode, encode
from tests.far.twilio import ACCOUNT, NUMBER, PAGE, WHATSAPP

FOLDER = Path(__file__).parent / "payloads" / "twilio"
EXPECTED = sorted(FOLDER.glob("*.inbound.json"))
PAYLOADS = [file.with_name(file.name.replace(".inbound.json", ".form")) for file in EXPECTED]


def read(payload: Path) -> Inbound | Stray | Drop | None:
    """As the channel `help` of whoever the payload is for, the bot being called `helper`."""
    sender = {"sms": NUMBER, "mms": NUMBER, "messenger": PAGE}.get(payload.name.partition("_")[0], WHATSAPP)
    us = party(sender)
    assert us is not None
    fields = read_form(payload.read_bytes())
    if "EventType" in fields:
        return Conversations("help", ACCOUNT, us.id, "helper").read(fields)
    return Messages("help", ACCOUNT, us).read(fields)


def expected(payload: Path) -> Inbound | Stray | Drop:
    held = payload.with_name(payload.stem + ".inbound.json").read_bytes()
    data: dict[str, Any] = json.loads(held)
    if "dropped" in data:
        return Drop(tuple(data["ids"]), data["dropped"])
    return Stray(decode(Inbound, json.dumps(data["stray"]))) if "stray" in data else decode(Inbound, held)


@pytest.mark.feature("DEV-03", "CH-12", "CH-13", "KEY-09", "MED-01", "MED-05", "FMT-04", "CH-24", "INB-03")
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda file: file.stem)
def test_a_webhook_becomes_the_inbound_beside_it(payload: Path) -> None:
    found = read(payload)
    assert found == expected(payload)
    if isinstance(found, Inbound):
        assert decode(Inbound, encode(found)) == found  # all of it is plain data, `extra` too


@pytest.mark.feature("DEV-03")
def test_every_payload_has_its_inbound() -> None:
    assert set(FOLDER.iterdir()) == {*EXPECTED, *PAYLOADS}


@pytest.mark.feature("CH-12")
@pytest.mark.parametrize("body", [b"", b"&", b"=", b"MessageSid=", b"Body=hello", b"MessageSid=%00", b"\xff" * 100])
def test_what_is_no_message_is_none(body: bytes) -> None:
    us = party(WHATSAPP)
    assert us is not None
    assert Messages("help", ACCOUNT, us).read(read_form(body)) is None
    assert Conversations("help", ACCOUNT, us.id, "helper").read(read_form(body)) is None
    assert read_status(read_form(body)) is None


@pytest.mark.feature("SEC-02")
def test_fields_are_read_as_they_stand() -> None:
    fields = read_form(b"Body=a+b%2Bc%20&Empty=&Body=second&%C3%A9=%C3%A9")
    assert fields == {"Body": ["a b+c ", "second"], "Empty": [""], "é": ["é"]}
    assert (fields.first("Body"), fields.first("Empty"), fields.first("None")) == ("a b+c ", "", "")
    assert read_form(b"&".join(b"a%d=b" % n for n in range(1001))) == {}


@pytest.mark.feature("SEC-02")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"text"', b"\xff", b"[" * 100_000])
def test_json_that_is_no_object_has_no_fields(body: bytes) -> None:
    assert read_json(body) == {}


@pytest.mark.feature("SEC-02")
def test_json_has_the_same_fields_as_a_form() -> None:
    read = read_json(b'{"Body":"hello","NumMedia":2,"Media":[{"Sid":"ME1"}],"Author":null}')
    assert read == {"Body": ["hello"], "NumMedia": ["2"], "Media": ['[{"Sid":"ME1"}]'], "Author": [""]}
    assert read_json(b'{"Body":"half \\ud83d an emoji"}') == {"Body": ["half ? an emoji"]}
    assert read_json(b'{"Body":NaN,"Author":"\\ud83d"}') == {}


@pytest.mark.feature("KEY-09")
@pytest.mark.parametrize(
    ("address", "kind", "id", "phone"),
    [
        ("whatsapp:+1 555 0100", "whatsapp", "+15550100", "+15550100"),
        ("+15550100", "", "+15550100", "+15550100"),
        ("12345", "", "12345", ""),
        ("whatsapp:BR.1502", "whatsapp", "BR.1502", ""),
        ("messenger:987", "messenger", "987", ""),
    ],
)
def test_addresses_have_a_kind_and_one_form(address: str, kind: str, id: str, phone: str) -> None:
    found = party(address)
    assert found is not None
    assert (found.kind, found.id, found.phone) == (kind, id, phone)
    assert party(str(found)) == found


@pytest.mark.feature("KEY-09")
@pytest.mark.parametrize("address", ["", "whatsapp:", ":", " ", "whatsapp:a\x00b", "+" + "1" * 300, "whatsapp:\ud800"])
def test_what_names_nobody_is_nobody(address: str) -> None:
    assert party(address) is None
