"""The dialect `asterisk`: `*b* _i_ ~s~`, backticks and `> quotes`; links are written out after their text."""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from gateway.markup.lines import write as write_lines
from gateway.markup.markers import Style, unfenced
from gateway.markup.plain import spell_links
from gateway.markup.rich import Rich, Span


def prepare(whole: Rich, limit: int) -> Rich:
    return spell_links(whole)


def write(part: Rich) -> str:
    if any(span.kind == "link" for span in part.spans):
        part = Rich(part.text, tuple(_read_as_addresses(part)))
    return write_lines(part, _STYLE)


def _read_as_addresses(part: Rich) -> Iterator[Span]:
    """Of an address that was cut only the piece with its beginning is one to a reader; the others are text like any."""
    for span in part.spans:
        if span.kind != "link":
            yield span
        elif _ADDRESS.match(part.text, span.start, span.end):
            yield replace(span, kind="url")


_ADDRESS = re.compile("https?://", re.IGNORECASE)
_STYLE = Style(escape=str, link=lambda url, text: unfenced(text), breaks=False)
