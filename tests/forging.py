"""A gateway with a channel of every kind that has a door, and authentic letters to each: what forgers begin with."""

import asyncio
import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

import orjson

from gateway.operations import keys
from gateway.operations.office import Office
from tests import doors
from tests.far.slack import BOT_TOKEN, SIGNING_SECRET, TEAM, SlackServer
from tests.far.slack.pusher import signed
from tests.far.telegram import TelegramServer
from tests.far.twilio import WHATSAPP, TwilioServer
from tests.far.twilio.caller import Form
from tests.far.whatsapp import NUMBER, SECRET, WABA, WhatsAppServer
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.raw import status

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
TELEGRAM_SECRET = "the_webhook_secret_of_the_tests_0123456789"
OTHER = "another_secret_than_the_channels_own_012345"
TOKEN_HEADER = "x-telegram-bot-api-secret-token"
META, TWILIO = "x-hub-signature-256", "x-twilio-signature"
STAMP, SLACK = "x-slack-request-timestamp", "x-slack-signature"
BEARER = "authorization"


class Letter(NamedTuple):
    """A request. Its proof is one or more of the headers; these are bytes in Latin-1."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"

    @property
    def written(self) -> bytes:
        named = {"host": "127.0.0.1", "content-length": str(len(self.body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + self.body


class Door(NamedTuple):
    """One channel's. `letter` writes an authentic letter about a text, as holders of a secret ("": ours) can.

    `covers`: the proof is bound to the body. `same`: whether two bodies are the same to whoever proves them.
    """

    proof: tuple[str, ...]
    letter: Callable[[str, str], Letter]
    covers: bool = False
    same: Callable[[bytes, bytes], bool] = bytes.__eq__


class House:
    """The gateway and its doors by the names of their channels."""

    def __init__(self, gateway: doors.Gateway, twilio: TwilioServer) -> None:
        self.gateway, self._twilio = gateway, twilio
        self._numbers = itertools.count(1)
        self._opened: dict[str, str] = {}
        self.doors = {
            "telegram": Door((TOKEN_HEADER,), self._telegram),
            "slack": Door((STAMP, SLACK), self._slack, covers=True),
            "whatsapp": Door((META,), self._whatsapp, covers=True),
            "twilio": Door((TWILIO,), self._from_twilio, covers=True, same=self._signed_alike),
            "partners": Door((BEARER,), self._partners),
            "site": Door((BEARER,), self._site),
        }

    async def open(self) -> None:
        """Get the keys that people and programs come with."""
        daemon = self.gateway.daemon
        office = Office(daemon.corridor, daemon.router, daemon.settings)
        self._opened["partners"] = str((await keys.create(office, keys.CALLER, "partners"))["key"])
        self._opened["others"] = str((await keys.create(office, keys.CALLER, "others"))["key"])
        self._opened["site"] = (await self.gateway.begin("site")).token

    @property
    def elsewhere(self) -> str:
        """The key to another channel."""
        return self._opened["others"]

    async def post(self, letter: Letter) -> int:
        """The status of the answer, 0 when there is none."""
        return await self.send(letter.written)

    async def send(self, data: bytes, *, ends: bool = False) -> int:
        """Bytes on a connection of their own; with `ends` nothing more will come."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        try:
            writer.write(data)
            if ends:
                writer.write_eof()
            async with asyncio.timeout(PATIENCE):
                return status(await reader.readline())
        except ConnectionError:
            return 0
        finally:
            writer.close()

    async def taken(self) -> tuple[int, int]:
        """How much is in the inbox, and how much was let go on record."""
        found = await self.gateway.rows("SELECT (SELECT COUNT(*) FROM inbox), (SELECT COUNT(*) FROM dropped)")
        return int(found[0][0]), int(found[0][1])

    # Authentic letters.

    def _telegram(self, text: str, secret: str = "") -> Letter:
        number = next(self._numbers)
        who = {"id": 7, "is_bot": False, "first_name": "Ada"}
        chat = {"id": 7, "type": "private", "first_name": "Ada"}
        message = {"message_id": number, "date": self._now, "chat": chat, "from": who, "text": text}
        headers = {"content-type": JSON, TOKEN_HEADER: secret or TELEGRAM_SECRET}
        return Letter("/c/telegram", headers, orjson.dumps({"update_id": number, "message": message}))

    def _slack(self, text: str, secret: str = "") -> Letter:
        number = next(self._numbers)
        event = {"type": "message", "channel": "DU7", "channel_type": "im", "user": "U7", "text": text}
        event |= {"ts": f"{self._now}.{number:06}", "team": TEAM}
        told = {"type": "event_callback", "team_id": TEAM, "event_id": f"Ev{number}", "event": event}
        return self.slack_signed(orjson.dumps(told), self._now, secret)

    def slack_signed(self, body: bytes, at: int, secret: str = "") -> Letter:
        proof = {name.lower(): value for name, value in signed(secret or SIGNING_SECRET, body, at).items()}
        return Letter("/c/slack", {"content-type": JSON, **proof}, body)

    def _whatsapp(self, text: str, secret: str = "") -> Letter:
        return self.meta_signed(self.webhook(text), secret)

    def webhook(self, text: str, number: str = NUMBER) -> bytes:
        """A message to one of a business' numbers."""
        sender, at = "15550001111", str(self._now)
        message = {"from": sender, "id": f"wamid.{next(self._numbers)}", "timestamp": at, "type": "text"}
        metadata = {"display_phone_number": "15550783881", "phone_number_id": number}
        told = [{**message, "text": {"body": text}}]
        value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": told}
        changes = [{"field": "messages", "value": value}]
        return orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]})

    def meta_signed(self, body: bytes, secret: str = "") -> Letter:
        digest = hmac.new((secret or SECRET).encode(), body, hashlib.sha256).hexdigest()
        return Letter("/c/whatsapp", {"content-type": JSON, META: f"sha256={digest}"}, body)

    def _from_twilio(self, text: str, secret: str = "") -> Letter:
        return self.twilio_signed(text, secret)

    def twilio_signed(self, text: str, secret: str = "", **fields: str) -> Letter:
        return self._form(self._twilio.person("+15550100", "Ada").form(text, **fields), secret)

    def in_conversation(self, text: str) -> Letter:
        """Said to Twilio in a group."""
        form = self._twilio.conversation("CH" + "0d" * 16).form("onMessageAdded", "whatsapp:+15550100", text)
        return self._form(form, "")

    def _form(self, form: Form, secret: str) -> Letter:
        proof = self._twilio.caller.signed(f"{self.gateway.url}/c/twilio", form, secret)
        named = {name.lower(): value for name, value in proof.items()}
        return Letter("/c/twilio", {"content-type": FORM, **named}, urlencode(form).encode())

    def _signed_alike(self, one: bytes, other: bytes) -> bool:
        """Twilio signs what a form says, not how it is written."""
        sign, url = self._twilio.caller.signed, f"{self.gateway.url}/c/twilio"
        try:
            first, second = (parse_qsl(body.decode(), keep_blank_values=True) for body in (one, other))
            return sign(url, first) == sign(url, second)
        except ValueError:
            return False

    def _partners(self, text: str, secret: str = "") -> Letter:
        said = {"user": "42", "message": text, "message_id": f"m{next(self._numbers)}"}
        headers = {"content-type": JSON, BEARER: f"Bearer {secret or self._opened['partners']}"}
        return Letter("/c/partners", headers, orjson.dumps(said))

    def _site(self, text: str, secret: str = "") -> Letter:
        said = {"message": text, "message_id": f"m{next(self._numbers)}"}
        headers = {"content-type": JSON, BEARER: f"Bearer {secret or self._opened['site']}"}
        return Letter("/api/chat", {**headers, "prefer": "respond-async"}, orjson.dumps(said))

    @property
    def _now(self) -> int:
        return self.gateway.clock.now() // 1000


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """All of it, with a bot that says nothing."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramServer())
        slack = await stack.enter_async_context(SlackServer())
        whatsapp = await stack.enter_async_context(WhatsAppServer())
        twilio = await stack.enter_async_context(TwilioServer())
        here = f"127.0.0.1:{free_port()}"
        yaml = f"""
