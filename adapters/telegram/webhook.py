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
LOOK = _CHECK + 30  # seconds within which one more look is done


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
        self._api, self._gate, self._name = api, gate, name
        self._secret = secret(options)
        self._registers = options.register_webhook
        self._registered = False
        self._trouble = ""
        self._next = _CHECK
        self._backoff = Backoff(1, 60)

    @property
    def url(self) -> str:
        """Where we are to be called; "" when the operator did not say how we are reached."""
        return f"{self._gate.public_url}/c/{self._name}" if self._gate.public_url else ""

    @property
    def looks(self) -> bool:
        """Whether we look after its registration."""
        return bool(self.url and self._registers)

    def authentic(self, call: Call) -> bool:
        """Whether the call carries the secret. Compared as bytes: a header may hold anything."""
        given = call.headers.get(_HEADER, "").encode("ascii", "replace")
        return hmac.compare_digest(given, self._secret)

    async def keep(self) -> None:
        """Look every few minutes whether Telegram still calls us, and sooner after a failure; until cancelled."""
        while self.looks:
            self.tell()
            await self._gate.pause(self._next)
            await self.ensure()

    async def ensure(self) -> None:
        """Have Telegram call us. Raises only `Refused("auth")`; any other failure is kept to be told."""
        if not self._registers:
            return
        try:
            if not self._registered or (await self.info()).url != self.url:
                await self._register()
        except SendError as error:
            if isinstance(error, Refused) and error.reason == "auth":
                raise
            self._trouble = f"webhook not registered: {error}"
            self._next = self._backoff.after(getattr(error, "after", None))
            return
        self._trouble, self._next = "", _CHECK
        self._backoff.reset()
        self._gate.heard()

    async def withdraw(self) -> None:
        """Take the webhook back, if it still leads to us; what waits at Telegram stays there. Raises a `SendError`."""
        if self.url and self._registers and (await self.info()).url == self.url:
            await self._api.call("deleteWebhook", {"drop_pending_updates": False}, bool)

    def tell(self) -> None:
        self._gate.health("retrying" if self._trouble else "up", self._trouble)

    async def info(self) -> Info:
        return await self._api.call("getWebhookInfo", {}, Info)

    async def _register(self) -> None:
        self._registered = False  # set again in any case: what Telegram says of a webhook leaves out its secret
        asked = {"url": self.url, "secret_token": self._secret.decode(), "allowed_updates": ALLOWED}
        await self._api.call("setWebhook", asked, bool)
        self._registered = True


def secret(options: Options) -> bytes:
    """The operator's, or one that only holders of the token can know: the same after every restart."""
    if options.secret is not None:
        return options.secret.get_secret_value().encode()
    digest = hmac.digest(options.token.get_secret_value().encode(), b"chat-gateway webhook", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
