"""Telegram's own parser judges the dialect `entities`: TDLib answers without login or network.

`parseMarkdown` takes a text with entities, checks and repairs them as for any message, and then looks for Markdown
of its own, of which the texts here are freed before. What it gives back must be what we said, character by
character; only what it puts in its own words (the form of an address) may differ.
"""

import json
import os
import re
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.markup import Rendered, render
from gateway.message import Entity
from tests.documents import DOCUMENTS, sound, wild
from tests.markdown import FUZZ, limits, markdown

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
TDLIB: ModuleType | None = import_module("tdjson") if IN_CI or find_spec("tdjson") else None  # CI must have it
if TDLIB:
    TDLIB.td_execute(b'{"@type": "setLogVerbosityLevel", "new_verbosity_level": 0}')
pytestmark = pytest.mark.skipif(TDLIB is None, reason="no tdjson: pip install tdjson")

Styles = list[frozenset[str]]
STYLE = {
    "bold": "textEntityTypeBold",
    "italic": "textEntityTypeItalic",
    "strikethrough": "textEntityTypeStrikethrough",
    "code": "textEntityTypeCode",
    "pre": "textEntityTypePre",
    "text_link": "textEntityTypeTextUrl",
    "blockquote": "textEntityTypeBlockQuote",
}
OURS = {*STYLE.values(), "textEntityTypePreCode"}


def ask(method: str, **arguments: Any) -> dict[str, Any]:
    assert TDLIB
    answer: dict[str, Any] = json.loads(TDLIB.td_execute(json.dumps({"@type": method} | arguments).encode()))
    return answer


def formatted(text: str, entities: tuple[Entity, ...]) -> dict[str, Any]:
    return {
        "@type": "formattedText",
        "text": text,
        "entities": [
            {"@type": "textEntity", "offset": entity.offset, "length": entity.length, "type": kind(entity)}
            for entity in entities
        ],
    }


def kind(entity: Entity) -> dict[str, str]:
    if entity.language:
        return {"@type": "textEntityTypePreCode", "language": entity.language}
    return {"@type": STYLE[entity.type]} | ({"url": entity.url} if entity.url else {})


