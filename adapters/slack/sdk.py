"""Rarer calls to the Web API, by slack_sdk's client: it knows which method wants JSON, a form or a query.

The client is told not to try again by itself, not to log, and not to read proxies from the environment. Its errors
hold the request with the token: none is passed on or chained.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import aiohttp

from adapters.slack.refusal import refusal, wait
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

_SILENT = logging.Logger("slack_sdk", logging.CRITICAL + 1)  # noqa: LOG001 (it hangs on no other, so nobody hears it)


class Answer(dict[str, Any]):
    """An answer's fields; `headers` are those of HTTP, names in lower case."""

    headers: Mapping[str, str] = {}

    def text(self, *path: str) -> str:
        """The text at a path, "" where there is none."""
        at: Any = self
        for step in path:
            at = at.get(step) if isinstance(at, dict) else None
        return at if isinstance(at, str) else ""


class Sdk:
    """The SDK's client over the gateway's shared HTTP session, a token at a time."""

    def __init__(self, gate: Gate, base: str) -> None:
        self._gate, self._base = gate, f"{base}/"
        self._clients: dict[str, AsyncWebClient] = {}

    async def ask(
        self, token: str, method: str, call: "Callable[[AsyncWebClient], Awaitable[Any]]", seconds: float = 15
    ) -> Answer:
        """The answer to one call. Raises `Retry`, `Refused` or `Unknown`."""
        from slack_sdk.errors import SlackClientError

        if self._gate.http.closed:
            raise Retry(f"{method}: we are stopping")
        failure: SendError
        try:
            async with asyncio.timeout(seconds):
                answer = await call(self._client(token))
            found = Answer(answer.data if isinstance(answer.data, dict) else {})
            found.headers = {name.lower(): value for name, value in answer.headers.items()}
            return found
        except SlackClientError as error:
            failure = _refused(method, getattr(error, "response", None))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            failure = Retry(f"{method}: {type(error).__name__}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = Unknown(f"{method}: {type(error).__name__}")
        except ValueError:  # what cannot be written as a form or as JSON
            failure = Refused("rejected", f"{method}: cannot be written")
        raise failure

    def _client(self, token: str) -> "AsyncWebClient":
        client = self._clients.get(token)
        if client is None:
            from slack_sdk.web.async_client import AsyncWebClient

            client = AsyncWebClient(
                token, base_url=self._base, session=self._gate.http, retry_handlers=[], logger=_SILENT
            )
            client.proxy = None
            self._clients[token] = client
        return client


def _refused(method: str, response: Any) -> SendError:
    """Of a failed call: Slack's word, or HTTP's where Slack said none."""
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    headers = getattr(response, "headers", None) or {}
    data = getattr(response, "data", None)
    if status == 429:
        return refusal(method, "ratelimited", after=wait(headers.get("Retry-After")))
    if isinstance(data, dict) and isinstance(data.get("error"), str):
        return refusal(method, data["error"], str(data.get("needed", "")))
    if status >= 500 or status < 300:
        return Unknown(f"{method}: HTTP {status} without an answer")
    return Retry(f"{method}: HTTP {status} from something that is not Slack")
