"""Probes, on every listener; the control socket; starting and stopping."""

import stat
from pathlib import Path

import aiohttp
import pytest

from gateway.db import Tx
from gateway.errors import StorageDown
from tests.doors import Gateway, running
from tests.postgres import control


async def probe(gateway: Gateway, path: str, base: str = "") -> int:
    async with gateway.http.get((base or gateway.url) + path) as answer:
        await answer.read()
        return answer.status


@pytest.mark.feature("OBS-03")
async def test_probes_on_both_listeners(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        for base in (gateway.url, gateway.daemon.servers.admin):
            for path in ("/healthz", "/startupz", "/readyz"):
                assert await probe(gateway, path, base) == 200
        answer = await gateway.ask("POST", "/readyz")
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert (await gateway.ask("HEAD", "/healthz")).status == 200


@pytest.mark.feature("OBS-03")
async def test_not_ready_while_draining(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        gateway.daemon.servers.shut()
        for base in (gateway.url, gateway.daemon.servers.admin):
            statuses = [await probe(gateway, path, base) for path in ("/healthz", "/startupz", "/readyz")]
            assert statuses == [200, 200, 503]
        for method, path in (("POST", "/api/session"), ("GET", "/api/chat"), ("POST", "/c/partners")):
            answer = await gateway.ask(method, path)
            assert (answer.status, answer.code) == (503, "not_ready")
            assert answer.headers["retry-after"] == "5"
        assert await probe(gateway, "/site") == 200


@pytest.mark.feature("OBS-03")
async def test_not_started_before_everything_is(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        intake = gateway.daemon.servers.intake
        intake.started = intake.open = False
        assert [await probe(gateway, path) for path in ("/healthz", "/startupz", "/readyz")] == [200, 503, 503]


@pytest.mark.feature("OBS-03")
async def test_not_ready_without_storage(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        db = gateway.daemon.corridor.db
        await db.close()
        answer = await gateway.ask("GET", "/readyz")
        assert (answer.status, answer.code) == (503, "storage_down")
        assert await probe(gateway, "/healthz") == 200
        with pytest.raises(StorageDown):
            await db.write(nothing)


def nothing() -> Tx[None]:
    yield "SELECT 1", ()


@pytest.mark.feature("OBS-03", "SEC-01")
async def test_the_control_socket_is_for_its_owner(tmp_path: Path) -> None:
    path = control(tmp_path)
    path.parent.mkdir(exist_ok=True)
    path.touch(0o666)  # left by somebody before
    async with running(tmp_path) as gateway:
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as here:
            async with here.get("http://gateway/readyz") as answer:
                assert answer.status == 200
            async with here.get("http://gateway/admin/api/status") as answer:
                assert answer.status == 200  # without a key
        async with gateway.http.get(f"{gateway.daemon.servers.admin}/admin/api/status") as answer:
            assert answer.status in (401, 503)
    assert not path.exists()


@pytest.mark.feature("OBS-03")
async def test_an_address_that_is_taken_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        (other := tmp_path / "other").mkdir()
        yaml = f"""
server: {{listen: "127.0.0.1:{gateway.port}"}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: sqlite:///gateway.db, files: files}}
bots: {{b: {{kind: echo}}}}
channels: {{site: {{platform: web, bot: b}}}}
"""
        with pytest.raises(OSError, match=r"(?i)address already in use"):
            async with running(other, yaml):
                pass
        assert not control(other).exists()
