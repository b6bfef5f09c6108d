"""Fetching updates by `getUpdates`.

Asking with an offset tells Telegram that everything below it is ours: so the offset only moves once the batch
is on disk. Telegram remembers it; we keep nothing over restarts.
"""

import msgspec

from adapters.telegram.api import Api
from adapters.telegram.backoff import Backoff
from adapters.telegram.presses import acknowledge, callback
from adapters.telegram.updates import ALLOWED, Drop, Updates, parse
from gateway.adapter import Gate, State
from gateway.errors import Refused, Retry, StorageDown, Unknown
from gateway.message import Inbound

_TIMEOUT = 50  # the longest Telegram holds a poll open
_LIMIT = 100
POLL = _TIMEOUT + 15.0  # seconds that one may take


class Conflict(Exception):
    """Somebody else polls with our token, or a webhook is set."""


class Poller:
    """One bot's polling loop."""

    def __init__(self, api: Api, gate: Gate, account: str, updates: Updates) -> None:
        self._api, self._gate, self._account, self._updates = api, gate, account, updates
        self._offset = 0
        self._up = False
        self._network, self._conflict = Backoff(1, 60), Backoff(5, 30)

    async def run(self) -> None:
        """Polls until cancelled; failures are told to the gate and waited out. Raises only `Refused("auth")`."""
        while True:
            try:
                await self._round()
            except Conflict as error:
                await self._wait("conflict", str(error), self._conflict.after())
            except Refused as error:
                if error.reason == "auth":
                    raise
                await self._wait("retrying", str(error), self._network.after())
            except Retry as error:
                await self._wait("retrying", str(error), self._network.after(error.after))
            except (Unknown, StorageDown) as error:
                await self._wait("retrying", str(error), self._network.after())

    async def _wait(self, state: State, detail: str, seconds: float) -> None:
        self._up = False
        self._gate.health(state, detail)
        await self._gate.pause(seconds)

    async def _round(self) -> None:
        await self._gate.assured()
        batch = await self._ask()
        self._gate.heard()
        # After a week without updates Telegram numbers on from anywhere. An empty batch says that all is
        # confirmed: from then on we ask without an offset, so that lower numbers are heard too.
        self._offset = await self._commit(batch) + 1
        if not self._up:
            self._up = True
            self._gate.health("up")
        self._network.reset()
        self._conflict.reset()

    async def _ask(self) -> list[bytes]:
        # The first poll returns at once, so that it is soon known whether we are connected at all.
        timeout = _TIMEOUT if self._up else 0
        asked = {"offset": self._offset, "limit": _LIMIT, "timeout": timeout, "allowed_updates": ALLOWED}
        answer = await self._api.ask("getUpdates", asked, POLL - _TIMEOUT + timeout)
        if answer.error_code == 409:
            raise Conflict(answer.description)
        return [bytes(raw) for raw in self._api.read("getUpdates", answer, list[msgspec.Raw])]

    async def _commit(self, batch: list[bytes]) -> int:
        """All of the batch is on disk, or on record as dropped, when this returns its highest number."""
        taken: list[tuple[Inbound, bytes]] = []
        drops: list[Drop] = []
        numbers = []
        for raw in batch:
            update = parse(raw)
            if update is None:  # without a number it cannot be confirmed; its neighbours' numbers do it
                continue
            numbers.append(update.id)
            found = await self._updates.read(update)
            if isinstance(found, Drop):
                drops.append(found)
            else:
                taken.append((found, raw))
        if batch and not numbers:
            raise Unknown("getUpdates: a batch without any update number")
        if taken:
            await self._gate.receive_all(taken)
            if pressed := [id for inbound, _ in taken if (id := callback(inbound))]:
                await acknowledge(self._api, pressed)
        for drop in drops:
            await self._gate.drop(drop.ids, self._account, drop.reason)
        return max(numbers, default=-1)
