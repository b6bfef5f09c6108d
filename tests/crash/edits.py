"""An operator who edits the files of running gateways: what works, mistakes, and a SIGHUP now and then."""

import asyncio
import random
from collections import Counter

import aiohttp

from gateway.settings import kept
from tests.patience import PATIENCE
from tests.process import Gateway

EDITED, REFUSED, HUNG_UP = "the configuration is edited", "an edit with a mistake is refused", "SIGHUP"
ONE_MORE = ("log: {", "  more: {platform: web, bot: b, path: /more}\nlog: {")
GOOD = (
    ONE_MORE,
    ("timeout: 20s", "timeout: 30s"),
    ("bots: {", "bots: {spare: {kind: echo}, "),
    ("bot: b,", "bot: b, stream: {typing: false},"),
)
WRONG = (
    ("bots: {", "bots: {{"),
    ("bot: b,", "bot: nobody,"),
    ("platform: telegram", "platform: nowhere"),
    ("limits: {", "limitz: {"),
)


class Edits:
    """Those of one life, whose configuration is `config` without them. Each gateway has a file of its own."""

    def __init__(self, chance: random.Random, gateways: list[Gateway], config: str, met: Counter[str]) -> None:
        self._chance, self._gateways, self._config, self._met = chance, gateways, config, met

    async def once(self) -> None:
        """One edit, of which half are mistakes; the gateway finds it by itself, or is told by SIGHUP."""
        gateway = self._chance.choice(self._gateways)
        # A start with a mistake needs something that has worked before.
        wrong = kept.find(gateway.file) is not None and self._chance.random() < 0.5
        right, other = self._chance.choice(WRONG if wrong else GOOD)
        assert right in self._config
        gateway.configure(self._config.replace(right, other))
        self._met[EDITED] += 1
        if self._chance.random() < 0.5 and gateway.hang_up():
            self._met[HUNG_UP] += 1

    def end(self) -> None:
        """All is as it was at first."""
        for gateway in self._gateways:
            gateway.configure(self._config)
            self._met[REFUSED] += gateway.log.count("config.rejected")

    async def last(self) -> None:
        """One more, and wait until all of them serve what it says, whatever came before it."""
        for gateway in self._gateways:
            gateway.configure(self._config.replace(*ONE_MORE))
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
            for gateway in self._gateways:
                while not await _serves(http, f"{gateway.url}/more"):
                    await asyncio.sleep(0.05)


async def _serves(http: aiohttp.ClientSession, url: str) -> bool:
    async with http.get(url) as response:
        return response.status == 200
