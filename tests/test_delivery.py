"""Delivery: parts leave in order, once; what goes wrong is tried again, given up or shown, each as it deserves."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.errors import Retry, Unknown
from gateway.message import Part
from tests.answers import parts, policy, three, wait, when
from tests.kit import corridor
from tests.steps import whole

pytestmark = pytest.mark.store

TRIED = "SELECT attempts, out_holder FROM outbox, lane WHERE seq = 1"


@pytest.mark.feature("OUT-03", "OUT-02")
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_parts_keep_their_order_and_none_is_repeated(tmp_path: Path, number: int) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)
        kit.paper.before = when(number, lambda: Retry("busy", after=0), times=3)
        await kit.say("one")
        await kit.say("two")
        await whole(kit)
        assert kit.paper.texts() == ["one 1", "one 2", "one 3", "two 1", "two 2", "two 3"]
        assert await parts(kit) == [("sent", 4 if n == number else 1) for n in (1, 2, 3)] + [("sent", 1)] * 3


@pytest.mark.feature("OUT-02")
async def test_a_platforms_wish_to_wait_is_a_time_not_a_sleep(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)
        before = kit.clock.now()
        kit.paper.fail(lambda: Retry("slow down", after=100), chat="ada")
        await kit.say("hello")
        await kit.stored("SELECT state, attempts FROM outbox ORDER BY seq LIMIT 1", ("ready", 1))
        (due,) = (await parts(kit, "not_before"))[0]
        assert before + 100_000 <= due <= kit.clock.now() + 100_000
        assert await kit.rows("SELECT out_due_at, out_holder FROM lane") == [(due, None)]
        await kit.say("meanwhile", user="bob")
        await kit.until(lambda: len(kit.paper.texts("bob")) == 3)
        assert kit.paper.texts("ada") == []
    async with corridor(tmp_path) as kit:  # it is still known after a restart
        assert (await kit.rows("SELECT out_due_at FROM lane WHERE out_due_at IS NOT NULL")) == [(due,)]
        wait(kit, 101)
        await whole(kit)
        assert kit.paper.texts("ada") == ["hello 1", "hello 2", "hello 3"]


@pytest.mark.feature("OUT-02")
async def test_tries_are_further_and_further_apart_and_end(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy(attempts=10, ttl="24h")) as kit:
        kit.bot(three)
        kit.paper.before = when(2, lambda: Retry("down"), times=99)
        await kit.say("hello")
        for attempt in range(1, 10):
            await kit.stored(
                "SELECT state, attempts, out_holder FROM outbox, lane WHERE seq = 2", ("ready", attempt, None)
            )
            wish = (await parts(kit, "not_before", "seq = 2"))[0][0] - kit.clock.now()
            longest = min(300, 2 ** (attempt - 1)) * 1000
            assert wish <= longest
            assert wish > longest / 2 - 1000
            wait(kit, 301)
        await whole(kit)
        assert await parts(kit, "state, reason, attempts") == [
            ("sent", None, 1),
            ("dead", "attempts", 10),
            ("sent", None, 1),
        ]
        assert kit.paper.texts() == ["hello 1", "hello 3"]


@pytest.mark.feature("OUT-02", "OUT-04")
async def test_when_everyone_is_to_wait_everyone_waits(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)
        kit.paper.fail(lambda: Retry("too fast", after=60, everyone=True), chat="ada")
        await kit.say("hello")
        await kit.stored("SELECT attempts, out_holder FROM outbox, lane WHERE seq = 1", (1, None))
        for user in ("bob", "cyd"):
            await kit.say("hello", user=user)
        await kit.until(lambda: not kit.router.turns.running and not kit.router.delivery.held)
        wait(kit, 58)
        await kit.router._look_for_parts("p")
        await kit.until(lambda: not kit.router.delivery.held)
        assert kit.paper.sent == []
        wait(kit, 3)
        await whole(kit)
        assert len(kit.paper.sent) == 9


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize(
    ("answer", "doubts", "copies", "end"),
    [
        ("resend_once", 1, 2, ("sent", None)),
        ("resend_once", 2, 2, ("unconfirmed", "unknown")),
        ("never", 1, 1, ("unconfirmed", "unknown")),
        ("until_confirmed", 7, 8, ("sent", None)),
    ],
)
async def test_a_lost_answer_is_in_doubt(
    tmp_path: Path, answer: str, doubts: int, copies: int, end: tuple[str, str | None]
) -> None:
    async with corridor(tmp_path, policy(on_unknown=answer, ttl="24h")) as kit:
        kit.bot(three)
        kit.paper.accepts_then_fails = True
        kit.paper.failures["ada"].extend([lambda: Unknown("cut off")] * doubts)
        await kit.say("hello")
        for attempt in range(1, doubts + 1):
            await kit.stored(TRIED, (attempt, None))
            wait(kit, 301)
        await whole(kit)
        assert kit.paper.texts() == ["hello 1"] * copies + ["hello 2", "hello 3"]
        assert await parts(kit, "state, reason, unknowns") == [(*end, doubts), ("sent", None, 0), ("sent", None, 0)]


@pytest.mark.feature("OUT-05")
async def test_whatever_else_an_adapter_lets_slip_is_a_doubt(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)
        kit.paper.fail(lambda: KeyError("message_id"))
        await kit.say("hello")
        await kit.stored("SELECT state, unknowns, error FROM outbox WHERE seq = 1", ("unknown", 1, "'message_id'"))
        wait(kit, 301)
        await whole(kit)
        assert kit.paper.texts() == ["hello 1", "hello 2", "hello 3"]


@pytest.mark.feature("OUT-05")
async def test_where_a_repeat_is_recognised_it_is_sent_until_confirmed(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy(on_unknown="never")) as kit:
        adapter = kit.here.adapter
        adapter.limits = replace(adapter.limits, resend_is_safe=True)  # type: ignore[misc]
        kit.bot(three)
        kit.paper.fail(lambda: Unknown("cut off"), times=4)
        await kit.say("hello")
        for attempt in range(1, 5):
            await kit.stored(TRIED, (attempt, None))
            wait(kit, 301)
        await whole(kit)
        assert [part.text for part in kit.paper.sent] == ["hello 1", "hello 2", "hello 3"]
        assert len({part.id for part in kit.paper.sent}) == 3


@pytest.mark.feature("OUT-03", "OUT-04")
async def test_a_waiting_part_holds_up_its_own_session_only(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)
        kit.paper.fail(lambda: Retry("busy", after=1000), chat="ada")
        for user in ("ada", "bob", "cyd"):
            for _ in range(2):
                await kit.say("hello", user=user)
        await kit.until(lambda: len(kit.paper.sent) == 12)
        assert kit.paper.texts("ada") == []
        assert await kit.rows("SELECT COUNT(*) FROM inbox WHERE state = 'waiting'") == [(0,)]
        wait(kit, 1001)
        await whole(kit)
        assert kit.paper.texts("ada") == ["hello 1", "hello 2", "hello 3"] * 2


@pytest.mark.feature("OUT-04", "ORD-02")
async def test_a_platform_that_hangs_slows_no_other(tmp_path: Path) -> None:
    yaml = """
