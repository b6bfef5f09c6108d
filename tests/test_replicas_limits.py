"""Limits are those of all gateways on a database together, whichever of them somebody writes to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from gateway.bot import Piece, Say
from gateway.clock import Clock
from gateway.desk import Desk
from gateway.message import Outbound, Turn
from tests.groups import outcome
from tests.kit import Kit
from tests.patience import PATIENCE
from tests.several import several

BOT = """
bots: {{b: {{kind: echo, concurrency: {cap}}}}}
channels: {{p: {{platform: tests.paper, bot: b, sheet: "SHEET", limits: {{send: off, messages: off}}}}}}
"""


GROUP = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paper, bot: b, sheet: "SHEET", group: {mode: open}, limits: {messages: 20/d}}}
"""


class Counted:
    """A bot that answers when it is let, and knows how many ask it at once."""

    def __init__(self) -> None:
        self.asked, self.now, self.most = 0, 0, 0
        self.seats = asyncio.Semaphore(0)

    async def __call__(self, turn: Turn) -> AsyncIterator[Piece]:
        self.asked, self.now = self.asked + 1, self.now + 1
        self.most = max(self.most, self.now)
        try:
            await self.seats.acquire()
            yield Say(Outbound(text="well"))
        finally:
            self.now -= 1


async def looked(here: Sequence[Kit]) -> None:
    """Each has looked for work that it may take."""
    for _ in range(3):
        for kit in here:
            await kit.router._look_for_turns("b")


async def asked(bot: Counted, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while bot.asked < count:
            await asyncio.sleep(0.005)


@pytest.mark.feature("BOT-08", "STO-05")
@pytest.mark.parametrize(("cap", "at_once"), [(4, 4), (5, 4), (1, 2)])
async def test_a_bot_is_asked_no_more_at_once_by_two_than_by_one(tmp_path: Path, cap: int, at_once: int) -> None:
    """Each has an equal part, in whole seats; and one seat at least."""
    bot = Counted()
    async with several(tmp_path, BOT.format(cap=cap)) as here:
        for kit in here:
            kit.bot(bot)
        for number in range(12):
            await here[number % 3 // 2].say("hello", user=f"user-{number}")  # two of three to the first
        await asked(bot, at_once)
        await looked(here)
        assert (bot.now, [kit.corridor.desk.seats("b").taken for kit in here]) == (at_once, [at_once // 2] * 2)
        for _ in range(12):
            bot.seats.release()
        await here[0].quiet()
        assert (bot.asked, bot.most) == (12, at_once)


@pytest.mark.feature("BOT-08", "STO-05")
async def test_who_leaves_leaves_its_seats_to_the_others(tmp_path: Path) -> None:
    bot = Counted()
    async with several(tmp_path, BOT.format(cap=4)) as here:
        for kit in here:
            kit.bot(bot)
        await here.daemons[1].stop(0)
        await here.know("bot/b", 1)
        for number in range(8):
            await here[0].say("hello", user=f"user-{number}")
        await asked(bot, 4)
        await looked(here[:1])
        assert bot.now == 4
        for _ in range(8):
            bot.seats.release()
        await here[0].quiet()
        assert bot.most == 4


@pytest.mark.feature("BOT-08")
@pytest.mark.parametrize("cap", [1, 3, 7, 200])
def test_parts_are_whole_seats_and_together_never_more_than_all(cap: int) -> None:
    for count in range(1, cap + 1):
        desk = Desk(Clock(), 1000, lambda bot: None, lambda bot, count=count: 1 / count)  # type: ignore[misc]
        desk.add("b", cap)
        assert desk.seats("b").cap == desk.free("b") == cap // count


@pytest.mark.feature("ACC-03", "STO-05")
async def test_a_speaker_in_a_group_has_one_limit_whichever_hears_them(tmp_path: Path) -> None:
    async with several(tmp_path, GROUP) as here:
        flood = [await outcome(here[number % 2], f"message {number}", "eve") for number in range(20)]
        assert flood == ["stored"] * 15 + ["rate_limited"] * 5
        others = [await outcome(here[number % 2], f"message {number}", "ada") for number in range(6)]
        assert others == ["stored"] * 5 + ["rate_limited"]
        await here[0].quiet()
