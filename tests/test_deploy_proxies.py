"""The gateway behind nginx and Caddy as `deploy/` sets them up: whom it believes, what passes, what does not."""

import re
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from gateway.ingress.peer import client
from gateway.settings import load
from gateway.settings.blocks import Limits
from tests.deployment import DEPLOY, checked, configured, program
from tests.doors import Held, Visitor
from tests.proxied import PROXIES, Behind, behind, caller

MB = 1_000_000
BOTH = pytest.mark.parametrize("name", PROXIES)


def proxy(name: str) -> str:
    """A proxy's file without its comments."""
    text = (DEPLOY / "proxies" / {"nginx": "nginx.conf", "caddy": "Caddyfile"}[name]).read_text("utf-8")
    return re.sub(r"(?m)^\s*#.*$", "", text)


@pytest.mark.feature("STO-09", "ACC-05")
def test_only_the_proxy_may_say_who_calls(tmp_path: Path) -> None:
    trusted = load(DEPLOY / "etc/gateway.yaml", {}).server.trusted_proxies
    assert client("127.0.0.1", "198.51.100.9", trusted) == "198.51.100.9"
    assert client("198.51.100.9", "203.0.113.7", trusted) == "198.51.100.9"
    pods = configured("kubernetes/gateway.yaml", tmp_path).server.trusted_proxies
    assert client("10.244.3.4", "203.0.113.7, 198.51.100.9", pods) == "198.51.100.9"
    assert client("198.51.100.9", "203.0.113.7", pods) == "198.51.100.9"
    # nginx makes the header anew. Caddy does so unless it is told of proxies in front of it.
    assert re.findall(r"proxy_set_header X-Forwarded-For (\S+);", proxy("nginx")) == ["$remote_addr"]
    assert not re.search("trusted_proxies|header_up", proxy("caddy"))


@pytest.mark.feature("STO-09", "WEB-03")
def test_nothing_is_held_back_and_uploads_fit() -> None:
    nginx, caddy = proxy("nginx"), proxy("caddy")
    assert "proxy_buffering off;" in nginx
    assert "proxy_http_version 1.1;" in nginx
    assert "flush_interval" not in caddy, "it flushes events by itself"
    sizes = re.findall(r"client_max_body_size (\d+)m;|max_size (\d+)MB", nginx + caddy)
    assert [int(a or b) for a, b in sizes] == [12, 12]
    assert all(int(a or b) * MB > Limits().file for a, b in sizes)
    waits = re.findall(r"proxy_(?:read|send)_timeout (\d+)s;|response_header_timeout (\d+)s", nginx + caddy)
    assert len(waits) == 3
    assert all(int(a or b) > 60 for a, b in waits)


@pytest.mark.feature("STO-09")
def test_caddy_is_content(tmp_path: Path) -> None:
    found = program("caddy", "caddy")
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    checked(found, "validate", "--config", DEPLOY / "proxies/Caddyfile", "--adapter", "caddyfile", env=environment)


@BOTH
@pytest.mark.feature("STO-09", "WEB-03", "STR-03")
async def test_answers_pass_as_they_are_written(name: str, tmp_path: Path) -> None:
    async with behind(name, tmp_path) as gateway:
        gateway.house.beat = 0.1
        bot, visitor = Held(), await gateway.begin("talk")
        socket = await gateway.http.ws_connect(f"{gateway.url}/api/chat/ws")
        await socket.send_json({"token": visitor.token, "since": 0})
        async with visitor.events() as events:
            await gateway.until(lambda: len(gateway.daemon.corridor.live) == 2)
            await visitor.say_on("hello")
            bot.write("Hel")
            # The bot has not ended: whatever a proxy holds back until then would not come.
            heard = await events.until("delta")
            assert heard[-1].data["text"] == "Hel"
            while (frame := await socket.receive_json())["event"] != "delta":
                pass
            assert frame["data"] == heard[-1].data
            bot.write("lo")
            bot.finish()
            while (event := await events.next()) is None or event.event != "message" or event.data["role"] == "user":
                assert event is not None
            assert event.data["text"] == "Hello"
        await socket.close()
        # Who has gone is gone at the gateway too, at the latest with the next sign of life.
        await gateway.until(lambda: gateway.house.live == 0)


@BOTH
@pytest.mark.feature("STO-09", "ACC-05")
async def test_nobody_says_of_themselves_who_they_are(name: str, tmp_path: Path) -> None:
    async with behind(name, tmp_path) as gateway:
        async with caller("127.0.0.2") as http:
            guesser = Behind(gateway.daemon, gateway.clock, http)
            guesser.at = gateway.at
            spoofed = [await begun(guesser, f"203.0.113.{number}") for number in range(31)]
        assert spoofed == [201] * 30 + [429], "each of them was one client, whatever it called itself"
        assert await begun(gateway, "127.0.0.2") == 201, "and another client pays nothing for it"


async def begun(gateway: Behind, forwarded: str) -> int:
    return (await gateway.ask("POST", "/api/session", {}, headers={"X-Forwarded-For": forwarded})).status


@BOTH
@pytest.mark.feature("STO-09", "ADM-01", "MED-03")
async def test_operators_doors_are_shut_and_bodies_have_an_end(name: str, tmp_path: Path) -> None:
    async with behind(name, tmp_path) as gateway:
        for path in ("/admin", "/admin/api/status", "/metrics"):
            answer = await gateway.ask("GET", path)
            assert answer.status == 404
            assert b"not_found" not in answer.body, "the proxy answers, not the gateway"
        assert (await gateway.ask("GET", "/site")).status == 200
        visitor = await gateway.begin()
        assert await uploaded(gateway, visitor, 9 * MB) == 201
        assert await uploaded(gateway, visitor, 11 * MB) == 413


async def uploaded(gateway: Behind, visitor: Visitor, size: int) -> int:
    form = aiohttp.FormData()
    form.add_field("file", BytesIO(b"some words. " * (size // 12)), filename="words.txt", content_type="text/plain")
    url = f"{gateway.url}/api/chat/files"
    async with gateway.http.post(url, data=form, headers=visitor.bearer) as answer:
        return answer.status
