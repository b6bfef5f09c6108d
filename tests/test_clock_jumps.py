"""The wall clock of a running gateway jumps, to and fro: as if it had gone on evenly.

On PostgreSQL the server's time rules, and what the clocks of the gateways do is nothing to it. `GW_CLOCK_JUMPS` says
how often they jump there and back under load.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests import postgres
from tests.crash.account import findings
from tests.crash.life import JUMPS, Evidence, Life
from tests.far.backend import Backend, Call, as_text, fails
from tests.far.telegram import TOKEN, TelegramServer
from tests.patience import PATIENCE
from tests.process import Gateway
from tests.replicas import LEASE, replicas
from tests.store import CLEAN, faults
from tests.wall_clock import WallClock

SECOND, HOUR, DAY = 1, 3600, 86_400
ROUNDS = int(os.environ.get("GW_CLOCK_JUMPS", "1"))
THERE_AND_BACK = [10 * SECOND, HOUR, DAY, -DAY, -HOUR, -10 * SECOND]
CONFIG = """
bots: {b: {kind: http, url: URL, timeout: 20s, concurrency: 1}}
channels:
  t: {platform: telegram, bot: b, token: TOKEN, mode: polling, api_base: API, limits: {messages: 5/m, send: off}}
log: {level: warning}
"""
SAID = ["answered again", "sent again", "slow", "waits for a place"]
USERS = range(101, 105)


@pytest.mark.feature("STO-06", "ORD-01", "OUT-03", "INB-02")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("polling", [pytest.param(True, marks=pytest.mark.store), False], ids=["polling", "webhook"])
async def test_a_clock_that_jumps_under_load_loses_doubles_and_holds_up_nothing(tmp_path: Path, polling: bool) -> None:
    """Nothing is even in doubt, and no bot is asked twice."""
    count = 2 if postgres.CHOSEN else 1
    clocks = [WallClock(tmp_path / f"clock{number}") for number in range(count)]
    jumps = [f"{JUMPS}{seconds}" for _ in range(ROUNDS) for seconds in THERE_AND_BACK]
    life = Life(tmp_path, random.Random(5), polling=polling, replicas=count, clocks=clocks)
    assert_flawless(await life.run(jumps), len(jumps))


def assert_flawless(evidence: Evidence, jumps: int) -> None:
    assert findings(evidence) == []
    assert {said.kill for said in evidence.said} == set(range(jumps))
    assert {asked.attempt for asked in evidence.asked} == {1}
    assert not any(part.unknowns for part in evidence.parts)


@pytest.mark.feature("STO-06", "ORD-03", "OUT-05", "ACC-03")
@pytest.mark.parametrize("seconds", [-DAY, DAY])
async def test_what_waits_is_neither_put_off_nor_given_up(tmp_path: Path, seconds: int) -> None:
    clock = WallClock(tmp_path / "clock")
    async with Backend(echo) as bot, TelegramServer() as platform, gateway(tmp_path, clock, bot, platform) as running:
        go_on = await waiting(tmp_path, bot, platform)
        clock.jump(seconds)
        if not postgres.CHOSEN:
            await until(lambda: "clock.jumped" in running.log)
        go_on.set()
        assert await everything(tmp_path, platform) == [[text, "more"] for text in SAID]


@pytest.mark.feature("STO-06", "ORD-03", "OUT-05", "ACC-03")
async def test_nor_when_the_clock_goes_back_while_nobody_runs(tmp_path: Path) -> None:
    clock = WallClock(tmp_path / "clock")
    async with Backend(echo) as bot, TelegramServer() as platform, gateway(tmp_path, clock, bot, platform) as running:
        (await waiting(tmp_path, bot, platform)).set()
        await running.kill()
        clock.jump(-DAY)
        await running.start()
        assert await everything(tmp_path, platform) == [[text, "more"] for text in SAID]


def echo(call: Call) -> str:
    return str(call.document["message"]["text"])


@asynccontextmanager
async def gateway(folder: Path, clock: WallClock, bot: Backend, platform: TelegramServer) -> AsyncIterator[Gateway]:
    config = CONFIG.replace("API", platform.url).replace("URL", bot.url).replace("TOKEN", TOKEN)
    async with Gateway(folder, config, **clock.environment) as running:
        yield running


async def waiting(folder: Path, bot: Backend, platform: TelegramServer) -> asyncio.Event:
    """One waits to be answered again, one for the answer to be sent again, one for the bot until the event is set, and
    one for that one.
    """
    go_on = asyncio.Event()
    bot.plan(fails(503, Retry_After="30"))
    platform.user(USERS[0]).says(SAID[0])
    await until(lambda: postgres.look(folder, "SELECT 1 FROM inbox WHERE not_before > 0"))
    platform.fail("sendMessage", 429, retry_after=3)
    platform.user(USERS[1]).says(SAID[1])
    await until(lambda: postgres.look(folder, "SELECT 1 FROM outbox WHERE not_before > 0"))
    bot.plan(as_text(SAID[2], before=lambda _: go_on.wait()))
    platform.user(USERS[2]).says(SAID[2])
    await until(lambda: len(bot.calls) == 3)
    platform.user(USERS[3]).says(SAID[3])
    await until(lambda: postgres.look(folder, "SELECT 1 FROM inbox WHERE id = 4"))
    return go_on


async def everything(folder: Path, platform: TelegramServer) -> list[list[str]]:
    """What everybody has been told, once each has said one thing more."""
    for user in USERS:
        platform.user(user).says("more")
    await until(lambda: len(platform.sent) >= 2 * len(USERS) and not faults(partial(postgres.look, folder), CLEAN))
    assert faults(partial(postgres.look, folder)) == []
    return [platform.texts(user) for user in USERS]


async def until(seen: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not seen():
            await asyncio.sleep(0.02)


@pytest.mark.feature("STO-05", "ORD-03")
async def test_no_lease_is_kept_or_taken_by_the_clocks_of_gateways(tmp_path: Path) -> None:
    never, go_on, back = asyncio.Event(), asyncio.Event(), as_text("slow")
    clocks = [WallClock(tmp_path / f"clock{number}") for number in range(2)]
    async with replicas(tmp_path, 2, clocks=clocks) as here:
        here.bot.plan(*(replace(back, before=lambda _: go_on.wait()) for _ in clocks))
        for user, one in enumerate(here, 501):
            assert await here.push(here.say(user, "message 1"), one) == [200]
        await here.until(lambda: len(here.bot.calls) == 2)
        clocks[0].jump(-DAY)
        clocks[1].jump(DAY)
        await asyncio.sleep(2 * LEASE)  # whoever would take something early has had the time
        go_on.set()
        await here.done()
        assert len(here.bot.calls) == 2, "nobody was asked twice"
        here.bot.plan(replace(back, before=lambda _: never.wait()))
        await here.asked_by(here[0], here.say(501, "message 2"))
        clocks[0].jump(2 * DAY)
        clocks[1].jump(-2 * DAY)
        await here[0].kill()
        await here.taken_over()
        await here.done()
        never.set()
