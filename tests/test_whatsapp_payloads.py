"""Webhooks in Meta's shape, each with what it is to the gateway beside it as data; and pywa's opinion of them."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pywa.client import WhatsApp
from pywa.types.base_update import RawUpdate
from pywa.types.callback import CallbackButton, CallbackSelection
from pywa.types.groups import GroupMessageStatuses
from pywa.types.message import DeletedMessage, EditedMessage, Message
from pywa.types.message_status import MessageStatus
from pywa.types.system import PhoneNumberChange

from adapters.whatsapp.events import Arrived, Drop, Events, Stray, Told
from adapters.whatsapp.wire import items, parse
from gateway.message import Inbound, decode, encode
from tests.far.whatsapp import NUMBER, SECRET, WhatsAppServer

FOLDER = Path(__file__).parent / "payloads" / "whatsapp"
EXPECTED = sorted(FOLDER.glob("*.inbound.json"))
PAYLOADS = [file.with_name(file.name.replace(".inbound.", ".")) for file in EXPECTED]
every = pytest.mark.parametrize("payload", PAYLOADS, ids=lambda file: file.stem)

DEEP = b"[" * 100_000
NO_WEBHOOKS = [
    *(b"", b"{", b"[]", b"[1]", b'"x"', b"null", b"\x00", b"\xef\xbb\xbf"),
    b'{"entry":[],"x":NaN}',
    b'{"entry":"\xff"}',
    b'{"entry":' + DEEP + DEEP.replace(b"[", b"]") + b"}",
    DEEP,
]
ODD_ENTRIES: list[Any] = [
    *(None, 7, "x", {}, [], [None], [[]], [{}], [{"changes": None}], [{"changes": [{"field": "messages"}]}]),
    [{"changes": [{"field": ["messages"], "value": {}}]}],
    [{"changes": [{"field": "messages", "value": {"messages": {"id": "x"}}}]}],
]


def told(body: bytes, accounts: tuple[str, ...] = (NUMBER,)) -> list[Told]:
    webhook, events = parse(body), Events("help", accounts)
    assert webhook is not None
    return [one for item in items(webhook, body) for one in events.read(item)]


def shown(one: Told) -> Any:
    """As it stands in the files."""
    if isinstance(one, Arrived):
        assert decode(Inbound, encode(one.inbound)) == one.inbound  # all of it is plain data, `extra` too
        return json.loads(encode(one.inbound))
    if isinstance(one, Drop):
        return {"dropped": one.reason, "ids": list(one.ids), "account": one.account}
    if isinstance(one, Stray):
        return {"stray": json.loads(encode(one.inbound))}
    return {"report": one.outcome, "mark": one.mark, "ref": one.ref, "codes": list(one.codes)}


@pytest.mark.feature("DEV-03", "CH-10", "CH-11", "CH-24", "KEY-09", "MED-01", "MED-05", "FMT-04", "LIF-17", "OUT-07")
@every
def test_webhook_becomes_what_stands_beside_it(payload: Path) -> None:
    expected = json.loads(payload.with_suffix(".inbound.json").read_bytes())
    assert [shown(one) for one in told(payload.read_bytes())] == expected
    assert expected, "nothing is let go without a word"


@pytest.mark.feature("DEV-03")
def test_every_payload_has_its_other_half() -> None:
    assert set(FOLDER.glob("*.json")) == {*EXPECTED, *PAYLOADS}


@pytest.mark.feature("CH-10", "INB-03")
def test_each_thing_of_a_batch_is_kept_with_a_webhook_of_its_own() -> None:
    body = (FOLDER / "batch.json").read_bytes()
    arrived = [one for one in told(body) if isinstance(one, Arrived)]
    assert [one.inbound.text for one in arrived] == ["one", "two", "three", "four"]
    for one in arrived:
        (again,) = (other for other in told(one.raw) if isinstance(other, Arrived))
        assert again == one
    alone = (FOLDER / "text_by_username.json").read_bytes()
    (only,) = told(alone)
    assert isinstance(only, Arrived)
    assert only.raw == alone, "what came alone is kept as it came"


@pytest.mark.feature("CH-10")
@pytest.mark.parametrize("body", NO_WEBHOOKS, ids=lambda body: repr(body[:24]))
def test_what_is_no_webhook_is_not_parsed(body: bytes) -> None:
    assert parse(body) is None


@pytest.mark.feature("CH-10")
@pytest.mark.parametrize("entry", ODD_ENTRIES, ids=repr)
def test_odd_envelopes_hold_nothing_that_arrives(entry: Any) -> None:
    assert not [one for one in told(json.dumps({"entry": entry}).encode()) if isinstance(one, Arrived)]


@pytest.mark.feature("CH-10", "INB-03")
def test_half_a_character_does_not_cost_the_message() -> None:
    body = (FOLDER / "text_by_username.json").read_bytes().replace(b'"hello"', rb'"a\ud83db"')
    (only,) = told(body)
    assert isinstance(only, Arrived)
    assert only.inbound.text == "a?b"


@pytest.mark.feature("CH-10")
def test_several_numbers_are_told_apart_by_the_address() -> None:
    body = (FOLDER / "text_by_username.json").read_bytes()
    for number in (NUMBER, "1"):
        (one,) = told(body.replace(NUMBER.encode(), number.encode()), (NUMBER, "1"))
        assert isinstance(one, Arrived)
        assert (one.inbound.account, one.inbound.address.account) == (number, number)
    (only,) = told(body)
    assert isinstance(only, Arrived)
    assert only.inbound.address.account == ""


class Reader:
    """pywa, as a program that takes webhooks in."""

    def __init__(self) -> None:
        self.client = WhatsApp(token="x", app_secret=SECRET, verify_token="x", server=None, filter_updates=False)

    def read(self, body: bytes) -> Any:
        """What pywa makes of a webhook with one thing in it; None when it has nothing for that."""
        update = RawUpdate(body, hmac_header=None, update_hash="0")
        handler = self.client._get_handler_type(update)
        return handler and self.client._handlers_to_updates[handler].from_update(client=self.client, update=update)


# pywa's types for these, or None where it has none: it leaves them to handlers of raw updates.
_NOT_PYWAS = ("group_created", "group_not_", "group_deleted", "group_joined", "group_left", "group_s")
_ODD = ("malformed", "null_for", "unknown", "batch", "echo_among", "user_id_update", *_NOT_PYWAS)
# pywa relies on fields that may be missing: a user id, a number, an identity.
_BEFORE_IDS = ("text_by_number_only", "system_identity", "system_user_id", "echo_of")


@pytest.mark.feature("DEV-03", "CH-10")
@every
def test_payload_is_what_pywa_knows_as_a_webhook(payload: Path, caplog: pytest.LogCaptureFixture) -> None:
    """So that the payloads are Meta's shape and not only ours; but for those that are odd on purpose."""
    if payload.name.startswith((*_ODD, *_BEFORE_IDS)) or "malformed" in payload.name:
        return
    with caplog.at_level(logging.WARNING):
        read = Reader().read(payload.read_bytes())
    assert read is not None
    assert not caplog.records


