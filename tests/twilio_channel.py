"""A Twilio channel under test: the adapter between our Twilio server and a recording gate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import ClientSession, ClientTimeout

from adapters.twilio import Adapter
from gateway.adapter import Call, Reply
from gateway.message import Address, Part
from tests.far.twilio import WHATSAPP, TwilioServer
from tests.far.twilio.caller import FORM, Form
from tests.recording_gate import RecordingGate

NAME, PUBLIC = "help", "https://chat.example.org"
ADA = "+15550100"


class Channel(NamedTuple):
    adapter: Adapter
    gate: RecordingGate


def options(server: TwilioServer, **keys: Any) -> Any:
    given = {"account_sid": server.account, "auth_token": server.token, "from": WHATSAPP, "api_base": server.url}
    return Adapter.Options.model_validate({**given, **keys})


@asynccontextmanager
async def closed(server: TwilioServer, *, public_url: str = PUBLIC, **keys: Any) -> AsyncIterator[Channel]:
    """A channel that has not opened yet. What it reports to is not there, so the server reports nothing by itself."""
    server.reports = ()
    async with ClientSession(timeout=ClientTimeout(total=60)) as http:
        gate = RecordingGate(http, public_url)
        adapter = Adapter(NAME, options(server, **keys), gate)
        yield Channel(adapter, gate)
        await adapter.close()


@asynccontextmanager
async def opened(server: TwilioServer, **keys: Any) -> AsyncIterator[Channel]:
    async with closed(server, **keys) as channel:
        await channel.adapter.open()
        yield channel


def call(server: TwilioServer, form: Form, url: str = f"{PUBLIC}/c/{NAME}", secret: str = "") -> Call:
    """A call of Twilio's, as our HTTP door hands it on."""
    headers = {name.lower(): value for name, value in server.caller.signed(url, form, secret).items()}
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    body = urlencode(form).encode()
    return Call("POST", parts.path, query, {"content-type": FORM, **headers}, body, "192.0.2.7")


async def said(channel: Channel, server: TwilioServer, text: str, **more: Any) -> Reply:
    """Ada writes to the sender."""
    return await channel.adapter.handle(call(server, server.person(ADA, "Ada").form(text, **more)))


async def reported(channel: Channel, server: TwilioServer, status: str, error: int = 0, sent: int = -1) -> Reply:
    """Twilio reports on a message that was sent, the last one if no other is named."""
    message = server.sent[sent]
    form = [("MessageSid", message.sid), ("MessageStatus", status), ("AccountSid", server.account)]
    form += [("To", message.to), ("From", WHATSAPP), *([("ErrorCode", str(error))] if error else [])]
    return await channel.adapter.handle(call(server, form, message.callback.partition("#")[0]))


def part(text: str = "", chat: str = ADA, id: str = "1", **fields: Any) -> Part:
    place = fields.pop("place", "dm")
    return Part(id=id, address=Address(chat=chat, user=chat, place=place), text=text, plain=text, **fields)
