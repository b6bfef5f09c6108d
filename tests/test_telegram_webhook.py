"""The webhook: only Telegram is let in, and it is told 200 only for what is on disk."""

import asyncio
import random
import string
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.telegram.updates import ALLOWED
from adapters.telegram.webhook import secret
from gateway.adapter import Call, Reply
from tests.far.telegram import TelegramServer
from tests.telegram_channel import Channel, called, closed, opened, options

HEADER = "x-telegram-bot-api-secret-token"
SECRET = "the_secret-of-this-channel"
GOOD = (
    b'{"update_id":1,"message":{"message_id":2,"date":3,"chat":{"id":7,"type":"private"},"from":{"id":7},"text":"hi"}}'
)
DEEP = b"[" * 100_000
ALPHABET = string.ascii_letters + string.digits + "_-\x00\x7f é\udcff"


def call(body: bytes = GOOD, method: str = "POST", **headers: str) -> Call:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(method, "/c/help", {}, {"content-type": "application/json", **found}, body, "192.0.2.7")


def signed(body: bytes, given: str = SECRET) -> Call:
    return call(body, x_telegram_bot_api_secret_token=given)


@pytest.mark.feature("CH-03", "INB-01")
async def test_what_telegram_calls_us_with_is_received_in_order_per_chat() -> None:
    async with TelegramServer() as server, called(server) as (_, gate):
        for number in range(10):
            for user in (7, 8, 9):
                server.user(user).says(f"{user}:{number}")
        await gate.until(lambda: len(gate.received) == 30)
        await server.until(lambda: not server.queue.pending)
        for user in (7, 8, 9):
            texts = [text for text in gate.texts if text.startswith(f"{user}:")]
            assert texts == [f"{user}:{number}" for number in range(10)]
        assert {delivery.status for delivery in server.pusher.deliveries} == {200}
        assert gate.rounds >= 30


@pytest.mark.feature("CH-03", "INB-01")
async def test_no_200_before_the_write_is_done() -> None:
    async with TelegramServer() as server, called(server) as (_, gate):
        gate.open_store.clear()
        server.user(7).says("wait for it")
        await gate.until(lambda: server.queue.pending)
        for _ in range(50):
            await asyncio.sleep(0)
        assert server.pusher.deliveries == []
        gate.open_store.set()
        await server.until(lambda: not server.queue.pending)
        assert gate.texts == ["wait for it"]


@pytest.mark.feature("CH-03", "INB-01", "INB-03")
async def test_store_down_is_503_and_telegram_comes_again() -> None:
    async with TelegramServer() as server, called(server) as (_, gate):
        gate.storage_down = 2
        server.queue.copies = 2
        server.user(7).says("once")
        await server.until(lambda: not server.queue.pending)
        assert [delivery.status for delivery in server.pusher.deliveries] == [503, 503, 200, 200]
        assert gate.texts == ["once"]


@pytest.mark.feature("INB-01")
async def test_store_down_for_a_drop_is_503_too() -> None:
    async with TelegramServer() as server, opened(server, mode="webhook", secret=SECRET) as (adapter, gate):
        gate.storage_down = 1
        reply = await adapter.handle(signed(b'{"update_id":4}'))
        assert (reply.status, reply.headers["retry-after"]) == (503, "2")
        assert (await adapter.handle(signed(b'{"update_id":4}'))).status == 200
        assert gate.dropped == [(("update:4",), adapter.account, "unsupported")]


async def answer(channel: Channel, given: Call) -> Reply:
    reply = await channel.adapter.handle(given)
    assert reply.status < 500
    return reply


FORGED = {
    "missing": call(),
    "empty": signed(GOOD, ""),
    "wrong": signed(GOOD, "wrong"),
    "cut short": signed(GOOD, SECRET[:-1]),
    "too long": signed(GOOD, SECRET + "x"),
    "other case": signed(GOOD, SECRET.upper()),
    "white space": signed(GOOD, f" {SECRET}"),
    "twice in one header": signed(GOOD, f"{SECRET}, {SECRET}"),
    "non-ASCII letter": signed(GOOD, "sécret"),
    "non-ASCII byte": signed(GOOD, "\udce9\udcff"),
    "lone surrogate": signed(GOOD, "\ud800"),
    "NUL": signed(GOOD, f"{SECRET}\x00"),
    "full-width": signed(GOOD, "ｔｈｅ＿ｓｅｃｒｅｔ"),
    "a megabyte": signed(GOOD, SECRET * 40_000),
    "question marks": signed(GOOD, "?" * len(SECRET)),
    "in another header": call(x_secret=SECRET),
    "claimed address": call(x_forwarded_for="149.154.167.220"),
    "hostile address": call(x_forwarded_for="abc, ::1"),
    "wrong and no JSON": signed(b"{", "wrong"),
    "wrong and deep": signed(DEEP, "wrong"),
    "wrong by GET": call(b"", "GET", x_telegram_bot_api_secret_token="wrong"),
}


