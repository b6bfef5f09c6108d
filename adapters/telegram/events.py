"""Updates that are no messages: buttons, reactions, and the bot's own membership.

Read with shapes of our own and not with aiogram's. Those demand every field of the newest Bot API, so that the
removal of an administrator, told by a Bot API server one version older, would be lost.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from adapters.telegram.keyboard import Keyboard, pressed
from adapters.telegram.wire import Chat, User, speaker, spot
from gateway.message import Address, Inbound, Json, Kind, Sender

_INSIDE = {"creator", "administrator", "member"}


class _Below(msgspec.Struct, frozen=True):
    """The message a button stands below; of an old one there is no more than this."""

    message_id: int
    chat: Chat
    message_thread_id: int = 0
    is_topic_message: bool = False
    reply_markup: Keyboard | None = None


class _Press(msgspec.Struct, frozen=True):
    id: str
    user: User = msgspec.field(name="from")
    message: _Below | None = None
    data: str | None = None


class _Reaction(msgspec.Struct, frozen=True):
    type: str
    emoji: str = ""
    custom_emoji_id: str = ""

    def __str__(self) -> str:
        return self.emoji or self.custom_emoji_id or self.type


class _Reactions(msgspec.Struct, frozen=True):
    chat: Chat
    message_id: int
    date: int
    old_reaction: tuple[_Reaction, ...]
    new_reaction: tuple[_Reaction, ...]
    user: User | None = None
    actor_chat: Chat | None = None


class _Member(msgspec.Struct, frozen=True):
    status: str
    is_member: bool = False  # said of the restricted only

    @property
    def inside(self) -> bool:
        return self.status in _INSIDE or (self.status == "restricted" and self.is_member)


class _Membership(msgspec.Struct, frozen=True):
    chat: Chat
    date: int
    old_chat_member: _Member
    new_chat_member: _Member
    user: User = msgspec.field(name="from")


class Events:
    """Reads for one account of one channel. Raises `msgspec.ValidationError` when an event is malformed."""

    def __init__(self, channel: str, account: str) -> None:
        self._channel, self._account = channel, account
        self._readers: dict[str, Callable[[Any, tuple[str, ...]], Inbound | None]] = {
            "callback_query": self._button,
            "message_reaction": self._reaction,
            "my_chat_member": self._membership,
        }

    def read(self, name: str, data: Any, ids: tuple[str, ...]) -> Inbound | None:
        """An event of the named type; nothing when it happened nowhere that we could answer."""
        return self._readers[name](data, ids)

    def _button(self, data: Any, ids: tuple[str, ...]) -> Inbound | None:
        """A press on a button of ours: `text` is its value, `ref` the message it stands below.

        Of a value too long for Telegram only the button's number comes back: the core knows what it stands for.
        """
        press = msgspec.convert(data, _Press)
        below = press.message
        if below is None or press.data is None:  # below a message sent through us elsewhere, or a game's
            return None
        thread = below.message_thread_id if below.is_topic_message else 0
        sender, meant = speaker(press.user), pressed(press.data, below.reply_markup)
        button: dict[str, Json] = {"ref": str(below.message_id), "text": meant.label}
        if meant.number is not None:
            button["index"] = meant.number
        return self._inbound(
            "button",
            (*ids, f"callback:{press.id}"),
            spot(below.chat, thread, sender),
            sender,
            text=meant.value,
            ref=str(below.message_id),
            extra={"button": button, "callback": press.id},
        )

    def _reaction(self, data: Any, ids: tuple[str, ...]) -> Inbound | None:
        """Somebody's reactions to the message `ref` changed. Telegram does not say whose message that is."""
        change = msgspec.convert(data, _Reactions)
        sender = speaker(change.user, change.actor_chat)
        old, new = [str(one) for one in change.old_reaction], [str(one) for one in change.new_reaction]
        return self._inbound(
            "reaction",
            ids,
            spot(change.chat, 0, sender),
            sender,
            addressed=change.chat.type == "private",
            ref=str(change.message_id),
            sent_at=change.date * 1000,
            extra={"reaction": _changed(old, new)},
        )

    def _membership(self, data: Any, ids: tuple[str, ...]) -> Inbound | None:
        """What we are in a chat changed: added to a group or removed, blocked by a user or welcome again."""
        change = msgspec.convert(data, _Membership)
        sender, private = speaker(change.user), change.chat.type == "private"
        kind = _change(change.old_chat_member.inside, change.new_chat_member.inside, private)
        return self._inbound(
            kind,
            ids,
            spot(change.chat, 0, sender),
            sender,
            addressed=private,
            sent_at=change.date * 1000,
            extra={"service": "my_chat_member"} if kind == "service" else {},
        )

    def _inbound(
        self, kind: Kind, ids: tuple[str, ...], address: Address | None, sender: Sender | None, **rest: Any
    ) -> Inbound | None:
        if address is None:
            return None
        return Inbound(
            channel=self._channel,
            account=self._account,
            ids=ids,
            kind=kind,
            address=address,
            sender=sender,
            **rest,
        )


def _changed(old: list[str], new: list[str]) -> dict[str, Json]:
    """What was put there last, or else taken away; and all that this person has there now."""
    added = [name for name in new if name not in old]
    gone = [name for name in old if name not in new]
    return {"emoji": next(iter([*added, *gone]), ""), "removed": not added, "now": new}


def _change(before: bool, now: bool, private: bool) -> Kind:
    if private:
        return "unblocked" if now else "blocked"
    if before == now:  # promoted, restricted
        return "service"
    return "added" if now else "removed"
