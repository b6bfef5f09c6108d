"""What we read of Slack's events. Fields that we have no use for are not named: Slack adds new ones at any time."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.message import Address, File

_TS = re.compile(r"(\d{1,12})\.(\d{1,9})", re.ASCII)
_KINDS = {"image": "photo", "audio": "audio", "video": "video"}


class Held(msgspec.Struct, frozen=True):
    """A file of a message. Of those in other organisations' channels there may be no more than the id."""

    id: str
    name: str = ""
    title: str = ""
    mimetype: str = ""
    subtype: str = ""
    mode: str = ""
    size: int = 0
    url_private: str = ""

    @property
    def called(self) -> str:
        return self.name or self.title or self.id

    def file(self, team: str) -> File:
        kind = "voice" if self.subtype == "slack_audio" else _KINDS.get(self.mimetype.partition("/")[0], "document")
        return File(
            ref=f"{team}/{self.id}",
            name=self.called,
            mime=self.mimetype or "application/octet-stream",
            size=max(self.size, 0),
            kind=kind,
        )


class Attachment(msgspec.Struct, frozen=True):
    """What hangs on a message: another message that is passed on or linked to, the preview of a link."""

    text: str = ""
    fallback: str = ""
    is_share: bool = False
    is_msg_unfurl: bool = False
    author_id: str = ""
    author_name: str = ""


class Block(msgspec.Struct, frozen=True):
    """A piece of a message's layout; its words stand in the message's text as well."""

    type: str = ""


class Edited(msgspec.Struct, frozen=True):
    ts: str = ""


class Profile(msgspec.Struct, frozen=True):
    """How a user or a bot is called, where the event says so itself."""

    display_name: str = ""
    real_name: str = ""
    name: str = ""


class Message(msgspec.Struct, frozen=True):
    """A message, as an event or inside one."""

    ts: str = ""
    user: str = ""
    bot_id: str = ""
    username: str = ""
    subtype: str = ""
    text: str = ""
    channel: str = ""
    channel_type: str = ""
    thread_ts: str = ""
    parent_user_id: str = ""
    client_msg_id: str = ""
    files: tuple[Held, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    blocks: tuple[Block, ...] = ()
    edited: Edited | None = None
    user_profile: Profile | None = None
    bot_profile: Profile | None = None
    message: "Message | None" = None
    previous_message: "Message | None" = None
    root: "Message | None" = None  # the first one of its thread, where it is shown in the channel as well
    deleted_ts: str = ""


class Item(msgspec.Struct, frozen=True):
    type: str = ""
    channel: str = ""
    ts: str = ""


class Reaction(msgspec.Struct, frozen=True):
    user: str
    reaction: str
    item: Item
    item_user: str = ""
    event_ts: str = ""


class Membership(msgspec.Struct, frozen=True):
    """Somebody came into a channel or left it. The bot's own leaving has no user."""

    channel: str
    user: str = ""
    inviter: str = ""
    event_ts: str = ""


class Renumbered(msgspec.Struct, frozen=True):
    """A channel goes on under another id, as it may when it comes to be shared between organisations."""

    old_channel_id: str
    new_channel_id: str
    event_ts: str = ""


class AssistantThread(msgspec.Struct, frozen=True):
    channel_id: str
    thread_ts: str
    user_id: str = ""


class Started(msgspec.Struct, frozen=True):
    """Somebody opened a new conversation with the assistant."""

    assistant_thread: AssistantThread


class Authorization(msgspec.Struct, frozen=True):
    """An installation; one for a whole organisation (`E...`) may name no team."""

    team_id: str | None = None
    enterprise_id: str | None = None


class Envelope(msgspec.Struct, frozen=True):
    """What the Events API sends, over HTTP and inside Socket Mode's own envelope alike."""

    type: str
    event_id: str = ""
    team_id: str | None = None
    enterprise_id: str | None = None
    context_team_id: str | None = None
    authorizations: tuple[Authorization, ...] | None = None
    event: Mapping[str, Any] = {}
    challenge: str = ""
    minute_rate_limited: int = 0

    @property
    def teams(self) -> tuple[str, ...]:
        """The teams it may concern, the installation's own first, whole organisations last."""
        installed = self.authorizations or ()
        teams = (*(one.team_id for one in installed), self.team_id, self.context_team_id)
        return tuple(one for one in (*teams, *(one.enterprise_id for one in installed), self.enterprise_id) if one)


def moment(ts: str) -> int:
    """Milliseconds since 1970 of a message's id, which is its time; 0 when it is none."""
    found = _TS.fullmatch(ts)
    return int(found[1]) * 1000 + int(found[2][:3].ljust(3, "0")) if found else 0


def order(ts: str) -> int:
    """The place of a message among those of its channel, by its id: microseconds since 1970; 0 when it is none."""
    found = _TS.fullmatch(ts)
    return int(found[1]) * 1_000_000 + int(found[2][:6].ljust(6, "0")) if found else 0


def direct(channel: str, kind: str = "") -> bool:
    """Whether nobody but one user and the bot is there. Some events tell the kind of a channel only by its id."""
    return kind in ("im", "app_home") or channel.startswith("D")


def spot(account: str, channel: str, kind: str, thread: str, ts: str, user: str) -> Address:
    """Where a message was said. In a channel each line begins a thread of its own, in which it is answered."""
    if direct(channel, kind):
        return Address(account=account, chat=channel, thread=thread, user=user, place="dm")
    return Address(account=account, chat=channel, thread=thread or ts, user=user, place="thread")
