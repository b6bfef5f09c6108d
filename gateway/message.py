"""The shapes that travel through the gateway. All are frozen; all encode to JSON and back with `encode` and `decode`.

Times are integer milliseconds since 1970 (UTC). Ids of platforms are text, verbatim.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

Json = Any
"""Plain JSON data: None, bool, int, float, str, list, dict."""

Place = Literal["dm", "group", "topic", "thread", "conversation"]
"""What kind of spot an address is; the channel's policy maps each to a session scope."""

Kind = Literal[
    "message",
    "edit",
    "revoke",
    "button",
    "reaction",
    "service",
    "added",
    "removed",
    "migrate",
    "blocked",
    "unblocked",
]
Level = Literal["anonymous", "platform", "verified"]
Role = Literal["user", "assistant", "system"]


class Shape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Root of all that travels. Made whole and never changed, it cannot be part of a cycle."""


class Address(Shape, frozen=True):
    """Where something was said and by whom, in the platform's own ids.

    `account` is ours: which of the channel's numbers or workspaces this was said to, "" where it has only one.
    """

    chat: str
    account: str = ""
    thread: str = ""
    user: str = ""
    place: Place = "dm"


class Sender(Shape, frozen=True):
    """Who said it, as the platform tells: shown to bots, never part of a key except by `id`."""

    id: str
    name: str = ""
    username: str = ""
    language: str = ""
    level: Level = "platform"
    bot: bool = False
    profile: Mapping[str, str] = {}  # phone, email, timezone ... where the platform gives them


class File(Shape, frozen=True):
    """A file that came in or goes out. `ref` is the platform's handle, `url` a place to fetch it from."""

    id: str = ""
    name: str = ""
    mime: str = ""
    size: int = 0
    url: str = ""
    ref: str = ""
    kind: str = "document"  # photo, audio, voice, video, sticker, document


class Button(Shape, frozen=True):
    """A choice offered below a message: `value` comes back when pressed, `url` opens a page instead."""

    text: str
    value: str = ""
    url: str = ""


class Inbound(Shape, frozen=True):
    """One thing that happened on a platform, translated at the door.

    `ids` are the platform's own, each unique per (channel, account): a repeat of any of them is a duplicate.
    `addressed` says what the platform can see: a direct message, a mention, a reply to the bot, a command for it.
    `ref` is the platform's id of the message itself, `reply_to` that of the message it answers.
    `raw` are the bytes it was read from; they are stored beside it, not inside its JSON. The words it answers, where
    the platform tells them, are `extra["quoted"]`: `{"sender": {"id", "name"}, "text"}`.
    `order` is the platform's own among the messages of one chat, 0 where it has none. The core sets `joins`, what it
    may be gathered with, `replaces`, what the earlier answer consists of that a new one takes the place of (as in a
    part), and `draft`, the id of the message in which the answer is shown while it is written.
    """

    channel: str
    account: str
    ids: tuple[str, ...]
    address: Address
    kind: Kind = "message"
    text: str = ""
    sender: Sender | None = None
    files: tuple[File, ...] = ()
    addressed: bool = True
    ref: str = ""
    reply_to: str = ""
    sent_at: int = 0
    extra: Mapping[str, Json] = {}
    order: int = 0
    joins: str = ""
    replaces: tuple[str | int, ...] = ()
    draft: str = ""


class Outbound(Shape, frozen=True):
    """One message that a bot, a command or an operator wants said. `text` is Markdown.

    The core sets `whole`, the text as a file where it would be too many messages, and `speech`, the text as spoken.
    """

    text: str = ""
    files: tuple[File, ...] = ()
    buttons: tuple[Button, ...] = ()
    reply_to: str = ""
    whole: File | None = None
    speech: File | None = None


class Entity(Shape, frozen=True):
    """A formatted stretch of a part's text; offset and length count UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""


class Part(Shape, frozen=True):
    """What an adapter sends at one go: rendered in its dialect, within its limits.

    `id` names this part for ever, also over retries; `plain` is the same text without markup and with links in
    place of its files, sent once when the platform rejects the markup or the files. `template` is the platform's own
    template to be sent with the text as its variable, where free text is not allowed now.
    """

    id: str
    address: Address
    text: str = ""
    plain: str = ""
    entities: tuple[Entity, ...] = ()
    files: tuple[File, ...] = ()
    buttons: tuple[Button, ...] = ()
    reply_to: str = ""
    template: str = ""
    session: str = ""
    turn: str = ""
    line: int = 0  # which message of the turn's answer it belongs to
    # What this one takes the place of, where `limits.edit`: the platform's id of it, or ours, of an earlier part, as
    # long as the platform has not said its own.
    replaces: str | int = ""
    gone: bool = False  # nothing takes its place: what `replaces` names is to be deleted


class Message(Shape, frozen=True):
    """One line of a session's history. `seq` counts from 1 within the session."""

    seq: int
    role: Role
    text: str
    at: int
    name: str = ""
    sender: str = ""
    files: tuple[File, ...] = ()
    buttons: tuple[Button, ...] = ()
    ref: str = ""
    turn: str = ""
    flag: str = ""  # "cancelled", "failed", "away": why this line is not an ordinary one
    ratings: Mapping[str, int] = {}  # who found an answer good (1) or bad (-1), by the platform's id of them
    fate: str = ""  # what became of it on its way: "sent", "delivered", "read", "dead"; known once its parts are gone


class Participant(Shape, frozen=True):
    """Who talks, with what is remembered of them across sessions of one channel and bot."""

    id: str
    user: str
    name: str = ""
    language: str = ""
    level: Level = "platform"
    first_seen: int = 0
    last_seen: int | None = None  # before this session's first message; None for a newcomer
    data: Mapping[str, Json] = {}


class Session(Shape, frozen=True):
    """One conversation of a lane, as it stood when the turn was claimed."""

    id: str
    key: str
    channel: str
    platform: str
    bot: str
    scope: str
    epoch: int
    state: str = "active"
    created_at: int = 0
    last_activity: int = 0
    message_count: int = 0
    resumed: bool = False
    language: str = ""
    variables: Mapping[str, Json] = {}
    context: Mapping[str, Json] = {}
    summary: str | None = None
    summary_upto: int = 0


class Turn(Shape, frozen=True):
    """One inbound being answered: all that a bot is told. `deadline` is when the gateway stops waiting."""

    id: str
    attempt: int
    deadline: int
    session: Session
    participant: Participant
    message: Inbound
    history: tuple[Message, ...] = ()
    summary: str | None = None
    type: str = "message"  # or "summarize", where the message is the operator's prompt; or "transcribe"
    attribution: bool = True  # in a group, earlier texts are given as `Name: text`


_T = TypeVar("_T")
_encoder = msgspec.json.Encoder()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def encode(shape: Any) -> str:
    """JSON text of a shape, or of any plain data holding shapes."""
    return _encoder.encode(shape).decode()


def decode(kind: type[_T], text: str | bytes) -> _T:
    """The shape back from its JSON. Raises `msgspec.ValidationError` when it is not one."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder.decode(text)  # type: ignore[no-any-return]


def turn_key(turn: str) -> int:
    """A number that stands for a turn where a platform wants one (31 bits, never 0): what a draft is known by."""
    try:
        return int(turn[-8:], 16) >> 1 or 1  # the first ones may be a number that the platform counts on
    except ValueError:
        return 1
