"""Edits at several processes that share a polled account: one polls at a time, whoever alters what and when."""

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.far.telegram import TelegramServer
from tests.replicas import CONFIG, Replicas, replicas

ROUNDS = max(6, int(os.environ.get("GW_EDITS", "0")) // 20)
USERS = range(901, 907)
INFO = CONFIG.replace("level: warning", "level: info")


class Watched:
    """Telegram's side of polling: how many ask at once."""

    def __init__(self, platform: TelegramServer) -> None:
        self.open = self.most = self.begun = 0
        self._poll, platform.queue.poll = platform.queue.poll, self.poll  # type: ignore[method-assign]

    async def poll(self, offset: int, limit: int, seconds: float) -> bytes:
        self.begun, self.open = self.begun + 1, self.open + 1
        self.most = max(self.most, self.open)
        try:
            return await self._poll(offset, limit, seconds)
        finally:
            self.open -= 1


class Talk:
    """People who say numbered things, a few at a time."""

    def __init__(self, here: Replicas) -> None:
        self.here, self.said = here, Counter[int]()

    async def run(self) -> None:
        while True:
            for user in USERS:
                if self.said[user] < len(self.heard(user)) + 3:
                    self.said[user] += 1
                    self.here.platform.user(user).says(f"message {self.said[user]}")
            await asyncio.sleep(0.05)

    def heard(self, user: int) -> list[str]:
        return [text.rpartition(" ")[2] for text in self.here.platform.texts(user)]

    async def goes_on(self) -> None:
        """Wait until everybody has been answered once more."""
        before = {user: len(self.heard(user)) for user in USERS}
        await self.here.until(lambda: all(len(self.heard(user)) > before[user] for user in USERS))


async def edit(here: Replicas, which: list[int], number: int, *, told: bool) -> None:
    """Alter the polled channel at some of them, and wait until they have taken it over."""
    before = {one: here[one].log.count("config.applied") for one in which}
    for one in which:
        here[one].edit(r"attempts: \d+", f"attempts: {number}")
        if told:
            os.kill(here[one].pid, signal.SIGHUP)
    await here.until(lambda: all(here[one].log.count("config.applied") > before[one] for one in which))


@pytest.mark.feature("CFG-04", "CH-21", "STO-05")
async def test_an_altered_account_is_polled_by_one_and_loses_nothing(tmp_path: Path) -> None:
    dice = random.Random(ROUNDS)
    config = INFO.replace("send: off}}", "send: off}, delivery: {attempts: 10}}")
    async with replicas(tmp_path, 2, mode="polling", config=config, lease=15) as here:
        watched, talk = Watched(here.platform), Talk(here)
        talking = asyncio.ensure_future(talk.run())
        await talk.goes_on()
        for number in range(11, 11 + ROUNDS):
            order = dice.choice([[0, 1], [1, 0], [0], [1]])
            if dice.random() < 0.5:
                await edit(here, order, number, told=dice.random() < 0.7)
            else:
                for one in order:
                    await edit(here, [one], number, told=dice.random() < 0.7)
            await talk.goes_on()
        talking.cancel()
        await here.until(lambda: not here.platform.queue.pending)
        await here.done()
        for user in USERS:
            assert talk.heard(user) == [str(number) for number in range(1, talk.said[user] + 1)]
        assert here.rows("SELECT COUNT(*) FROM outbox WHERE unknowns > 0") == [(0,)]
        assert watched.most == 1
        assert watched.begun > ROUNDS
        assert not any("conflict" in one.log for one in here)
