"""The blocks `group` and `groups`: how the bot behaves where several people talk, and where it behaves otherwise."""

from typing import Annotated, Any, Literal

import regex
from pydantic import Field, PlainValidator, WithJsonSchema

from gateway.options import Options, faults, key
from gateway.settings.people import Ids, Listed

MOST_PATTERNS = 50
LONGEST_PATTERN = 500


def _chats(value: object) -> str | Ids:
    if value == "all":
        return "all"
    if not isinstance(value, list):
        raise ValueError("expected all, or a list of chat ids")
    wrong = [
        ((index,), "expected a chat id: put it in quotes")
        for index, item in enumerate(value)
        if not isinstance(item, str | int) or isinstance(item, bool) or not str(item).strip()
    ]
    if wrong:
        raise faults(*wrong)
    return tuple(str(item) for item in value)


_ids: dict[str, Any] = {"type": "array", "items": {"type": ["string", "integer"]}}
Chats = Annotated[
    Literal["all"] | Ids,
    PlainValidator(_chats),
    WithJsonSchema({"anyOf": [{"const": "all"}, _ids]}),
]


def _patterns(value: object) -> tuple[str, ...]:
    if value == ():
        return ()
    if not isinstance(value, list):
        raise ValueError("expected a list of regular expressions")
    if len(value) > MOST_PATTERNS:
        raise ValueError(f"has too many entries: at most {MOST_PATTERNS}")
    wrong = [((index,), said) for index, item in enumerate(value) if (said := _fault(item))]
    if wrong:
        raise faults(*wrong)
    return tuple(value)


def _fault(pattern: object) -> str:
    """What is wrong with a pattern, or nothing."""
    if not isinstance(pattern, str) or not pattern:
        return "expected a regular expression: put it in quotes"
    if len(pattern) > LONGEST_PATTERN:
        return f"must be at most {LONGEST_PATTERN} long"
    try:
        found = regex.compile(pattern, regex.IGNORECASE).search("", timeout=0.1)
    except (regex.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}"
    except TimeoutError:
        return "takes too long"
    return "matches every message: say mode: open instead" if found else ""


_pattern_schema: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_PATTERN},
    "maxItems": MOST_PATTERNS,
}
Patterns = Annotated[tuple[str, ...], PlainValidator(_patterns), WithJsonSchema(_pattern_schema)]


class Manners(Options):
    """What may differ from group to group."""

    mode: Literal["open", "mention", "listen", "off"] = key(
        "mention", "open: answer all; mention: when addressed; listen: keep context, never answer; off: keep nothing."
    )
    attribution: bool = key(True, "Write `Name: text` in the history that the bot sees.")
    quote: bool = key(True, "Quote the message that is answered.")
    wake_on_everyone: bool = key(False, "Whether @everyone, @here and @channel count as addressing the bot.")
    mention_patterns: Patterns = key((), "Regular expressions that address the bot too, such as '\\bhey robot\\b'.")
    context: int = key(
        0, "Messages not meant for the bot that it is told with the next one; in mode listen 50 when 0.", ge=0, le=50
    )
    quotes: Literal["all", "allowed", "none"] = key(
        "all", "Whose words it is told besides: everybody's, only those of people who may write, nobody's."
    )
    reset_by: Literal["admins", "anyone", "sender"] = key(
        "admins",
        "Who may end a shared conversation: the group's admins (anyone where a platform names none), anyone, "
        "or the sender of its first message.",
    )
    confirm_reset: bool = key(False, "Ask before /reset, and do it only after a yes within 60 s.")
    allow_bots: bool = key(False, "Whether messages of other bots are answered.")
    bot_loop_limit: int = key(20, "Messages with another bot in 60 s after which it is ignored for 10 min.", ge=1)


class Group(Manners):
    """How the bot behaves in groups."""

    allow: Chats = key("all", "Groups where the bot may speak: all, or a list of chat ids.")
    leave_unlisted: bool = key(False, "Leave groups that are not listed, where the platform can.")


class Override(Manners):
    """What is otherwise in one group or topic. A key that is not given is as in the chat, in `*`, in `group`."""

    users: Listed = key((), "Who may write to the bot there: ids, @groups of `people`; everybody when not given.")
    bot: str | None = key(None, "Who answers there, unless `routes` says otherwise.")
    scope: Literal["chat", "user", "thread", "thread_user"] | None = key(
        None, "Who shares a conversation there: all (chat), nobody (user), a thread, nobody in it (thread_user)."
    )


Spot = Annotated[str, Field(min_length=1, max_length=300)]
"""A chat id, `<chat>/<topic>`, or `*` for every chat without an entry of its own."""
