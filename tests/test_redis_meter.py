"""The pace of an account that several processes share through Redis: together never more, alone all of it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import Clock
from gateway.meter import Meter
from gateway.shared.redis import Redis
from gateway.shared.redis_line import ANSWERS
from gateway.units import Rate
from tests.far.redis import Valkey, valkey
from tests.patience import PATIENCE
from tests.redis_ends import ends, until

INSTEAD = "redis.call('DEL', KEYS[1]) return redis.call(unpack(ARGV))"
STEP = 0.02  # seconds of the clocks that are told how late it is
BEGAN = 1_800_000_000


class Told(Clock):
    """Time goes by when it is told to; the processes agree on it, and none knows of the others' monotonic clocks."""

    passed = 0.0

    def __init__(self, boot: float) -> None:
        super().__init__()
        self._boot = boot

    def now(self) -> int:
        return round((BEGAN + Told.passed) * 1000)

    def tick(self) -> float:
        return self._boot + Told.passed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))


class Process:
    """One of several that send for an account."""

    def __init__(self, end: Redis, clock: Clock, account: Rate | None, chat: Rate | None = None) -> None:
        self.end, self.meter = end, Meter(clock, account, chat, None, lambda: end.share("channel/c"))
        end.subscribe("channel/c", lambda _: None)
        self.meter.join(end, "c", "bot:7")
        self.tap = end._taps["c"]
        self.sent: list[float] = []

    def send(self, tries: int, chat: str = "") -> int:
        """Try so often; returns how often it went."""
        went = sum(self.meter.take(chat or f"chat-{number}", False) == 0 for number in range(tries))
        self.sent += [Told.passed] * went
        return went

    @property
    def settled(self) -> bool:
        line = self.end._line
        return not (line.up and (line._makers or len(line._calls) or self.tap._asking))


async def passes(seconds: float, *processes: Process) -> None:
    """Time goes by, and what was asked of Redis is answered, before and after."""
    await answered(*processes)
    Told.passed += seconds
    await answered(*processes)


async def answered(*processes: Process) -> None:
    for _ in range(5):  # what was answered is heard in the next turn of the loop
        await until(lambda: all(one.settled for one in processes))
        await asyncio.sleep(0)


def most(sent: list[float], window: float) -> int:
    """How many went within any so long a time."""
    return max(sum(at <= other <= at + window for other in sent) for at in set(sent))


@asynccontextmanager
async def processes(
    folder: Path,
    server: Valkey,
    count: int,
    account: Rate | None,
    chat: Rate | None = None,
    answers: float = PATIENCE,
) -> AsyncIterator[list[Process]]:
    Told.passed = 0.0
    clocks = [Told(random.Random(number).uniform(10, 1e6)) for number in range(count)]
    async with ends(folder, [server.url] * count, clocks, answers=answers) as made:
        await until(lambda: all(end.streams for end in made))
        found = [Process(end, clock, account, chat) for end, clock in zip(made, clocks, strict=True)]
        await until(lambda: all(one.end.share("channel/c") == 1 / count for one in found))
        await passes(0, *found)
        yield found