@pytest.mark.feature("DEV-03", "CH-10", "SEC-01")
async def test_pywa_verifies_and_parses_what_our_server_sends(caplog: pytest.LogCaptureFixture) -> None:
    async with WhatsAppServer() as server:
        ada, group = server.user(7, "Ada"), server.group("Y2FwaV9ncm91cDox")
        first = ada.says("hello")
        ada.says("hello all", group, reply_to=first)
        ada.shows("image", b"PNG", "image/png", caption="look")
        ada.shows("audio", b"OGG", "audio/ogg", voice=True)
        ada.sends("location", {"latitude": 1.5, "longitude": 2.5})
        ada.presses(first, "yes", "Yes")
        ada.presses(first, "no", "No", "list_reply")
        ada.reacts(first, "\N{EYES}")
        ada.reacts(first, "")
        ada.edits(first, "hello!")
        ada.revokes(first)
        server.accepted(NUMBER, ada.id, "wamid.ours", "hi", {"biz_opaque_callback_data": "help/1"})
        for status in ("sent", "delivered", "read"):
            server.reports("wamid.ours", status)
        server.reports("wamid.ours", "failed", code=131047)
        server.accepted(NUMBER, group.id, "wamid.all", "hi", {"recipient_type": "group"})
        server.reports("wamid.all", "delivered", by=ada.person)
        ada.changes_number("15559990000", "US.2000000000000007")
        reader = Reader()
        with caplog.at_level(logging.WARNING):
            kinds: list[type] = []
            for body in server.pusher.told:
                assert reader.client.webhook_update_validator(body, server.pusher.sign(body)) is None
                assert reader.client.webhook_update_validator(body + b" ", server.pusher.sign(body)) is not None
                kinds.append(type(reader.read(body)))
        caplog.records[:] = [line for line in caplog.records if "signature" not in line.getMessage()]
        assert not caplog.records
    assert kinds == [
        *[Message] * 5,
        *(CallbackButton, CallbackSelection, Message, Message, EditedMessage, DeletedMessage),
        *[MessageStatus] * 4,
        *(GroupMessageStatuses, PhoneNumberChange),
    ]


@pytest.mark.feature("DEV-03", "CH-10")
async def test_pywa_reads_of_our_servers_webhooks_what_we_read() -> None:
    async with WhatsAppServer() as server:
        ada = server.user(7, "Ada")
        quoted = ada.says("first")
        ada.says("second", reply_to=quoted)
        body = server.pusher.told[-1]
        theirs = Reader().read(body)
        ours = told(body)[-1]
        assert isinstance(ours, Arrived)
        inbound = ours.inbound
        assert inbound.sender is not None
        assert (theirs.id, theirs.text, theirs.from_user.bsuid) == (inbound.ref, inbound.text, inbound.sender.id)
        assert theirs.from_user.name == inbound.sender.name
        assert f"+{theirs.from_user.wa_id}" == inbound.sender.profile["phone"]
        assert theirs.reply_to_message.id == inbound.reply_to == quoted
        assert round(theirs.timestamp.timestamp() * 1000) == inbound.sent_at
