"""Reading answer documents: JSON of a stranger becomes pieces, or is refused."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import orjson
import structlog

from gateway import message
from gateway.bot import Change, Delta, Piece, Progress, Say
from gateway.bots.answer import Answer, Button, File, Message, unknown
from gateway.bots.values import kept
from gateway.errors import BotBroken
from gateway.files.naming import title
from gateway.text import clean, clean_name

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}", re.ASCII)
READ_ONLY = ("session", "participant")  # facts of the gateway: a bot is told them and cannot set them
_REMEMBERED = 100  # unknown names of one bot, each logged once
_HTTP = ("http", "https")
_PAGES = (*_HTTP, "mailto", "tel")
LONGEST = 4096  # characters of an address that leads elsewhere
_KINDS = {"image": "photo", "audio": "audio", "video": "video"}

_NOTHING = Change()

log = structlog.get_logger(__name__)


class Reader:
    """Reads the documents of one bot."""

    def __init__(self, bot: str) -> None:
        self._bot = bot
        self._seen: set[str] = set()

    def pieces(self, raw: bytes) -> list[Piece]:
        """The pieces of one document. Raises `BotBroken` when it is not one."""
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise BotBroken(f"the answer is not JSON: {error.msg}") from None
        if not isinstance(document, dict):
            raise BotBroken(f"the answer is not a JSON object but {type(document).__name__}")
        if len(document) == 1 and isinstance(text := document.get("text") or document.get("delta"), str):
            return [Say(message.Outbound(text=clean(text))) if "text" in document else Delta(_delta(text))]
        return self._read(document)

    def value(self, document: dict[str, Any]) -> list[Piece]:
        """The same for a document made in this process, which may hold anything."""
        try:
            return self.pieces(orjson.dumps(document))
        except TypeError as error:  # orjson's own error is one, too
            raise BotBroken(f"the answer cannot be written as JSON: {error}") from None

    def _read(self, document: dict[str, Any]) -> list[Piece]:
        try:
            answer = msgspec.convert(document, Answer)
        except msgspec.ValidationError as error:
            raise BotBroken(f"the answer is not understandable: {error}") from None
        self._mention(unknown(document))
        return list(_pieces(answer))

    def _mention(self, names: list[str]) -> None:
        new = sorted({clean_name(name) for name in names} - self._seen)[: _REMEMBERED - len(self._seen)]
        if new:
            self._seen.update(new)
            log.warning("bot.ignored", bot=self._bot, fields=new)


def _pieces(answer: Answer) -> Iterator[Piece]:
    if answer.progress:
        yield Progress(clean(answer.progress))
    if not answer.silent:
        if answer.delta:
            yield Delta(_delta(answer.delta))
        if answer.text:
            yield Say(message.Outbound(text=clean(answer.text)))
        for one in answer.messages or ():
            yield Say(_outbound(one))
    change = _change(answer)
    if change != _NOTHING:
        yield change


def _delta(text: str) -> str:
    # A line break that two deltas share must not become two.
    return clean(text.replace("\r", ""))


def _outbound(one: Message) -> message.Outbound:
    return message.Outbound(
        text=clean(one.text or ""),
        files=tuple(_file(file) for file in one.files or ()),
        buttons=tuple(_button(button) for button in one.buttons or ()),
    )


def _file(file: File) -> message.File:
    mime = clean_name(file.mime or "")
    kind = _KINDS.get(mime.partition("/")[0], "document")
    if bool(file.url) == bool(file.id):
        raise BotBroken("a file has either a url or an id")
    address = file.url or ""
    if not file.id and not address.startswith("data:"):
        address = _address(address, _HTTP, "a file's url")
    name = title(file.name) if file.name else ""
    return message.File(id=clean_name(file.id or ""), url=address, name=name, mime=mime, kind=kind)


def _button(button: Button) -> message.Button:
    label = " ".join(clean(button.text).split())
    if not label:
        raise BotBroken("a button without text")
    if button.url:
        return message.Button(text=label, url=_address(button.url, _PAGES, "a button's url"))
    return message.Button(text=label, value=clean(button.value or "") or label)


def _address(url: str, schemes: tuple[str, ...], what: str) -> str:
    try:
        parts = urlsplit(url)
        well = parts.scheme in schemes and bool(parts.hostname if parts.scheme in _HTTP else parts.path)
    except ValueError:
        well = False
    # urlsplit forgives white space and control characters, browsers read them in their own way
    if not well or len(url) > LONGEST or not url.isprintable() or " " in url or "\\" in url:
        raise BotBroken(f"{what} must begin with {' or '.join(schemes)} and be well formed")
    return url


def _change(answer: Answer) -> Change:
    person = answer.participant
    return Change(
        variables=_variables(answer.set) if answer.set else {},
        participant_set=kept(person.set) if person and person.set else {},
        participant_unset=tuple(clean(name) for name in person.unset) if person and person.unset else (),
        participant_append=kept(person.append) if person and person.append else {},
        participant_increment=kept(person.increment) if person and person.increment else {},
        context=kept(answer.context) if answer.context else {},
        template=clean_name(answer.template or ""),
        end_session=bool(answer.end_session),
        resolved=answer.resolved,
        handoff=kept(answer.handoff) or None,
        transfer=kept(answer.transfer) or None,
        silent=bool(answer.silent),
    )


def _variables(given: dict[str, Any]) -> dict[str, Any]:
    for name in given:
        if not VARIABLE.fullmatch(name):
            raise BotBroken(f"{clean_name(name)!r} is no name of a variable: up to 64 letters, digits, _ and .")
        if name.partition(".")[0] in READ_ONLY:
            raise BotBroken(f"{name} is read-only")
    cleaned: dict[str, Any] = kept(given)
    return cleaned
