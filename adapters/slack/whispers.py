"""Answers to slash commands given where we are no member: Slack lends an address for these, for half an hour."""

from collections import OrderedDict
from typing import Any

import orjson
from yarl import URL

from adapters.slack.hosts import own
from adapters.slack.refusal import wait
from adapters.slack.workspace import Workspace
from gateway.adapter import Gate
from gateway.errors import Retry, Unknown
from gateway.message import Address

_LASTS = 29 * 60 * 1000  # ms
_REMEMBERED = 2000


class Whispers:
    """The latest such address of each user in each channel; after a restart there are none."""

    def __init__(self, gate: Gate, base: str) -> None:
        self._gate, self._base = gate, URL(base)
        self._known: OrderedDict[tuple[str, str, str], tuple[str, int]] = OrderedDict()

    def learn(self, home: Workspace, chat: str, user: str, url: str) -> None:
        if own(url, self._base) is None:
            return
        key = (home.team, chat, user)
        self._known[key] = url, self._gate.now() + _LASTS
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def say(self, home: Workspace, address: Address, words: dict[str, Any]) -> bool:
        """Say it to the user alone; false when that is not possible (any more). Raises `Retry` or `Unknown`."""
        url, until = self._known.get((home.team, address.chat, address.user), ("", 0))
        if until <= self._gate.now():
            return False
        body = orjson.dumps({"response_type": "ephemeral", "replace_original": False, **words})
        posted = await self._gate.post(url, {"Content-Type": "application/json"}, body)
        if posted.status == 429:
            raise Retry("response_url: HTTP 429", after=wait(posted.headers.get("retry-after")))
        if posted.status >= 500:
            raise Unknown(f"response_url: HTTP {posted.status}")
        return posted.status == 200