bots: {b: {kind: echo}}
channels:
  p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}}
  q: {platform: tests.paper, bot: b, account: other, limits: {send: off, messages: off}}
"""
    async with corridor(tmp_path, yaml) as kit:
        go = asyncio.Event()

        async def hangs(part: Part) -> None:
            if part.address.chat != "guest":
                await go.wait()

        kit.paper.before = hangs
        await asyncio.gather(*(kit.say("hello", user=f"user-{number}") for number in range(520)))
        await kit.until(lambda: kit.router.delivery.busy["p"] >= 500)
        await kit.say("/whoami", "q", user="guest")
        await kit.until(lambda: len(kit.paper.texts("guest")) == 1)
        go.set()
        await whole(kit)
        assert len(kit.paper.sent) == 521


@pytest.mark.feature("OUT-05", "ORD-03")
async def test_a_worker_that_was_held_up_starts_nothing_under_an_old_lease(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)

        async def held_up(part: Part) -> None:
            if part.text == "hello 1":
                kit.clock.ahead += 14  # of a lease of 15 seconds, and no heartbeat since

        kit.paper.before = held_up
        await kit.say("hello")
        await whole(kit)
        assert kit.paper.texts() == ["hello 1", "hello 2", "hello 3"]
        assert await parts(kit, "state, attempts, unknowns") == [("sent", 1, 0)] * 3


@pytest.mark.feature("OUT-05", "LIF-19")
@pytest.mark.parametrize(("answer", "end"), [("resend_once", "sent"), ("never", "unconfirmed")])
async def test_who_dies_while_sending_leaves_a_doubt(tmp_path: Path, answer: str, end: str) -> None:
    async with corridor(tmp_path, policy(on_unknown=answer)) as kit:
        arrived = asyncio.Event()

        async def hangs(part: Part) -> None:
            arrived.set()
            await asyncio.Event().wait()

        kit.bot(three)
        kit.paper.before = hangs
        await kit.say("hello")
        await arrived.wait()
        # Not a drain: whatever runs ends where it is.
        await kit.corridor.tasks.cancel()
    async with corridor(tmp_path, policy(on_unknown=answer)) as kit:
        kit.paper.before = None
        await whole(kit)
        assert await parts(kit, "state, unknowns") == [(end, 1), ("sent", 0), ("sent", 0)]
        assert kit.paper.texts() == ["hello 1", "hello 2", "hello 3"][answer == "never" :]
