"""What we read of a Telegram message ourselves: who, where, and its text. All else is aiogram's to parse."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from gateway.message import Address, File, Json, Kind, Sender

GENERAL_TOPIC = 1


class Content(NamedTuple):
    """What a message holds besides its words. `text` stands in, readably, for what is no file either."""

    kind: Kind = "message"
    text: str = ""
    files: tuple[File, ...] = ()
    extra: Mapping[str, Json] = {}


class User(msgspec.Struct, frozen=True):
    id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str = ""
    is_bot: bool = False


class Chat(msgspec.Struct, frozen=True):
    id: int
    type: str
    title: str = ""
    username: str = ""


class Entity(msgspec.Struct, frozen=True):
    """Offset and length count UTF-16 units."""

    type: str
    offset: int
    length: int
    user: User | None = None


class Answered(msgspec.Struct, frozen=True):
    """The message that a message answers."""

    message_id: int
    user: User | None = msgspec.field(default=None, name="from")
    sender_chat: Chat | None = None
    forum_topic_created: msgspec.Raw | dict[str, object] | None = None
    text: str = ""
    caption: str = ""


class Quote(msgspec.Struct, frozen=True):
    """The stretch of it that was picked out."""

    text: str = ""


class Message(msgspec.Struct, frozen=True):
    message_id: int
    chat: Chat
    date: int
    user: User | None = msgspec.field(default=None, name="from")
    sender_chat: Chat | None = None
    author_signature: str = ""
    message_thread_id: int = 0
    is_topic_message: bool = False
    reply_to_message: Answered | None = None
    quote: Quote | None = None
    edit_date: int = 0
    text: str = ""
    entities: tuple[Entity, ...] = ()
    caption: str = ""
    caption_entities: tuple[Entity, ...] = ()
    media_group_id: str = ""
    migrate_to_chat_id: int = 0
    migrate_from_chat_id: int = 0


def speaker(user: User | None, chat: Chat | None = None, signature: str = "") -> Sender | None:
    """Who speaks. Anonymous admins and channels speak as a chat: its id is theirs, not the stand-in user's.

    Chat ids of groups and channels are negative, so they never meet a user's.
    """
    if chat is not None:
        return Sender(id=str(chat.id), name=signature or chat.title, username=chat.username)
    if user is None:
        return None
    return Sender(
        id=str(user.id),
        name=f"{user.first_name} {user.last_name}".strip(),
        username=user.username,
        language=user.language_code,
        bot=user.is_bot,
    )


def spot(place: Chat, thread: int, sender: Sender | None) -> Address | None:
    """Where it was said. Nothing for channels, which are read by nobody who could be answered.

    A thread id without `is_topic_message` is only a chain of replies: callers pass 0 for it.
    """
    user = sender.id if sender else ""
    chat = str(place.id)
    if place.type == "private":
        return Address(chat=chat, thread=str(thread or ""), user=user, place="dm")
    if place.type not in ("group", "supergroup"):
        return None
    if thread in (0, GENERAL_TOPIC):  # sending to the General topic by its number is refused by Telegram
        return Address(chat=chat, user=user, place="group")
    return Address(chat=chat, thread=str(thread), user=user, place="topic")
