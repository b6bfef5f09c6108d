"""The webhook: only Meta is let in, and it is told 200 only for what is on disk."""

import asyncio
import random
import re
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from adapters.whatsapp import Adapter
from gateway.adapter import Call
from gateway.errors import Refused
from gateway.message import Address
from tests.far.whatsapp import NUMBER, SECRET, WABA, WhatsAppServer
from tests.far.whatsapp.server import SECOND
from tests.source import ROOT
from tests.whatsapp_channel import NAME, WORD, called, closed, keys, opened, signed


def shake(**query: str) -> Call:
    asked = {name.replace("_", ".", 1): value for name, value in query.items()}
    return Call("GET", f"/c/{NAME}", asked, {}, b"", "192.0.2.7")


GOOD = {"hub_mode": "subscribe", "hub_verify_token": WORD, "hub_challenge": "1158201444"}


@pytest.mark.feature("CH-10")
async def test_the_handshake_echoes_the_challenge() -> None:
    async with WhatsAppServer() as server, closed(server) as (adapter, _):
        reply = await adapter.handle(shake(**GOOD))
        assert (reply.status, reply.body, reply.type) == (200, b"1158201444", "text/plain")


@pytest.mark.feature("CH-10", "SEC-01")
@pytest.mark.parametrize(
    "wrong",
    [
        *({"hub_verify_token": word} for word in ("", "wrong", WORD + " ", WORD[:-1], "\udcff", "é", WORD * 9999)),
        *({"hub_mode": mode} for mode in ("", "unsubscribe")),
    ],
    ids=lambda wrong: repr(wrong)[:40],
)
async def test_a_handshake_with_another_word_is_403(wrong: dict[str, str]) -> None:
    async with WhatsAppServer() as server, closed(server) as (adapter, gate):
        reply = await adapter.handle(shake(**(GOOD | wrong)))
        assert (reply.status, reply.body) == (403, b"")
        assert (await adapter.handle(shake())).status == 403
        assert gate.rounds == 0


@pytest.mark.feature("CH-10", "INB-01")
async def test_what_meta_calls_us_with_is_received_in_order() -> None:
    async with WhatsAppServer() as server, called(server) as (_, gate):
        for number in range(10):
            for user in (7, 8, 9):
                server.user(user, username="x").says(f"{user}:{number}")
        await server.until(lambda: not server.pusher.pending)
        assert gate.texts == [f"{user}:{number}" for number in range(10) for user in (7, 8, 9)]
        assert {delivery.status for delivery in server.pusher.deliveries} == {200}


@pytest.mark.feature("CH-10", "INB-01")
async def test_every_message_and_report_of_a_batch_is_taken_before_the_one_200() -> None:
    async with WhatsAppServer() as server, called(server) as (_, gate):
        ada = server.user(7, username="ada")
        server.accepted(NUMBER, ada.id, "wamid.ours", "hi", {"biz_opaque_callback_data": "help/17"})
        server.pusher.hold()
        for number in range(50):
            server.user(7 + number % 5, username="x").says(str(number))
        for status in ("read", "sent", "delivered"):
            server.reports("wamid.ours", status)
        gate.open_store.clear()
        server.pusher.release(together=True)
        await server.until(lambda: server.pusher.pending)
        for _ in range(50):
            await asyncio.sleep(0)
        assert server.pusher.deliveries == []
        gate.open_store.set()
        await server.until(lambda: not server.pusher.pending)
        assert gate.texts == [str(number) for number in range(50)]
        assert gate.batches == [50]
        assert gate.settled == [("17", outcome, "wamid.ours") for outcome in ("read", "sent", "delivered")]
        assert [delivery.status for delivery in server.pusher.deliveries] == [200]


@pytest.mark.feature("CH-10", "INB-01", "INB-03")
async def test_store_down_is_503_and_meta_comes_again() -> None:
    async with WhatsAppServer() as server, called(server) as (_, gate):
        gate.storage_down = 2
        server.pusher.copies = 2
        server.user(7, username="ada").says("once")
        await server.until(lambda: not server.pusher.pending)
        assert [delivery.status for delivery in server.pusher.deliveries] == [503, 503, 200, 200]
        assert gate.texts == ["once"]


