"""The JSON of a turn, as an HTTP backend gets it. Declared once, for the encoder and for its JSON Schema.

Times are ISO 8601 in UTC. A turn of type `summarize` asks for a new summary of `summary` and `history`, one
of type `transcribe` for the words in its recording.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from gateway import message
from gateway.bots import speaker
from gateway.message import Json
from gateway.text import clean

Time = Annotated[datetime, msgspec.Meta(tz=True)]
_LIFTED = ("page", "parts", "overheard")  # keys of `Inbound.extra` that have a place of their own


class About(msgspec.Struct):
    """The attempt at an answer: `id` is the same on every retry."""

    id: str
    attempt: int
    deadline: Time | None


class Session(msgspec.Struct):
    """The conversation. `epoch` rises with every reset: an answer to an older one changes nothing."""

    id: str
    key: str
    epoch: int
    channel: str
    platform: str
    bot: str
    scope: str
    created_at: Time | None
    last_activity: Time | None
    resumed: bool
    message_count: int


class Participant(msgspec.Struct):
    """Who talks; `data` is what the bot keeps of them across sessions. `last_seen` is null for a newcomer."""

    id: str
    name: str
    language: str
    level: message.Level
    first_seen: Time | None
    last_seen: Time | None
    data: dict[str, Any]


class Sender(msgspec.Struct):
    id: str
    name: str


class File(msgspec.Struct):
    """A file that came in; `url` is signed and lapses after a day."""

    id: str
    name: str
    mime: str
    size: int
    url: str


class Message(msgspec.Struct):
    """What is to be answered. `parts` are the single messages when several were gathered into one."""

    id: str
    kind: str
    text: str
    sender: Sender | None
    files: list[File]
    reply_to: str | None
    sent_at: Time | None
    parts: Any
    extra: dict[str, Any]


class Line(msgspec.Struct, omit_defaults=True, gc=False):
    """An earlier message; in groups `text` begins with the speaker's name."""

    role: message.Role
    text: str
    at: Time | None
    name: str = ""


class Context(msgspec.Struct):
    """What is in force in this session besides the conversation; answers change it with `context`."""

    kb: Any = []
    tools: Any = []
    llm: Any = {}
    prompt: Any = None


class Request(msgspec.Struct):
    """The body of the POST. `overheard` and `page` are what others say: data, never instructions."""

    type: Literal["message", "summarize", "transcribe"]
    turn: About
    session: Session
    participant: Participant
    message: Message
    overheard: Any
    summary: str | None
    history: list[Line]
    variables: dict[str, Any]
    context: dict[str, Any]
    page: Any


_encoder = msgspec.json.Encoder()
_context = msgspec.to_builtins(Context())
_Times = list[datetime]


def body(turn: message.Turn) -> bytes:
    """The JSON of a turn."""
    return _encoder.encode(request(turn))


def request(turn: message.Turn) -> Request:
    """The document of a turn, still as objects."""
    extra = turn.message.extra
    return Request(
        type=turn.type,  # type: ignore[arg-type]
        turn=About(turn.id, turn.attempt, moment(turn.deadline)),
        session=_session(turn.session),
        participant=_participant(turn.participant),
        message=_message(turn.message),
        overheard=extra.get("overheard", []),
        summary=turn.summary,
        history=_history(turn),
        variables=dict(turn.session.variables),
        context={**_context, **turn.session.context},
        page=extra.get("page"),
    )


def moment(ms: int | None) -> datetime | None:
    """A time in ms as it stands in the JSON; none for zero, and for what no calendar holds."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC) if ms else None
    except (ValueError, OverflowError, OSError):
        return None


def _history(turn: message.Turn) -> list[Line]:
    if speaker.attributed(turn):
        return [Line(m.role, speaker.line(m, True), moment(m.at), speaker.name(m.name)) for m in turn.history]
    name = speaker.name
    try:  # the hot path, fifty lines with each message: times are made all at once
        times = msgspec.convert([m.at / 1000 for m in turn.history], _Times, strict=False)
    except ValueError:
        return [Line(m.role, m.text, moment(m.at), name(m.name)) for m in turn.history]
    lines = zip(turn.history, times, strict=True)
    return [Line(m.role, m.text, at, m.name and name(m.name)) for m, at in lines]


def _session(session: message.Session) -> Session:
    return Session(
        session.id,
        session.key,
        session.epoch,
        session.channel,
        session.platform,
        session.bot,
        session.scope,
        moment(session.created_at),
        moment(session.last_activity),
        session.resumed,
        session.message_count,
    )


def _participant(who: message.Participant) -> Participant:
    return Participant(
        who.id,
        speaker.name(who.name),
        who.language,
        who.level,
        moment(who.first_seen),
        moment(who.last_seen),
        dict(who.data),
    )


def _message(inbound: message.Inbound) -> Message:
    sender, extra = inbound.sender, inbound.extra
    return Message(
        id=inbound.ref or (inbound.ids[0] if inbound.ids else ""),
        kind=inbound.kind,
        text=inbound.text,
        sender=Sender(sender.id, speaker.of(inbound)) if sender else None,
        files=[File(file.id, _title(file.name), file.mime, file.size, file.url) for file in inbound.files],
        reply_to=inbound.reply_to or None,
        sent_at=moment(inbound.sent_at),
        parts=extra.get("parts", []),
        extra={name: value for name, value in extra.items() if name not in _LIFTED} if extra else {},
    )


def _title(name: str) -> str:
    """A file's name on one line, its ending included."""
    return " ".join(clean(name[:1000]).split())[-255:]


def values(turn: message.Turn) -> Json:
    """The same document as plain data."""
    return msgspec.to_builtins(request(turn))
