"""The blocks that may stand under `defaults` and under every channel; a channel's keys win, one by one."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from gateway import units
from gateway.options import Duration, DurationOrNever, Options, RateOrOff, Size, faults, key
from gateway.settings.people import Ids, Listed, Who

COMMANDS = ("reset", "start", "help", "status", "stop", "end", "history", "whoami", "forget")


class Scope(Options):
    """Which people and places share one conversation. `None`: the boundary that the adapter declares."""

    dm: Literal["user", "thread", "shared"] | None = key(None, "In direct messages; else user.")
    group: Literal["chat", "user"] | None = key(None, "In groups; else chat. user: each member of a group apart.")
    topic: Literal["thread", "chat", "thread_user"] | None = key(None, "In topics of a group; else thread.")
    thread: Literal["thread", "chat", "thread_user"] | None = key(None, "In threads; else thread.")


class Idle(Options):
    """What happens to a conversation in which nobody speaks."""

    after: DurationOrNever = key("30m", "Silence of the user after which it is idle.")
    action: Literal["dormant"] = key("dormant", "dormant: nothing is lost, the next message goes on.")


class Expire(Options):
    """When a conversation ends for good, since its last activity."""

    anonymous: DurationOrNever = key("7d", "For visitors nobody vouches for; their data is erased.")
    identified: DurationOrNever = key("never", "For users known to the platform or the site.")


class Session(Options):
    """The boundaries and the life of conversations."""

    scope: Scope = Field(default_factory=Scope)
    shared_on_purpose: bool = key(False, "Needed for `scope.dm: shared`, where strangers share one conversation.")
    idle: Idle = Field(default_factory=Idle)
    expire: Expire = Field(default_factory=Expire)
    on_edit: Literal["reanswer_last", "history", "ignore"] = key(
        "reanswer_last",
        "When somebody edits a message: answer the last one anew; only change what is kept; or do nothing.",
    )
    on_reaction: Literal["rate", "answer"] = key(
        "rate", "When somebody reacts to an answer: keep a thumb as its rating; or ask the bot about it, too."
    )

    @model_validator(mode="after")
    def _on_purpose(self) -> "Session":
        if self.scope.dm == "shared" and not self.shared_on_purpose:
            said = "shared lets strangers share one conversation: it needs session.shared_on_purpose: true"
            raise faults((("scope", "dm"), said))
        return self


class Access(Options):
    """Who may write."""

    dm: Literal["open", "allowlist", "off"] = key("open", "Direct messages: from anyone, those in `allow`, nobody.")
    allow: Listed = key((), "Ids, phone numbers, *@domain, @groups of `people`. Nobody, when empty.")
    block: Listed = key((), "The same; beats every allow.")
    tell: bool = key(False, "Tell those who may not write so, once a day.")


def _command(name: object) -> str:
    if name not in COMMANDS:
        raise ValueError(f"no such command (known: {', '.join(COMMANDS)})")
    return str(name)


Command = Annotated[str, PlainValidator(_command), WithJsonSchema({"enum": list(COMMANDS)})]


def _enabled(value: object) -> str | Ids:
    if value == "all":
        return "all"
    if not isinstance(value, list):
        raise ValueError("expected all, or a list of commands")
    known = f"no such command (known: {', '.join(COMMANDS)})"
    if wrong := [((index,), known) for index, item in enumerate(value) if item not in COMMANDS]:
        raise faults(*wrong)
    return tuple(value)


_commands: dict[str, Any] = {"type": "array", "items": {"enum": list(COMMANDS)}}
Enabled = Annotated[
    Literal["all"] | Ids,
    PlainValidator(_enabled),
    WithJsonSchema({"anyOf": [{"const": "all"}, _commands]}),
]


class Commands(Options):
    """Which /commands there are, and who may use them."""

    enabled: Enabled = key("all", "all, or a list; the others are plain text.")
    allow: dict[Command, Who] = key({"reset": "anyone"}, "Who may use a command; anyone where nothing is said.")
    unknown: Literal["bot", "help"] = key("bot", "Where other /words go: to the bot, or answered with help.")


class History(Options):
    """How much of the conversation the bot is given."""

    mode: Literal["summary", "window", "none"] = key(
        "summary", "summary: recent messages and a summary of the rest; window: recent ones only."
    )
    max_messages: int = key(50, "Most messages given to the bot; 0: none.", ge=0, le=1000)
    keep: int = key(30, "Messages left as they are when older ones are folded into the summary.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _keep_fits(cls, data: Any) -> Any:
        # The default of `keep` must not turn a small max_messages into an error.
        most = data.get("max_messages") if isinstance(data, dict) else None
        if isinstance(most, int) and "keep" not in data:
            return {**data, "keep": max(0, min(30, most * 3 // 5))}
        return data

    @model_validator(mode="after")
    def _below(self) -> "History":
        if self.max_messages and self.keep >= self.max_messages:
            raise faults((("keep",), f"must be below max_messages, which is {self.max_messages}"))
        return self


class Summary(Options):
    """How older messages become a summary."""

    by: str = key("digest", "digest: the first sentence of each, without a model; or the name of a bot.")
    prompt: str = key(
        "Summarise this conversation for your own later use: who wants what, what was agreed, what is open.",
        "What that bot is asked.",
    )


def _send(value: object) -> units.Rate | Literal["off"] | None:
    if value is None or value == "off":
        return "off" if value else None
    if not isinstance(value, str):
        raise ValueError("expected a rate such as 1/s or 60/m, or off")
    return units.rate(value)


_rate_or_off: dict[str, Any] = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?/[smhd]|off)$"}
Send = Annotated[units.Rate | Literal["off"] | None, PlainValidator(_send), WithJsonSchema(_rate_or_off)]


class Limits(Options):
    """What is too much."""

    messages: RateOrOff = key(
        "60/m", "Messages of one conversation, in groups at most three quarters of them one person's; or off."
    )
    file: Size = key("10MB", "Largest file in and out; the platform's own limit where that is lower.")
    variables: Size = key("1MB", "Most that a conversation's variables may hold, as JSON.")
    send: Send = key(None, "Pace of sending for the whole account, instead of the platform's; off: none.")


class Dedupe(Options):
    """How repeats are known of messages that neither the platform nor the client has given an id."""

    window: DurationOrNever = key(
        "10s", "For so long the same words of the same person are one message, until it is answered; off: never."
    )


class Delivery(Options):
    """How hard it is tried to deliver an answer."""

    attempts: int = key(10, "Tries at one part.", ge=1, le=1000)
    ttl: Duration = key("6h", "Older parts are not sent any more.")
    on_unknown: Literal["resend_once", "never", "until_confirmed"] = key(
        "resend_once", "When the platform's answer was lost, so that a part may or may not have been sent."
    )
    template: str = key(
        "", "The platform's template to send where it lets us say nothing of our own; unset: wait for the user."
    )


class Format(Options):
    """How answers are written."""

    input: Literal["markdown", "plain"] = key("markdown", "What the bot's text is.")
    max_parts: int = key(8, "Longest answer, in messages; of a longer one the first, and all of it as a file.", ge=1)


class Coalesce(Options):
    """Messages in quick succession as one."""

    quiet: DurationOrNever = key("off", "Silence after which what somebody has said is answered as one; or off.")
    max_wait: Duration = key("8s", "How long the first of them waits at most.")
    max_messages: int = key(12, "How many of them are one at most.", ge=2, le=100)


class Ack(Options):
    """Reactions on the user's message, where the platform has them; nothing where no sign is given."""

    seen: str = key("", "While it is being answered, such as 👀.")
    done: str = key("", "When it has been answered, such as ✅.")
    failed: str = key("", "When there is no answer, such as ❌.")


class Stream(Options):
    """What users see while an answer is being written."""

    typing: bool = key(True, "Show that an answer is coming.")
    read: bool = key(True, "Mark what users write as read, where the platform can.")
    ack: Ack = Field(default_factory=Ack)
    edit: Literal["auto", "on", "off"] = key(
        "auto", "auto: live text where the platform has it; on: elsewhere by editing a message; off: never."
    )
    human_pace: Literal["off", "on"] = key("off", "Send each message after as long as it takes to write, 5s at most.")
