"""Sending a part: mostly one call, sometimes two, and a file as a document where it cannot be shown."""

from collections import OrderedDict

import msgspec

from adapters.telegram import parts
from adapters.telegram.api import Api
from adapters.telegram.media import Shipment, not_shown
from gateway.errors import Refused
from gateway.message import Part

_BEGUN = 1000


class Sent(msgspec.Struct, frozen=True):
    message_id: int


class Sending:
    """Sends for one bot. A part of two calls whose second one fails is gone on with, not begun anew."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._begun: OrderedDict[str, int] = OrderedDict()  # how many calls of a part have been made

    async def send(self, part: Part) -> str:
        """The id of the last message, which bears the buttons. Raises `Retry`, `Refused` or `Unknown`."""
        if not part.files:  # all but a few
            return str((await self._api.call("sendMessage", parts.message(part), Sent)).message_id)
        calls, ref = parts.shipments(part), ""
        for index, call in enumerate(calls):
            if index < self._begun.get(part.id, 0):
                continue
            try:
                ref = await self._ship(call)
            except Refused as refused:
                if not call.files or not not_shown(str(refused)):
                    raise
                ref = await self._ship(parts.shipments(part, plainly=True)[index])
            self._note(part.id, index + 1, len(calls))
        return ref

    async def _ship(self, call: Shipment) -> str:
        if not call.files:
            return str((await self._api.call(call.method, call.asked, Sent)).message_id)
        if call.method == "sendMediaGroup":
            return str((await self._api.upload(call.method, call.asked, call.files, list[Sent]))[-1].message_id)
        return str((await self._api.upload(call.method, call.asked, call.files, Sent)).message_id)

    def _note(self, part: str, made: int, wanted: int) -> None:
        self._begun.pop(part, None)
        if made < wanted:
            self._begun[part] = made
            if len(self._begun) > _BEGUN:
                self._begun.popitem(last=False)
