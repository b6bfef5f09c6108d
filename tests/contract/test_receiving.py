"""Taking events in: each is on disk before the platform is told so, comes under the same ids, and is authentic."""

import asyncio

import pytest

from gateway.message import Inbound
from tests.contract import hostile
from tests.contract.peer import Said
from tests.contract.subject import NAME, Subject, until

pytestmark = pytest.mark.feature("DEV-02")


@pytest.mark.feature("SEC-01")
@pytest.mark.where("pushed")
async def test_a_forged_call_is_401_and_leaves_no_trace(subject: Subject) -> None:
    async with subject.channel("pushed") as (adapter, gate, peer):
        assert peer.proof, "a platform that pushes proves itself by some header"
        good = peer.call(peer.body(Said("hello")))
        for known in (False, True):  # before the good call itself was heard, and after
            before = len(gate.traces)
            for name, call in hostile.forged(peer, good):
                reply = await adapter.handle(call)
                assert reply.status == 401, f"{name}, after the good one: {known}"
                assert b"hello" not in reply.body
            assert len(gate.traces) == before
            assert (await adapter.handle(good)).status == 200  # nothing else was wrong with it
        assert gate.texts == ["hello"]


@pytest.mark.feature("INB-01")
@pytest.mark.where("pushed")
async def test_a_call_is_answered_once_its_event_is_on_disk(subject: Subject) -> None:
    async with subject.channel("pushed") as (adapter, gate, peer):
        gate.open_store.clear()
        answer = asyncio.create_task(adapter.handle(peer.call(peer.body(Said("hello")))))
        await until(lambda: gate.offered)
        for _ in range(50):  # whatever else wants to run may run
            await asyncio.sleep(0)
        assert not answer.done()
        gate.open_store.set()
        assert (await answer).status == 200
        assert gate.texts == ["hello"]


@pytest.mark.feature("INB-01")
@pytest.mark.where("pushed")
async def test_what_cannot_be_stored_is_503_and_taken_when_it_comes_again(subject: Subject) -> None:
    async with subject.channel("pushed") as (adapter, gate, peer):
        call = peer.call(peer.body(Said("hello")))
        gate.storage_down, rounds = 2, gate.rounds
        for _ in range(2):
            reply = await adapter.handle(call)
            assert reply.status == 503
            assert int(reply.headers["retry-after"]) >= 1
        assert (gate.texts, gate.rounds) == ([], rounds)
        assert (await adapter.handle(call)).status == 200
        assert gate.texts == ["hello"]


@pytest.mark.feature("INB-03")
@pytest.mark.where("pushed")
async def test_a_repeated_call_has_the_same_ids_and_the_same_answer(subject: Subject) -> None:
    async with subject.channel("pushed") as (adapter, gate, peer):
        calls = [peer.call(peer.body(Said("hello"))) for _ in range(2)]
        replies = [await adapter.handle(call) for call in (calls[0], calls[0], calls[1], calls[0])]
        assert {reply.status for reply in replies} == {200}
        first, again, other, late = gate.offered
        assert first.ids == again.ids == late.ids
        assert not set(first.ids) & set(other.ids), "the same words are not the same event"
        assert len(gate.received) == 2


@pytest.mark.feature("INB-01")
@pytest.mark.where("fetched")
async def test_nothing_is_confirmed_before_it_is_on_disk(subject: Subject) -> None:
    async with subject.fetching() as (_, gate, peer):
        gate.open_store.clear()
        peer.happens(Said("hello"))
        await until(lambda: gate.offered)
        for _ in range(50):
            await asyncio.sleep(0)
        assert peer.unconfirmed() == 1
        gate.open_store.set()
        await until(lambda: not peer.unconfirmed())
        assert gate.texts == ["hello"]


@pytest.mark.feature("INB-01")
@pytest.mark.where("fetched")
async def test_what_cannot_be_stored_is_fetched_again(subject: Subject) -> None:
    async with subject.fetching() as (_, gate, peer):
        gate.storage_down = 1_000_000
        peer.happens(Said("one"))
        peer.happens(Said("two"))
        await until(lambda: len(gate.offered) >= 4)
        assert (peer.unconfirmed(), gate.texts) == (2, [])
        gate.storage_down = 0
        await until(lambda: not peer.unconfirmed())
        assert gate.texts == ["one", "two"]


