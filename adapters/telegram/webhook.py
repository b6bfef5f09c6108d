"""Being called by Telegram: telling it where, and knowing its calls from anybody else's."""

import base64
import hashlib
import hmac

import msgspec

from adapters.telegram.api import Api
from adapters.telegram.backoff import Backoff
from adapters.telegram.options import Options
from adapters.telegram.updates import ALLOWED
from gateway.adapter import Call, Gate
from gateway.errors import Refused, SendError

_HEADER = "x-telegram-bot-api-secret-token"
_CHECK = 300.0
_AUTH_PAUSE = 900.0


class Info(msgspec.Struct, frozen=True):
    """What Telegram says of the webhook it has. The time of the last error is in seconds since 1970."""

    url: str = ""
    pending_update_count: int = 0
    last_error_date: int = 0
    last_error_message: str = ""
    allowed_updates: tuple[str, ...] = ()


class Webhook:
    """One channel's webhook."""

    def __init__(self, api: Api, gate: Gate, name: str, options: Options) -> None:
        self._api, self._gate = api, gate
        self._secret = secret(options)
        self.url = f"{gate.public_url}/c/{name}" if gate.public_url else ""
        self._registered = False
        self._backoff = Backoff(1, 60)

    def authentic(self, call: Call) -> bool:
        """Whether the call carries the secret. Compared as bytes: a header may hold anything."""
        given = call.headers.get(_HEADER, "").encode("ascii", "replace")
        return hmac.compare_digest(given, self._secret)

    async def ensure(self) -> float:
        """Have Telegram call us; how it went is told to the gate. Returns the seconds until the next look."""
        try:
            if not self._registered or (await self.info()).url != self.url:
                await self._register()
        except SendError as error:
            return self._failed(error)
        self._backoff.reset()
        self._gate.heard()
        self._gate.health("up")
        return _CHECK

    async def info(self) -> Info:
        return await self._api.call("getWebhookInfo", {}, Info)

    async def _register(self) -> None:
        self._registered = False  # set again in any case: what Telegram says of a webhook leaves out its secret
        asked = {"url": self.url, "secret_token": self._secret.decode(), "allowed_updates": ALLOWED}
        await self._api.call("setWebhook", asked, bool)
        self._registered = True

    def _failed(self, error: SendError) -> float:
        auth = isinstance(error, Refused) and error.reason == "auth"
        self._gate.health("auth" if auth else "retrying", f"webhook not registered: {error}")
        return self._backoff.after(_AUTH_PAUSE if auth else getattr(error, "after", None))


def secret(options: Options) -> bytes:
    """The operator's, or one that only holders of the token can know: the same after every restart."""
    if options.secret is not None:
        return options.secret.get_secret_value().encode()
    digest = hmac.digest(options.token.get_secret_value().encode(), b"chat-gateway webhook", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
