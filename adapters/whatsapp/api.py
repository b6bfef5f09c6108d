"""Calls to the Graph API, and what their failures mean for what was sent.

The token goes along in a header. No error of an HTTP client is passed on or chained: its request would carry the
token into a log; and Meta's own words repeat a token that is malformed.
"""

from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
import orjson
from aiohttp import ClientError, ClientTimeout, FormData
from yarl import URL

from adapters.whatsapp.refusal import GraphError, refusal
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown

_T = TypeVar("_T")
SOON = 30.0  # seconds
_FILE = ClientTimeout(total=None, connect=10, sock_connect=10, sock_read=30)
_UPLOAD = ClientTimeout(total=300, connect=10, sock_connect=10, sock_read=60)
_PIECE = 65536
_HOSTS = (".fbsbx.com", ".fbcdn.net", ".facebook.com", ".whatsapp.net")


class _Failed(msgspec.Struct, frozen=True):
    error: GraphError


class Api:
    """The Graph API for one app, over the gateway's connections."""

    def __init__(self, gate: Gate, base: str, version: str, token: str) -> None:
        self._gate, self._token, self._base = gate, token, f"{base}/{version}/"
        self._bearer = {"Authorization": f"Bearer {token}"}
        self._json = {**self._bearer, "Content-Type": "application/json"}
        self._ours = urlsplit(base)

    async def post(self, path: str, payload: Mapping[str, Any], kind: type[_T], seconds: float = SOON) -> _T:
        """The answer to a call. Raises `Retry`, `Refused` or `Unknown`."""
        what = path.rpartition("/")[2]
        body = self._encode(what, payload)
        try:
            posted = await self._gate.post(self._base + path, self._json, body, seconds)
        except Retry as error:
            raise Retry(f"{what}: {error}") from None
        except Unknown as error:
            raise Unknown(f"{what}: {error}") from None
        return self._read(what, posted.status, posted.headers, posted.body, kind)

    async def get(self, path: str, kind: type[_T], seconds: float = SOON) -> _T:
        """What is there to be read. Raises `Retry` or `Refused`."""
        url = URL(self._base + path, encoded=True)
        limit = ClientTimeout(total=seconds, connect=10, sock_connect=10)
        return await self._ask("GET", path.partition("?")[0], url, limit, kind)

    async def upload(self, path: str, content: bytes, mime: str, name: str, kind: type[_T]) -> _T:
        """The answer to an upload, which nobody sees yet. Raises `Retry` or `Refused`."""
        form = FormData({"messaging_product": "whatsapp", "type": mime})
        form.add_field("file", BytesIO(content), content_type=mime, filename=name)
        return await self._ask("POST", path, URL(self._base + path, encoded=True), _UPLOAD, kind, form)

    async def _ask(
        self, method: str, what: str, url: URL, limit: ClientTimeout, kind: type[_T], form: FormData | None = None
    ) -> _T:
        failure: SendError
        if self._gate.http.closed:
            raise Retry(f"{what}: we are stopping")
        try:
            async with self._gate.http.request(
                method, url, data=form, headers=self._bearer, timeout=limit, allow_redirects=False
            ) as response:
                return self._read(what, response.status, response.headers, await response.read(), kind)
        except Unknown as error:
            failure = Retry(str(error))
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            failure = Retry(f"{what}: {type(error).__name__}")
        raise failure

    async def download(self, address: str) -> AsyncIterator[bytes]:
        """The content behind an address that Meta gave. The token goes to nobody else. Raises `Retry` or `Refused`."""
        if not self.trusted(address):
            raise Refused("rejected", "media: an address that is not Meta's")
        failure: SendError | None = None
        try:
            url = URL(address, encoded=True)
            async with self._gate.http.get(url, headers=self._bearer, timeout=_FILE, allow_redirects=False) as response:
                if response.status == 200:
                    async for piece in response.content.iter_chunked(_PIECE):
                        yield piece
                elif response.status in (401, 429, *range(500, 600)):
                    failure = Retry(f"media: HTTP {response.status}")
                else:
                    failure = Refused("gone", f"media: HTTP {response.status}")
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            failure = Retry(f"media: {type(error).__name__}")
        if failure is not None:
            raise failure

    def trusted(self, address: str) -> bool:
        """Whether the token may go along: to hosts of Meta's by https, or to where the API itself is."""
        try:
            url = urlsplit(address)
            host, port = (url.hostname or "").lower(), url.port
        except ValueError:
            return False
        if url.username or url.password:
            return False
        if (url.scheme, host, port) == (self._ours.scheme, self._ours.hostname, self._ours.port):
            return True
        return url.scheme == "https" and port in (None, 443) and f".{host}".endswith(_HOSTS)

    def _encode(self, what: str, payload: Mapping[str, Any]) -> bytes:
        try:
            return orjson.dumps(payload)
        except orjson.JSONEncodeError:  # a lone surrogate
            pass
        raise Refused("rejected", f"{what}: cannot be written as JSON")

    def _read(self, what: str, status: int, headers: Mapping[str, str], body: bytes, kind: type[_T]) -> _T:
        if 200 <= status < 300:
            answer = _decode(body, kind)
            if answer is None:
                raise Unknown(f"{what}: HTTP {status} that cannot be read")
            return answer
        failed = _decode(body, _Failed)
        if failed is not None:
            raise refusal(what, status, self._masked(failed.error), _wish(headers))
        if status == 401:
            raise Refused("auth", f"{what}: HTTP 401")
        if 400 <= status < 500:  # something on the way said so: Meta has not seen the request
            raise Retry(f"{what}: HTTP {status} from something that is not the Graph API", after=_wish(headers))
        raise Unknown(f"{what}: HTTP {status}")

    def _masked(self, error: GraphError) -> GraphError:
        return msgspec.json.decode(msgspec.json.encode(error).replace(self._token.encode(), b"***"), type=GraphError)


def _decode(body: bytes, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _wish(headers: Mapping[str, str]) -> float | None:
    told = headers.get("Retry-After") or headers.get("retry-after") or ""
    return float(told) if told.isascii() and told.isdigit() and 0 < len(told) < 6 else None


def segment(identity: str) -> str:
    """An id as one step of a path, whatever it holds."""
    return quote(identity, safe="", errors="replace")
