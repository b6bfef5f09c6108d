"""The whole gateway as a process on PostgreSQL: served, asked, stopped, asked again, killed, and gone on with."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.commands import Ran
from tests.commands import gateway as command
from tests.patience import PATIENCE
from tests.postgres import server
from tests.process import ROOT, Gateway

YAML = """
bots: {b: {kind: echo}, slow: {kind: python, call: "tests.commands:waits"}}
channels:
  site: {platform: web, bot: b, path: /}
  later: {platform: web, bot: slow, path: /later}
"""


async def ask(gateway: Gateway, *args: str) -> Ran:
    return await asyncio.to_thread(command, *args, "-c", str(gateway.folder / "gateway.yaml"), folder=ROOT)


async def post(http: aiohttp.ClientSession, url: str, body: Any, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.post(url, json=body, headers=headers) as response:
        assert response.status in (200, 201), await response.text()
        return await response.json()


@pytest.mark.feature("STO-01", "CLI-05", "OBS-03")
async def test_served_asked_stopped_and_asked_again(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, YAML, True)
    async with aiohttp.ClientSession() as http:
        async with gateway:
            visit = await post(http, f"{gateway.url}/api/session", {})
            said = await post(http, f"{gateway.url}/api/chat", {"message": "hello"}, visit["token"])
            assert "hello" in str(said)
            assert (tmp_path / "files/gateway.sock").is_socket()
            assert (await ask(gateway, "status", "--json")).json["state"] == "running"
        assert not (tmp_path / "files/gateway.sock").exists()
        listed = await ask(gateway, "sessions", "list", "--json")
        assert [one["id"] for one in listed.json["sessions"]] == [visit["session_id"]]
        assert (await ask(gateway, "sessions", "close", visit["session_id"])).code == 0


@pytest.mark.feature("STO-01", "LIF-19", "INB-02")
async def test_what_waited_when_it_was_killed_is_answered_by_the_next_one(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, YAML, True, GATE=str(tmp_path / "open"))
    async with gateway, aiohttp.ClientSession() as http:
        visit = await post(http, f"{gateway.url}/api/session", {"channel": "later"})
        asking = asyncio.ensure_future(
            post(http, f"{gateway.url}/api/chat", {"message": "are you there?"}, visit["token"])
        )
        while not server().ask("SELECT 1 FROM inbox", tmp_path):
            await asyncio.sleep(0.01)
        await gateway.kill()
        await asyncio.gather(asking, return_exceptions=True)
        gateway.release("open")
        await gateway.start()
        async with asyncio.timeout(PATIENCE):
            while "done: are you there?" not in (await ask(gateway, "sessions", "history", visit["session_id"])).out:
                await asyncio.sleep(0.2)
