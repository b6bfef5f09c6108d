"""`gateway run` as a process, and the commands that reach it by its control socket."""

import asyncio
import os
import pty
import signal
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.commands import Ran, gateway
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.postgres import CHOSEN
from tests.process import ROOT, Gateway

YAML = """
bots: {b: {kind: echo}, slow: {kind: python, call: "tests.commands:waits"}}
channels:
  site: {platform: web, bot: b, path: /}
  broken: {platform: tests.plugins.no_sdk, bot: b}
"""


async def ask(running: Gateway, *args: str) -> Ran:
    return await asyncio.to_thread(gateway, *args, "-c", str(running.folder / "gateway.yaml"), folder=ROOT)


async def _visit(http: aiohttp.ClientSession, running: Gateway, text: str) -> dict[str, Any]:
    async with http.post(f"{running.url}/api/session", json={}) as response:
        session: dict[str, Any] = await response.json()
    headers = {"Authorization": f"Bearer {session['token']}"}
    async with http.post(f"{running.url}/api/chat", json={"message": text}, headers=headers) as response:
        assert response.status == 200, await response.text()
    return session


@pytest.mark.feature("CLI-04", "CLI-05", "OBS-03", "STO-02")
async def test_commands_speak_with_the_running_gateway(tmp_path: Path) -> None:
    async with Gateway(tmp_path, YAML) as running, aiohttp.ClientSession() as http:
        session = await _visit(http, running, "hello")
        status = await ask(running, "status", "--json")
        assert status.json["state"] == "running"
        assert {channel["name"]: channel["state"] for channel in status.json["channels"]} == {
            "site": "up",
            "broken": "fault",
        }
        assert (status.code, "broken" in status.err) == (1, True)
        listed = (await ask(running, "sessions", "list", "--json")).json["sessions"]
        assert [one["id"] for one in listed] == [session["session_id"]]
        history = await ask(running, "sessions", "history", listed[0]["key"])
        assert "hello" in history.out
        exported = await ask(running, "sessions", "export", session["session_id"], "--format", "md")
        assert "> hello" in exported.out
        closed = await ask(running, "sessions", "close", session["session_id"], "--farewell", "Good-bye")
        assert closed.code == 0
        again = await ask(running, "sessions", "close", session["session_id"])
        assert (again.code, "only an open one" in again.err) == (1, True)
        assert (await ask(running, "sessions", "list", "--active", "never")).code == 2
        key = (await ask(running, "keys", "create", "--role", "viewer")).out.strip()
        admin = status_url(running)
        async with http.get(admin, headers={"Authorization": f"Bearer {key}"}) as response:
            assert response.status == 200
        assert (await ask(running, "dead", "list")).out == "nothing dead\n"
        migrated = await ask(running, "migrate")
        assert (migrated.code, "up to date when it started" in migrated.err) == (1, True)


def status_url(running: Gateway) -> str:
    """The admin listener stands in the configuration that the gateway was started with."""
    text = (running.folder / "gateway.yaml").read_text()
    address = text.split("admin: {listen: '")[1].split("'")[0]
    return f"http://{address}/admin/api/status"


@pytest.mark.skipif(CHOSEN, reason="a file has one process; a server has no such lock")
@pytest.mark.feature("CLI-01")
async def test_one_store_has_one_gateway(tmp_path: Path) -> None:
    async with Gateway(tmp_path, YAML) as running:
        (tmp_path / "second.yaml").write_text(
            (tmp_path / "gateway.yaml").read_text().replace(str(running.port), str(free_port()))
        )
        second = await asyncio.to_thread(gateway, "run", "-c", str(tmp_path / "second.yaml"), folder=ROOT)
        assert second.code == 1
        assert "another gateway is running on this store" in second.err
        assert "Traceback" not in second.err
        (tmp_path / "gateway.sock").unlink()
        deaf = await ask(running, "status")
        assert deaf.code == 1
        assert "control socket" in deaf.err


