"""Polling: nothing is confirmed to Telegram before it is on disk, and nothing stops the loop."""

import asyncio
import json
import random
from typing import Any

import pytest

from adapters.telegram import Adapter
from adapters.telegram.backoff import Backoff
from adapters.telegram.updates import ALLOWED
from gateway.errors import Refused, Retry
from tests.far.telegram import TelegramServer
from tests.telegram_channel import closed, opened, running


def polls(server: TelegramServer) -> list[dict[str, Any]]:
    return [dict(asked) for method, asked in server.calls if method == "getUpdates"]


@pytest.mark.feature("CH-04", "CH-05")
async def test_what_was_said_is_received_in_order_with_its_raw_bytes() -> None:
    async with TelegramServer() as server, running(server) as (adapter, gate):
        ada, bob = server.user(7, "Ada"), server.user(8, "Bob")
        ada.says("one")
        bob.says("two")
        ada.says("three")
        await gate.until(lambda: len(gate.received) == 3)
        inbound, raw = gate.received[0]
        assert gate.texts == ["one", "two", "three"]
        assert (inbound.channel, inbound.account, inbound.address.user) == ("help", adapter.account, "7")
        assert json.loads(raw)["message"]["text"] == "one"
        assert all(poll["allowed_updates"] == ALLOWED for poll in polls(server))
        assert ALLOWED == ["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"]


@pytest.mark.feature("CH-04", "INB-01")
async def test_offset_moves_only_after_the_batch_is_written() -> None:
    async with TelegramServer() as server:
        for number in range(250):
            server.user(number % 7 + 1).says(str(number))
        first = server.queue.next_id - 250
        async with closed(server) as (adapter, gate):
            await adapter.open()
            gate.open_store.clear()
            run = asyncio.create_task(adapter.run())
            await server.until(lambda: polls(server))
            for _ in range(20):  # whatever else wants to run may run: the loop waits for the store
                await asyncio.sleep(0)
            assert len(polls(server)) == 1
            assert len(server.queue.pending) == 250
            gate.open_store.set()
            await gate.until(lambda: len(gate.received) == 250)
            await server.until(lambda: not server.queue.pending)
            run.cancel()
            await asyncio.wait([run])
            assert gate.texts == [str(number) for number in range(250)]
            assert gate.batches == [100, 100, 50]
            assert [poll["offset"] for poll in polls(server)][:4] == [0, first + 100, first + 200, first + 250]


@pytest.mark.feature("INB-01", "CH-22")
async def test_store_down_confirms_nothing_and_asks_for_the_same_again() -> None:
    async with TelegramServer() as server:
        server.user(7).says("kept")
        server.queue.push("channel_post", 5, {}, always=True)
        async with opened(server) as (adapter, gate):
            gate.storage_down = 3
            run = asyncio.create_task(adapter.run())
            await gate.until(lambda: gate.state == "up")
            run.cancel()
            await asyncio.wait([run])
        assert gate.texts == ["kept"]
        assert [poll["offset"] for poll in polls(server)][:4] == [0, 0, 0, 0]
        assert [state for state, _ in gate.states] == ["retrying", "retrying", "retrying", "up"]
        assert all(pause >= 1 for pause in gate.pauses)


@pytest.mark.feature("CH-04", "INB-02")
async def test_a_batch_that_was_not_confirmed_comes_again_to_the_next_process() -> None:
    async with TelegramServer() as server:
        server.user(7).says("survives")
        async with closed(server, patience=0) as (adapter, gate):
            await adapter.open()
            gate.storage_down = 1
            run = asyncio.create_task(adapter.run())
            await gate.until(lambda: gate.pauses)
            run.cancel()
            await asyncio.wait([run])
            assert gate.received == []
        async with running(server) as (_, gate):
            await gate.until(lambda: gate.received)
            assert gate.texts == ["survives"]