@pytest.mark.feature("CH-03", "SEC-01")
@pytest.mark.parametrize("name", FORGED)
async def test_forged_calls_are_401_before_their_body_is_looked_at(name: str) -> None:
    async with TelegramServer() as server, opened(server, mode="webhook", secret=SECRET) as channel:
        assert (await answer(channel, FORGED[name])).status == 401
        assert channel.gate.received == []
        assert channel.gate.dropped == []
        assert channel.gate.rounds == 0


@pytest.mark.feature("SEC-01")
async def test_no_mutation_of_the_secret_is_let_in() -> None:
    chance = random.Random(7)
    async with TelegramServer() as server, opened(server, mode="webhook", secret=SECRET) as channel:
        for _ in range(10_000):
            given = list(SECRET)
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(given))
                given[at : at + chance.randint(0, 2)] = chance.choice(ALPHABET)
            forged = "".join(given)
            if forged != SECRET:
                assert (await answer(channel, signed(GOOD, forged))).status == 401
        assert channel.gate.received == []


HOSTILE = {
    "no body": (b"", 400),
    "broken JSON": (b"{", 400),
    "array": (b"[]", 400),
    "string": (b'"update_id"', 400),
    "100,000 deep": (DEEP, 400),
    "100,000 deep inside": (b'{"update_id":1,"message":' + DEEP + DEEP.replace(b"[", b"]") + b"}", 400),
    "invalid UTF-8": (b'{"update_id":1,"message":{"text":"\xff\xfe"}}', 400),
    "UTF-16": ('{"update_id":1}'.encode("utf-16"), 400),
    "gzip": (b"\x1f\x8b\x08\x00broken", 400),
    "a form": (b"update_id=1", 400),
    "6,000 digits": (b'{"update_id":' + b"9" * 6000 + b"}", 400),
    "NaN": (b'{"update_id":NaN}', 400),
    "no number": (b'{"message":{}}', 400),
    "number as text": (b'{"update_id":"1"}', 400),
    "number of another kind": (b'{"update_id":true}', 400),
    "nothing in it": (b'{"update_id":1}', 200),
    "unknown type": (b'{"update_id":1,"chat_boost":{}}', 200),
    "message of another kind": (b'{"update_id":1,"message":[[]]}', 200),
    "schema-invalid": (b'{"update_id":1,"message":{"message_id":"x","chat":{}}}', 200),
    "negative number": (b'{"update_id":-1}', 200),
    "huge chat": (GOOD.replace(b'"id":7', b'"id":99999999999999999999'), 200),
    "lone surrogate": (GOOD.replace(b"hi", rb"\ud83d"), 200),
    "NUL in the text": (GOOD.replace(b"hi", rb"\u0000"), 200),
    "100,000 mentions": (GOOD[:-2] + b',"entities":[' + b'{"type":"mention","offset":-1,"length":9},' * 99_999, 400),
}


@pytest.mark.feature("CH-03", "CH-05", "SEC-01")
@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_bodies_with_the_right_secret_get_a_plain_answer(name: str) -> None:
    body, status = HOSTILE[name]
    async with TelegramServer() as server, opened(server, mode="webhook", secret=SECRET) as channel:
        assert (await answer(channel, signed(body))).status == status
        told = [inbound.ids for inbound, _ in channel.gate.received] + [ids for ids, _, _ in channel.gate.dropped]
        assert len(told) == (1 if status == 200 else 0)
        assert all(reason == "unsupported" for _, _, reason in channel.gate.dropped)


@pytest.mark.feature("CH-03")
async def test_other_methods_and_the_other_mode_are_refused() -> None:
    async with TelegramServer() as server:
        async with opened(server, mode="webhook", secret=SECRET) as (adapter, _):
            assert (await adapter.handle(call(b"", "GET", x_telegram_bot_api_secret_token=SECRET))).status == 405
        async with opened(server, secret=SECRET) as (adapter, gate):
            assert (await adapter.handle(signed(GOOD))).status == 404
            assert gate.received == []


