"""One life: a store, some people who talk, and a gateway that is killed again and again until it may end its work."""

import asyncio
import random
import secrets
import time
from bisect import bisect
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import zip_longest
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from tests import postgres
from tests.crash.troubles import Troubles
from tests.far.backend import Backend, Call, Reply, as_json
from tests.far.redis import valkey
from tests.far.telegram import TOKEN, TelegramServer
from tests.patience import PATIENCE
from tests.postgres import member
from tests.process import Gateway
from tests.store import AUDIT, CLEAN, faults
from tests.wall_clock import WallClock

FAILPOINTS = {  # name: how many times it may be passed before the process dies there
    "receive.before": 12,
    "commit.before": 60,
    "commit.after": 60,
    "receive.after": 12,
    "turn.claimed": 12,
    "bot.before": 12,
    "bot.after": 12,
    "turn.before": 12,
    "turn.after": 12,
    "send.before": 25,
    "send.after": 25,
    "send.noted": 25,
    "send.intended": 15,
}
AT_RANDOM = "at random"
STILL = "stands still"  # not killed: it does nothing for longer than its leases last, and goes on
DATABASE = "database crashes"  # no gateway is killed: the server that all work on is, and comes back
UPGRADE = "upgrade"  # not killed: asked to stop, while people go on talking
JUMPS = "clock jumps by "  # so many seconds; not killed: its wall clock is another one from then on
PLACES = (*FAILPOINTS, AT_RANDOM)
TOGETHER = (*PLACES, STILL, DATABASE)  # of several gateways on one server
LEASE = 2.0  # seconds, where there are several
LONG = "15s"  # a lease, where nobody is killed and none is to lapse because the machine is busy
SECRET = "hook-secret"
CONFIG = """
bots: {b: {kind: http, url: URL, timeout: 20s}}
channels:
  t: {platform: telegram, bot: b, token: TOKEN, mode: MODE, secret: SECRET, api_base: API,
      limits: {messages: off, send: off}}
log: {level: warning}
"""
USERS = range(101, 107)
LONGEST = 5.0  # seconds that a process lives at most before it is killed anyway
DRAIN = 120.0  # seconds, an upper bound only: the end is waited for


class Said(NamedTuple):
    """What somebody said, and during which kill. A number of 0 begins anew."""

    user: int
    number: int
    kill: int

    @property
    def text(self) -> str:
        return f"say {self.user} {self.number}" if self.number else "/reset"


class Part(NamedTuple):
    """A part of an answer as the gateway's store remembers it."""

    chat: int
    text: str
    state: str
    unknowns: int


class Asked(NamedTuple):
    """A call of the bot: for which message, under which key and attempt, and what it was told was said before."""

    text: str
    key: str
    attempt: int
    history: tuple[str, ...]


class Evidence(NamedTuple):
    """All that is known of a life when it is over. `kills` are the places, in order."""

    kills: list[str]
    said: list[Said]
    shown: list[tuple[int, str, int]]  # chat, text, and during which kill
    asked: list[Asked]
    parts: list[Part]
    entries: list[tuple[str, str, str | None, int]]  # text, state, reason, crashes
    faults: list[str]
    met: Mapping[str, int] = {}  # what else went wrong, and how often