@pytest.mark.feature("OUT-04", "STO-03")
@pytest.mark.parametrize("rate", [Rate(30, 1), Rate(80, 1), Rate(20, 60), Rate(3, 1), Rate(10, 60, burst=10)])
async def test_together_they_never_send_more_than_the_account_may(tmp_path: Path, rate: Rate) -> None:
    rolled = random.Random(3)
    each, burst = rate.seconds / rate.count, rate.burst or max(1.0, rate.count / rate.seconds)
    async with valkey() as server, processes(tmp_path, server, 3, rate) as three:
        step = max(STEP, each / 4)
        for number in range(160):
            eager = three[: 1 + number // 40]  # first one, then two, then all; at the end none is any more eager
            for one in eager:
                one.send(rolled.choice((1, 3, 40)) if number < 140 else 1)
            await passes(step, *three)
        sent = sorted(at for one in three for at in one.sent)
        for window in (0.0, 0.1, 1.0, 5 * step, 10.0, 50 * step):
            assert most(sent, window) <= burst + window / each + 1e-6, window
        assert len(sent) >= 0.85 * 160 * step / each - 2 * burst  # and not much less than that either
        alone = [at for at in three[0].sent if at < 40 * step]
        assert len(alone) >= 0.85 * 40 * step / each - 2 * burst  # who sends alone has all of it


@pytest.mark.feature("OUT-04", "STO-03")
async def test_the_first_part_after_a_quiet_time_does_not_wait_for_redis(tmp_path: Path) -> None:
    async with valkey() as server, processes(tmp_path, server, 2, Rate(30, 1)) as (one, two):
        await passes(10, one, two)
        one.send(1)
        two.send(1)
        await passes(10, one, two)
        for _ in range(10):
            assert (one.send(1), two.send(1)) == (1, 1)
            await passes(1, one, two)


@pytest.mark.feature("OUT-04", "STO-03")
async def test_what_a_process_holds_and_does_not_need_goes_back(tmp_path: Path) -> None:
    async with valkey() as server, processes(tmp_path, server, 2, Rate(1, 1)) as (one, two):
        await passes(10, one, two)
        assert one.send(1) == 0  # there is too little of it to have any in the hand
        await passes(0, one, two)
        two.send(1)
        await passes(10, one, two)
        assert two.send(1) == 0  # the other has it
        for _ in range(100):  # and has not used it
            one.tap.settle()
            await passes(0.1, one, two)
            if two.send(1):
                break
        assert two.sent
        await one.end.close()
        await passes(2, two)
        two.send(1)
        await passes(0, two)
        assert two.send(1) == 1  # who leaves takes nothing along


@pytest.mark.feature("OUT-04", "STO-03")
async def test_while_redis_is_away_each_has_its_share_which_begins_empty(tmp_path: Path) -> None:
    rate = Rate(30, 1)
    async with valkey() as server, processes(tmp_path, server, 2, rate, answers=ANSWERS) as two:
        one, other = two
        for kind in ("standing still", "killed"):
            await passes(10, *two)
            one.send(100)
            await passes(0.5, *two)
            if kind == "killed":
                server.kill()
            else:
                server.pause()
            await until(lambda: not one.tap.up and not other.tap.up)
            for process in two:
                process.sent.clear()
            for _ in range(200):
                for process in two:
                    process.send(5)
                Told.passed += STEP
            assert most(one.sent + other.sent, 1.0) <= 2 * 30
            assert most(one.sent, 1.0) <= 30  # half of the rate, and half of the bucket
            assert most([at for at in one.sent + other.sent if at < min(one.sent) + 0.1], 0.1) <= 5  # none at first
            assert 100 <= len(one.sent + other.sent) <= 30 * (200 * STEP + 1)
            if kind == "killed":
                await server.start()
            else:
                server.resume()
            await until(lambda: one.tap.up and other.tap.up)
            await passes(0, *two)
            at = Told.passed
            assert one.send(100) + other.send(100) <= 1  # what they have sent meanwhile is not known there
            while not one.send(100):
                await passes(0.5, *two)
            assert most([when for when in one.sent + other.sent if when >= at], 1.0) <= 30


@pytest.mark.feature("OUT-04", "STO-03")
async def test_flushed_again_and_again_it_is_never_more_and_goes_on(tmp_path: Path) -> None:
    async with valkey() as server, processes(tmp_path, server, 2, Rate(30, 1)) as two:
        for number in range(300):
            if not number % 50:  # once a second
                await server.ask("FLUSHALL")
            for one in two:
                one.send(3)
            await passes(STEP, *two)
        sent = sorted(at for one in two for at in one.sent)
        for window in (0.1, 1.0, 3.0):
            assert most(sent, window) <= 30 + 30 * window
        assert len(sent) >= 0.7 * 30 * 300 * STEP


@pytest.mark.feature("OUT-04", "STO-03")
async def test_a_chat_waits_whoever_has_spoken_there(tmp_path: Path) -> None:
    async with valkey() as server, processes(tmp_path, server, 2, None, Rate(1, 60)) as (one, two):
        for number in range(20):
            chat = f"chat of {number}"
            assert one.send(1, chat) == 1
            await passes(0, one, two)
            two.meter.foresee(chat)
            await passes(24, one, two)
            assert two.meter.take(chat, False) == pytest.approx(36, abs=0.01)
            assert two.send(1, f"another than {number}") == 1
            await passes(36.1, one, two)
            assert two.send(1, chat) == 1
        keys = await server.ask("KEYS", "*")
        assert keys
        assert not [key for key in keys if "chat" in key]  # it might be somebody's number


@pytest.mark.feature("OUT-04", "OUT-02", "STO-03")
async def test_an_account_that_was_told_to_wait_waits_in_all_processes(tmp_path: Path) -> None:
    async with valkey() as server, processes(tmp_path, server, 2, Rate(30, 1), Rate(1, 1)) as (one, two):
        await passes(10, one, two)
        one.meter.close(30)
        await passes(0, one, two)
        two.meter.foresee("ada")
        await passes(1, one, two)
        assert two.meter.take("bob", False) == pytest.approx(29, abs=0.01)
        await passes(29.1, one, two)
        assert two.send(1, "bob") == 1


JUNK = ["", "x", "inf", "-inf", "nan", "-1", "1e308", "9" * 40, "0x10", "7 7"]


@pytest.mark.feature("OUT-04", "STO-03")
@pytest.mark.parametrize("kind", ["SET", "HSET", "RPUSH", "fields"])
async def test_junk_in_its_buckets_stops_nobody_and_is_no_licence(tmp_path: Path, kind: str) -> None:
    async with valkey() as server, processes(tmp_path, server, 2, Rate(30, 1), Rate(1, 1)) as (one, two):
        keys = ["rate:bot:7", one.tap._named("ada"), one.tap._named("")]
        for number, junk in enumerate(JUNK):
            before = len(one.sent + two.sent)
            for key in keys:
                if kind == "fields":
                    at, tokens = ("at", "tokens") if number % 2 else ("tokens", "at")
                    words: list[Any] = ["HSET", key, at, junk, tokens, "7", "hand:x", junk, "hand:process-1", junk]
                else:
                    words = [kind, key, *(["field"] if kind == "HSET" else []), junk]
                await server.ask("EVAL", INSTEAD, 1, key, *words)
            for _ in range(4):
                for process in (one, two):
                    process.meter.foresee("ada")
                    process.send(40)
                await passes(0.5, one, two)
            assert len(one.sent + two.sent) >= before + 15, junk
        assert most(one.sent + two.sent, 0.4) <= 30 * 2
        Told.passed += 130
        one.meter.foresee("ada")
        await passes(1, one, two)
        assert one.send(1, "ada") == 1


@pytest.mark.feature("OUT-04", "STO-03")
async def test_previews_leave_half_of_the_bucket_to_what_must_be_said(tmp_path: Path) -> None:
    async with valkey() as server, processes(tmp_path, server, 2, Rate(32, 1)) as (one, two):
        await passes(10, one, two)
        previews = parts = 0
        for number in range(40):
            previews += one.meter.spare(f"preview-{number}", False)
            await passes(0, one, two)
        assert 0 < previews <= 16
        for _ in range(40):
            parts += two.send(1)
            await passes(0, one, two)
        assert parts >= 12  # the other's hand aside