@pytest.mark.feature("INB-01", "OUT-07")
@pytest.mark.parametrize("field", ["statuses", "message_echoes"])
async def test_store_down_is_503_for_reports_and_drops_too(field: str) -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, gate):
        ada = server.user(7)
        if field == "statuses":
            server.accepted(NUMBER, ada.id, "wamid.ours", "hi", {"biz_opaque_callback_data": "help/17"})
            server.reports("wamid.ours", "read")
        else:
            server.echoes(ada, "hi")
        call = signed(server.pusher.told[-1])
        gate.storage_down = 1
        reply = await adapter.handle(call)
        assert (reply.status, reply.headers["retry-after"]) == (503, "2")
        assert (await adapter.handle(call)).status == 200
        assert len(gate.settled) + len(gate.dropped) == 1


@pytest.mark.feature("CH-10", "SEC-01")
async def test_the_signature_is_of_the_very_bytes() -> None:
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": []})
    async with WhatsAppServer() as server, opened(server) as (adapter, gate):
        heard = gate.rounds
        assert (await adapter.handle(signed(body))).status == 200
        for same in (body + b"\n", b" " + body, body.replace(b":", b": ")):
            forged = Call("POST", "/c/help", {}, signed(body).headers, same, "192.0.2.7")
            assert (await adapter.handle(forged)).status == 401
        assert (await adapter.handle(signed(body, "0" * 32))).status == 401
        assert gate.rounds == heard + 1


@pytest.mark.feature("CH-10", "SEC-01")
async def test_other_methods_and_bodies_are_refused_plainly() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        assert (await adapter.handle(signed(b"{}", method="PUT"))).status == 405
        assert (await adapter.handle(Call("PUT", "/c/help", {}, {}, b"{}", ""))).status == 401
        for body in (b"", b"{", b"[]", b"null"):
            assert (await adapter.handle(signed(body))).status == 400


@pytest.mark.feature("CH-10")
async def test_two_numbers_share_a_webhook_and_a_third_is_unroutable() -> None:
    async with WhatsAppServer() as server, called(server, numbers=[NUMBER, SECOND]) as (adapter, gate):
        server.numbers["777"] = "15550000777"
        ada = server.user(7, username="ada")
        server.pusher.hold()
        for number in (NUMBER, SECOND, "777"):
            ada.at(number).says(number)
        server.pusher.release(together=True)
        await server.until(lambda: not server.pusher.pending)
        assert adapter.account == NUMBER
        assert [(one.text, one.account, one.address.account) for one, _ in gate.received] == [
            (NUMBER, NUMBER, NUMBER),
            (SECOND, SECOND, SECOND),
        ]
        ((stray, reason),) = gate.buried
        assert (stray.text, stray.account, stray.address.account, reason) == ("777", "777", "777", "unroutable")
        assert [delivery.status for delivery in server.pusher.deliveries] == [200]


@pytest.mark.feature("KEY-09")
async def test_a_user_known_by_number_is_found_again_by_user_id() -> None:
    async with WhatsAppServer() as server, called(server) as (_, gate):
        old = server.user(7, "Ada", old=True)
        old.says("one")
        old.person.user_id = "US.7"
        for text in ("two", "three"):
            old.says(text)
        old.person.user_id = ""
        old.says("four")  # a webhook without it again: this number is known by now
        await server.until(lambda: not server.pusher.pending)
        phone = old.person.phone
        assert [(one.kind, one.address.user, one.text) for one, _ in gate.received] == [
            ("message", phone, "one"),
            ("migrate", phone, ""),
            *(("message", "US.7", text) for text in ("two", "three", "four")),
        ]
        assert gate.received[1][0].extra == {"from": phone, "to": "US.7"}
        assert {one.sender.profile["phone"] for one, _ in gate.received if one.sender} == {f"+{phone}"}


@pytest.mark.feature("KEY-09")
async def test_a_change_of_id_is_told_for_every_number_of_ours() -> None:
    async with WhatsAppServer() as server, called(server, numbers=[NUMBER, SECOND]) as (_, gate):
        ada = server.user(7, username="ada")
        before = ada.id
        ada.changes_id("US.2")
        await server.until(lambda: not server.pusher.pending)
        assert [(one.kind, one.account, one.extra) for one, _ in gate.received] == [
            ("migrate", number, {"from": before, "to": "US.2"}) for number in (NUMBER, SECOND)
        ]


