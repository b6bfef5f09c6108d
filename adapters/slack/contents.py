"""What a message holds: words, files, what it passes on; or, when it holds nothing that can be read, its kind."""

import re
from collections.abc import Mapping

from adapters.slack.reading import plain
from adapters.slack.wire import Held, Message
from adapters.slack.workspace import Workspace
from gateway.message import File, Json

_MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})>")
_NAMED = 5  # people whose names are asked for in one message
_QUOTED = 2000  # letters
_NOT_THERE = {"tombstone", "hidden_by_limit"}
_LAYOUT = {"", "rich_text", "section"}


def mentioned(text: str, own: str) -> tuple[str, ...]:
    """Other people whom a text names by their ids only."""
    found = dict.fromkeys(user for user in _MENTION.findall(text) if user != own)
    return tuple(found)[:_NAMED]


def words(home: Workspace, said: Message, names: Mapping[str, str]) -> str:
    """Its text as people read it. Files that are kept elsewhere are links in it: Slack has no more of them itself."""
    text = said.text or _passed_on(said)
    links = [f"{held.called} ({held.url_private})" for held in said.files if _elsewhere(held)]
    return "\n".join(filter(None, (plain(text, home.user, home.name, names), *links)))


def files(home: Workspace, said: Message) -> tuple[File, ...]:
    return tuple(held.file(home.team) for held in said.files if held.mode not in _NOT_THERE and not _elsewhere(held))


def quoted(home: Workspace, said: Message, parent: Message | None, names: Mapping[str, str]) -> Json:
    """The words that it is about: a message passed on with a word of one's own, or the first one of its thread; or
    None.
    """
    if said.text and (passed_on := _passed_on(said)):
        author = next(one for one in said.attachments if one.is_share or one.is_msg_unfurl)
        return _quote(home, author.author_id, author.author_name, passed_on)
    if parent is not None and parent.text:
        return _quote(home, parent.user or parent.bot_id, names.get(parent.user, ""), parent.text)
    return None


def kind(said: Message) -> str:
    """The name of a message in which there is nothing to read."""
    if said.files:
        return "file"
    layout = (block.type for block in said.blocks if block.type not in _LAYOUT)
    return next(layout, "attachment" if said.attachments else said.subtype or "message")[:64]


def _quote(home: Workspace, id: str, name: str, text: str) -> dict[str, Json]:
    return {"sender": {"id": id, "name": name}, "text": plain(text, home.user, home.name, {})[:_QUOTED]}


def _passed_on(said: Message) -> str:
    return "\n".join(one.text or one.fallback for one in said.attachments if one.is_share or one.is_msg_unfurl)


def _elsewhere(held: Held) -> bool:
    return held.mode == "external" and held.url_private.startswith(("https://", "http://"))
