"""Several gateways on one PostgreSQL, each a process of its own, with one platform and one bot at their far ends."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from gateway.db import Rows
from tests.far.backend import Backend
from tests.far.telegram import TOKEN, TelegramServer
from tests.patience import PATIENCE
from tests.postgres import server
from tests.process import Gateway
from tests.store import AUDIT, CLEAN, faults
from tests.wall_clock import WallClock

LEASE = 2.0  # seconds
TAKEN = 2.0  # seconds after the end of a lease in which its lane goes on ...
BUSY = 3.0  # ... and what a busy machine may add to anything
NOW = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint"
HELD = "SELECT in_holder, in_due_at FROM lane WHERE in_holder IS NOT NULL"
SECRET = "hook-secret"
CONFIG = """
bots: {b: {kind: http, url: BOT, timeout: 60s}}
channels:
  t: {platform: telegram, bot: b, token: TOKEN, mode: MODE, secret: SECRET, api_base: API, register_webhook: false,
      limits: {messages: off, send: off}}
  site: {platform: web, bot: b, path: /, limits: {messages: off}}
log: {level: warning}
"""
AHEAD = """
import time
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + SECONDS
time.time_ns = lambda: _time_ns() + SECONDS * 1_000_000_000
"""


class Replicas(list[Gateway]):
    """The gateways. `say` has the platform know what somebody said; `push` brings it to some of them."""

    def __init__(self, folder: Path, platform: TelegramServer, bot: Backend, gateways: Sequence[Gateway]) -> None:
        super().__init__(gateways)
        self.folder, self.platform, self.bot = folder, platform, bot
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))

    def rows(self, sql: str) -> Rows:
        return [tuple(row) for row in server().ask(sql, self.folder)]

    def say(self, user: int, text: str) -> bytes:
        """Somebody said something: the update as the platform would push it."""
        self.platform.user(user).says(text)
        key = max(self.platform.queue.pending)
        return self.platform.queue.pending.pop(key).body

    async def push(self, update: bytes, *to: Gateway) -> list[int]:
        """Bring one update to several at the same instant; what each says."""
        return list(await asyncio.gather(*(self._post(update, one) for one in to or self)))

    async def _post(self, update: bytes, to: Gateway) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
        async with self.http.post(f"{to.url}/c/t", data=update, headers=headers) as response:
            return response.status

    async def asked_by(self, gateway: Gateway, update: bytes) -> None:
        """Bring an update to one, and wait until the bot is asked by it. Nobody else runs meanwhile: what a busy
        process has no place for when it comes is for any of them.
        """
        others = [one for one in self if one is not gateway and one.runs]
        before = len(self.bot.calls)
        for one in others:
            pause(one)
        while await self.push(update, gateway) == [503]:
            # One that stands still may do so in a transaction: what it holds the server takes from it, some time.
            await asyncio.sleep(0.05)
        await self.until(lambda: len(self.bot.calls) > before)
        for one in others:
            resume(one)

    async def taken_over(self) -> None:
        """Somebody who held one lane was killed: wait until another goes on with it, no earlier than its lease ends
        and hardly later.
        """
        ((holder, ends),) = self.rows(HELD)
        await self.until(lambda: holder not in [one for one, _ in self.rows(HELD)])
        ((now,),) = self.rows(NOW)
        assert ends <= now <= ends + (TAKEN + BUSY) * 1000

    async def call(self, to: Gateway, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """A call of the web client's."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.request(method, to.url + path, json=body, headers=headers) as response:
            assert response.status < 300, await response.text()
            return await response.json() if response.status != 204 else None

    async def until(self, seen: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not seen():
                await asyncio.sleep(0.01)

    async def done(self) -> None:
        """Everything is answered and sent, and the store is as it should be."""
        await self.until(lambda: not faults(self.rows, CLEAN))
        assert faults(self.rows, {**AUDIT, **CLEAN}) == []


@asynccontextmanager
async def replicas(
    folder: Path,
    count: int,
    *,
    mode: str = "webhook",
    clocks: Sequence[int | WallClock] = (),
    config: str = CONFIG,
    lease: float = LEASE,
    store: str = "",
    **each: str,
) -> AsyncIterator[Replicas]:
    """So many gateways, running. `clocks` says by how many seconds each one's clock is ahead, or which one it goes
    by; `each` is the environment of the first, and `store` where its way to the database begins.
    """
    async with TelegramServer() as platform, Backend() as bot:
        words = {"BOT": bot.url, "TOKEN": TOKEN, "MODE": mode, "SECRET": SECRET, "API": platform.url}
        for word, value in words.items():
            config = config.replace(word, value)
        gateways = [
            Gateway(folder, config, True, f"-{number}", f"{lease}s", way, **_clock(folder, number, clocks), **more)
            for number, (way, more) in enumerate([(store, each), *(("", {}) for _ in range(count - 1))])
        ]
        await asyncio.gather(*(gateway.start() for gateway in gateways))
        here = Replicas(folder, platform, bot, gateways)
        try:
            yield here
        finally:
            for gateway in gateways:
                resume(gateway)
            await asyncio.gather(*(gateway.stop() for gateway in gateways))
            await here.http.close()


def _clock(folder: Path, number: int, clocks: Sequence[int | WallClock]) -> dict[str, str]:
    """The environment of a process whose clock is another one than ours."""
    if not clocks:
        return {}
    clock = clocks[number]
    if isinstance(clock, WallClock):
        return clock.environment
    place = folder / f"clock{number}"
    place.mkdir()
    (place / "sitecustomize.py").write_text(AHEAD.replace("SECONDS", str(clock)))
    return {"PYTHONPATH": str(place)}


def pause(gateway: Gateway) -> None:
    os.kill(gateway.pid, signal.SIGSTOP)


def resume(gateway: Gateway) -> None:
    if gateway.runs:
        os.kill(gateway.pid, signal.SIGCONT)


def stands(gateway: Gateway) -> bool:
    """Whether a process stands still."""
    return Path(f"/proc/{gateway.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def anybody(gateways: Sequence[Gateway], chance: random.Random) -> Gateway:
    return chance.choice([gateway for gateway in gateways if gateway.runs])
