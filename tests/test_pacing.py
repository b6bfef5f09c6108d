"""How fast we speak: per account and per chat, by the clock that is passed in; one throttled chat delays no other."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.clock import Clock
from gateway.meter import REMEMBERED, Meter
from gateway.units import Rate
from tests.answers import parts, three, wait
from tests.kit import corridor, said
from tests.steps import whole


class Still(Clock):
    """Time goes by when it is told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def tick(self) -> float:
        return self.at


@pytest.mark.feature("OUT-04")
def test_a_chat_has_its_own_pace() -> None:
    clock = Still()
    meter = Meter(clock, None, Rate(1, 1), None)
    assert meter.take("ada", False) == 0
    assert meter.take("ada", False) == pytest.approx(1)
    assert meter.take("bob", False) == 0
    clock.at += 0.75
    assert meter.take("ada", False) == pytest.approx(0.25)  # having asked costs nothing
    clock.at += 0.25
    assert meter.take("ada", False) == 0
    clock.at += 3600  # silence is not saved up
    assert [meter.take("ada", False) > 0 for _ in range(3)] == [False, True, True]


@pytest.mark.feature("OUT-04")
def test_groups_have_a_pace_of_their_own() -> None:
    clock = Still()
    meter = Meter(clock, None, Rate(1, 1), Rate(20, 60))
    sent = []
    for _ in range(1200):
        if meter.take("group", True) == 0:
            sent.append(clock.at)
        clock.at += 0.1
    assert 38 <= len(sent) <= 41
    assert max(sum(at <= other < at + 60 for other in sent) for at in sent) <= 21


@pytest.mark.feature("OUT-04", "STR-04")
def test_previews_have_what_is_left_and_no_part_waits_for_them() -> None:
    clock = Still()
    meter = Meter(clock, None, Rate(1, 1), Rate(20, 60))
    shown = []
    for _ in range(600):
        if meter.spare("group", True):
            shown.append(clock.at)
        clock.at += 0.1
    assert 19 <= len(shown) <= 21
    assert meter.take("group", True) == 0
    assert not meter.spare("group", True), "a part has just been sent"
    clock.at += 3
    assert meter.spare("group", True)
    assert meter.spare("ada", False)
    meter.close(5)
    assert not meter.spare("bob", False), "the platform asked to wait"


@pytest.mark.feature("OUT-04", "STR-04")
def test_previews_leave_half_of_the_account_to_answers() -> None:
    clock = Still()
    meter = Meter(clock, Rate(30, 1), Rate(1, 1), None)
    clock.at += 10
    shown = sum(meter.spare(f"chat {number}", False) for number in range(100))
    sent = sum(meter.take(f"other {number}", False) == 0 for number in range(100))
    assert (shown, sent) == (15, 15)
    assert not Meter(clock, Rate(1, 1), None, None).spare("ada", False), "with so little every part would wait"


@pytest.mark.feature("OUT-04")
def test_the_account_starts_empty_and_never_exceeds_its_rate() -> None:
    clock = Still()
    meter = Meter(clock, Rate(30, 1), None, None)
    assert meter.take("a", False) > 0  # what was sent just before a restart is not known
    sent = []
    for step in range(5000):
        if meter.take(f"chat-{step}", False) == 0:
            sent.append(clock.at)
        clock.at += 0.001
    assert 110 <= len(sent) <= 150
    clock.at += 100
    burst = [meter.take(f"chat-{step}", False) for step in range(60)].count(0)
    assert burst == 30


@pytest.mark.feature("OUT-04")
def test_what_is_said_at_once_is_waited_for_afterwards() -> None:
    clock = Still()
    meter = Meter(clock, None, Rate(10, 60, burst=10), None)
    assert [meter.take("ada", False) for _ in range(10)] == [0] * 10
    assert meter.take("ada", False) == pytest.approx(6)
    assert meter.take("bob", False) == 0
    clock.at += 12
    assert [meter.take("ada", False) for _ in range(3)] == [0, 0, pytest.approx(6)]


@pytest.mark.feature("OUT-04")
def test_what_comes_in_takes_half_of_a_shared_rate_at_most() -> None:
    clock = Still()
    meter = Meter(clock, Rate(64, 1), None, None)
    clock.at += 10
    for _ in range(20):
        meter.spend()
    assert [meter.take(f"{n}", False) for n in range(100)].count(0) == 44
    clock.at += 10
    for _ in range(500):
        meter.spend()
    sent = 0
    for _ in range(1000):
        meter.spend()
        sent += meter.take("ada", False) == 0
        clock.at += 0.001
    assert sent >= 32
    Meter(clock, None, None, None).spend()


