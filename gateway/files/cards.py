"""Address cards (vCard 2.1, 3.0, 4.0, `text/vcard`): whom they name, as data and in words.

Read by ourselves: some lines of fifty letters hold vobject, and all else, up for a minute, and strangers send these
files. Of each line no more is looked at than who, where and how; what is amiss in one harms no other.
"""

import quopri
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from gateway.message import Json
from gateway.text import clean_name

MIME = "text/vcard"
LARGEST = 128 * 1024  # bytes of a file that is read; pictures of people make cards long
MOST = 50  # cards of one file
_HELD = 20  # numbers or addresses of one card

_NAMED = re.compile(r"(?:[A-Za-z0-9-]+\.)?(BEGIN|END|FN|N|ORG|TEL|EMAIL)(?=[;:])", re.IGNORECASE)
_FOLD = re.compile(r"\r?\n[ \t]")
_QUOTED = re.compile(r'"([^"]*)"')
_PART = re.compile(r"(?<!\\);")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CHARSETS = {"iso-8859-1": "latin-1", "windows-1252": "cp1252"}
_CODINGS = {"QUOTED-PRINTABLE", "BASE64", "B", "8BIT", "7BIT"}

_Card = dict[str, list["_Line"]]


class _Line(NamedTuple):
    value: str
    kinds: tuple[str, ...]


def read(data: bytes) -> list[Json]:
    """The people of a file, as bots are told contacts; none where there is nothing to be read.

    `name.formatted_name`, `phones[].phone`, `emails[].email` with their `type`, `org.company`; what a card does not
    say is not there.
    """
    people = filter(None, map(_person, _cards(data.decode("utf-8-sig", "replace"))))
    return list(islice(people, MOST))


def note(people: Sequence[Json]) -> str:
    """People in words, as `[contact Ada Lovelace +44 20 7946 0000; Bob]`."""
    shown = "; ".join(map(_shown, people)).replace("[", "(").replace("]", ")")
    return f"[{' '.join(filter(None, ('contact', shown)))}]"


def _shown(person: Any) -> str:
    name, phones = person.get("name", {}), person.get("phones", [{}])
    return " ".join(filter(None, (name.get("formatted_name"), phones[0].get("phone"))))


def _cards(text: str) -> Iterator[_Card]:
    """The cards of a text. The last one need not have an end."""
    card: _Card | None = None
    for name, line in _lines(_FOLD.sub("", text).splitlines()):
        if name in ("BEGIN", "END"):
            if card is not None:
                yield card
            card = {} if name == "BEGIN" and line.value.upper() == "VCARD" else None
        elif card is not None:
            card.setdefault(name, []).append(line)
    if card is not None:
        yield card


def _lines(lines: Iterable[str]) -> Iterator[tuple[str, _Line]]:
    """Those lines that say something we want to know."""
    left = iter(lines)
    for line in left:
        named = _NAMED.match(line)
        if named is None:
            continue
        head, value = _halves(line[named.end() :])
        words = _words(head)
        codings = {word.upper() for key, word in words if key in ("", "ENCODING")} & _CODINGS
        if "QUOTED-PRINTABLE" in codings:
            value = _plain(value, left, dict(words).get("CHARSET", ""))
        elif codings & {"BASE64", "B"}:
            continue
        kinds = (word for key, word in words if key == "TYPE" or (not key and word.upper() not in _CODINGS))
        yield named[1].upper(), _Line(value.strip(), tuple(filter(None, map(clean_name, kinds))))


def _halves(line: str) -> tuple[str, str]:
    """What stands before the first colon outside of quotes, and what behind it."""
    quoted = False
    for at, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == ":" and not quoted:
            return line[:at], line[at + 1 :]
    head, _, value = line.partition(":")
    return head, value


def _words(head: str) -> list[tuple[str, str]]:
    """Parameters by their names; of vCard 2.1 some have none."""
    bare = _QUOTED.sub(lambda found: found[1].replace(";", ","), head)
    pairs = [piece.rpartition("=") for piece in bare.split(";") if piece]
    return [(key.strip().upper(), word.strip()) for key, _, word in pairs]


def _plain(value: str, left: Iterator[str], charset: str) -> str:
    """Quoted-printable, which goes on in the next line where this one ends with an equals sign."""
    pieces = [value]
    while pieces[-1].endswith("=") and (more := next(left, None)) is not None:
        pieces[-1] = pieces[-1][:-1]
        pieces.append(more)
    decoded = quopri.decodestring("".join(pieces).encode())
    return decoded.decode(_CHARSETS.get(charset.lower(), "utf-8"), "replace")


def _person(card: _Card) -> dict[str, Json]:
    """What a card says by the names of its lines."""
    formatted = [name for line in card.get("FN", ()) if (name := _unescaped(line.value))]
    names = [name for line in card.get("N", ()) if (name := _called(line.value))]
    companies = [name for line in card.get("ORG", ()) if (name := _joined(_parts(line.value)))]
    found: dict[str, Json] = {
        "name": {"formatted_name": (*formatted, *names)[0]} if formatted or names else {},
        "phones": list(_reached(card.get("TEL", ()), "phone")),
        "emails": list(_reached(card.get("EMAIL", ()), "email")),
        "org": {"company": companies[0]} if companies else {},
    }
    return {key: value for key, value in found.items() if value}


def _called(value: str) -> str:
    """Family, given and further names, what stands before and behind them: in the order in which they are said."""
    family, given, further, before, behind = (*_parts(value), "", "", "", "", "")[:5]
    return _joined((before, given, further, family, behind))


def _parts(value: str) -> list[str]:
    return [_unescaped(part) for part in _PART.split(value)[:_HELD]]


def _joined(parts: Sequence[str]) -> str:
    return clean_name(" ".join(filter(None, parts)))


def _reached(lines: Sequence[_Line], called: str) -> Iterator[Json]:
    for line in lines[:_HELD]:
        if text := _unescaped(line.value).removeprefix("tel:").removeprefix("mailto:"):
            kind = ", ".join(line.kinds[:_HELD])
            yield {called: text, **({"type": kind} if kind else {})}


def _unescaped(value: str) -> str:
    return clean_name(_ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], value))
