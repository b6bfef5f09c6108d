"""Sending parts: what became of each try is told in one of three words, and nothing is tried twice in secret."""

import asyncio

import pytest

from gateway.errors import Refused, Retry, SendError, Unknown
from gateway.message import Address, Part
from tests.contract.peer import WAIT, Fault, Peer
from tests.contract.subject import Subject, until
from tests.leap import leap

pytestmark = pytest.mark.feature("DEV-02")

Errors = tuple[type[SendError], ...]
MEANT: dict[Fault, tuple[Errors, str]] = {
    "throttled": ((Retry,), ""),
    "broken": ((Retry, Unknown), ""),
    "unavailable": ((Retry, Unknown), ""),
    "rejected": ((Refused,), "rejected"),
    "unauthorized": ((Refused,), "auth"),
    "blocked": ((Refused,), "blocked"),
    "reset": ((Unknown,), ""),
    "accepted_then_reset": ((Unknown,), ""),
    "accepted_then_cut": ((Unknown,), ""),
    "accepted_then_silent": ((Unknown,), ""),
    "garbage": ((Retry, Unknown), ""),
    "away": ((Retry,), ""),
}
"""What each fault may be to the core, and the reason of a refusal."""


def part(peer: Peer, text: str) -> Part:
    """The same text is the same part."""
    return Part(id=f"part {text[:20]}", address=peer.address, text=text, plain=text)


@pytest.mark.where("speaks")
async def test_a_part_arrives_and_has_an_id(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        refs = [await adapter.send(part(peer, f"hello {number}")) for number in range(3)]
        assert peer.sent() == ["hello 0", "hello 1", "hello 2"]
        assert all(refs)
        assert "".join(refs), "ids are text"


@pytest.mark.where("pulled")
async def test_who_is_pulled_has_every_part_at_once(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, _):
        home = Address(chat="c", user="u", place="conversation")
        assert await adapter.send(Part(id="part-1", address=home, text="hello")) == "part-1"


@pytest.mark.feature("OUT-02", "OUT-05", "OUT-06")
@pytest.mark.where("wire")
@pytest.mark.parametrize("fault", MEANT)
async def test_each_fault_is_told_in_the_words_of_the_core(subject: Subject, fault: Fault) -> None:
    errors, reason = MEANT[fault]
    async with subject.channel() as (adapter, _, peer):
        await peer.fail(fault)
        sending = asyncio.create_task(adapter.send(part(peer, "hello")))
        if fault == "accepted_then_silent":
            await until(peer.sent)
            leap(1000)
        with pytest.raises(SendError) as raised:
            await sending
        assert isinstance(raised.value, errors)
        assert getattr(raised.value, "reason", "") == reason
        assert getattr(raised.value, "after", None) == (WAIT if fault == "throttled" else None)
        assert peer.sent() == ["hello"] * fault.startswith("accepted")
        if fault != "away":
            assert peer.tries() == 1, "trying again is for the core alone"
            await adapter.send(part(peer, "well again"))
            assert peer.sent()[-1] == "well again"


@pytest.mark.feature("FMT-02")
@pytest.mark.where("wire")
async def test_the_declared_length_is_what_the_platform_takes(subject: Subject) -> None:
    widest = {"chars": "x", "utf16": "😀", "bytes": "é"}[subject.limits.unit]
    longest = "".join(["x" * (subject.limits.text % 2), widest * (subject.limits.text // (1 + (widest != "x")))])
    async with subject.channel() as (adapter, _, peer):
        await adapter.send(part(peer, longest))
        assert peer.sent() == [longest]
        for longer in (longest + "x", longest + widest, "x" * (subject.limits.text + 1), "x" * 1_000_000):
            with pytest.raises(Refused):
                await adapter.send(part(peer, longer))
        assert peer.sent() == [longest]


@pytest.mark.where("resend_is_safe", "wire")
async def test_a_part_sent_again_is_seen_once(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        await peer.fail("accepted_then_reset")
        with pytest.raises(Unknown):
            await adapter.send(part(peer, "hello"))
        await adapter.send(part(peer, "hello"))
        assert peer.sent() == ["hello"]


@pytest.mark.feature("CH-22")
@pytest.mark.where("wire")
async def test_opening_tells_refused_credentials_from_an_absent_platform(subject: Subject) -> None:
    for way in subject.peer.ways or (None,):
        async with subject.closed(way) as (adapter, _, peer):
            await peer.fail("away")
            with pytest.raises(Retry):
                await adapter.open()
