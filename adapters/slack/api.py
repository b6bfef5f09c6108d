"""Calls to the Web API that are made for every message, and what their failures mean for what was sent.

The token is a header of every call, so no error of the HTTP client is passed on or chained.
"""

from typing import Any

import msgspec
import orjson

from adapters.slack.refusal import refusal, wait
from adapters.slack.workspace import Workspace
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown


class Answer(msgspec.Struct, frozen=True):
    """What every answer holds. `ts` is the id of the message that was written, where one was."""

    ok: bool
    error: str = ""
    needed: str = ""
    ts: str = ""
    message_ts: str = ""


_answers = msgspec.json.Decoder(Answer)


class Api:
    """The Web API over the gateway's kept-alive connections."""

    def __init__(self, gate: Gate, base: str) -> None:
        self._gate, self._base = gate, base

    async def call(self, home: Workspace, method: str, payload: dict[str, Any], seconds: float = 30) -> Answer:
        """Call once. Raises `Retry`, `Refused` or `Unknown`; none of them tells the token."""
        body = _encode(method, payload)
        headers = {"Authorization": f"Bearer {home.token}", "Content-Type": "application/json; charset=utf-8"}
        failure: SendError
        try:
            posted = await self._gate.post(f"{self._base}/{method}", headers, body, seconds)
            return _read(method, posted.status, posted.headers, posted.body)
        except Retry as error:
            failure = Retry(f"{method}: {error}", after=error.after)
        except Unknown as error:
            failure = Unknown(f"{method}: {error}")
        raise failure


def _encode(method: str, payload: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(payload)
    except orjson.JSONEncodeError:  # a lone surrogate
        pass
    raise Refused("rejected", f"{method}: cannot be written as JSON")


def _read(method: str, status: int, headers: Any, body: bytes) -> Answer:
    if status == 429:
        raise refusal(method, "ratelimited", after=wait(headers.get("retry-after")))
    try:
        answer = _answers.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise _garbled(method, status) from None
    if not answer.ok:
        raise refusal(method, answer.error, answer.needed)
    return answer


def _garbled(method: str, status: int) -> SendError:
    """Something that is not Slack has answered. Where it said no by itself, Slack has not seen the call."""
    if status >= 500 or status < 300:
        return Unknown(f"{method}: HTTP {status} without an answer")
    return Retry(f"{method}: HTTP {status} from something that is not Slack")
