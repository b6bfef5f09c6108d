"""Gateways behind a real proxy that runs the configuration of `deploy/proxies`, on free ports of the loopback."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.deployment import DEPLOY, checked, program
from tests.doors import YAML, Gateway, running
from tests.patience import PATIENCE
from tests.ports import free_port

TRUSTING = YAML.replace('listen: "127.0.0.1:0"}', 'listen: "127.0.0.1:0", trusted_proxies: ["127.0.0.1"]}', 1)
MAIN = """
daemon off;
pid {folder}/pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


class Behind(Gateway):
    """The gateway as the world reaches it: by the proxy."""

    at = ""

    @property
    def url(self) -> str:
        return self.at


def certificate(folder: Path) -> None:
    """A certificate and its key, as the proxy finds them."""
    openssl = program("openssl", "openssl")
    names = ["-keyout", "privkey.pem", "-out", "fullchain.pem", "-subj", "/CN=chat.example.org", "-days", "2"]
    checked(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, cwd=folder)


def nginx(folder: Path, port: int, gateways: Sequence[str]) -> tuple[list[str], str]:
    """The command of nginx with our file, and where it listens. What is shown for a second gateway holds for more."""
    found = program("nginx", "nginx")
    certificate(folder)
    site = (DEPLOY / "proxies/nginx.conf").read_text("utf-8")
    site = re.sub(r"(?m)^ *listen \[::\].*\n", "", site)
    for ours, here in (
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("    server 127.0.0.1:8080 max_fails=0;\n", ""),
        ("    # server 127.0.0.1:8090 max_fails=0;", "".join(f"server {one} max_fails=0;" for one in gateways)),
        ("/etc/letsencrypt/live/chat.example.org", str(folder)),
    ):
        assert ours in site, ours
        site = site.replace(ours, here)
    # Its workers would be somebody else, who may not look into a folder of root's.
    user = "user root;" if Path("/root").owner() == Path(folder).owner() else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, site=site, user=user), "utf-8")
    command = [found, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    checked(*command, "-t")
    return command, f"https://127.0.0.1:{port}"


def caddy(folder: Path, port: int, gateways: Sequence[str]) -> tuple[list[str], str]:
    """The command of Caddy with our file, and where it listens."""
    found = program("caddy", "caddy")
    file = folder / "Caddyfile"
    own = "{\n\tadmin off\n}\n"  # no second listener, no certificates: the address below is plain http
    file.write_text(own + (DEPLOY / "proxies/Caddyfile").read_text("utf-8"), "utf-8")
    at = f"http://127.0.0.1:{port}"
    environment = [f"HOME={folder}", f"DOMAIN={at}", f"GATEWAY={' '.join(gateways)}"]
    environment += ["GATEWAY_PROBE=/readyz"] if len(gateways) > 1 else []
    return ["env", *environment, found, "run", "--config", str(file), "--adapter", "caddyfile"], at


PROXIES = {"nginx": nginx, "caddy": caddy}


@asynccontextmanager
async def proxy(name: str, folder: Path, gateways: Sequence[str]) -> AsyncIterator[str]:
    """A proxy in front of gateways (host:port of each); where it listens."""
    own = folder / name
    own.mkdir()
    command, at = PROXIES[name](own, free_port(), gateways)
    process = _started(command, own / "log")
    try:
        await _ready(at, process, own / "log")
        yield at
    finally:
        await asyncio.to_thread(_end, process)


@asynccontextmanager
async def behind(name: str, folder: Path) -> AsyncIterator[Behind]:
    """A gateway that trusts the proxy in front of it; requests go through the proxy."""
    async with (
        running(folder, TRUSTING) as direct,
        proxy(name, folder, [direct.url.removeprefix("http://")]) as at,
        caller("127.0.0.1") as http,
    ):
        found = Behind(direct.daemon, direct.clock, http)
        found.at = at
        yield found


def _started(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()


def caller(address: str) -> aiohttp.ClientSession:
    """A client that calls from an address of the loopback."""
    connector = aiohttp.TCPConnector(ssl=False, local_addr=(address, 0) if sys.platform == "linux" else None)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def _ready(at: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    async with asyncio.timeout(PATIENCE), caller("127.0.0.1") as http:
        while True:
            assert process.poll() is None, log.read_text("utf-8", "replace")
            try:
                async with http.get(f"{at}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
