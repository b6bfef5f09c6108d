"""What a running gateway takes: memory among many stored sessions, and what it loads before it is ready."""

import asyncio
import os
from pathlib import Path

import aiohttp
import pytest

from gateway.clock import Clock
from tests.crowd import gather, visitors
from tests.postgres import CHOSEN
from tests.process import Gateway

YAML = """
log: {level: warning}
bots: {b: {kind: echo}}
channels: {site: {platform: web, bot: b, limits: {messages: off}}}
"""
ONE_FILE = pytest.mark.skipif(CHOSEN, reason="what is weighed is a gateway that has its store to itself")
MOST = 150  # MB
AT_ONCE = 20
VISITS = int(os.environ.get("GW_VISITS", "5000"))  # 16,000 fill every cache there is


def memory(gateway: Gateway) -> float:
    """Megabytes of the process that are in memory now."""
    for line in Path(f"/proc/{gateway.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("VmRSS")


async def come_by(gateway: Gateway, tokens: list[str]) -> None:
    """Every visitor reads what was said and says something more."""
    left = iter(tokens)

    async def visit(http: aiohttp.ClientSession) -> None:
        for token in left:
            headers = {"Authorization": f"Bearer {token}"}
            async with http.get(f"{gateway.url}/api/chat", headers=headers) as response:
                assert len((await response.json())["messages"]) == 2
            said = {"message": f"hello from {token}"}
            async with http.post(f"{gateway.url}/api/chat", headers=headers, json=said) as response:
                assert (await response.json())["messages"][0]["text"] == said["message"]

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(visit(http) for _ in range(AT_ONCE)))


async def weigh(folder: Path, sessions: int, visits: int) -> tuple[float, float]:
    """Megabytes when it is ready, and when so many visitors have come by."""
    store, now = folder / "gateway.db", Clock().now()
    await gather(store, sessions, now)
    tokens = visitors(store, visits, now)
    gateway = Gateway(folder, YAML)
    gateway.fresh = True
    async with gateway:
        at_first = memory(gateway)
        await come_by(gateway, tokens)
        return at_first, memory(gateway)


@ONE_FILE
@pytest.mark.feature("STO-10")
async def test_memory_among_fifty_thousand_sessions(tmp_path: Path) -> None:
    at_first, used = await weigh(tmp_path, 50_000, 500)
    print(f"{at_first:.0f} MB when ready, {used:.0f} MB after 500 visits")
    assert at_first < 90
    assert used < MOST


@ONE_FILE
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.feature("STO-10")
async def test_memory_when_caches_are_full(tmp_path: Path) -> None:
    at_first, used = await weigh(tmp_path, 50_000, VISITS)
    print(f"{at_first:.0f} MB when ready, {used:.0f} MB after {VISITS} visits")
    assert used < MOST