@pytest.mark.feature("CH-03", "CH-05", "CH-20", "SEC-01")
async def test_registration_asks_for_our_updates_with_a_secret_and_drops_nothing() -> None:
    async with TelegramServer() as server:
        server.user(7).says("sent while we were down")
        async with called(server) as (adapter, gate):
            await gate.until(lambda: gate.received)
            asked = next(dict(asked) for method, asked in server.calls if method == "setWebhook")
            assert asked == {
                "url": f"{gate.public_url}/c/help",
                "secret_token": server.pusher.secret,
                "allowed_updates": ALLOWED,
            }
            assert len(server.pusher.secret) == 43
            assert gate.texts == ["sent while we were down"]
            assert gate.state == "up"
            assert adapter.mention == "far_bot"


@pytest.mark.feature("CH-03", "SEC-01")
async def test_derived_secret_is_stable_and_each_token_has_its_own() -> None:
    async with TelegramServer() as server:
        ours, other = options(server), options(server, token="123456789:" + "B" * 35)
        assert secret(ours) == secret(options(server)) != secret(other)
        assert server.token.encode() not in secret(ours)
        assert secret(options(server, secret=SECRET)) == SECRET.encode()


@pytest.mark.feature("CH-20", "CH-22")
@pytest.mark.parametrize("how", [500, 429, 400, "reset"])
async def test_failed_registration_is_told_and_tried_again(how: int | str) -> None:
    async with TelegramServer() as server:
        server.fail("setWebhook", how, times=3, retry_after=9)  # type: ignore[arg-type]
        async with closed(server, mode="webhook", public_url="http://127.0.0.1:9", patience=3) as (adapter, gate):
            await adapter.open()
            assert gate.state == "retrying"
            run = asyncio.create_task(adapter.run())
            await gate.until(lambda: len(gate.pauses) == 4)
            run.cancel()
            assert [state for state, _ in gate.states] == [*["retrying"] * 4, "up"]
            assert server.pusher.url == "http://127.0.0.1:9/c/help"
            assert gate.pauses[:3] == [9, 9, 9] if how == 429 else gate.pauses[0] <= 1
            assert gate.pauses[3] == 300


@pytest.mark.feature("CH-20", "CH-23")
async def test_a_webhook_taken_away_is_taken_back_at_the_next_look() -> None:
    keys: dict[str, Any] = {"mode": "webhook", "public_url": "http://127.0.0.1:9", "patience": 1}
    async with TelegramServer() as server, opened(server, **keys) as (adapter, gate):
        await server.pusher.start("http://127.0.0.1:9/elsewhere", "")
        run = asyncio.create_task(adapter.run())
        await gate.until(lambda: len(gate.pauses) == 2)
        run.cancel()
        assert server.pusher.url == "http://127.0.0.1:9/c/help"
        assert gate.pauses == [300, 300]
        assert gate.rounds == 2


@pytest.mark.feature("CH-20")
async def test_without_a_public_url_it_waits_to_be_registered_by_hand() -> None:
    async with TelegramServer() as server, opened(server, mode="webhook", secret=SECRET) as (adapter, gate):
        await asyncio.wait_for(adapter.run(), 5)
        assert gate.state == "up"
        assert "public_url" in gate.states[-1][1]
        assert (await adapter.handle(signed(GOOD))).status == 200
        assert "setWebhook" not in [method for method, _ in server.calls]


@pytest.mark.feature("SEC-01")
@pytest.mark.parametrize(
    "keys",
    [
        {"token": ""},
        {"token": "changeme"},
        {"token": "123456789"},
        {"token": "123456789:short"},
        {"token": "123456789:" + "x" * 35 + "\n"},
        {"token": "１２３:" + "x" * 35},
        {"token": 5},
        {"secret": ""},
        {"secret": "with space"},
        {"secret": "x" * 257},
        {"mode": "push"},
        {"api_base": "ftp://example.org"},
        {"surprise": True},
    ],
    ids=str,
)
async def test_options_that_cannot_work_are_refused_and_never_shown(keys: dict[str, object]) -> None:
    async with TelegramServer() as server:
        with pytest.raises(ValidationError) as refused:
            options(server, **keys)
        assert not [value for value in keys.values() if len(str(value)) > 8 and str(value) in str(refused.value)]
