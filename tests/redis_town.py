"""Gateways with a Redis beside them, in this process: one on its own store, or two on one PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from gateway.daemon import Daemon
from gateway.settings import load
from tests import doors
from tests.doors import Gateway, Visitor
from tests.far.redis import Valkey
from tests.kit import Ticking
from tests.patience import PATIENCE
from tests.postgres import FILE
from tests.postgres import server as postgres
from tests.redis_ends import until

PARTS = ("", ":messages", ":variables", ":context", ":last_activity")


def town(folder: Path, redis: str, more: str = "prefix: 'gw:'") -> Any:
    """A gateway on a store of its own."""
    return doors.running(folder, f"{doors.YAML}redis: {{url: '{redis}', {more}}}\n")


def tells(text: str) -> Callable[[dict[str, Any]], object]:
    """Of a copy, whether it has come to where this was said."""
    return lambda found: text in str(found["messages"])


@asynccontextmanager
async def two(folder: Path, redis: str, yaml: str = doors.YAML) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two on one database."""
    daemons = []
    for name in ("a", "b"):
        file = folder / f"{name}.yaml"
        own = f"files: '{folder}/files', local: '{folder}/{name}'"
        text = yaml.replace(f"url: {FILE}, files: files", f"url: '{postgres().database(folder)}', {own}")
        file.write_text(f"{text}redis: {{url: '{redis}', prefix: 'gw:'}}\n", "utf-8")
        daemons.append(Daemon(load(file, {}), root=folder))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        try:
            for daemon in daemons:
                await daemon.start()
            one, other = (Gateway(daemon, Ticking(), http) for daemon in daemons)
            yield one, other
        finally:
            for daemon in daemons:
                await daemon.stop(0)


def comes_to(gateway: Gateway, visitor: Visitor) -> Visitor:
    """The same visitor, at another gateway."""
    return Visitor(gateway, visitor.begun)


async def up(*gateways: Gateway) -> None:
    await until(lambda: all(gateway.daemon.corridor.redis.up for gateway in gateways))  # type: ignore[union-attr]


async def stands(server: Valkey, session: str, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """What is kept of a session, once it is as wanted."""
    client = server.client()
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                key = f"gw:session:{session}"
                found = {part[1:]: await client.get(f"{key}{part}") for part in PARTS[1:]}
                if await client.type(key) == "hash":
                    found["version"] = await client.hget(key, "version")
                if wanted(found):
                    return found
                await asyncio.sleep(0.01)
    finally:
        await client.aclose()