@pytest.mark.feature("CLI-01")
@pytest.mark.parametrize("section", ["server", "admin"])
async def test_an_address_that_is_taken_is_named(tmp_path: Path, section: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        others = {"server": free_port(), "admin": free_port(), section: port}
        listens = "\n".join(f"{name}: {{listen: '127.0.0.1:{number}'}}" for name, number in others.items())
        (tmp_path / "gateway.yaml").write_text(f"{listens}\nstorage: {{url: 'sqlite:///gateway.db'}}\n{YAML}")
        ran = await asyncio.to_thread(gateway, "run", "-c", "gateway.yaml", folder=tmp_path)
    assert ran.code == 1
    assert f"{section}.listen is 127.0.0.1:{port}" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.feature("CLI-01")
async def test_who_starts_it_by_hand_is_told_where_to_go(tmp_path: Path) -> None:
    port = free_port()
    listens = f"server: {{listen: '127.0.0.1:{port}'}}\nadmin: {{listen: '127.0.0.1:{free_port()}'}}"
    (tmp_path / "gateway.yaml").write_text(f"{listens}\nstorage: {{url: 'sqlite:///data/gateway.db'}}\n{YAML}")
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", "run", "-c", "gateway.yaml"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=theirs,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    async with asyncio.timeout(60):
        shown = ""
        while not shown.endswith("\n"):
            shown += (await asyncio.to_thread(os.read, ours, 4096)).decode()
        process.send_signal(signal.SIGINT)
        _, said = await process.communicate()
    os.close(ours)
    assert shown == f"Open http://127.0.0.1:{port}\r\n"
    assert process.returncode == 0
    assert (tmp_path / "data" / "gateway.db").exists()
    assert b'"event": "daemon.stopped"' in said


@pytest.mark.feature("STO-06", "ORD-01")
async def test_a_stop_lets_turns_end_and_keeps_what_waits(tmp_path: Path) -> None:
    """SIGTERM while one turn runs and another message waits behind it: the first is answered, the second is kept."""
    config = YAML.replace("bot: b, path", "bot: slow, path")
    running = Gateway(tmp_path, config, GATE=str(tmp_path / "go"))
    await running.start()
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{running.url}/api/session", json={}) as response:
            token = (await response.json())["token"]
        headers = {"Authorization": f"Bearer {token}", "Prefer": "respond-async"}
        for text in ("first", "second"):
            async with http.post(f"{running.url}/api/chat", json={"message": text}, headers=headers) as response:
                assert response.status == 202
        stopping = asyncio.create_task(running.stop())
        async with asyncio.timeout(60):
            while "daemon.stopping" not in running.log:
                await asyncio.sleep(0.02)
            async with http.post(f"{running.url}/api/chat", json={"message": "third"}, headers=headers) as refused:
                assert refused.status == 503
            async with http.get(f"{running.url}/readyz") as ready:
                assert ready.status == 503
        running.release("go")
        await stopping
        await running.start()
        async with asyncio.timeout(60):
            while len(await _texts(http, running, token)) < 4:
                await asyncio.sleep(0.05)
        assert await _texts(http, running, token) == ["first", "done: first", "second", "done: second"]
    await running.stop()


async def _texts(http: aiohttp.ClientSession, running: Gateway, token: str) -> list[str]:
    async with http.get(f"{running.url}/api/chat", headers={"Authorization": f"Bearer {token}"}) as response:
        return [message["text"] for message in (await response.json())["messages"]]


@pytest.mark.feature("STO-06")
async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    config = YAML.replace("bot: b, path", "bot: slow, path")
    running = Gateway(tmp_path, config, GATE=str(tmp_path / "never"))
    await running.start()
    async with aiohttp.ClientSession() as http, http.post(f"{running.url}/api/session", json={}) as response:
        headers = {"Authorization": f"Bearer {(await response.json())['token']}", "Prefer": "respond-async"}
        async with http.post(f"{running.url}/api/chat", json={"message": "hello"}, headers=headers) as taken:
            assert taken.status == 202
    stopping = asyncio.create_task(running.stop())
    async with asyncio.timeout(25):  # the drain alone would take 30 seconds
        while "daemon.stopping" not in running.log:
            await asyncio.sleep(0.02)
        os.kill(running.pid, signal.SIGTERM)
        await stopping
    assert "daemon.stopped" not in running.log
    await running.start()  # on the store as it was left
    listed = (await ask(running, "inbox", "list", "--json")).json["inbox"]
    assert [entry["state"] for entry in listed] == ["waiting"]
    await running.kill()


@pytest.mark.feature("CFG-04", "CFG-05", "CLI-04")
async def test_a_running_gateway_reads_its_file_again(tmp_path: Path) -> None:
    async with Gateway(tmp_path, YAML) as running, aiohttp.ClientSession() as http:
        file = tmp_path / "gateway.yaml"
        text = file.read_text()
        assert (await ask(running, "reload")).out == "unchanged\n"
        file.write_text(text.replace("path: /", "path: /here"))
        async with asyncio.timeout(PATIENCE):
            while (await http.get(f"{running.url}/here")).status != 200:
                await asyncio.sleep(0.01)
        file.write_text(text.replace("bot: b, path", "bot: nobody, path"))
        told = await ask(running, "reload")
        assert (told.code, "gateway.yaml:" in told.err) == (2, True)
        async with asyncio.timeout(PATIENCE):
            while (config := (await _status(running))["config"])["outcome"] != "rejected":
                await asyncio.sleep(0.01)
        assert "nobody" in config["problems"][0]
        assert (await http.get(f"{running.url}/here")).status == 200


@pytest.mark.feature("CFG-04")
async def test_a_signal_has_the_file_read_though_nobody_touched_it(tmp_path: Path) -> None:
    async with Gateway(tmp_path, YAML) as running:
        assert (await ask(running, "reload")).out == "unchanged\n"
        before = (await _status(running))["config"]
        os.kill(running.pid, signal.SIGHUP)
        async with asyncio.timeout(PATIENCE):
            while (config := (await _status(running))["config"])["at"] == before["at"]:
                await asyncio.sleep(0.01)
        assert config["outcome"] == "unchanged"


@pytest.mark.feature("CFG-04")
async def test_a_signal_that_comes_while_it_starts_ends_nothing(tmp_path: Path) -> None:
    async with Gateway(tmp_path, YAML) as running:
        await running.stop()
        with sqlite3.connect(tmp_path / "gateway.db") as other:
            other.execute("BEGIN EXCLUSIVE")
            await running.spawn()
            async with asyncio.timeout(PATIENCE):
                while not running.hang_up():
                    await asyncio.sleep(0.001)
        await running.ready()
        assert await _status(running)


async def _status(running: Gateway) -> Any:
    """By its socket: the command itself would not begin with a configuration that cannot be used."""
    connector = aiohttp.UnixConnector(str(next(running.folder.rglob("gateway.sock"))))
    async with aiohttp.ClientSession(connector=connector) as http, http.get("http://x/admin/api/status") as found:
        return await found.json()


@pytest.mark.feature("CFG-05", "CLI-01")
@pytest.mark.parametrize("broken", ["channels: {", "nonsense: true\n", "\0"])
async def test_a_start_with_a_broken_file_is_one_with_what_last_worked(tmp_path: Path, broken: str) -> None:
    included = 'include: "more/*.yaml"\n' + YAML.replace("bot: b,", "bot: more,")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "bots.yaml").write_text("bots: {more: {kind: echo, retries: ${RETRIES}}}\n")
    running = Gateway(tmp_path, included, RETRIES="3")
    async with running, aiohttp.ClientSession() as http:
        await _visit(http, running, "hello")
        kept = running.home / "last-good.json"
        async with asyncio.timeout(PATIENCE):
            while not kept.exists():
                await asyncio.sleep(0.01)
        assert kept.stat().st_mode & 0o777 == 0o600
        await running.stop()
        file = tmp_path / "gateway.yaml"
        right = file.read_text()
        file.write_text(right + broken)
        (tmp_path / "more" / "bots.yaml").unlink()
        await running.start()
        assert "gateway.yaml:" in running.log
        assert "beginning with what last worked" in running.log
        await _visit(http, running, "still here?")
        config = (await _status(running))["config"]
        assert (config["outcome"], bool(config["problems"])) == ("rejected", True)
        file.write_text(right.replace("bot: more", "bot: b"))
        async with asyncio.timeout(PATIENCE):
            while (await _status(running))["config"]["outcome"] != "applied":
                await asyncio.sleep(0.01)


@pytest.mark.feature("CFG-05", "CLI-01")
async def test_a_start_may_insist_on_the_file(tmp_path: Path) -> None:
    running = Gateway(tmp_path, YAML + 'people: {staff: ["${WHO:-ada@example.org}"]}\n')
    async with running:
        async with asyncio.timeout(PATIENCE):
            while not (running.home / "last-good.json").exists():
                await asyncio.sleep(0.01)
    file = tmp_path / "gateway.yaml"
    right = file.read_text()
    file.write_text(right + "nonsense: true\n")
    strict = gateway("run", "--strict-boot", "-c", str(file), folder=tmp_path)
    assert (strict.code, "nonsense" in strict.err, "last worked" in strict.err) == (2, True, False)
    other = tmp_path / "other.yaml"  # what worked was another file
    other.write_text(file.read_text())
    assert gateway("run", "-c", str(other), folder=tmp_path).code == 2
    (running.home / "last-good.json").write_text("{")
    assert gateway("run", "-c", str(file), folder=tmp_path).code == 2
