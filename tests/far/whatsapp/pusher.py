"""Calling the app's webhook, signed, each again and again until it is taken."""

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout


class Change(NamedTuple):
    """One thing to be told, as it stands in a webhook of its own."""

    account: str
    field: str
    value: dict[str, Any]


class Delivery(NamedTuple):
    """One attempt: when, what, and the HTTP status or 0 when there was none."""

    at: float
    body: bytes
    status: int


def webhook(changes: list[Change]) -> dict[str, Any]:
    """Several things told at once: what happened under one field to one number stands in one `value`."""
    entries: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for account, field, value in changes:
        number = value.get("metadata", {}).get("phone_number_id", "")
        told = entries.setdefault(account, {}).setdefault((field, number), {})
        for key, held in value.items():
            if isinstance(held, list):
                told[key] = told.get(key, []) + [one for one in held if one not in told.get(key, [])]
            else:
                told[key] = held
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {"id": account, "changes": [{"value": value, "field": field} for (field, _), value in told.items()]}
            for account, told in entries.items()
        ],
    }


class Pusher:
    """`copies` is how often each webhook is sent; `hold` keeps changes back until they are released."""

    def __init__(self, secret: str, pace: float, changed: Callable[[], None]) -> None:
        self.secret, self._pace, self._changed = secret, pace, changed
        self.url = ""
        self.copies = 1
        self.pending: list[bytes] = []
        self.told: list[bytes] = []
        self.deliveries: list[Delivery] = []
        self._held: list[Change] | None = None
        self._http: ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def sign(self, body: bytes) -> str:
        return "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()

    def start(self, url: str) -> None:
        self.url = url
        if self._task is None:
            self._http = ClientSession(timeout=ClientTimeout(total=60))
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
        self._task = self._http = None

    def push(self, change: Change) -> None:
        if self._held is not None:
            self._held.append(change)
        else:
            self.push_raw(orjson.dumps(webhook([change])))

    def push_raw(self, body: bytes) -> None:
        """Any bytes as a webhook."""
        self.told.append(body)
        self.pending += [body] * self.copies
        self._news.set()

    def hold(self) -> None:
        self._held = []

    def release(self, *, together: bool = False, shuffle: random.Random | None = None) -> None:
        """Tell what was held back: in one webhook, or in another order."""
        held, self._held = self._held or [], None
        if shuffle:
            shuffle.shuffle(held)
        if together:
            self.push_raw(orjson.dumps(webhook(held)))
        else:
            for change in held:
                self.push(change)

    async def _drain(self) -> None:
        while True:
            self._news.clear()
            while self.pending and self.url:
                await self._deliver(self.pending[0])
                self.pending.pop(0)
                self._changed()
            await self._news.wait()

    async def _deliver(self, body: bytes) -> None:
        wait = 0.5
        while True:
            status = await self._post(body)
            self.deliveries.append(Delivery(time.monotonic(), body, status))
            self._changed()
            if status == 200:
                return
            await asyncio.sleep(wait * self._pace)
            wait = min(60, wait * 2)

    async def _post(self, body: bytes) -> int:
        assert self._http is not None
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": self.sign(body)}
        try:
            async with self._http.post(self.url, data=body, headers=headers) as response:
                await response.read()
                return response.status
        except (ClientError, TimeoutError, OSError):
            return 0
