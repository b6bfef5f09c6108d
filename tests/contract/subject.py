"""The adapter that the contract runs over, with its far side: found by name, made anew for every test."""

import asyncio
import importlib
import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any, NamedTuple

from aiohttp import ClientSession

from gateway.adapter import Adapter, Limits
from gateway.plugins import find, known
from tests.contract.peer import Peer, Way
from tests.patience import PATIENCE
from tests.recording_gate import RecordingGate

NAME = "contract"
FOREIGN = "tests.plugins.courier"


class Unfinished(Exception):
    """A plugin has no far side yet; says what is to be written."""


class ContractGate(RecordingGate):
    """A recording gate that also keeps what was handed in and not taken: repeats, and what the store refused."""

    def __init__(self, http: ClientSession, public_url: str) -> None:
        super().__init__(http, public_url)
        self.offered: list[Any] = []

    async def receive(self, inbound: Any, raw: bytes = b"") -> Any:
        self.offered.append(inbound)
        return await super().receive(inbound, raw)

    async def receive_all(self, batch: list[Any]) -> list[Any]:
        self.offered.extend(inbound for inbound, _ in batch)
        return await super().receive_all(batch)

    @property
    def traces(self) -> list[Any]:
        """All that an event has left here."""
        return [*self.offered, *self.dropped, *range(self.rounds)]


class Channel(NamedTuple):
    adapter: Adapter
    gate: ContractGate
    peer: Peer


class Subject:
    """One adapter by the name that stands after `platform:`."""

    def __init__(self, kind: str, adapter: type[Adapter], peer: type[Peer]) -> None:
        self.kind, self.adapter, self.peer = kind, adapter, peer

    @property
    def limits(self) -> Limits:
        return self.adapter.limits

    def has(self, what: str) -> bool:
        """A way in, `wire`, `speaks` (parts are sent at all), or an ability among the limits."""
        if what in ("pushed", "fetched"):
            return what in self.peer.ways
        if what == "wire":
            return self.peer.wire
        if what == "speaks":
            return not self.limits.pulled
        return bool(getattr(self.limits, what))

    @asynccontextmanager
    async def closed(self, way: Way | None = None) -> AsyncIterator[Channel]:
        """A channel that has not opened yet, its far side listening."""
        peer = self.peer()
        async with ClientSession() as http:
            await peer.start()
            try:
                gate = ContractGate(http, peer.public_url)
                options = self.adapter.Options.model_validate(peer.options(way))
                adapter = self.adapter(NAME, options, gate)
                yield Channel(adapter, gate, peer)
                await adapter.close()
            finally:
                await peer.stop()

    @asynccontextmanager
    async def channel(self, way: Way | None = None) -> AsyncIterator[Channel]:
        """A channel that knows its account and does not fetch."""
        async with self.closed(way) as channel:
            await channel.adapter.open()
            yield channel

    @asynccontextmanager
    async def fetching(self) -> AsyncIterator[Channel]:
        """A channel that fetches, until left."""
        async with self.channel("fetched") as channel:
            run = asyncio.create_task(channel.adapter.run())
            try:
                yield channel
            finally:
                run.cancel()
                with suppress(asyncio.CancelledError):
                    await run


async def until(seen: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something to be so; how long the machine takes does not matter."""
    async with asyncio.timeout(seconds):
        while not seen():
            await asyncio.sleep(0.001)


def kinds(asked: list[str] | None) -> list[str]:
    """The adapters that were asked for; else our own, and one of another package."""
    if asked:
        return asked
    return [*_ours(), FOREIGN]


@cache  # every test of the contract asks
def _ours() -> tuple[str, ...]:
    return tuple(kind for kind in known("adapters", Adapter) if importlib.util.find_spec(f"adapters.{kind}"))


def subject(asked: str) -> Subject:
    """The adapter `platform`, `pkg.mod` or `pkg.mod:pkg.peer`. Raises `Unfinished`, or why it cannot be loaded."""
    kind, _, told = asked.partition(":")
    kind = kind.removeprefix("adapters.")  # ours are found by the name that stands after `platform:`
    adapter = find("adapters", kind, Adapter)
    return Subject(kind, adapter, far_side(kind, told, "peers", Peer))


def far_side(kind: str, told: str, folder: str, base: type[Any]) -> Any:
    """The class that plays a plugin's far side."""
    module = told or (f"{kind}_peer" if "." in kind else f"tests.contract.{folder}.{kind}")
    try:
        return vars(importlib.import_module(module))[base.__name__]
    except ModuleNotFoundError as error:
        if error.name is None or not (module + ".").startswith(error.name + "."):
            raise
        path = module.replace(".", "/") + ".py"
    except KeyError:
        path = f"{module} without a class {base.__name__}"
    what = f"{kind} has no far side for the contract ({path}): write a class {base.__name__} there"
    raise Unfinished(f"{what}, a subclass of {base.__module__}.{base.__name__}, which says what it has to do")