server: {{listen: "{here}", public_url: "http://{here}"}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: sqlite:///gateway.db, files: files}}
bots: {{b: {{kind: python, call: "tests.forging:silent"}}}}
defaults: {{limits: {{send: off, messages: off}}}}
channels:
  telegram: {{platform: telegram, bot: b, mode: webhook, token: "{telegram.token}", api_base: "{telegram.url}",
    secret: "{TELEGRAM_SECRET}"}}
  slack: {{platform: slack, bot: b, mode: http, bot_token: "{BOT_TOKEN}", signing_secret: "{SIGNING_SECRET}",
    api_base: "{slack.url}"}}
  whatsapp: {{platform: whatsapp, bot: b, phone_number_id: "{NUMBER}", access_token: "{whatsapp.token}",
    app_secret: "{SECRET}", verify_token: "the word", api_base: "{whatsapp.url}"}}
  twilio: {{platform: twilio, bot: b, account_sid: {twilio.account}, auth_token: "{twilio.token}",
    from: "{WHATSAPP}", api_base: "{twilio.url}", conversations: true, name: helper}}
  partners: {{platform: api, bot: b}}
  others: {{platform: api, bot: b}}
  site: {{platform: web, bot: b}}
"""
        gateway = await stack.enter_async_context(doors.running(folder, yaml))
        await gateway.until(lambda: all(one.state == "up" for one in gateway.daemon.corridor.channels.values()))
        found = House(gateway, twilio)
        await found.open()
        yield found


async def silent(turn: object) -> dict[str, bool]:
    return {"silent": True}
