"""The dialect `asterisk`: `*b* _i_ ~s~`, backticks and `> quotes`; links are written out after their text."""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from gateway.markup.lines import write as write_lines
from gateway.markup.markers import Style, unfenced
from gateway.markup.plain import spell_links
from gateway.markup.rich import Rich, Span


def prepare(whole: Rich, limit: int) -> Rich:
    """A link whose text is its address is written as that address, and no mark in it is touched."""
    spans = (replace(span, kind="url") if _is_bare(whole.text, span) else span for span in whole.spans)
    return spell_links(Rich(whole.text, tuple(spans)))


def write(part: Rich) -> str:
    if any(span.kind == "link" for span in part.spans):
        part = Rich(part.text, tuple(_read_as_addresses(part)))
    return write_lines(part, _STYLE)


def _is_bare(text: str, span: Span) -> bool:
    return span.kind == "link" and text[span.start : span.end].rstrip("/") == span.value.rstrip("/")


def _read_as_addresses(part: Rich) -> Iterator[Span]:
    """Of an address that was cut only the piece with its beginning is one to a reader; the others are text like any."""
    for span in part.spans:
        if span.kind != "link":
            yield span
        elif _ADDRESS.match(part.text, span.start, span.end):
            yield replace(span, kind="url")


_ADDRESS = re.compile("https?://", re.IGNORECASE)
_STYLE = Style(escape=str, link=lambda url, text: unfenced(text), breaks=False)
