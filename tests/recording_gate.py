"""A gate that keeps in memory what an adapter tells the gateway: the far end, seen from an adapter."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import ClientSession

from gateway.adapter import Receipt, Settled, State
from gateway.client import Client, Posted, post
from gateway.errors import Refused, StorageDown
from gateway.message import File, Inbound
from tests.patience import PATIENCE

PIECE = 1000  # bytes of a file that are given at one go


class RecordingGate:
    """`storage_down` is how many writes fail; `open_store` cleared makes them wait; `patience` is how many pauses pass.
    `sole` cleared has those wait (`waiting` for it) who must not hear an account beside another process.

    A pause takes no time but is noted; when patience is used up, the next one lasts for ever. `contents` are the files
    that may go out, by our id.
    """

    def __init__(self, http: ClientSession, public_url: str = "", patience: int = 1000) -> None:
        self._http, self._public_url, self.patience = http, public_url, patience
        self.received: list[tuple[Inbound, bytes]] = []
        self.batches: list[int] = []
        self.dropped: list[tuple[tuple[str, ...], str, str]] = []
        self.buried: list[tuple[Inbound, str]] = []
        self.settled: list[tuple[str, str, str]] = []
        self.states: list[tuple[State, str]] = []
        self.pauses: list[float] = []
        self.contents: dict[str, bytes] = {}
        self.edits = False
        self.clock: Callable[[], int] = lambda: round(time.time() * 1000)
        self.rounds = 0
        self.storage_down = 0
        self.open_store = asyncio.Event()
        self.open_store.set()
        self.sole = asyncio.Event()
        self.sole.set()
        self.waiting = 0
        self._seen: set[str] = set()
        self._words: dict[str, str] = {}
        self._news = asyncio.Event()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float = 30) -> Posted:
        # Nothing is kept alive, so that nothing is left to be closed.
        return await post(Client(keep_alive=0), url, headers, body, seconds)

    @property
    def http(self) -> Any:
        return self._http

    @property
    def public_url(self) -> str:
        return self._public_url

    @property
    def texts(self) -> list[str]:
        return [inbound.text for inbound, _ in self.received]

    @property
    def state(self) -> State:
        return self.states[-1][0] if self.states else "starting"

    async def receive(self, inbound: Inbound, raw: bytes = b"") -> Receipt:
        await self._write()
        return self._keep(inbound, raw)

    async def receive_all(self, batch: list[tuple[Inbound, bytes]]) -> list[Receipt]:
        await self._write()
        self.batches.append(len(batch))
        return [self._keep(inbound, raw) for inbound, raw in batch]

    async def bury(self, inbound: Inbound, raw: bytes, reason: str) -> Receipt:
        await self._write()
        if not self._seen.intersection(inbound.ids):
            self._seen.update(inbound.ids)
            self.buried.append((inbound, reason))
        return Receipt(len(self.buried))

    async def drop(self, ids: tuple[str, ...], account: str, reason: str) -> None:
        await self._write()
        if not self._seen.intersection(ids):
            self._seen.update(ids)
            self.dropped.append((ids, account, reason))

    async def settle(self, part: str, outcome: Settled, ref: str = "") -> None:
        await self._write()
        self.settled.append((part, outcome, ref))
        self._news.set()

    def health(self, state: State, detail: str = "") -> None:
        self.states.append((state, detail))
        self._news.set()

    def heard(self) -> None:
        self.rounds += 1
        self._news.set()

    async def assured(self) -> None:
        self.waiting += 1
        await self.sole.wait()
        self.waiting -= 1

    async def recall(self, name: str) -> str:
        return self._words.get(name, "")

    async def keep(self, name: str, value: str) -> None:
        self._words[name] = value

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._news.set()
        if len(self.pauses) > self.patience:
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    def now(self) -> int:
        return self.clock()

    async def content(self, file: File) -> AsyncIterator[bytes]:
        if file.id not in self.contents:
            raise Refused("rejected", f"the file {file.id!r} is not kept here")
        whole = self.contents[file.id]
        for start in range(0, len(whole), PIECE):
            yield whole[start : start + PIECE]
            await asyncio.sleep(0)

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until something holds; looked at whenever the adapter told something."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def _write(self) -> None:
        await self.open_store.wait()
        if self.storage_down:
            self.storage_down -= 1
            raise StorageDown("the test said so")

    def _keep(self, inbound: Inbound, raw: bytes) -> Receipt:
        if self._seen.intersection(inbound.ids):
            return Receipt(0, "duplicate")
        self._seen.update(inbound.ids)
        self.received.append((inbound, raw))
        self._news.set()
        return Receipt(len(self.received))
