"""Calls to the Bot API, and what their failures mean for what was sent.

The token is part of every URL. So no error of the HTTP client is passed on or chained: its text and its
request would carry the token into a log.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import msgspec
import orjson
from aiohttp import ClientConnectorError, ClientError, ClientTimeout, ConnectionTimeoutError
from yarl import URL

from adapters.telegram.refusal import Parameters, refusal
from adapters.telegram.upload import Upload
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown
from gateway.mending import mend
from gateway.message import File

_T = TypeVar("_T")
_JSON = {"Content-Type": "application/json"}


class Answer(msgspec.Struct, frozen=True):
    """The Bot API's envelope. `result` is read by whoever asked."""

    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: Parameters = Parameters()


_answers = msgspec.json.Decoder(Answer)


SOON = 30.0  # seconds
_FILE = ClientTimeout(total=None, connect=10, sock_connect=10, sock_read=30)
_PIECE = 65536


class Api:
    """The Bot API for one bot, over the gateway's shared HTTP client."""

    def __init__(self, gate: Gate, base: str, token: str) -> None:
        self._gate, self._token = gate, token
        self._methods = f"{base}/bot{token}/"
        self._files = f"{base}/file/bot{token}/"

    async def upload(
        self, method: str, payload: dict[str, Any], files: Sequence[tuple[str, File]], kind: type[_T]
    ) -> _T:
        """The result of a call that carries files. Raises `Retry`, `Refused` or `Unknown`."""
        self._encode(method, payload)
        return self.read(method, await self._ship(method, Upload(self._gate, payload, files)), kind)

    async def _ship(self, method: str, upload: Upload) -> Answer:
        if self._gate.http.closed:
            raise Retry(f"{method}: we are stopping")
        limit = ClientTimeout(total=upload.seconds, connect=10, sock_connect=10)
        failure: SendError
        url = URL(self._methods + method)
        try:
            async with self._gate.http.post(url, data=upload.body(), timeout=limit, allow_redirects=False) as response:
                return self._answer(method, response.status, await response.read())
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            failure = Retry(f"{method}: {type(error).__name__}")
        except (ClientError, TimeoutError, OSError) as error:
            # Telegram takes no form that ends in its middle
            failure = upload.failure or Unknown(f"{method}: {type(error).__name__}")
        raise failure

    async def call(self, method: str, payload: dict[str, Any], kind: type[_T], seconds: float = SOON) -> _T:
        """The result of a call, as a `kind`. Raises `Retry`, `Refused` or `Unknown`."""
        return self.read(method, await self.ask(method, payload, seconds), kind)

    def read(self, method: str, answer: Answer, kind: type[_T]) -> _T:
        """The result that an envelope holds. Raises `Retry`, `Refused` or `Unknown`."""
        if not answer.ok:
            raise self._refusal(method, answer)
        try:
            return msgspec.json.decode(answer.result, type=kind)
        except (msgspec.DecodeError, RecursionError):
            pass
        raise Unknown(f"{method}: a result that cannot be read")

    async def ask(self, method: str, payload: dict[str, Any], seconds: float = SOON) -> Answer:
        """The envelope of a call, also when it says no. Raises `Retry` or `Unknown` when there is none."""
        body = self._encode(method, payload)
        failure: SendError
        try:
            posted = await self._gate.post(self._methods + method, _JSON, body, seconds)
        except Retry as error:
            failure = Retry(f"{method}: {error}")
        except Unknown as error:
            failure = Unknown(f"{method}: {error}")
        else:
            return self._answer(method, posted.status, posted.body)
        raise failure

    async def download(self, path: str) -> AsyncIterator[bytes]:
        """The content of a file that `getFile` named. Raises `Retry` or `Refused`."""
        url = URL(self._files + path)
        failure: SendError | None = None
        try:
            async with self._gate.http.get(url, timeout=_FILE, allow_redirects=False) as response:
                if response.status == 200:
                    async for piece in response.content.iter_chunked(_PIECE):
                        yield piece
                elif response.status in (429, *range(500, 600)):
                    failure = Retry(f"file: HTTP {response.status}")
                else:
                    failure = Refused("gone", f"file: HTTP {response.status}")
        except (ClientError, TimeoutError, OSError) as error:
            failure = Retry(f"file: {type(error).__name__}")
        if failure is not None:
            raise failure

    def _encode(self, method: str, payload: dict[str, Any]) -> bytes:
        try:
            return orjson.dumps(payload)
        except orjson.JSONEncodeError:  # a lone surrogate, or a number beyond 64 bits
            pass
        raise Refused("rejected", f"{method}: cannot be written as JSON")

    def _answer(self, method: str, status: int, body: bytes) -> Answer:
        answer = _decode(body) or _decode(mend(body))
        if answer is None and (status >= 500 or status < 300):
            raise Unknown(f"{method}: HTTP {status}")
        if answer is None:  # a proxy on the way said so: the Bot API has not seen the request
            raise Retry(f"{method}: HTTP {status} from something that is not the Bot API")
        return answer

    def _refusal(self, method: str, answer: Answer) -> SendError:
        description = answer.description.replace(self._token, "***")
        return refusal(method, answer.error_code, description, answer.parameters)


def _decode(body: bytes) -> Answer | None:
    try:
        return _answers.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
