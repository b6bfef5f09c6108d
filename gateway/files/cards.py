"""Address cards (vCard 2.1, 3.0, 4.0, `text/vcard`): whom they name, as data and in words."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import structlog

from gateway.message import Json

MIME = "text/vcard"
LARGEST = 128 * 1024  # bytes of a file that is read; pictures of people make cards long
MOST = 50  # cards of one file
_HELD = 20  # numbers or addresses of one card
_WORDS = 200  # characters of one value

log = structlog.get_logger()


def read(data: bytes) -> list[Json]:
    """The people of a file, as bots are told contacts; none where there is nothing to be read.

    `name.formatted_name`, `phones[].phone`, `emails[].email` with their `type`, `org.company`; what a card does not
    say is not there.
    """
    import vobject  # type: ignore[import-untyped]

    logging.getLogger("vobject.base").disabled = True  # it would tell what people's cards say
    try:
        cards = vobject.readComponents(data.decode("utf-8", "replace"), ignoreUnreadable=True)
        return [person for card in islice(cards, MOST) if card.name == "VCARD" and (person := _person(card.contents))]
    except Exception as error:  # the library may raise anything for what is no card
        log.info("card.unreadable", error=type(error).__name__)
        return []


def note(people: Sequence[Json]) -> str:
    """People in words, as `[contact Ada Lovelace +44 20 7946 0000; Bob]`."""
    return f"[{' '.join(filter(None, ('contact', '; '.join(map(_shown, people)))))}]"


def _shown(person: Any) -> str:
    name, phones = person.get("name", {}), person.get("phones", [{}])
    return " ".join(filter(None, (name.get("formatted_name"), phones[0].get("phone"))))


def _person(told: dict[str, list[Any]]) -> dict[str, Json]:
    """What a card says by the names of its lines."""
    names, companies = [*_values(told, "fn"), *_values(told, "n")], list(_values(told, "org"))
    found: dict[str, Json] = {
        "name": {"formatted_name": names[0]} if names else {},
        "phones": list(_reached(told, "tel", "phone")),
        "emails": list(_reached(told, "email", "email")),
        "org": {"company": companies[0]} if companies else {},
    }
    return {key: value for key, value in found.items() if value}


def _values(told: dict[str, list[Any]], name: str) -> Iterator[str]:
    return (text for line in told.get(name, ()) if (text := _text(line)))


def _reached(told: dict[str, list[Any]], name: str, called: str) -> Iterator[Json]:
    for line in told.get(name, ())[:_HELD]:
        kind = ", ".join(line.params.get("TYPE", ()))[:_WORDS]
        if text := _text(line):
            yield {called: text, **({"type": kind} if kind else {})}


def _text(line: Any) -> str:
    """What a line says; it may have several parts."""
    parts = line.value if isinstance(line.value, list) else [line.value]
    text = " ".join(" ".join(map(str, parts)).split())
    return text.removeprefix("tel:").removeprefix("mailto:")[:_WORDS]
