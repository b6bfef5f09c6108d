"""An update of the Bot API as an `Inbound`, or the reason why it is none."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from adapters.telegram.addressing import Ear
from adapters.telegram.events import Events
from adapters.telegram.wire import Answered, Content, Message, speaker, spot
from gateway.mending import loads
from gateway.message import Address, Inbound, Json, Kind, Sender
from gateway.text import clean, clean_name

ALLOWED = ["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"]
"""The update types that we ask Telegram for."""

_WORDS = Content()
_QUOTED = 2000  # letters of what a message answers


class Drop(NamedTuple):
    """An authentic update that is let go."""

    ids: tuple[str, ...]
    reason: str


class _Spoken(msgspec.Struct, frozen=True):
    """What most updates are: somebody has written something."""

    update_id: int
    message: Message


_spoken = msgspec.json.Decoder(_Spoken)


class Update(NamedTuple):
    """An update that can at least be named. Where it is a text message `spoken` is all that is read of it."""

    id: int
    data: Mapping[str, Any]
    spoken: Message | None = None


def parse(raw: bytes) -> Update | None:
    """Nothing when the bytes are no update: not JSON, not an object, or without a number of its own."""
    try:
        told = _spoken.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    if told is not None and told.message.text:
        return Update(told.update_id, {}, told.message)
    data = loads(raw)
    if not isinstance(data, dict) or type(data.get("update_id")) is not int:
        return None
    return Update(data["update_id"], data)


class Updates:
    """Reads updates for one account of one channel. `ear` must be told our name before it hears groups."""

    def __init__(self, channel: str, account: str) -> None:
        self._channel, self._account = channel, account
        self.ear = Ear(account)
        self._events = Events(channel, account)
        self._contents: Callable[[Mapping[str, Any]], Content | None] | None = None

    async def read(self, update: Update) -> Inbound | Drop:
        """Never raises because of what an update holds."""
        ids = (f"update:{update.id}",)
        try:
            said = update.spoken
            found = await (self._message(said, {}, ids, "message") if said else self._read(update.data, ids))
        except ImportError:
            raise
        except Exception:  # of any kind: one that cannot be read must not stop those behind it
            found = None
        return found or Drop(ids, "unsupported")

    async def _read(self, data: Mapping[str, Any], ids: tuple[str, ...]) -> Inbound | Drop | None:
        for name in ALLOWED:
            held = data.get(name)
            if held is None:
                continue
            if name == "message":
                return await self._message(msgspec.convert(held, Message), held, ids, "message")
            if name == "edited_message":
                return await self._message(msgspec.convert(held, Message), held, ids, "edit")
            return self._events.read(name, held, ids)
        return None

    async def _message(
        self, message: Message, data: Mapping[str, Any], ids: tuple[str, ...], kind: Kind
    ) -> Inbound | Drop | None:
        sender = speaker(message.user, message.sender_chat, message.author_signature)
        thread = message.message_thread_id if message.is_topic_message else 0
        address = spot(message.chat, thread, sender)
        if address is None:
            return None
        if message.migrate_to_chat_id or message.migrate_from_chat_id:
            return self._migration(message, ids, address)
        if sender is not None and sender.id == self._account:
            return Drop(ids, "own_echo")
        content = _WORDS if message.text else await self._content(data)
        if content is None or (kind == "edit" and "kind" in content.extra):
            return None
        return self._inbound(message, ids, kind, address, sender, content)

    def _inbound(
        self,
        message: Message,
        ids: tuple[str, ...],
        kind: Kind,
        address: Address,
        sender: Sender | None,
        content: Content,
    ) -> Inbound:
        words, entities = message.text or message.caption, message.entities or message.caption_entities
        answered = message.reply_to_message
        if answered is not None and answered.forum_topic_created is not None:
            answered = None
        if kind == "message":  # a Bot API server of one's own counts updates anew, but not messages
            ids = (*ids, f"message:{message.chat.id}:{message.message_id}")
        return Inbound(
            channel=self._channel,
            account=self._account,
            ids=ids,
            kind=kind if content.kind == "message" else content.kind,
            address=address,
            sender=_with_phone(sender, content),
            text=_said(content, self.ear.strip(words, entities)),
            files=content.files,
            addressed=self._addressed(message, address, content),
            ref=str(message.message_id),
            reply_to=str(answered.message_id) if answered else "",
            sent_at=(message.edit_date or message.date) * 1000,
            order=message.message_id,
            extra=_beside(message, answered, content) if answered or message.media_group_id else content.extra,
        )

    def _addressed(self, message: Message, address: Address, content: Content) -> bool:
        words, entities = message.text or message.caption, message.entities or message.caption_entities
        if address.place == "dm":
            return not self.ear.names_another(words, entities)
        return content.kind == "message" and self.ear.hears(message, words, entities)

    def _migration(self, message: Message, ids: tuple[str, ...], address: Address) -> Inbound:
        """Both chats tell of it, in either order; the shared id makes the second one a repeat."""
        old, new = message.chat.id, message.migrate_to_chat_id
        if not new:
            old, new = message.migrate_from_chat_id, message.chat.id
        return Inbound(
            channel=self._channel,
            account=self._account,
            ids=(*ids, f"migrate:{old}:{new}"),
            kind="migrate",
            address=address,
            addressed=False,
            ref=str(message.message_id),
            sent_at=message.date * 1000,
            extra={"from": str(old), "to": str(new)},
        )

    async def _content(self, data: Mapping[str, Any]) -> Content | None:
        """Loading aiogram takes seconds: it is done once, when first needed, and beside the loop."""
        if self._contents is None:
            self._contents = await asyncio.to_thread(_load_reader)
        return self._contents(data)


def _load_reader() -> Callable[[Mapping[str, Any]], Content | None]:
    from adapters.telegram import contents

    contents.warm()
    return contents.read


def _said(content: Content, words: str) -> str:
    """What a bot can answer: a kind that says nothing is only named where there are words beside it."""
    return words if "kind" in content.extra and not words else " ".join(filter(None, (content.text, words)))


def _beside(message: Message, answered: Answered | None, content: Content) -> Mapping[str, Json]:
    """What stands beside the words: the album they belong to, and what they answer."""
    found = dict(content.extra)
    if message.media_group_id:
        found["album"] = message.media_group_id
    if answered is not None:
        said = (message.quote.text if message.quote else "") or answered.text or answered.caption
        speaks = speaker(answered.user, answered.sender_chat)
        found["quoted"] = {
            "sender": {"id": speaks.id if speaks else "", "name": clean_name(speaks.name) if speaks else ""},
            "text": clean(said[:_QUOTED]),
        }
    return found


def _with_phone(sender: Sender | None, content: Content) -> Sender | None:
    """Whoever shares the own contact tells the own number."""
    contact = content.extra.get("contact")
    if sender is None or contact is None or str(contact.get("user_id")) != sender.id:
        return sender
    return msgspec.structs.replace(sender, profile={"phone": contact["phone_number"]})
