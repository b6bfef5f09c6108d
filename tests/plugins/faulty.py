"""The courier's adapter with one fault each, as people make them. The contract must notice every one."""

import asyncio
import hmac
import logging
import uuid
from typing import Any

import aiohttp
import msgspec
from msgspec.structs import replace

from gateway import options
from gateway.adapter import Call, Reply
from gateway.errors import Refused, Retry, Unknown
from gateway.message import Inbound, Part
from tests.plugins.courier import SIGNATURE, Adapter, Note, Options


class AcknowledgesFirst(Adapter):
    async def handle(self, call: Call) -> Reply:
        if self.authentic(call):
            self.task = asyncio.create_task(super().handle(call))
            return Reply(200)
        return Reply(401)


class CallsAnOutageOurs(Adapter):
    async def handle(self, call: Call) -> Reply:
        reply = await super().handle(call)
        return Reply(500) if reply.status == 503 else reply


class LosesWhatCannotBeStored(Adapter):
    async def handle(self, call: Call) -> Reply:
        reply = await super().handle(call)
        return Reply(200) if reply.status == 503 else reply


class TrustsEverybody(Adapter):
    def authentic(self, call: Call) -> bool:
        return True


class TrustsWhoeverIsNear(Adapter):
    def authentic(self, call: Call) -> bool:
        return super().authentic(call) or call.headers.get("x-forwarded-for") == "127.0.0.1"


class LooksAtTheBeginning(Adapter):
    def authentic(self, call: Call) -> bool:
        return super().authentic(replace(call, headers={SIGNATURE: call.headers.get(SIGNATURE, "")[:64]}))


class ForgetsTheBody(Adapter):
    seen: str | None = None

    def authentic(self, call: Call) -> bool:
        given = call.headers.get(SIGNATURE, "")
        if super().authentic(call):
            self.seen = given
        return given == self.seen


class ParsesFirst(Adapter):
    async def handle(self, call: Call) -> Reply:
        try:
            msgspec.json.decode(call.body)
        except (ValueError, RecursionError):
            return Reply(400)
        return await super().handle(call)


class ComparesText(Adapter):
    def authentic(self, call: Call) -> bool:
        given = call.headers.get(SIGNATURE, "")
        return hmac.compare_digest(given, given) and super().authentic(call)


class BelievesItsPlatform(Adapter):
    async def handle(self, call: Call) -> Reply:
        if not self.authentic(call):
            return Reply(401)
        await self.gate.receive(self.inbound(Note(**msgspec.json.decode(call.body))))
        return Reply(200)


class MakesUpIds(Adapter):
    def inbound(self, note: Note) -> Inbound:
        return replace(super().inbound(note), ids=(uuid.uuid4().hex,))


class TakesWordsForIds(Adapter):
    def inbound(self, note: Note) -> Inbound:
        return replace(super().inbound(note), ids=(note.text,))


class ForgetsItsAccount(Adapter):
    def inbound(self, note: Note) -> Inbound:
        return replace(super().inbound(note), account="")


class AnswersItself(Adapter):
    def inbound(self, note: Note) -> Inbound:
        return replace(super().inbound(note), sender=None)


class DropsButtons(Adapter):
    async def send(self, part: Part) -> str:
        return await super().send(replace(part, buttons=(), files=()))


class TriesAgain(Adapter):
    async def send(self, part: Part) -> str:
        try:
            return await super().send(part)
        except (Retry, Unknown):
            return await super().send(part)


class TakesSilenceForANo(Adapter):
    async def send(self, part: Part) -> str:
        try:
            return await super().send(part)
        except Unknown as error:
            raise Retry(str(error)) from None


class ForgetsTheWait(Adapter):
    def failure(self, response: aiohttp.ClientResponse) -> Any:
        return Retry("too many") if response.status == 429 else super().failure(response)


class GivesUpOnTrouble(Adapter):
    def failure(self, response: aiohttp.ClientResponse) -> Any:
        return Refused("rejected") if response.status >= 500 else super().failure(response)


class LetsErrorsSlip(Adapter):
    def failure(self, response: aiohttp.ClientResponse) -> Any:
        return ValueError("that was unexpected") if response.status == 500 else super().failure(response)


class NamesItsKey(Adapter):
    def failure(self, response: aiohttp.ClientResponse) -> Any:
        error: Any = super().failure(response)
        error.request = dict(response.request_info.headers)
        return error


class LogsItsKey(Adapter):
    async def send(self, part: Part) -> str:
        logging.getLogger("courier").debug("with %s", self.options.key.get_secret_value())
        return await super().send(part)


class ClaimsMore(Adapter):
    limits = replace(Adapter.limits, text=4000)


class ClaimsEditing(Adapter):
    limits = replace(Adapter.limits, edit=True)


class ClaimsVoice(Adapter):
    limits = replace(Adapter.limits, voice=True)


class SpeaksItsOwnTongue(Adapter):
    limits = replace(Adapter.limits, dialect="courierese")


class HasGroupsNowhere(Adapter):
    limits = replace(Adapter.limits, groups=True)


class WritesSizesAsText(Adapter):
    limits = replace(Adapter.limits, body="1MB")


class OpenOptions(Options):
    key: str = options.needed("The account's API key.")  # type: ignore[assignment]


class ShowsItsKey(Adapter):
    Options = OpenOptions  # type: ignore[assignment]


class MuteOptions(Options):
    urgent: bool = False


class ExplainsNothing(Adapter):
    Options = MuteOptions


class LeavesTasksBehind(Adapter):
    async def run(self) -> None:
        self.task = asyncio.create_task(asyncio.sleep(60))
        self.gate.health("up")
