"""What Twilio has in its list of messages: asked for after an outage, and read like what it would have told us."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from adapters.twilio.api import Api, Form
from adapters.twilio.fields import Fields
from adapters.twilio.messages import SID
from adapters.twilio.senders import Party

PAGE = 200  # messages of one answer
MOST = 100  # pages


class Listed(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """A message of the list."""

    sid: str
    sender: str = ""
    to: str = ""
    direction: str = ""
    body: str | None = None
    num_media: str | None = None
    date_sent: str | None = None
    date_created: str | None = None

    @property
    def at(self) -> int:
        """When it was sent, in ms; 0 when Twilio does not say."""
        try:
            return round(parsedate_to_datetime(self.date_sent or self.date_created or "").timestamp() * 1000)
        except (ValueError, OverflowError):
            return 0


class Page(msgspec.Struct, frozen=True):
    messages: tuple[Listed, ...]
    next_page_uri: str | None = None


class Medium(msgspec.Struct, frozen=True):
    uri: str
    content_type: str = ""


class Media(msgspec.Struct, frozen=True):
    media_list: tuple[Medium, ...] = ()


class Told(NamedTuple):
    """A message as a webhook would have told it, and when it was sent."""

    fields: Fields
    at: int


class Missed:
    """The messages to one sender of the account."""

    def __init__(self, api: Api, account: str, us: Party) -> None:
        self._api, self._account, self._us = api, account, us

    async def since(self, at: int) -> list[Told]:
        """Those sent since a time in ms, the oldest first. Raises as `Api` does."""
        day = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = [one async for one in self._listed(day) if one.direction == "inbound" and one.at >= at - 1000]
        return [Told(await self._fields(one), one.at) for one in reversed(found)]

    async def _listed(self, day: str) -> AsyncIterator[Listed]:
        """The newest first, as Twilio tells them."""
        path, query = f"/2010-04-01/Accounts/{self._account}/Messages.json", self._query(day)
        for _ in range(MOST):
            page = await self._api.get("messages", self._api.at("api", path), query, Page)
            for one in page.messages:
                yield one
            following, _, more = (page.next_page_uri or "").partition("?")
            if following != path:
                return
            query = parse_qsl(more, keep_blank_values=True)

    def _query(self, day: str) -> Form:
        return [("To", str(self._us)), ("DateSent>", day), ("PageSize", str(PAGE))]

    async def _fields(self, one: Listed) -> Fields:
        told = {"MessageSid": one.sid, "AccountSid": self._account, "From": one.sender, "To": one.to}
        told["Body"] = one.body or ""
        if one.num_media not in (None, "", "0") and SID.fullmatch(one.sid):
            url = self._api.of_account(f"/Messages/{one.sid}/Media.json")
            held = (await self._api.get("media", url, [], Media)).media_list
            for number, medium in enumerate(held):
                told[f"MediaUrl{number}"] = self._api.at("api", medium.uri.removesuffix(".json"))
                told[f"MediaContentType{number}"] = medium.content_type
        return Fields({name: [value] for name, value in told.items()})