@pytest.mark.feature("OUT-04")
@pytest.mark.parametrize(("shared", "left"), [(True, 20), (False, 30)])
async def test_where_the_platform_counts_both_ways_so_do_we(tmp_path: Path, shared: bool, left: int) -> None:
    async with corridor(tmp_path, PACED) as kit:
        adapter = kit.here.adapter
        adapter.limits = replace(adapter.limits, rate_is_shared=shared)  # type: ignore[misc]
        kit.corridor.desk.draining = True
        kit.clock.ahead += 10
        begun = kit.clock.tick()
        one, *others = (said(kit.here, "hello", user=f"user-{number}") for number in range(10))
        await adapter.gate.receive(one)
        await adapter.gate.receive_all([(other, b"") for other in others])
        taken = [kit.here.meter.take(f"chat-{number}", False) for number in range(60)].count(0)
        assert left - 1 <= taken <= left + 1 + 30 * (kit.clock.tick() - begun)


@pytest.mark.feature("OUT-04")
def test_what_was_taken_for_nothing_is_given_back() -> None:
    clock = Still()
    meter = Meter(clock, Rate(1, 1), Rate(1, 10), None)
    clock.at += 5
    assert meter.take("ada", False) == 0
    assert meter.take("ada", False) > 0
    meter.refund("ada", False)
    assert meter.take("ada", False) == 0
    Meter(clock, None, None, None).refund("ada", False)


@pytest.mark.feature("OUT-04", "OUT-02")
def test_a_closed_account_is_closed_for_everyone() -> None:
    clock = Still()
    meter = Meter(clock, None, None, None)
    meter.close(30)
    meter.close(10)
    assert meter.take("ada", False) == pytest.approx(30)
    assert meter.take("bob", True) == pytest.approx(30)
    clock.at += 30
    assert meter.take("ada", False) == 0


@pytest.mark.feature("OUT-04")
def test_chats_long_quiet_are_forgotten() -> None:
    clock = Still()
    meter = Meter(clock, None, Rate(1, 1), None)
    for number in range(REMEMBERED + 500):
        clock.at += 1
        assert meter.take(f"chat-{number}", False) == 0
    assert len(meter._chats) == REMEMBERED


PACED = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paced, bot: b, limits: {messages: off}}}
"""


@pytest.mark.feature("OUT-04", "OUT-03")
async def test_parts_wait_for_their_turn_and_no_chat_for_another(tmp_path: Path) -> None:
    async with corridor(tmp_path, PACED) as kit:
        kit.bot(three)
        kit.clock.ahead += 10
        await kit.say("hello")
        await kit.stored("SELECT state, out_holder FROM outbox, lane WHERE seq = 2", ("ready", None))
        assert kit.paper.texts() == ["hello 1"]
        (due,) = (await parts(kit, "not_before", "seq = 2"))[0]
        assert 0 < due - kit.clock.now() <= 1000
        await kit.say("hello", user="bob")
        await kit.until(lambda: kit.paper.texts("bob") == ["hello 1"])
        for number in (2, 3):
            wait(kit, 1)
            await kit.until(lambda number=number: len(kit.paper.texts("ada")) == number)  # type: ignore[misc]
            await kit.until(lambda number=number: len(kit.paper.texts("bob")) == number)  # type: ignore[misc]
        await whole(kit)
        assert await parts(kit, "state, attempts, unknowns") == [("sent", 1, 0)] * 6


@pytest.mark.feature("OUT-04")
async def test_an_override_is_the_account_s_pace(tmp_path: Path) -> None:
    yaml = PACED.replace("messages: off", "messages: off, send: 5/s")
    async with corridor(tmp_path, yaml) as kit:
        kit.bot()
        kit.clock.ahead += 10
        for number in range(20):
            await kit.say("hello", user=f"user-{number}")
        await kit.until(lambda: not kit.router.turns.running and not kit.router.delivery.held)
        assert 5 <= len(kit.paper.sent) <= 9
        for _ in range(6):
            wait(kit, 1)
            await kit.router._look_for_parts("p")
            await kit.until(lambda: not kit.router.delivery.held)
        await whole(kit)
        assert len(kit.paper.sent) == 20
