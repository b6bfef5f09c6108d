"""Nothing that is sent to an adapter makes it raise, answer 500, or take in what it should not."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import HealthCheck, given, settings

from gateway.adapter import Call
from gateway.errors import SendError
from gateway.message import Address, Part
from tests.contract import hostile
from tests.contract.peer import Said, Way
from tests.contract.subject import Channel, Subject
from tests.contract.texts import parts
from tests.loop import Loop

pytestmark = pytest.mark.feature("DEV-02", "SEC-01")

EXAMPLES = int(os.environ.get("GW_FUZZ", "75"))
fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


async def test_strangers_get_a_plain_answer_and_nothing_is_taken_in(subject: Subject) -> None:
    for way in subject.peer.ways or (None,):
        async with subject.channel(way) as (adapter, gate, peer):
            before = len(gate.traces)
            for name, call in hostile.strangers(peer):
                hostile.check(await adapter.handle(call), name)
            assert len(gate.traces) == before


@pytest.mark.where("pushed")
async def test_those_who_have_the_secret_get_a_plain_answer_too(subject: Subject) -> None:
    async with subject.channel("pushed") as (adapter, gate, peer):
        for name, call in hostile.proven(peer):
            hostile.check(await adapter.handle(call), name)
        assert (await adapter.handle(peer.call(peer.body(Said("still here"))))).status == 200
        assert gate.texts[-1] == "still here"


def test_any_call_gets_a_plain_answer(subject: Subject) -> None:
    for way in subject.peer.ways or (None,):
        with at_hand(subject, way) as (runner, channel):
            before = len(channel.gate.traces)
            _ask_anything(runner, channel)
            assert len(channel.gate.traces) == before


def _ask_anything(runner: asyncio.Runner, channel: Channel) -> None:
    @fuzz
    @given(hostile.calls(channel.peer))
    def ask(call: Call) -> None:
        hostile.check(runner.run(channel.adapter.handle(call)), call)

    ask()


@pytest.mark.where("pushed")
def test_any_body_with_the_secret_gets_a_plain_answer(subject: Subject) -> None:
    with at_hand(subject, "pushed") as (runner, (adapter, gate, peer)):

        @fuzz
        @given(hostile.twisted(peer.body(Said("hello"))))
        def ask(body: bytes) -> None:
            hostile.check(runner.run(adapter.handle(peer.call(body))), body)

        ask()
        assert gate.offered, "no twisted body was taken in: were they all the same nonsense?"


@pytest.mark.where("speaks")
def test_any_part_is_sent_or_refused(subject: Subject) -> None:
    """Whatever a part holds, the core is told in its own words what became of it."""
    with at_hand(subject, None) as (runner, (adapter, _, peer)):

        @fuzz
        @given(parts(peer.address))
        def send(part: Part) -> None:
            with suppress(SendError):
                assert runner.run(adapter.send(part))

        send()


@pytest.mark.where("edit")
def test_any_edit_is_made_or_refused(subject: Subject) -> None:
    with at_hand(subject, None) as (runner, (adapter, _, peer)):
        ref = runner.run(adapter.send(Part(id="1", address=peer.address, text="first")))

        @fuzz
        @given(parts(peer.address))
        def edit(part: Part) -> None:
            for which in (ref, "999999", "", "x", "-1", part.text[:20]):
                with suppress(SendError):
                    runner.run(adapter.edit(which, part))

        edit()


async def test_signs_of_life_for_odd_places_fail_softly(subject: Subject) -> None:
    """Whether typing and drafts are shown does not matter; that nothing but a `SendError` comes of it does."""
    async with subject.channel() as (adapter, _, _):
        for chat in ("", "x", "-", "9" * 40, "@name", "\x00", "\ud800"):
            for thread in ("", "1", "x"):
                address = Address(chat=chat, thread=thread, user=chat)
                for show in (adapter.typing(address), adapter.draft(address, 1, f"**{chat}")):
                    with suppress(SendError):
                        await show


@contextmanager
def at_hand(subject: Subject, way: Way | None) -> Iterator[tuple[asyncio.Runner, Channel]]:
    """An open channel between calls of functions that are not async."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        context = subject.channel(way)
        channel = runner.run(context.__aenter__())
        try:
            yield runner, channel
        finally:
            runner.run(context.__aexit__(None, None, None))
