"""Who rules in a group conversation: Twilio gives its participants roles, and roles permissions."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapters.twilio.api import Api, segment
from adapters.twilio.senders import party
from gateway.errors import Refused, Retry

_RULES = "removeParticipant"  # Twilio's role "channel admin" has it, its "channel user" has not
_PAGES = 20  # of 100: a conversation has up to 1,000 participants


class _Binding(msgspec.Struct, frozen=True):
    """How somebody who is no user of the site's chat takes part."""

    address: str | None = None


class _Participant(msgspec.Struct, frozen=True):
    identity: str | None = None
    role_sid: str | None = None
    messaging_binding: _Binding | None = None

    def is_(self, user: str) -> bool:
        """Whether their lines come from this user, as `Sender.id` has it."""
        them = party((self.messaging_binding and self.messaging_binding.address) or "")
        return user in (self.identity, them and them.id)


class _Meta(msgspec.Struct, frozen=True):
    next_page_url: str | None = None


class _Page(msgspec.Struct, frozen=True):
    participants: tuple[_Participant, ...]
    meta: _Meta = _Meta()


class _Role(msgspec.Struct, frozen=True):
    permissions: tuple[str, ...] = ()


class Rulers:
    """Asks about the conversations of one account."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def has(self, chat: str, user: str) -> bool:
        """Whether a user may put others out of a conversation. Raises `Retry` when Twilio does not say."""
        try:
            roles = {one.role_sid async for one in self._participants(chat) if one.role_sid and one.is_(user)}
            return any([_RULES in (await self._role(sid)).permissions for sid in roles])
        except Refused as refused:
            if refused.reason == "auth":
                raise Retry(str(refused)) from None
            return False

    async def _participants(self, chat: str) -> AsyncIterator[_Participant]:
        url = self._api.at("conversations", f"/v1/Conversations/{segment(chat)}/Participants")
        query = [("PageSize", "100")]
        for _ in range(_PAGES):
            page = await self._api.get("participants", url, query, _Page)
            for participant in page.participants:
                yield participant
            # Of the address of the next page we follow the query alone: our credentials go nowhere else.
            query = parse_qsl(urlsplit(page.meta.next_page_url or "").query)
            if not query:
                return

    async def _role(self, sid: str) -> _Role:
        return await self._api.get("role", self._api.at("conversations", f"/v1/Roles/{segment(sid)}"), (), _Role)
