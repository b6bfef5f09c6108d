"""Saying a part to one person, by Twilio's messages."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from adapters.twilio import content
from adapters.twilio.api import Api
from adapters.twilio.begun import Begun
from adapters.twilio.content import Contents
from adapters.twilio.order import Order
from adapters.twilio.parts import OF_FILES, Piece, pieces, with_choices, with_links
from adapters.twilio.refusal import VARIABLES, Denied
from adapters.twilio.senders import Party
from gateway.errors import Refused, SendError
from gateway.message import Part


class Callback(Protocol):
    """Where Twilio is to report on a message; "" when it cannot reach us."""

    def __call__(self, **query: str) -> str: ...


class Sent(msgspec.Struct, frozen=True):
    sid: str


class Speech:
    """What one sender of one account says."""

    def __init__(self, api: Api, us: Party, contents: Contents, order: Order, callback: Callback) -> None:
        self._api, self._us = api, us
        self._contents, self._order, self._callback = contents, order, callback
        self._begun = Begun()

    async def say(self, part: Part) -> str:
        """Send a part to a person; the id of its last message. Raises `Retry`, `Refused` or `Unknown`."""
        planned = [Piece(part.text)] if part.template else pieces(part, self._us.kind)
        with self._begun.of(part.id, len(planned)) as refs:
            for number in range(len(refs), len(planned)):
                refs.append(await self._piece(part, planned[number], number, last=number == len(planned) - 1))
        return refs[-1]

    async def _piece(self, part: Part, piece: Piece, number: int, *, last: bool) -> str:
        chat, message = part.address.chat, f"{part.id}/{number}"
        await self._order.take(chat, message)
        try:
            callback = self._callback(message=message, **({"part": part.id} if last else {}))
            try:
                return await self._send(part, piece, callback)
            except Refused as refused:
                if not number or not piece.files or refused.reason not in OF_FILES:
                    raise
            # The words before are out already, and are not to be said once more.
            return await self._send(part, Piece(with_links(piece.files)), callback)
        except SendError:
            self._order.arrived(message)
            raise
        finally:
            self._order.sent(message)

    async def _send(self, part: Part, piece: Piece, callback: str) -> str:
        form = [("To", str(Party(self._us.kind, part.address.chat))), ("From", str(self._us))]
        if callback:
            form.append(("StatusCallback", callback))
        if part.template:
            return await self._post([*form, *_template(part)])
        if piece.buttons and (sid := await self._with_buttons(form, piece)):
            return sid
        form += [("Body", words)] if (words := with_choices(piece.text, piece.buttons)) or not piece.files else []
        return await self._post([*form, *(("MediaUrl", file.url) for file in piece.files)])

    async def _with_buttons(self, form: Sequence[tuple[str, str]], piece: Piece) -> str:
        """Sent with real buttons, or "": they have to be put in words."""
        shape = content.shape(piece.text, piece.buttons, self._us.kind)
        template = await self._contents.sid(shape) if shape else ""
        if shape is None or not template:
            return ""
        words = content.variables(piece.text, piece.buttons)
        try:
            return await self._post([*form, ("ContentSid", template), ("ContentVariables", words)])
        except Refused as refused:
            if refused.reason not in ("rejected", "unsupported"):
                raise
            if not (isinstance(refused, Denied) and refused.code == VARIABLES):
                await self._contents.forget(shape)
            return ""

    async def _post(self, form: Sequence[tuple[str, str]]) -> str:
        return (await self._api.post("message", self._api.of_account("/Messages.json"), form, Sent)).sid


def _template(part: Part) -> list[tuple[str, str]]:
    """An approved template, whose variables WhatsApp wants on one line."""
    words = content.written({"1": " ".join(part.text.split())[: content.LONGEST] or "\u2026"})
    return [("ContentSid", part.template), ("ContentVariables", words)]