@pytest.mark.feature("CH-21")
@pytest.mark.where("fetched")
async def test_nothing_is_asked_for_while_another_process_may_hear_the_account(subject: Subject) -> None:
    async with subject.closed("fetched") as (adapter, gate, peer):
        gate.sole.clear()
        await adapter.open()
        if not adapter.alone:
            return
        run = asyncio.create_task(adapter.run())
        peer.happens(Said("hello"))
        await until(lambda: gate.waiting)
        for _ in range(50):
            await asyncio.sleep(0)
        assert (gate.rounds, gate.offered) == (0, [])
        gate.sole.set()
        await until(lambda: gate.texts == ["hello"])
        run.cancel()
        await asyncio.wait([run])


@pytest.mark.feature("INB-03")
@pytest.mark.where("fetched")
async def test_a_repeated_event_has_the_same_ids(subject: Subject) -> None:
    async with subject.fetching() as (_, gate, peer):
        peer.happens(Said("hello"), copies=2)
        peer.happens(Said("hello"))
        await until(lambda: len(gate.offered) == 3)
        first, again, other = gate.offered
        assert first.ids == again.ids
        assert not set(first.ids) & set(other.ids), "the same words are not the same event"
        assert len(gate.received) == 2


@pytest.mark.where("pushed")
async def test_pushed_events_name_channel_account_and_address(subject: Subject) -> None:
    async with subject.channel("pushed") as (adapter, gate, peer):
        body = peer.body(Said("hello"))
        await adapter.handle(peer.call(body))
        _named(subject, gate.offered[0], adapter.account)
        assert gate.received[0][1] == body, "the original is kept as it came"


@pytest.mark.where("fetched")
async def test_fetched_events_name_channel_account_and_address(subject: Subject) -> None:
    async with subject.fetching() as (adapter, gate, peer):
        peer.happens(Said("hello"))
        await until(lambda: gate.received)
        _named(subject, gate.offered[0], adapter.account)
        assert gate.received[0][1], "the original is kept"


def _named(subject: Subject, inbound: Inbound, account: str) -> None:
    assert (inbound.channel, inbound.account, inbound.text) == (NAME, account, "hello")
    assert account, "the account is part of every key"
    assert inbound.address.place in subject.adapter.boundary
    assert inbound.address.chat
    assert inbound.sender is not None
    assert inbound.sender.id == inbound.address.user
    assert inbound.addressed
    assert all(inbound.ids)


@pytest.mark.feature("CH-24")
@pytest.mark.where("pushed")
async def test_our_own_words_are_let_go_or_known_as_ours(subject: Subject) -> None:
    async with subject.channel("pushed") as (adapter, gate, peer):
        assert (await adapter.handle(peer.call(peer.body(Said("an answer", by="us"))))).status == 200
        assert [drop[2] for drop in gate.dropped] == ["own_echo"] or gate.offered[0].sender.id == adapter.account


@pytest.mark.feature("CH-24")
@pytest.mark.where("fetched")
async def test_our_own_words_are_let_go_or_known_as_ours_when_fetched(subject: Subject) -> None:
    async with subject.fetching() as (adapter, gate, peer):
        peer.happens(Said("an answer", by="us"))
        await until(lambda: not peer.unconfirmed())
        assert [drop[2] for drop in gate.dropped] == ["own_echo"] or gate.offered[0].sender.id == adapter.account


@pytest.mark.feature("CH-22")
async def test_running_ends_when_it_is_cancelled_and_leaves_nothing_behind(subject: Subject) -> None:
    for way in subject.peer.ways or (None,):
        async with subject.channel(way) as (adapter, gate, _):
            before = asyncio.all_tasks()
            run = asyncio.create_task(adapter.run())
            await until(lambda: run.done() or gate.state == "up")  # noqa: B023  (waited for here)
            for _ in range(50):
                await asyncio.sleep(0)
            run.cancel()
            await asyncio.wait([run], timeout=5)
            assert run.done()
            await adapter.close()
            await adapter.close()
            await until(lambda: asyncio.all_tasks() <= before, 2)  # noqa: B023
