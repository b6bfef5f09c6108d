"""A whole conversation as a document: plain text, Markdown or JSON."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway import history
from gateway.db import Tx
from gateway.errors import Problem
from gateway.message import Message
from gateway.operations import sessions
from gateway.operations.office import Office, moment
from gateway.sessions import Facts

FORMATS = {"txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8", "json": "application/json"}
"""What there is, with the type that each is sent as."""

BATCH = 1_000


async def export(office: Office, which: str, format: str) -> str:
    """Everything that was said in a session, with when and by whom."""
    if format not in FORMATS:
        raise Problem(400, "bad_format", f"format is one of {', '.join(FORMATS)}")
    facts, messages = await office.corridor.db.read(whole, which)
    if format == "json":
        return orjson.dumps(document(facts, messages), option=orjson.OPT_INDENT_2).decode() + "\n"
    return _markdown(facts, messages) if format == "md" else _plain(facts, messages)


def whole(which: str) -> Tx[tuple[Facts, list[Message]]]:
    """A session with all that was said in it."""
    facts = yield from sessions.find(which)
    messages: list[Message] = []
    while True:
        more = yield from history.after(facts.id, messages[-1].seq if messages else 0, BATCH)
        messages += more
        if len(more) < BATCH:
            return facts, messages


def document(facts: Facts, messages: Sequence[Message]) -> dict[str, Any]:
    """A conversation as data."""
    return {
        "session": sessions.brief(facts),
        "variables": orjson.loads(facts.variables),
        "context": orjson.loads(facts.context),
        "summary": facts.summary,
        "messages": [sessions.line(message) for message in messages],
    }


def _who(message: Message) -> str:
    return message.name or {"user": "User", "assistant": "Bot", "system": "Notice"}[message.role]


def _files(message: Message) -> list[str]:
    return [f"[file: {file.name or file.kind}]" for file in message.files]


def _plain(facts: Facts, messages: Sequence[Message]) -> str:
    lines = [f"Session {facts.id}", f"{facts.key}, {facts.state}, since {moment(facts.created_at)}", ""]
    for message in messages:
        body = "\n".join([message.text, *_files(message)]).strip("\n")
        # What was said is set in, so that no line of it can pass for somebody else's.
        lines += [f"{moment(message.at)} {_who(message)}:", *(f"    {part}" for part in body.split("\n")), ""]
    return "\n".join(lines)


def _markdown(facts: Facts, messages: Sequence[Message]) -> str:
    lines = [f"# Session {facts.id}", "", f"`{facts.key}`, {facts.state}, since {moment(facts.created_at)}", ""]
    for message in messages:
        body = "\n".join([message.text, *_files(message)]).strip("\n")
        lines += [f"**{_escaped(_who(message))}** · {moment(message.at)}", ""]
        lines += [*(f"> {part}" for part in body.split("\n")), ""]
    return "\n".join(lines)


def _escaped(name: str) -> str:
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>#|~" else letter for letter in name)
