"""Whatever the Markdown, the dialect and the limit: every part is valid and within it, and no word is lost."""

import html
import re
from html.parser import HTMLParser
from typing import Literal

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from gateway.markup import DIALECTS, Rich, render, split
from gateway.markup.layout import layout
from gateway.markup.parse import tree
from gateway.markup.render import UNITS
from tests.markdown import BREAK, FRAGMENTS, FUZZ, limits, markdown, places, units, words

Unit = Literal["chars", "utf16", "bytes"]
each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.mark.feature("FMT-02", "FMT-03")
@each_dialect
@FUZZ
@given(text=markdown, limit=limits, unit=units, input=st.sampled_from(["markdown", "plain"]))
def test_parts_are_within_the_limit(
    dialect: str, text: str, limit: int, unit: Unit, input: Literal["markdown", "plain"]
) -> None:
    for part in render(text, dialect, limit, unit, input):
        for form in (part.text, part.plain):
            form.encode()  # no lone surrogate
            assert UNITS[unit](form) <= limit
            assert form.strip()
            assert form == form.rstrip()


def pieces(text: str, dialect: str, limit: int, unit: str) -> tuple[Rich, list[Rich]]:
    whole = DIALECTS[dialect].prepare(layout(tree(text)), limit)
    return whole, list(split(whole, limit, lambda part: UNITS[unit](DIALECTS[dialect].write(part))))


@pytest.mark.feature("FMT-02", "FMT-03")
@each_dialect
@FUZZ
@given(text=markdown, limit=limits, unit=units)
def test_joined_text_is_the_original_and_spans_are_sound(dialect: str, text: str, limit: int, unit: str) -> None:
    whole, parts = pieces(text, dialect, limit, unit)
    cuts = places(whole.text, [part.text for part in parts])
    if limit >= 100:  # room for any character with its markup
        boundaries = {0} | {found.end() for found in regex.finditer(r"\X", whole.text)}
        assert boundaries.issuperset(edge for cut in cuts for edge in cut)
    for part in [whole, *parts]:
        for at, span in enumerate(part.spans):
            assert 0 <= span.start < span.end <= len(part.text)
            for other in part.spans[at + 1 :]:
                apart = other.start >= span.end
                nested = other.end <= span.end and span.kind != other.kind and span.kind not in ("code", "pre")
                assert apart or nested


@pytest.mark.feature("FMT-01", "FMT-03")
@each_dialect
@FUZZ
@given(text=markdown, limit=limits)
def test_no_word_of_the_tree_is_lost(dialect: str, text: str, limit: int) -> None:
    whole, parts = pieces(text, dialect, limit, "chars")
    shown = "".join(visible(DIALECTS[dialect].write(part), dialect) for part in parts)
    assert words(shown) == words(whole.text)


def visible(text: str, dialect: str) -> str:
    """What a reader of the dialect sees."""
    text = text.replace(BREAK, "")
    if dialect == "mrkdwn":
        text = re.sub(r"<([^<>|]*)>", r"\1", re.sub(r"<[^<>|]*\|([^<>]*)>", r"\1", text))
    if dialect == "html":
        text = re.sub(r"<[^<>]*>", "", text)
    return html.unescape(text) if dialect in ("mrkdwn", "html") else text


@pytest.mark.feature("FMT-01", "FMT-03")
@FUZZ
@given(st.data())
def test_no_word_of_the_source_is_lost(data: st.DataObject) -> None:
    """A word between any fragments is seen, unless it became part of an address, a title or a language."""
    fragments = data.draw(st.lists(st.sampled_from([f for f in FRAGMENTS if "]" not in f and "<" not in f])))
    source = "".join(f"{fragment} w{at}w " for at, fragment in enumerate(fragments))
    shown = "".join(part.text for part in render(source, "plain", 4096))
    seen, written = re.findall(r"w\d+w", shown), re.findall(r"w\d+w", source)
    assert set(seen) == set(written)
    assert seen == written or "|-|" in source  # the names of a wide table's columns stand before each value


@pytest.mark.feature("FMT-03", "SEC-05")
@FUZZ
@given(text=markdown, limit=limits, unit=units)
def test_mrkdwn_is_escaped_balanced_and_harmless(text: str, limit: int, unit: Unit) -> None:
    for part in render(text, "mrkdwn", limit, unit):
        for form in (part.text, part.plain):
            bare = re.sub(r"<(https?|mailto|tel):[!-;=?-{}~]+(\|[^<>\n]*)?>", "", form, flags=re.IGNORECASE)
            bare = re.sub(r"^>( |$)", "", bare, flags=re.MULTILINE) if form is part.text else bare
            assert not set("<>") & set(bare)
            assert not re.search(r"&(?!amp;|lt;|gt;)", bare)
            assert form is not part.text or form.count("```") % 2 == 0
            outside = re.sub(r"```.*?```|`[^`\n]+`", "", form, flags=re.DOTALL)
            assert not re.search(r"@(everyone|here|channel)\b", outside, re.IGNORECASE)


class Tags(HTMLParser):
    """Fails unless the tags are of the safe subset and well nested."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"b", "i", "s", "code", "pre", "a", "blockquote"}
        for name, value in attrs:
            assert (tag, name) in {("a", "href"), ("code", "class")}
            assert re.match(r"(https?|mailto|tel):|language-[\w+#.-]+$", value or "", re.IGNORECASE)
        assert tag not in self.open
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert not set("<>&") & set(data)


@pytest.mark.feature("FMT-03")
@FUZZ
@given(text=markdown, limit=limits, unit=units)
def test_html_is_balanced_and_of_the_safe_subset(text: str, limit: int, unit: Unit) -> None:
    for part in render(text, "html", limit, unit):
        tags = Tags()
        tags.feed(part.text)
        tags.close()
        assert not tags.open


@pytest.mark.feature("FMT-03")
@FUZZ
@given(text=markdown, limit=limits, unit=units)
def test_asterisk_has_balanced_fences_and_no_tags(text: str, limit: int, unit: Unit) -> None:
    for part in render(text, "asterisk", limit, unit):
        assert part.text.count("```") % 2 == 0
        assert not part.entities