class Life:
    """`polling`: the gateway fetches its updates; else they are pushed to it.

    With `replicas` so many gateways work on the store; one after another is killed while the others go on. With
    `troubles` everything else fails now and then, too. With `asked` nobody is killed at a station of the road, but
    asked to stop there. `clocks` are those by which the gateways go, where they are to jump.
    """

    def __init__(
        self,
        folder: Path,
        chance: random.Random,
        *,
        polling: bool,
        replicas: int = 1,
        troubles: bool = False,
        asked: bool = False,
        clocks: Sequence[WallClock] = (),
    ) -> None:
        self._folder, self._chance, self._polling, self._replicas = folder, chance, polling, replicas
        self._asked, self._clocks = asked, clocks
        self._wanted, self._troubles = troubles, None  # type: tuple[bool, Troubles | None]
        self._numbers = dict.fromkeys(USERS, 0)
        self._said: list[Said] = []
        self._kills: list[str] = []
        self._begun: list[float] = []  # when each process was started

    async def run(self, places: list[str]) -> Evidence:
        """Kill at each of these places, let the work end, and tell what happened."""
        async with TelegramServer() as platform, Backend(self._answer) as bot, AsyncExitStack() as more:
            mode = "polling" if self._polling else "webhook"
            config = CONFIG.replace("API", platform.url).replace("URL", bot.url).replace("MODE", mode)
            config = config.replace("TOKEN", TOKEN).replace("SECRET", SECRET)
            redis = await more.enter_async_context(valkey()) if self._wanted and self._replicas > 1 else None
            config += f"redis: {{url: '{redis.url}'}}\n" if redis else ""
            lease = {"lease": LONG} if self._asked or self._clocks else {}
            gateways = self._gateways = [
                Gateway(self._folder, config, replica=name, **lease, **(clock.environment if clock else {}))
                for name, clock in zip_longest(self._names(), self._clocks)
            ]
            if not self._polling:
                first, *others = (f"{gateway.url}/c/t" for gateway in gateways)
                await platform.pusher.start(first, SECRET, *others)
            if self._wanted:
                how = {"polling": self._polling}
                self._troubles = Troubles(self._chance, self._folder, platform, gateways, redis, config, **how)
            try:
                for gateway in gateways[1:]:
                    await gateway.spawn()
                for number, place in enumerate(places):
                    self._kills.append(place)
                    self._begun.append(time.monotonic())
                    await self._live_and_die(gateways[number % self._replicas], platform, place)
                for gateway in gateways:
                    if not gateway.runs:
                        await gateway.spawn()
                if self._troubles is not None:
                    self._troubles.end()
                await self._done(gateways, platform)
                await asyncio.gather(*(gateway.ready() for gateway in gateways))
                if self._troubles is not None:
                    await self._troubles.edits.last()
            finally:
                await asyncio.gather(*(gateway.stop() for gateway in gateways))
            begun = [-inf, *self._begun[1:]]
            shown = [(sent.chat, sent.text, bisect(begun, sent.at) - 1) for sent in platform.sent]
            return self._evidence(shown, [_asked(call) for call in bot.calls])

    def _names(self) -> list[str]:
        return [f"-{number}" for number in range(self._replicas)] if self._replicas > 1 else [""]

    def _answer(self, call: Call) -> Reply:
        """Something else every time, in one to four messages, after a while."""
        if self._troubles is not None and (failed := self._troubles.at_the_bot(call)) is not None:
            return failed
        _, user, number = call.document["message"]["text"].split()
        nonce, count = secrets.token_hex(4), self._chance.randint(1, 4)
        texts = [f"answer {user} {number} {nonce} {index} of {count}" for index in range(1, count + 1)]
        pause = self._chance.random() * 0.02
        return as_json({"messages": [{"text": text} for text in texts]}, before=lambda _: asyncio.sleep(pause))

    async def _live_and_die(self, gateway: Gateway, platform: TelegramServer, place: str) -> None:
        if not (gateway.runs and place.startswith(JUMPS)):
            passes = self._chance.randint(1, FAILPOINTS.get(place, 1))
            await gateway.kill()  # among several it has gone on since it was killed last
            failpoint = f"{place}:{passes}" + (":TERM" if self._asked else "")
            await gateway.spawn(**({"GW_FAILPOINT": failpoint} if place in FAILPOINTS else {}))
        if self._replicas > 1:  # the others take what comes before it is there
            await gateway.up()
        talking = asyncio.ensure_future(self._talk(platform))
        failing = asyncio.ensure_future(self._troubles.go_on()) if self._troubles is not None else None
        try:
            await self._comes_to_its_end(gateway, platform, place)
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
            if self._troubles is not None and failing is not None:
                self._troubles.rest()
                await failing
        if self._replicas > 1 and not gateway.runs:
            await gateway.spawn()

    async def _comes_to_its_end(self, gateway: Gateway, platform: TelegramServer, place: str) -> None:
        if place in FAILPOINTS and self._asked:
            assert await gateway.ended(PATIENCE, 0), "it was asked to stop, and did not"
        elif place in FAILPOINTS:
            await gateway.ended(LONGEST)
        else:
            if place not in PLACES:  # who has just been started and has no store ends at once
                await asyncio.gather(*(one.ready() for one in self._gateways if one.runs))
            await asyncio.sleep(0.3 + self._chance.random() * (0.5 if self._clocks else 2.0))
        if place == UPGRADE:
            await gateway.stop()
        elif place == STILL:
            await gateway.stands_still(LEASE + 1 + self._chance.random() * 2)
            await asyncio.sleep(0.5)
        elif place.startswith(JUMPS):
            platform.fail("sendMessage", 429, retry_after=1)  # something waits for its time as it comes
            self._clocks[self._gateways.index(gateway)].jump(float(place.removeprefix(JUMPS)))
            await asyncio.sleep(0.5 + self._chance.random())
        elif place == DATABASE:
            await asyncio.to_thread(postgres.server().stop)
            await asyncio.sleep(self._chance.random() * 3)
            await asyncio.to_thread(postgres.server().start)
            await asyncio.sleep(1)
        else:
            await gateway.kill()

    async def _talk(self, platform: TelegramServer) -> None:
        """People talk from before the process is there until it is gone, in bursts, and now and then begin anew."""
        while True:
            for user in self._chance.sample(USERS, self._chance.randint(1, 3)):
                self._say(platform, user)
            await asyncio.sleep(self._chance.choice((0, 0, 0.01, 0.05, 0.2)))
            while len(platform.queue.pending) > 20:
                await asyncio.sleep(0.05)

    def _say(self, platform: TelegramServer, user: int) -> None:
        number = 0 if self._chance.random() < 0.04 else self._numbers[user] + 1
        self._numbers[user] = number or self._numbers[user]
        said = Said(user, number, len(self._kills) - 1)
        self._said.append(said)
        platform.user(user).says(said.text)

    async def _done(self, gateways: list[Gateway], platform: TelegramServer) -> None:
        """Wait until everything has been taken, answered and sent: a drain cut short would look like a loss."""
        async with asyncio.timeout(DRAIN):
            while platform.queue.pending or faults(self._rows, CLEAN):
                assert not any([await gateway.ended(0.05) for gateway in gateways])

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return postgres.look(self._folder, sql)

    def _evidence(self, shown: list[tuple[int, str, int]], asked: list[Asked]) -> Evidence:
        chat, text = (member("body", name) for name in ("address.chat", "text"))
        parts = f"SELECT {chat}, {text}, state, unknowns FROM outbox ORDER BY id"
        entries = f"""SELECT {text}, state, reason,
            attempts - failures - refusals - CASE WHEN state <> 'dropped' THEN 1 ELSE 0 END FROM inbox ORDER BY id"""
        wrong = faults(self._rows, {**AUDIT, **CLEAN})
        if not postgres.CHOSEN and (found := self._rows("PRAGMA integrity_check")) != [("ok",)]:
            wrong.append(f"integrity: {found}")
        return Evidence(
            self._kills,
            self._said,
            shown,
            asked,
            [Part(int(chat), *rest) for chat, *rest in self._rows(parts)],
            [(text, state, reason, crashes) for text, state, reason, crashes in self._rows(entries)],
            wrong,
            self._troubles.met if self._troubles is not None else {},
        )


def _asked(call: Call) -> Asked:
    document: Mapping[str, Any] = call.document
    history = tuple(line["text"] for line in document["history"])
    return Asked(document["message"]["text"], call.headers["idempotency-key"], document["turn"]["attempt"], history)
