"""Calling the gateway as Twilio does: signed by its own SDK, and once more only when the address asks for it."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, urldefrag, urlencode, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from gateway.message import Json

Form = Sequence[tuple[str, str]]
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Delivery(NamedTuple):
    """One attempt: where to, what was said, and the HTTP status (0 when there was none) with its body."""

    url: str
    form: Mapping[str, str]
    status: int
    answer: bytes


class Many(dict[str, list[str]]):
    """Values by name, as the SDK's validator takes them."""

    def getall(self, name: str) -> list[str]:
        return self[name]


def gathered(form: Form) -> Many:
    found = Many()
    for name, value in form:
        found.setdefault(name, []).append(value)
    return found


class Caller:
    """How one account calls. With `key` webhooks are signed by HMAC-SHA256 under it.

    `writes_port` and `signs_fragment` are ways in which Twilio's signatures have been seen to differ.
    """

    def __init__(self, token: str, changed: Callable[[], None]) -> None:
        self.token, self._changed = token, changed
        self.key = ""
        self.writes_port = False
        self.signs_fragment = False
        self.deliveries: list[Delivery] = []
        self.again = asyncio.Event()  # cleared: what has failed is not tried again yet
        self.again.set()
        self._http: ClientSession | None = None

    async def start(self) -> None:
        self._http = ClientSession(timeout=ClientTimeout(total=30))

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.close()

    def signed(self, url: str, form: Form, secret: str = "") -> dict[str, str]:
        """The headers that prove a call to a URL."""
        algorithm = "HMAC_SHA256" if self.key else "HMAC_SHA1"
        validator = RequestValidator(secret or self.key or self.token)
        headers = {"X-Twilio-Signature": validator.compute_signature(self._spelt(url), gathered(form), algorithm)}
        if self.key:
            headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
        return headers

    def _spelt(self, url: str) -> str:
        bare, fragment = urldefrag(url)
        parts = urlsplit(bare)
        if self.writes_port and parts.port is None:
            bare = parts._replace(netloc=f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}").geturl()
        return f"{bare}#{fragment}" if fragment and self.signs_fragment else bare

    async def call(self, url: str, form: Form, headers: Mapping[str, str] | None = None) -> int:
        """POST a form, and again as the address' fragment asks; the last HTTP status."""
        said = {"Content-Type": FORM, **(headers if headers is not None else self.signed(url, form))}
        return await self._post(url, urlencode(form).encode(), said, dict(form))

    async def call_json(self, url: str, data: Json) -> int:
        """POST JSON, whose hash stands in the signed address."""
        body = str.encode(data) if isinstance(data, str) else data
        joint = "&" if urlsplit(url).query else "?"
        url = f"{urldefrag(url).url}{joint}bodySHA256={hashlib.sha256(body).hexdigest()}"
        return await self._post(url, body, {"Content-Type": JSON, **self.signed(url, ())}, {})

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], form: Mapping[str, str]) -> int:
        address, fragment = urldefrag(url)
        tries = 1 + int(parse_qs(fragment).get("rc", ["0"])[0])
        status = 0
        for _ in range(tries):
            status, answer = await self._try(address, body, headers)
            self.deliveries.append(Delivery(address, form, status, answer))
            self._changed()
            if 200 <= status < 500:
                break
            await self.again.wait()
        return status

    async def _try(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        assert self._http is not None
        try:
            async with self._http.post(url, data=body, headers=headers) as response:
                return response.status, await response.read()
        except (ClientError, TimeoutError, OSError):
            return 0, b""