@pytest.mark.feature("CH-04")
async def test_start_removes_a_foreign_webhook_and_drops_nothing() -> None:
    async with TelegramServer() as server:
        await server.pusher.start("http://127.0.0.1:9/elsewhere", "")
        server.user(7).says("sent while we were down")
        async with running(server) as (_, gate):
            await gate.until(lambda: gate.received)
            assert gate.texts == ["sent while we were down"]
        asked = [dict(asked) for method, asked in server.calls if method == "deleteWebhook"]
        assert asked == [{"drop_pending_updates": False}]


@pytest.mark.feature("CH-05", "INB-09")
async def test_odd_updates_are_dropped_with_a_reason_and_stop_nothing() -> None:
    async with TelegramServer() as server:
        ada = server.user(7)
        ada.says("before")
        number = server.queue.push("telepathy", 7, {"thought": "blue"}, always=True)
        server.queue.push("message", 7, {"message_id": "many"}, always=True)
        server.queue.push_raw(server.queue.next_id, 7, b'{"update_id":true,"message":{}}')
        server.queue.next_id += 1
        ada.says("after")
        async with running(server) as (adapter, gate):
            await gate.until(lambda: len(gate.received) == 2)
            await server.until(lambda: not server.queue.pending)
            assert gate.texts == ["before", "after"]
            assert gate.dropped[0] == ((f"update:{number}",), adapter.account, "unsupported")
            assert [reason for _, _, reason in gate.dropped] == ["unsupported", "unsupported"]


@pytest.mark.feature("CH-05")
async def test_half_a_character_anywhere_does_not_stop_the_loop() -> None:
    async with TelegramServer() as server:
        server.user(7).says("before")
        body = rb'{"update_id":%d,"message":{"message_id":9,"date":1,"chat":{"id":7,"type":"private"},"text":"\ud83d"}}'
        server.queue.push_raw(server.queue.next_id, 7, body % server.queue.next_id)
        async with running(server) as (_, gate):
            await gate.until(lambda: len(gate.received) == 2)
            assert gate.texts == ["before", "?"]


@pytest.mark.feature("INB-03")
async def test_numbers_may_go_back_and_repeats_are_known_by_their_ids() -> None:
    async with TelegramServer() as server, running(server) as (_, gate):
        server.queue.copies = 3
        server.user(7).says("high number, three times")
        await gate.until(lambda: gate.received)
        await server.until(lambda: not server.queue.pending)
        server.queue.next_id = 5  # as after a week of silence
        server.user(7).says("low number")
        await gate.until(lambda: len(gate.received) == 2)
        assert gate.texts == ["high number, three times", "low number"]
        assert gate.received[1][0].ids == ("update:5", "message:7:3")


@pytest.mark.feature("CH-04")
async def test_a_batch_in_any_order_is_confirmed_whole() -> None:
    async with TelegramServer() as server:
        server.queue.hold()
        for number in range(20):
            server.user(7).says(str(number))
        server.queue.release(random.Random(3))
        assert list(server.queue.pending.values())[-1].id != server.queue.next_id - 1
        async with running(server) as (_, gate):
            await gate.until(lambda: len(gate.received) == 20)
            await server.until(lambda: len(polls(server)) == 2)
            assert [poll["offset"] for poll in polls(server)] == [0, server.queue.next_id]


@pytest.mark.feature("CH-22", "CH-21")
async def test_conflict_backs_off_for_ever_and_recovers() -> None:
    async with TelegramServer() as server:
        server.fail("getUpdates", 409, times=8)
        server.user(7).says("at last")
        async with running(server) as (_, gate):
            await gate.until(lambda: gate.received)
            assert [state for state, _ in gate.states] == [*["conflict"] * 8, "up"]
            assert "other getUpdates" in gate.states[0][1]
            assert all(5 <= pause <= 30 for pause in gate.pauses)
            assert gate.pauses[-1] >= 24


