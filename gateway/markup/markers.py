"""Writes `*bold* _italic_ ~struck~`, backticks and `> quotes`: what the dialects of single markers share.

Such dialects have no way to escape a marker, and read one only at the edge of a word, within one line. So a span
is written line by line, and where its markers would not be read, or would be read wrongly, it goes without them:
formatting may get lost, words do not.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from gateway.markup.plain import quoted
from gateway.markup.rich import OUTERMOST, STYLES, Index, Kind, Rich, Span

MARKERS: dict[Kind, str] = {"bold": "*", "italic": "_", "strike": "~", "code": "`"}
BREAK = "\u200b"
"""A zero-width space: it ends a word, and keeps two characters from being read as one mark."""

_OPENER = re.compile(r"(?<!\w)[*_~](?=[^\s*_~])")
_BUSY = re.compile(r"[*_~>@`]")
_FENCE = re.compile("``(?=`)")
_WORD = re.compile(r"[\w*_~`]")


class Style(NamedTuple):
    """How one dialect differs: its escapes, its links, and whether `BREAK` lets a marker stand within a word."""

    escape: Callable[[str], str]
    link: Callable[[str, str], str]  # (address, text still to be escaped)
    breaks: bool
    defused: re.Pattern[str] | None = None  # a BREAK goes behind what this finds outside of code


class _Edge(NamedTuple):
    """Something put in at a place, in place of the `over` characters there. At one place the ranks give the order."""

    at: int
    rank: tuple[int, ...]
    text: str
    over: int = 0


_CLOSING, _BREAK, _OPENING, _LINK = range(4)


def write(part: Rich, style: Style) -> str:
    """The text with its markers."""
    index = Index(part)
    out: list[str] = []
    for start, end in index.lines():
        code = next(index.within(start, end + 1, "pre"), None)
        if code:
            out += _code_line(part.text, code, start, end, style)
        elif not _BUSY.search(part.text, start, end) and not any(True for _ in index.within(start, end + 1)):
            out.append(style.escape(part.text[start:end]))
        else:
            out.append(quoted(index, start, end) + _Line(part.text, index, start, end, style).write())
    return "\n".join(out)


def _code_line(text: str, code: Span, start: int, end: int, style: Style) -> list[str]:
    """A line of a code block, with the fences where the block begins and ends; a fence within it is broken up."""
    line = style.escape(_FENCE.sub(f"``{BREAK}", text[start:end]))
    return [*["```"] * (start <= code.start), line, *["```"] * (end >= code.end)]


class _Line:
    """One line of text outside of code blocks, being written."""

    def __init__(self, text: str, index: Index, start: int, end: int, style: Style) -> None:
        self._text, self._index, self._start, self._end, self._style = text, index, start, end, style
        self._edges: list[_Edge] = []

    def write(self) -> str:
        self._add_links()
        for span in self._index.within(self._start, self._end, *STYLES, "code"):
            self._add_markers(self._clipped(span))
        self._add_breaks()
        text, out, at = self._text, [], self._start
        for edge in sorted(set(self._edges)):
            if edge.at >= at:
                out += [self._style.escape(text[at : edge.at]), edge.text]
                at = edge.at + edge.over
        return "".join([*out, self._style.escape(text[at : self._end])])

    def _clipped(self, span: Span) -> Span:
        """The span's share of this line, without white space at its edges."""
        words = self._text[max(span.start, self._start) : min(span.end, self._end)]
        start = max(span.start, self._start) + (len(words) - len(words.lstrip()) if span.kind != "code" else 0)
        length = len(words.strip()) if span.kind != "code" else len(words)
        return Span(span.kind, start, start + length, span.value)

    def _add_links(self) -> None:
        for link in map(self._clipped, self._index.within(self._start, self._end, "link", "url")):
            words = self._text[link.start : link.end]
            self._edges.append(_Edge(link.start, (_LINK,), self._style.link(link.value, words), len(words)))

    def _add_markers(self, span: Span) -> None:
        mark, start, end = MARKERS[span.kind], span.start, span.end
        left = start > self._start and bool(_WORD.match(self._text[start - 1]))
        right = end < self._end and bool(_WORD.match(self._text[end]))
        if start == end or mark in self._text[start:end] or self._hindered(span, left or right):
            return
        place = OUTERMOST[span.kind]
        self._edges += [
            _Edge(start, (_OPENING, -end, place), mark),
            _Edge(end, (_CLOSING, -start, -place), mark),
        ]
        self._edges += [_Edge(at, (_BREAK,), BREAK) for at, needed in ((start, left), (end, right)) if needed]

    def _hindered(self, span: Span, within_word: bool) -> bool:
        """Whether this dialect could not read the markers here."""
        if not self._style.breaks and within_word:
            return True
        for link in map(self._clipped, self._index.within(span.start, span.end, "link", "url")):
            inside = link.start <= span.start and span.end <= link.end
            same = (link.start, link.end) == (span.start, span.end)
            # Where links are bare addresses, a marker beside one would be taken for a part of it.
            beside = link.start == span.start or link.end == span.end
            if (inside and not same) or (beside and not self._style.breaks):
                return True
        return False

    def _add_breaks(self) -> None:
        """Keeps literal characters of the text from being read as markup."""
        text, start, end = self._text, self._start, self._end
        often = {mark for mark in "*_~" if text.count(mark, start, end) > 1}
        places = [found.end() for found in _OPENER.finditer(text, start, end) if found[0] in often]
        if self._style.defused:
            places += [found.end() for found in self._style.defused.finditer(text, start, end)]
        places += [found.end() for found in _FENCE.finditer(text, start, end)]
        if text.startswith(">", start, end):
            places.append(start)
        self._edges += [_Edge(at, (_BREAK,), BREAK) for at in places if not self._verbatim(at)]

    def _verbatim(self, at: int) -> bool:
        """Whether a place is in an address, or in code that is written as code."""
        spans = self._index.within(max(at - 1, self._start), at + 1, "code", "url")
        return any(span.kind == "url" or "`" not in self._text[span.start : span.end] for span in spans)