def styles(answer: dict[str, Any]) -> tuple[str, Styles]:
    """The text, and for each of its UTF-16 units how it looks: joining or splitting like entities changes nothing."""
    text = answer["text"]
    units: list[set[str]] = [set() for _ in range(len(text.encode("utf-16-le")) // 2)]
    for entity in answer["entities"]:
        how = entity["type"]
        if how["@type"] in OURS:
            name = " ".join([how["@type"], address(how.get("url", "")), how.get("language", "")])
            for at in range(entity["offset"], entity["offset"] + entity["length"]):
                units[at].add(name)
    shown = text.encode("utf-16-le")
    blank = [shown[2 * at : 2 * at + 2].decode("utf-16-le", "replace").isspace() for at in range(len(units))]
    return text, [frozenset() if empty else frozenset(unit) for unit, empty in zip(units, blank, strict=True)]


def address(url: str) -> str:
    """TDLib writes scheme and host in lower case, and a slash after the host."""
    found = re.match(r"(https?://[^/?#]*)/?(.*)", url, re.IGNORECASE | re.DOTALL)
    return found[1].lower() + "/" + found[2] if found else url


def free_of_markup(text: str) -> str:
    """Other characters of the same length for those that could be Markdown to the judge, or that it never keeps."""
    text = re.sub(r"[*_~|`\[\]()]", "x", text).replace("\t", " ")
    return re.sub("[\u030a\u0333\u033f\u2028-\u202e]", "-", text)


def judged(part: Rendered) -> tuple[tuple[str, Styles], tuple[str, Styles]]:
    said = formatted(free_of_markup(part.text), part.entities)
    answer = ask("parseMarkdown", text=said)
    assert answer["@type"] == "formattedText", answer
    return styles(said), styles(answer)


@pytest.mark.feature("FMT-03")
@FUZZ
@given(text=markdown, limit=limits)
def test_every_part_is_taken_as_it_was_meant(text: str, limit: int) -> None:
    for part in render(text, "entities", limit, "utf16"):
        said, understood = judged(part)
        assert understood == said


@pytest.mark.feature("FMT-03")
@pytest.mark.parametrize("make", [sound, wild])
def test_every_part_of_a_document_is_taken_as_it_was_meant(make: Callable[[int], str]) -> None:
    for number in range(DOCUMENTS):
        for part in render(make(number), "entities", 4096, "utf16"):
            said, understood = judged(part)
            assert understood == said, number


MISUNDERSTOOD = [
    ("hello", [("bold", 0, 5, ""), ("code", 1, 2, "")]),
    ("hello", [("text_link", 0, 5, "http://x.yz/"), ("code", 1, 2, "")]),
    ("hello", [("text_link", 0, 3, "http://u.vw/"), ("text_link", 2, 3, "http://x.yz/")]),
    ("hello  ", [("pre", 1, 3, ""), ("code", 2, 2, "")]),
]
REFUSED = ["mailto:", "http://localhost/", "http://x.yz:0/", "http://x.yz:99999/", "http:///", "tel:+1"]


@pytest.mark.feature("FMT-03")
@pytest.mark.parametrize(("text", "entities"), MISUNDERSTOOD)
def test_the_judge_is_strict(text: str, entities: list[tuple[str, int, int, str]]) -> None:
    listed = tuple(Entity(type=kind, offset=at, length=size, url=url) for kind, at, size, url in entities)
    said, understood = judged(Rendered(text, text, listed))
    assert understood != said


@pytest.mark.feature("FMT-01", "FMT-03")
@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_would_be_refused_is_spelt_out(url: str) -> None:
    link = (Entity(type="text_link", offset=0, length=1, url=url),)
    answer = ask("parseMarkdown", text=formatted("x", link))
    assert answer["@type"] == "error" or url not in json.dumps(answer)
    parts = render(f"[x]({url})", "entities", 4096)
    assert not any(entity.url for part in parts for entity in part.entities)


@pytest.mark.feature("FMT-03")
@FUZZ
@given(host=st.text("aZ0-_.:@é%[] ", max_size=12), rest=st.text("/?#:@.&=()'*%é ", max_size=6))
def test_no_address_is_refused(host: str, rest: str) -> None:
    for source in (f"[x](<http://{host}{rest}>)", f"see https://{host}{rest}", f"[x](http://x.{host}yz{rest})"):
        for limit in (16, 4096):
            for part in render(source, "entities", limit, "utf16"):
                judged(part)


@pytest.mark.feature("FMT-03")
@FUZZ
@given(text=markdown)
def test_html_says_the_same_as_entities(text: str) -> None:
    """The judge reads our HTML, and finds in it what we list as entities; addresses aside, which it need not link."""
    text = re.sub(r"mailto:|tel:|[\t\u030a\u0333\u033f\u2028-\u202e]", "-", text.replace("localhost", "x.yz"))
    marked, listed = (render(text, dialect, 100_000) for dialect in ("html", "entities"))
    assert len(marked) == len(listed) <= 1
    assume(not any(re.search(r'href="(?!https?://x\.yz["/])', one.text) for one in marked))  # else one spells it out
    for one, other in zip(marked, listed, strict=True):
        answer = ask("parseTextEntities", text=one.text, parse_mode={"@type": "textParseModeHTML"})
        assert answer["@type"] == "formattedText", answer
        assert unlinked(answer) == unlinked(formatted(other.text, other.entities))


def unlinked(answer: dict[str, Any]) -> tuple[str, Styles]:
    kept = [entity for entity in answer["entities"] if entity["type"]["@type"] != "textEntityTypeTextUrl"]
    return styles(answer | {"entities": kept})


@pytest.mark.feature("FMT-01", "FMT-03")
@pytest.mark.parametrize("before", ["", "a ", "😀 ", "👨‍👩‍👧 ", "漢字 ", "e\u0301 ", "𝔘 **b** `c` "])
@pytest.mark.parametrize("word", ["@username", "/start", "#tag", "x@example.org"])
def test_offsets_are_counted_as_the_platform_counts_them(before: str, word: str) -> None:
    """The judge finds by itself a word that we made bold: it must stand where we say."""
    [part] = render(f"{before}**{word}** 😀", "entities", 4096)
    [found] = ask("getTextEntities", text=part.text)["entities"]
    ours = part.entities[-1]
    assert (ours.type, ours.offset, ours.length) == ("bold", found["offset"], found["length"])