@pytest.mark.feature("CH-22")
async def test_two_pollers_are_told_apart_by_telegram_and_both_go_on() -> None:
    async with TelegramServer() as server, running(server, patience=0) as (_, first):
        await first.until(lambda: first.state == "up")
        async with running(server) as (_, second):
            await first.until(lambda: first.state == "conflict")
            server.user(7).says("for one of us")
            await second.until(lambda: second.received)


@pytest.mark.feature("CH-22")
@pytest.mark.parametrize("revoked", [True, False])
async def test_wrong_token_stops_the_channel_at_the_door(revoked: bool) -> None:
    async with TelegramServer() as server:
        server.revoked = revoked
        token = server.token if revoked else "123456789:AAF-wrong_token_wrong_token_wrong_tok"
        async with closed(server, token=token) as (adapter, _):
            with pytest.raises(Refused) as refused:
                await adapter.open()
            assert refused.value.reason == "auth"


@pytest.mark.feature("CH-22")
@pytest.mark.parametrize("status", [401, 404])
async def test_token_revoked_while_polling_ends_the_run_and_confirms_nothing(status: int) -> None:
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        server.user(7).says("kept by Telegram")
        server.fail("getUpdates", status)
        with pytest.raises(Refused) as refused:
            await adapter.run()
        assert refused.value.reason == "auth"
        assert len(server.queue.pending) == 1
        assert gate.received == []


@pytest.mark.feature("CH-22")
@pytest.mark.parametrize("how", [500, 502, "html", "reset", "accept_then_cut", "accept_then_reset"])
async def test_broken_polls_are_waited_out_and_lose_nothing(how: int | str) -> None:
    async with TelegramServer() as server:
        server.user(7).says("through all of it")
        server.fail("getUpdates", how, times=5)  # type: ignore[arg-type]
        async with running(server) as (_, gate):
            await gate.until(lambda: gate.state == "up")
            assert [state for state, _ in gate.states] == ["retrying"] * 5 + ["up"]
            assert gate.texts == ["through all of it"]
            assert 1 <= gate.pauses[0] < gate.pauses[2] < gate.pauses[4] <= 60


@pytest.mark.feature("CH-22", "OUT-02")
async def test_too_many_polls_wait_as_long_as_telegram_says() -> None:
    async with TelegramServer() as server:
        server.fail("getUpdates", 429, retry_after=37)
        async with running(server) as (_, gate):
            await gate.until(lambda: gate.state == "up")
            assert gate.pauses == [37]


@pytest.mark.feature("CH-22")
def test_at_most_20_attempts_in_10_minutes() -> None:
    for _ in range(50):
        waits = [backoff.after() for backoff in [Backoff(1, 60)] for _ in range(20)]
        assert sum(waits) > 600
        assert 1 <= min(waits) <= max(waits) <= 60


@pytest.mark.feature("CH-22")
async def test_unreachable_at_start_is_asked_again_by_the_core() -> None:
    async with TelegramServer() as server:
        for how in (500, "reset", 400):
            server.fail("getMe", how)
            async with closed(server) as (adapter, _):
                with pytest.raises(Retry):
                    await adapter.open()
    async with closed(server) as (adapter, _):  # the server is gone
        with pytest.raises(Retry):
            await adapter.open()


@pytest.mark.feature("CH-04")
async def test_first_poll_is_short_and_every_round_is_told() -> None:
    async with TelegramServer() as server, running(server) as (_, gate):
        await gate.until(lambda: gate.state == "up")
        server.user(7).says("hi")
        await gate.until(lambda: gate.received)
        await server.until(lambda: len(polls(server)) >= 3)
        assert [poll["timeout"] for poll in polls(server)][:3] == [0, 50, 50]
        assert gate.rounds == 2


@pytest.mark.feature("CH-03")
def test_account_is_known_without_the_network() -> None:
    given = Adapter.Options.model_validate({"token": "42:" + "x" * 35})
    assert Adapter("help", given, None).account == "42"  # type: ignore[arg-type]
