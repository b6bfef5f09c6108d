"""`gateway backup` and `gateway restore` as operators use them: beside a gateway that runs, and on an empty store."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests import postgres
from tests.commands import Ran
from tests.commands import gateway as command
from tests.process import ROOT, Gateway

pytestmark = pytest.mark.feature("STO-08")

YAML = "bots: {b: {kind: echo}}\nchannels: {site: {platform: web, bot: b, path: /}}\n"


async def ask(gateway: Gateway, *args: str) -> Ran:
    return await asyncio.to_thread(command, *args, "-c", str(gateway.folder / "gateway.yaml"), folder=ROOT)


async def said(gateway: Gateway) -> list[str]:
    listed = await ask(gateway, "sessions", "list", "--json")
    return sorted(one["id"] for one in listed.json["sessions"])


async def test_backup_while_serving_and_restore_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    file = str(tmp_path / "today.backup")
    old, new = Gateway(tmp_path / "old", YAML), Gateway(tmp_path / "new", YAML, not postgres.CHOSEN)
    async with old, aiohttp.ClientSession() as http, http.post(f"{old.url}/api/session", json={}) as response:
        token = (await response.json())["token"]
        made = await ask(old, "backup", file, "--json")
        assert made.code == 0, made.err
        assert made.json["rows"]["session"] == 1
        again = await ask(old, "backup", file)
        assert (again.code, "nothing is overwritten" in again.err) == (2, True)
        refused = await ask(old, "restore", file)
        assert (refused.code, "another gateway" in refused.err) == (1, True)
        sessions = await said(old)
    done = await ask(new, "restore", file)
    assert done.code == 0, done.err
    assert "gateway dead list --reason restored" in done.err
    assert await said(new) == sessions
    assert (await ask(new, "status", "--json")).json["restored"] is not None
    assert (await ask(new, "restore", file)).code == 1, "it is not empty any more"
    bearer = {"Authorization": f"Bearer {token}"}
    async with new, aiohttp.ClientSession(headers=bearer) as http:
        response = await http.post(f"{new.url}/api/chat", json={"message": "still here?"})
        assert response.status == 200, await response.text()
        assert "still here?" in await response.text()


async def test_what_was_said_wrongly_is_a_mistake_of_usage(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, YAML)
    nowhere = await ask(gateway, "restore", str(tmp_path / "nowhere"))
    assert (nowhere.code, nowhere.out) == (2, "")
    (tmp_path / "text").write_text("hello")
    broken = await ask(gateway, "restore", str(tmp_path / "text"))
    assert broken.code == 1
    assert "Traceback" not in broken.err
    odd = await ask(gateway, "restore", str(tmp_path / "text"), "--until", "yesterday")
    assert (odd.code, "expected a time" in odd.err) == (2, True)
    both = await ask(gateway, "restore", str(tmp_path / "text"), "--moved", "--until", "2026-01-01T00:00Z")
    assert both.code == 2
    if not postgres.CHOSEN:
        empty = await ask(gateway, "backup", str(tmp_path / "b"))
        assert (empty.code, "there is no store" in empty.err) == (1, True)
    assert not (tmp_path / "b").exists()
