"""An event of Slack's as an `Inbound`, or the reason why it is none."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from adapters.slack.letgo import Letgo
from adapters.slack.messages import Messages
from adapters.slack.parents import Parents
from adapters.slack.people import People
from adapters.slack.reactions import sign
from adapters.slack.wire import (
    AssistantThread,
    Envelope,
    Membership,
    Reaction,
    Renumbered,
    Started,
    direct,
    moment,
)
from adapters.slack.workspace import Workspace, Workspaces
from gateway.message import Address, Inbound, Kind, Sender


class Drop(NamedTuple):
    """An authentic event that is let go. `started` is the assistant's conversation that it opened, if it did."""

    ids: tuple[str, ...]
    account: str
    reason: str
    started: AssistantThread | None = None


class Events:
    """Reads the Events API for one channel. Its account is the team whose installation of the app an event is for."""

    def __init__(self, channel: str, homes: Workspaces, people: People, parents: Parents) -> None:
        self._channel, self._homes, self._people = channel, homes, people
        self._messages = Messages(people, parents)
        readers: Mapping[str, Callable[[Workspace, Any], Awaitable[dict[str, Any]]]] = {
            "message": self._messages.read,
            "app_mention": self._messages.read,
            "reaction_added": self._reacted,
            "reaction_removed": self._reacted,
            "member_joined_channel": self._joined,
            "member_left_channel": self._left,
            "channel_left": self._left,
            "group_left": self._left,
            "channel_id_changed": self._renumbered,
        }
        self._readers = readers

    async def read(self, envelope: Envelope) -> Inbound | Drop:
        """Never raises because of what an event holds."""
        home = self._homes.first(envelope.teams)
        ids = (f"event:{envelope.event_id}",) if envelope.event_id else ()
        if home is None:  # an installation whose token we were not given
            return Drop(ids, envelope.team_id or "", "unroutable")
        try:
            return await self._read(home, ids, envelope.event)
        except Letgo as reason:
            return Drop(ids, home.team, str(reason))
        except Exception:  # of any kind: one that cannot be read must not stop those behind it
            return Drop(ids, home.team, "unsupported")

    async def _read(self, home: Workspace, ids: tuple[str, ...], event: Mapping[str, Any]) -> Inbound | Drop:
        kind = event.get("type")
        if kind == "assistant_thread_started":
            return Drop(ids, home.team, "service", msgspec.convert(event, Started).assistant_thread)
        reader = self._readers.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise Letgo("service" if kind in _SERVICE else "unsupported")
        told = await reader(home, event)
        address: Address = told["address"]
        more: tuple[str, ...] = told.pop("ids", ())
        told["address"] = msgspec.structs.replace(address, account=self._homes.account(home.team))
        return Inbound(channel=self._channel, account=home.team, ids=(*ids, *more), **told)

    async def _reacted(self, home: Workspace, data: Any) -> dict[str, Any]:
        """Slack says whose message it was: what people make of each other's is none of our business."""
        event = msgspec.convert(data, Reaction)
        if event.user == home.user:
            raise Letgo("own_echo")
        if event.item.type != "message" or not event.item.channel or event.item_user not in ("", home.user):
            raise Letgo("not_addressed")
        chat, removed = event.item.channel, data.get("type") == "reaction_removed"
        return {
            "kind": "reaction",
            "address": Address(chat=chat, user=event.user, place="dm" if direct(chat) else "group"),
            "sender": await self._people.sender(home, event.user),
            "addressed": direct(chat),
            "ref": event.item.ts,
            "sent_at": moment(event.event_ts),
            "extra": {"reaction": {"emoji": sign(event.reaction), "removed": removed}},
        }

    async def _joined(self, home: Workspace, data: Any) -> dict[str, Any]:
        """Only where it is we who were invited."""
        event = msgspec.convert(data, Membership)
        if event.user != home.user:
            raise Letgo("service")
        sender = await self._people.sender(home, event.inviter) if event.inviter else None
        return _membership("added", event, sender)

    async def _left(self, home: Workspace, data: Any) -> dict[str, Any]:
        event = msgspec.convert(data, Membership)
        if event.user not in ("", home.user):
            raise Letgo("service")
        return _membership("removed", event, None)

    async def _renumbered(self, home: Workspace, data: Any) -> dict[str, Any]:
        event = msgspec.convert(data, Renumbered)
        old, new = event.old_channel_id, event.new_channel_id
        return {
            "kind": "migrate",
            "ids": (f"migrate:{old}:{new}",),
            "address": Address(chat=old, place="group"),
            "addressed": False,
            "sent_at": moment(event.event_ts),
            "extra": {"from": old, "to": new},
        }


_SERVICE = {
    *("app_home_opened", "app_uninstalled", "tokens_revoked", "assistant_thread_context_changed", "link_shared"),
    *("channel_rename", "channel_archive", "channel_unarchive", "channel_deleted", "channel_created"),
    *("group_rename", "group_archive", "group_unarchive", "pin_added", "pin_removed", "user_change", "team_join"),
    *("file_shared", "file_created", "file_change", "file_public", "file_deleted", "emoji_changed"),
}


def _membership(kind: Kind, event: Membership, sender: Sender | None) -> dict[str, Any]:
    """All who are there are meant, so the address has no user."""
    found = {"kind": kind, "address": Address(chat=event.channel, place="group"), "addressed": False}
    return {**found, "sender": sender, "sent_at": moment(event.event_ts)}
