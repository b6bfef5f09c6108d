"""A running gateway as its operators see it: by the admin listener with a key, or by the control socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.doors import Answer, Gateway, running
from tests.kit import Kit

YAML = """
server: {listen: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}
admin: {listen: "127.0.0.1:0"}
storage: {url: sqlite:///gateway.db, files: files}
bots: {b: {kind: echo, retries: 0}}
channels:
  p: {platform: tests.paper, bot: b, sheet: SHEET, limits: {send: off, messages: off}}
  q: {platform: tests.paper, bot: b, sheet: SHEET, limits: {send: off, messages: off}}
  site: {platform: web, bot: b, path: /}
  partners: {platform: api, bot: b}
"""


class Desk(Kit):
    """An operator's desk, with the corridor behind it."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        daemon = gateway.daemon
        super().__init__(daemon.settings, daemon.corridor, daemon.router)
        self.gateway, self.folder = gateway, folder

    @property
    def url(self) -> str:
        return self.gateway.daemon.servers.admin

    async def admin(self, method: str, path: str, body: Any = None, key: str = "", **more: Any) -> Answer:
        """By the admin listener; `path` is below /admin/api unless it begins with a slash."""
        url = self.url + (path if path.startswith("/") else f"/admin/api/{path}")
        return await _asked(self.gateway.http, method, url, body, key, more)

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """By the control socket."""
        socket = aiohttp.UnixConnector(str(self.folder / self.settings.storage.home / "gateway.sock"))
        async with aiohttp.ClientSession(connector=socket) as http:
            return await _asked(http, method, f"http://gateway/admin/api/{path}", body, "", more)

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    async def key(self, role: str, **more: str) -> str:
        answer = await self.ask("POST", "keys", {"role": role, **more})
        assert answer.status == 200, answer.body
        return str(answer.json["key"])


async def _asked(
    http: aiohttp.ClientSession, method: str, url: str, body: Any, key: str, more: dict[str, Any]
) -> Answer:
    headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {key}"} if key else {})}
    if body is not None:
        more["json"] = body
    async with http.request(method, url, headers=headers, **more) as response:
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, named, await response.read())


@asynccontextmanager
async def desk(folder: Path, yaml: str = YAML) -> AsyncIterator[Desk]:
    """A gateway with two channels of paper, and an operator's desk."""
    async with running(folder, yaml.replace("SHEET", str(folder))) as gateway:
        here = Desk(gateway, folder)
        await here.until(lambda: all(channel.state == "up" for channel in here.corridor.channels.values()))
        yield here


async def dead_letters(here: Desk, query: str = "") -> list[dict[str, Any]]:
    """What the list of dead letters shows."""
    found: list[dict[str, Any]] = (await here.get(f"dead{query}"))["dead"]
    return found


async def lanes_are_right(here: Desk) -> None:
    """The counters of every lane say what its queues hold."""
    wrong = await here.rows(
        """SELECT l.id FROM lane l WHERE
             waiting <> (SELECT COUNT(*) FROM inbox WHERE lane = l.id AND state = 'waiting')
             OR pending <> (SELECT COUNT(*) FROM outbox WHERE lane = l.id AND state IN ('ready', 'sending', 'unknown'))
             OR (waiting > 0) <> (in_due_at IS NOT NULL) OR (pending > 0) <> (out_due_at IS NOT NULL)"""
    )
    assert wrong == []
