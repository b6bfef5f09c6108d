"""What clients are shown: the JSON of messages, sessions and files."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from gateway.channel import Channel
from gateway.markup import tree
from gateway.message import File, Inbound, Message, decode
from gateway.sessions import Facts

Link = Callable[[File], str]
"""Where a client may get a file from, from now on."""


def message(channel: Channel, line: Message, link: Link) -> dict[str, Any]:
    """One line of the history. What a bot says comes as a tree of its Markdown, never as HTML."""
    shown: dict[str, Any] = {
        "seq": line.seq,
        "role": line.role,
        "text": line.text,
        "at": line.at,
        "turn": line.turn,
        "files": [{**file(one), "url": link(one)} for one in line.files],
        "buttons": [{"text": one.text, "value": one.value, "url": one.url} for one in line.buttons],
        "flag": line.flag,
    }
    if line.role == "user":
        shown["message_id"] = line.ref
        shown["name"] = line.name
        return shown
    if channel.settings.format.input == "markdown":
        shown["tree"] = tree(line.text)
    if line.role == "assistant":
        # Only its own visitor speaks in such a conversation.
        shown["score"] = next(iter(line.ratings.values()), 0)
    return shown


def messages(channel: Channel, lines: Iterable[Message], link: Link) -> list[dict[str, Any]]:
    return [message(channel, line, link) for line in lines]


def file(one: File) -> dict[str, Any]:
    """What a client may know of a file: not the platform's handle to it."""
    return {"id": one.id, "name": one.name, "mime": one.mime, "size": one.size, "url": one.url, "kind": one.kind}


def waiting(body: str, turn: str, at: int) -> dict[str, Any]:
    """A message that has been taken and not been answered yet."""
    inbound = decode(Inbound, body)
    return {
        "message_id": inbound.ref,
        "text": inbound.text,
        "at": at,
        "turn": turn,
        "files": [file(one) for one in inbound.files],
    }


def session(facts: Facts, expires_at: int | None) -> dict[str, Any]:
    """A session as its own visitor sees it."""
    return {
        "session_id": facts.id,
        "channel": facts.channel,
        "bot": facts.bot,
        "state": facts.state,
        "level": facts.level,
        "language": facts.language,
        "created_at": facts.created_at,
        "last_activity": facts.last_activity,
        "message_count": facts.message_count,
        "variables": orjson.loads(facts.variables),
        "expires_at": expires_at,
    }
