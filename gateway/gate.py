"""The gate: all that one channel's adapter is told of the gateway."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import structlog

from gateway import inbox, kept
from gateway.adapter import Receipt, Settled, State
from gateway.channel import Channel
from gateway.client import Client, Posted, post
from gateway.corridor import Corridor
from gateway.errors import Retry, StorageDown
from gateway.intake import Accepted
from gateway.live import Event
from gateway.message import File, Inbound
from gateway.router import Router
from gateway.subject import sure
from gateway.tenure import Tenure

log = structlog.get_logger()


class ChannelGate:
    """Implements `gateway.adapter.Gate` for one channel, which is made around it."""

    channel: Channel
    _tenure: Tenure | None = None

    def __init__(
        self, corridor: Corridor, router: Router, http: aiohttp.ClientSession, client: Client, public_url: str
    ) -> None:
        self._c, self._router, self._public_url = corridor, router, public_url
        self._http, self._client = http, client

    async def receive(self, inbound: Inbound, raw: bytes = b"") -> Receipt:
        if self.channel.limits.rate_is_shared:
            self.channel.meter.spend()
        spool = self._router.spool
        receive = self._router.receive if spool is None else spool.receive
        try:
            return _receipt(await receive(self.channel, inbound, raw))
        except StorageDown as error:
            self.channel.missed = True
            self._c.trouble = error
            log.error("storage.down", channel=self.channel.name, error=str(error))
            raise

    async def receive_all(self, batch: list[tuple[Inbound, bytes]]) -> list[Receipt]:
        # Asked for in order within one turn of the loop, they join one commit in that order. An adapter that is ended
        # meanwhile leaves them to themselves: a turn that was taken with its message needs somebody to run it.
        return list(await asyncio.shield(asyncio.gather(*(self.receive(*event) for event in batch))))

    async def bury(self, inbound: Inbound, raw: bytes, reason: str) -> Receipt:
        accepted = await self._router.reception.bury(self.channel, inbound, raw, reason)
        if accepted.outcome == "stored":
            log.error("inbox.dead", channel=self.channel.name, turn=accepted.turn, reason=reason)
            self._c.metrics.dead.labels("inbox", self.channel.name, reason).inc()
        return _receipt(accepted)

    async def drop(self, ids: tuple[str, ...], account: str, reason: str) -> None:
        now = self._c.clock.now()
        await self._c.db.write(inbox.note_dropped, self.channel.name, account, ids, "", reason, now)
        self._c.metrics.accepted(self.channel.name, reason).inc()

    async def settle(self, part: str, outcome: Settled, ref: str = "") -> None:
        moved = await self._c.db.write(kept.settle, part, outcome, ref, self._c.clock.now())
        if moved is not None:
            told = {"part": part, "status": moved.status}
            self._c.live.publish(moved.lane, Event("status", told, 0, moved.session))
            if moved.status == "failed":
                log.error("send.failed", channel=self.channel.name, part=part, session=moved.session)
                self._c.metrics.dead.labels("outbox", self.channel.name, "reported").inc()
        self._router.ring_channel(self.channel.name)

    def health(self, state: State, detail: str = "") -> None:
        self._c.health(self.channel, state, detail)
        self._router.ring_channel(self.channel.name)

    def tenure(self) -> Tenure | None:
        """The right to hear this channel's account, where one process at a time has it and there may be others."""
        if self._c.shared.alone or not self.channel.adapter.alone:
            return None
        name = f"{self.channel.platform}/{self.channel.account or self.channel.name}"
        self._tenure = Tenure(self._c, name)
        return self._tenure

    async def assured(self) -> None:
        if self._tenure is not None:
            await self._tenure.assured()

    def heard(self) -> None:
        self.channel.heard()

    async def recall(self, name: str) -> str:
        return await self._c.db.read(kept.recall, f"{self.channel.name}/{name}")

    async def keep(self, name: str, value: str) -> None:
        await self._c.db.write(kept.keep, f"{self.channel.name}/{name}", value)

    async def pause(self, seconds: float) -> None:
        await self._c.clock.sleep(seconds)

    def now(self) -> int:
        return self._c.clock.now()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float = 30) -> Posted:
        if not sure.get()():
            raise Retry("it was not sent in time: another process may do it", after=0)
        return await post(self._client, url, headers, body, seconds)

    def content(self, file: File) -> AsyncIterator[bytes]:
        return self._c.files.content(file)

    @property
    def http(self) -> Any:
        return self._http

    @property
    def edits(self) -> bool:
        return self.channel.settings.stream.edit == "on"

    @property
    def public_url(self) -> str:
        return self._public_url


def _receipt(accepted: Accepted) -> Receipt:
    return Receipt(accepted.entry, accepted.outcome, accepted.turn)
