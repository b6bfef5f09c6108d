"""The button of whoever pressed one turns until we say that we have heard; nothing is said before it is on disk."""

import asyncio
from contextlib import suppress

import orjson

from adapters.telegram.api import Api
from adapters.telegram.updates import Drop
from gateway.errors import SendError
from gateway.message import Inbound

_METHOD = "answerCallbackQuery"
_SECONDS = 5.0


def callback(found: Inbound | Drop) -> str:
    """The id by which a press is to be answered, "" for everything else."""
    if isinstance(found, Drop) or found.kind != "button":
        return ""
    return str(found.extra.get("callback", ""))


def as_reply(pressed: str) -> bytes:
    """The answer to a webhook that is a call at the same time."""
    return orjson.dumps({"method": _METHOD, "callback_query_id": pressed})


async def acknowledge(api: Api, pressed: list[str]) -> None:
    """Failures do not matter: Telegram stops waiting by itself."""
    await asyncio.gather(*(_acknowledge(api, one) for one in pressed))


async def _acknowledge(api: Api, pressed: str) -> None:
    with suppress(SendError):
        await api.call(_METHOD, {"callback_query_id": pressed}, bool, _SECONDS)
