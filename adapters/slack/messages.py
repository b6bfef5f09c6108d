"""Messages: what people say, and what they make of it afterwards. Slack tells of all of that in one kind of event."""

from typing import Any

import msgspec

from adapters.slack import contents
from adapters.slack.around import Around
from adapters.slack.letgo import Letgo
from adapters.slack.parents import Parents
from adapters.slack.people import People
from adapters.slack.reading import mentions
from adapters.slack.wire import Message, direct, moment, order, spot
from adapters.slack.workspace import Workspace
from gateway.message import Address, Sender

# Every other subtype is a note about the channel: joins, topics, pins, reminders, and what is yet to be invented.
_SAID = {"", "file_share", "thread_broadcast", "me_message", "bot_message"}


class Messages:
    """Gives the fields of an `Inbound`. Raises `Letgo` for what is let go, `ValidationError` for the malformed."""

    def __init__(self, people: People, parents: Parents) -> None:
        self._people, self._around = people, Around(people, parents)

    async def read(self, home: Workspace, data: Any) -> dict[str, Any]:
        """Of an event `message` or `app_mention`: the two tell of the same message under the same ids."""
        event = msgspec.convert(data, Message)
        if event.subtype == "message_changed":
            return await self._changed(home, event)
        if event.subtype == "message_deleted":
            return await self._deleted(home, event)
        if event.subtype not in _SAID:
            raise Letgo("service")
        return await self._said(home, event, data.get("type") == "app_mention")

    async def _said(self, home: Workspace, event: Message, mentioned: bool) -> dict[str, Any]:
        address, sender = await self._from(home, event, event)
        ids = [f"message:{event.channel}:{event.ts}"]
        if event.client_msg_id:  # one press of Enter has been seen to come as two messages with times of their own
            ids.append(f"client:{event.channel}:{event.client_msg_id}")
        mentioned = mentioned or mentions(event.text, home.user)
        content = await self._around.content(home, event, mentioned)
        readable = content.text or content.files
        return {
            "ids": tuple(ids),
            "address": address,
            "sender": sender,
            "text": content.text,
            "files": content.files,
            "extra": content.extra if readable else {"kind": contents.kind(event)},
            "addressed": mentioned or self._addressed(home, event, event),
            "ref": event.ts,
            "reply_to": event.thread_ts if event.thread_ts != event.ts else "",
            "sent_at": moment(event.ts),
            "order": order(event.ts),
        }

    async def _changed(self, home: Workspace, event: Message) -> dict[str, Any]:
        """An edit; but previews of links, replies below and our own edits come as changes too."""
        now, before = event.message, event.previous_message
        if now is None:
            raise Letgo("service")
        if now.subtype == "tombstone":  # the first message of a thread goes, and leaves this in its place
            return await self._gone(home, event, before or now, now.ts)
        if home.speaks(now.user, now.bot_id):
            raise Letgo("own_echo")
        if now.subtype not in _SAID or now.edited is None or (before and _same(now, before)):
            raise Letgo("service")
        address, sender = await self._from(home, event, now)
        content = await self._around.content(home, now, mentioned=False)
        if not content.text and not content.files:
            raise Letgo("unsupported")
        return {
            "kind": "edit",
            "ids": (f"edit:{event.channel}:{now.ts}:{now.edited.ts}",),
            "address": address,
            "sender": sender,
            "text": content.text,
            "files": content.files,
            "addressed": self._addressed(home, event, now),
            "ref": now.ts,
            "sent_at": moment(now.edited.ts),
            "order": order(now.edited.ts),
        }

    async def _deleted(self, home: Workspace, event: Message) -> dict[str, Any]:
        return await self._gone(home, event, event.previous_message or Message(), event.deleted_ts)

    async def _gone(self, home: Workspace, event: Message, was: Message, ts: str) -> dict[str, Any]:
        if home.speaks(was.user, was.bot_id):
            raise Letgo("own_echo")
        if not was.user or not ts:
            raise Letgo("service")
        address, sender = await self._from(home, event, was)
        return {
            "kind": "revoke",
            "ids": (f"revoke:{event.channel}:{ts}",),
            "address": address,
            "sender": sender,
            "addressed": direct(event.channel, event.channel_type),
            "ref": ts,
            "sent_at": moment(event.ts),
            "order": order(event.ts),
        }

    def _addressed(self, home: Workspace, event: Message, said: Message) -> bool:
        """A direct message, our name in it, or an answer in a thread that we began."""
        if direct(event.channel, event.channel_type) or mentions(said.text, home.user):
            return True
        return bool(home.user) and said.parent_user_id == home.user

    async def _from(self, home: Workspace, event: Message, said: Message) -> tuple[Address, Sender]:
        """Where and by whom. Other bots speak as their user, or where they have none as the bot."""
        if home.speaks(said.user, said.bot_id):
            raise Letgo("own_echo")
        user = said.user or said.bot_id
        if not event.channel or not said.ts or not user or user == "USLACKBOT":
            raise Letgo("service")
        address = spot("", event.channel, event.channel_type, said.thread_ts, said.ts, user)
        if said.bot_id or said.subtype == "bot_message":
            name = said.username or (said.bot_profile.name if said.bot_profile else "")
            return address, Sender(id=user, name=name, bot=True)
        return address, await self._people.sender(home, user, _name(said))


def _name(said: Message) -> str:
    profile = said.user_profile
    return (profile.display_name or profile.real_name or profile.name) if profile else ""


def _same(now: Message, before: Message) -> bool:
    return now.text == before.text and now.edited == before.edited