@pytest.mark.feature("INB-03", "DEV-03")
async def test_webhooks_in_any_order_and_number_are_each_taken_once() -> None:
    async with WhatsAppServer() as server, called(server) as (_, gate):
        server.pusher.copies = 3
        server.pusher.hold()
        for number in range(20):
            server.user(7, username="ada").says(str(number))
        server.pusher.release(shuffle=random.Random(3))
        await server.until(lambda: not server.pusher.pending)
        assert sorted(gate.texts, key=int) == [str(number) for number in range(20)]
        assert gate.texts != sorted(gate.texts, key=int)


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no number": ({"phone_number_id": None}, "phone_number_id"),
    "both": ({"numbers": ["1"]}, "phone_number_id"),
    "a telephone number": ({"phone_number_id": "+1 555 0100"}, "phone_number_id"),
    "twice": ({"phone_number_id": None, "numbers": ["1", "1"]}, "numbers"),
    "a version": ({"api_version": "24"}, "api_version"),
    "no secret": ({"app_secret": ""}, "app_secret"),
    "unknown": ({"token": "x"}, "token"),
}


@pytest.mark.feature("CH-10")
@pytest.mark.parametrize("case", OPTIONS)
def test_wrong_options_are_errors_at_their_key(case: str) -> None:
    changed, key = OPTIONS[case]
    with pytest.raises(ValidationError) as refused:
        Adapter.Options.model_validate({**keys(WhatsAppServer(port=9)), **changed})
    (error,) = refused.value.errors()
    ways = [way for way, _ in error.get("ctx", {}).get("faults", ())]
    assert (key,) in (error["loc"], *ways)
    assert SECRET not in str(refused.value)


@pytest.mark.feature("CH-10", "CLI-03")
async def test_opening_subscribes_the_app_where_the_account_is_known() -> None:
    async with WhatsAppServer() as server:
        async with opened(server):
            assert server.subscriptions == 0
        async with opened(server, business_account_id=WABA):
            assert server.subscriptions == 1


@pytest.mark.feature("CH-10", "CLI-03")
async def test_a_probe_tells_whose_webhooks_come_to_us() -> None:
    async with WhatsAppServer() as server:
        async with called(server) as (adapter, _):
            assert [finding.ok for finding in await adapter.probe()] == [True, True]
            server.quality = "RED"
            assert [finding.ok for finding in await adapter.probe()] == [False, True]
            server.pusher.url += "x"
            assert "elsewhere" in (await adapter.probe())[1].text
            server.revoked = True
            (finding,) = await adapter.probe()
            assert "access_token" in finding.remedy
            assert server.token not in finding.text
            server.revoked = False
        async with opened(server) as (adapter, gate):
            gate.patience = 0
            running = asyncio.create_task(adapter.run())
            await gate.until(lambda: bool(gate.states))
            running.cancel()
            assert "public_url" in (await adapter.probe())[1].text
            assert "public_url" in gate.states[-1][1]


@pytest.mark.feature("CH-23")
async def test_every_five_minutes_it_is_seen_that_meta_still_knows_us() -> None:
    async with WhatsAppServer() as server, opened(server, business_account_id=WABA) as (adapter, gate):
        gate.patience, before = 3, gate.rounds
        running = asyncio.create_task(adapter.run())
        await gate.until(lambda: len(gate.pauses) > 3)
        running.cancel()
        assert (gate.pauses, gate.rounds - before) == ([300.0] * 4, 3)
        assert adapter.hears_every > 300
    async with WhatsAppServer() as server, opened(server) as (adapter, gate):
        server.revoked = True
        with pytest.raises(Refused, match="access token"):
            await adapter.run()


@pytest.mark.feature("STR-05")
async def test_typing_and_receipts_answer_the_last_message() -> None:
    async with WhatsAppServer() as server, called(server) as (adapter, _):
        ada, group = server.user(7, username="ada"), server.group("G1")
        home = Address(chat=ada.id, user=ada.id)
        await adapter.typing(home)
        assert server.calls[-1][0] == "", "nobody has written yet"
        first, second = ada.says("one"), ada.says("two")
        ada.says("all", group)
        await server.until(lambda: not server.pusher.pending)
        await adapter.typing(home)
        assert (server.typings, server.reads) == ([second], [second])
        await adapter.read(home, first)
        assert (server.typings, server.reads) == ([second], [second, first])
        there = Address(chat=group.id, user=ada.id, place="group")
        await adapter.typing(there)
        await adapter.read(there, first)
        assert (server.typings, server.reads) == ([second], [second, first])


@pytest.mark.feature("CH-10")
def test_the_page_for_operators_explains_every_key() -> None:
    page = (ROOT / "docs" / "whatsapp.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    assert explained == set(Adapter.Options.model_fields)
