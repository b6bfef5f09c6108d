"""Calls to Twilio's REST API, and what their failures mean for what was sent.

No error of an HTTP client is passed on or chained: its request holds the auth token.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import orjson
from aiohttp import ClientError, ClientTimeout
from yarl import URL

from adapters.twilio.refusal import refusal
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown

_T = TypeVar("_T")
Form = Sequence[tuple[str, str]]

SOON = 30.0  # seconds
BRIEF = 10.0
LARGEST = 1_048_576  # bytes of an answer
_READ = ClientTimeout(total=SOON, connect=BRIEF, sock_connect=BRIEF)
_UPLOAD = ClientTimeout(total=300, connect=BRIEF, sock_connect=BRIEF)
_FORM = "application/x-www-form-urlencoded"


class Trouble(msgspec.Struct, frozen=True):
    """What Twilio says when it says no."""

    code: int | None = None
    message: str | None = None


class Api:
    """The REST API of one account, over the gateway's HTTP clients."""

    def __init__(self, gate: Gate, base: str, account: str, token: str) -> None:
        self._gate, self._account, self._token = gate, account, token
        self._base, self._secret = base, b64encode(f"{account}:{token}".encode()).decode()
        self.home = urlsplit(base).hostname or ""
        self.headers = {"Authorization": f"Basic {self._secret}", "Accept": "application/json"}

    def at(self, product: str, path: str) -> str:
        """The address of a path of one of Twilio's products: only at Twilio itself have they hosts of their own."""
        if product != "api" and self.home.startswith("api.") and self.home.endswith(".twilio.com"):
            return self._base.replace("://api.", f"://{product}.", 1) + path
        return self._base + path

    def of_account(self, path: str) -> str:
        """The address of a path of the account's own."""
        return self.at("api", f"/2010-04-01/Accounts/{self._account}{path}")

    async def post(self, what: str, url: str, form: Form, kind: type[_T], seconds: float = SOON) -> _T:
        """The result of a POST of a form. Raises `Retry`, `Refused` or `Unknown`."""
        try:
            body = urlencode(form).encode("ascii")
        except UnicodeEncodeError:  # a lone surrogate
            body = None
        if body is None:
            raise Refused("rejected", f"{what}: cannot be written as a form")
        return await self._post(what, url, _FORM, body, kind, seconds)

    async def post_json(self, what: str, url: str, data: Any, kind: type[_T]) -> _T:
        """The same, of JSON."""
        try:
            body = orjson.dumps(data)
        except orjson.JSONEncodeError:
            body = None
        if body is None:
            raise Refused("rejected", f"{what}: cannot be written as JSON")
        return await self._post(what, url, "application/json", body, kind, SOON)

    async def _post(self, what: str, url: str, type: str, body: bytes, kind: type[_T], seconds: float) -> _T:
        failure: SendError
        try:
            posted = await self._gate.post(url, {**self.headers, "Content-Type": type}, body, seconds)
            return self._read(what, posted.status, posted.headers.get("retry-after", ""), posted.body, kind)
        except Retry as error:
            failure = Retry(_named(what, error), after=error.after, everyone=error.everyone)
        except Unknown as error:
            failure = Unknown(_named(what, error))
        raise failure

    async def upload(self, what: str, url: str, content: bytes, mime: str, kind: type[_T]) -> _T:
        """The result of a POST of a file, which nobody sees yet. Raises `Retry` or `Refused`."""
        headers = {**self.headers, "Content-Type": mime}
        return await self._ask(what, "POST", URL(url), headers, _UPLOAD, kind, content)

    async def get(self, what: str, url: str, query: Form, kind: type[_T]) -> _T:
        """The result of a GET. Raises `Retry` or `Refused`: asking again does no harm."""
        return await self._ask(what, "GET", URL(url).with_query(list(query)), self.headers, _READ, kind)

    async def _ask(
        self,
        what: str,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        limit: ClientTimeout,
        kind: type[_T],
        content: bytes | None = None,
    ) -> _T:
        failure: SendError
        try:
            async with self._gate.http.request(
                method, url, data=content, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                body = await response.content.read(LARGEST)
                return self._read(what, response.status, response.headers.get("retry-after", ""), body, kind)
        except (ClientError, TimeoutError, OSError, RuntimeError, ValueError) as error:
            failure = Retry(f"{what}: {type(error).__name__}")
        except Unknown as error:
            failure = Retry(str(error))
        raise failure

    def _read(self, what: str, status: int, after: str, body: bytes, kind: type[_T]) -> _T:
        if 200 <= status < 300:
            found = _decoded(body, kind)
            if found is None:
                raise Unknown(f"{what}: an answer that cannot be read")
            return found
        trouble = _decoded(body, Trouble)
        if trouble is None and status < 500 and status != 401:
            # A proxy on the way said so: Twilio has not seen the request.
            raise Retry(f"{what}: HTTP {status} from something that is not Twilio's API")
        code, message = (trouble.code or 0, trouble.message or "") if trouble else (0, "")
        if self._secret in message or self._token in message:
            message = ""
        raise refusal(what, status, code, message[:300], after)


def _named(what: str, error: SendError) -> str:
    text = str(error)
    return text if text.startswith(f"{what}: ") else f"{what}: {text}"


def _decoded(body: bytes, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError):
        return None


def segment(identity: str) -> str:
    """An id as a piece of a path. Raises `Refused` for what cannot be one of Twilio's."""
    if not (identity.isascii() and identity.isalnum() and len(identity) <= 64):
        raise Refused("gone", "there is no such id at Twilio")
    return quote(identity)
