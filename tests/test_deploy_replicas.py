"""Several gateways as the kit sets them up, on a real PostgreSQL behind one address: one may stop at any time."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.deployment import DEPLOY, recipe, secrets
from tests.far.backend import Reply, as_json
from tests.far.redis import Valkey
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.process import Gateway
from tests.proxied import PROXIES, caller, proxy
from tests.replicas import SECRET, Replicas, replicas
from tests.spread import spread


class Replica(Gateway):
    """One of the gateways: the configuration as it stands, and the environment that makes them several."""

    def configure(self, config: str) -> None:
        self.file = DEPLOY / "etc/replicas.yaml"
        self._environment |= {
            **secrets(self.folder / "secrets", self._store, config),
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port}",
            "GATEWAY_ADMIN": f"127.0.0.1:{free_port()}",
            "GATEWAY_SHARED": str(self.folder / "shared"),
            "GATEWAY_LOCAL": str(self.folder / f"local{self._replica}"),
        }


@asynccontextmanager
async def stores(folder: Path) -> AsyncIterator[Valkey]:
    """The Valkey of the kit, with the secrets that the README makes."""
    recipe(folder / "made")
    server = Guarded("--aclfile", str(folder / "made/valkey.acl"))
    (server.user, *_) = re.findall("//(.*@)", (folder / "made/redis-url").read_text("utf-8"))
    await server.start()
    try:
        yield server
    finally:
        server.gone()


class Guarded(Valkey):
    """A Valkey that speaks with one user alone."""

    user = ""

    @property
    def url(self) -> str:
        return f"redis://{self.user}127.0.0.1:{self.port}/0"


@asynccontextmanager
async def fronted(name: str, folder: Path, gateways: list[Gateway]) -> AsyncIterator[str]:
    """One address for several gateways: by a proxy of the kit, or by the smallest there is."""
    ports = [gateway.port for gateway in gateways]
    front = spread(ports) if name == "spread" else proxy(name, folder, [f"127.0.0.1:{port}" for port in ports])
    async with front as at:
        yield at


class Visitor:
    """Somebody with the chat page open, which sends again, under the same id, what was not taken in."""

    def __init__(self, http: aiohttp.ClientSession, at: str) -> None:
        self._http, self._at, self._headers = http, at, dict[str, str]()
        self.said: list[str] = []

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    ask = self._http.request(method, self._at + path, json=body, headers=self._headers)
                    async with ask as answer:
                        if answer.status in (200, 201, 202):
                            return await answer.json()
                        assert answer.status in (502, 503), await answer.text()
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)

    async def begin(self) -> None:
        begun = await self.ask("POST", "/api/session", {})
        self._headers = {"Authorization": f"Bearer {begun['token']}"}

    async def say(self, times: int) -> None:
        """Say one thing after another; each is answered before the next."""
        for _ in range(times):
            text = f"message {len(self.said)}"
            await self.ask("POST", "/api/chat", {"message": text, "message_id": text})
            self.said.append(text)

    async def answered(self) -> None:
        """Each thing that was said stands there once, in order, with one answer behind it."""
        async with asyncio.timeout(PATIENCE):
            while (lines := (await self.ask("GET", "/api/chat?limit=100"))["messages"])[-1]["role"] == "user":
                await asyncio.sleep(0.01)
        assert [line["text"] for line in lines[::2]] == self.said
        assert [line["role"] for line in lines] == ["user", "assistant"] * len(self.said)


@pytest.mark.feature("STO-09", "STO-03", "STO-05", "STO-06")
@pytest.mark.parametrize("name", ["spread", *PROXIES])
async def test_one_after_another_is_replaced_under_a_conversation(name: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        valkey = await stack.enter_async_context(stores(tmp_path))
        gateways: list[Gateway] = [Replica(tmp_path, valkey.url, True, f"-{number}") for number in (8, 9)]
        for gateway in gateways:
            await stack.enter_async_context(gateway)
        at = await stack.enter_async_context(fronted(name, tmp_path, gateways))
        http = await stack.enter_async_context(caller("127.0.0.1"))
        visitor = Visitor(http, at)
        await visitor.begin()
        for gateway in gateways:
            await visitor.say(2)
            await asyncio.gather(gateway.stop(), visitor.say(4))
            await visitor.say(2)
            await asyncio.gather(gateway.start(), visitor.say(2))
        await visitor.say(2)
        await visitor.answered()
        assert {(await told(http, gateway.url))["redis"] for gateway in gateways} == {"up"}
    assert (tmp_path / "shared/files").is_dir()
    assert {path.name for path in tmp_path.glob("local-*")} == {"local-8", "local-9"}


def held(go_on: asyncio.Event) -> Reply:
    """An answer that takes as long as we like."""
    return as_json({"text": "at last"}, before=lambda _: go_on.wait())


@pytest.mark.feature("STO-09", "STO-06", "INB-03")
@pytest.mark.parametrize("name", PROXIES)
async def test_platforms_are_served_while_one_drains(name: str, tmp_path: Path) -> None:
    """nginx brings to another what the one that stops refuses; Caddy asks who takes something in."""
    go_on = asyncio.Event()
    async with replicas(tmp_path, 2) as here, fronted(name, tmp_path, list(here)) as at, caller("127.0.0.1") as http:
        here.bot.plan(held(go_on))
        assert await here.push(here.say(601, "message 1"), here[0]) == [200]
        await here.until(lambda: here.bot.calls)
        stopping = asyncio.create_task(here[0].stop())
        while await ready(http, here[0].url) == 200:
            await asyncio.sleep(0.01)
        if name == "caddy":
            async with asyncio.timeout(PATIENCE):
                while {await ready(http, at) for _ in range(30)} != {200}:
                    await asyncio.sleep(0.1)
        for user in range(602, 614):
            assert await pushed(http, at, here, user) == 200
        assert not stopping.done(), "it stopped too soon to show anything"
        go_on.set()
        await stopping
        await here.done()
        assert {here.platform.texts(user)[-1] for user in range(602, 614)} == {"You said: message 1"}


async def told(http: aiohttp.ClientSession, at: str) -> Any:
    async with http.get(f"{at}/readyz") as answer:
        return await answer.json()


async def ready(http: aiohttp.ClientSession, at: str) -> int:
    async with http.get(f"{at}/readyz") as answer:
        return answer.status


async def pushed(http: aiohttp.ClientSession, at: str, here: Replicas, user: int) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
    async with http.post(f"{at}/c/t", data=here.say(user, "message 1"), headers=headers) as answer:
        return answer.status
