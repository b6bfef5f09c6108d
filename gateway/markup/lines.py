"""Writes text line by line with the markers of a style, so that whoever reads them sees what was meant."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from gateway.markup.markers import BREAK, FENCE, MARKERS, Style, unfenced
from gateway.markup.plain import quoted
from gateway.markup.rich import OUTERMOST, STYLES, Index, Kind, Rich, Span

_LITERAL = re.compile("[*_~]")
_BUSY = re.compile(r"[*_~>@`]")
_BLANK = "".join(char for char in map(chr, range(0x3001)) if char.isspace()) + BREAK
_RUN = re.compile(r"\S+")
_WORD = re.compile(r"[\w*_~`]")
_JOINED = re.compile("[a-z0-9]https?://", re.IGNORECASE)  # an address that nobody takes for one


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
    line = style.escape(unfenced(text[start:end]))
    return [*["```"] * (start <= code.start), line, *["```"] * (end >= code.end)]


class _Line:
    """One line of text outside of code blocks, being written."""

    def __init__(self, text: str, index: Index, start: int, end: int, style: Style) -> None:
        self._text, self._index, self._start, self._end, self._style = text, index, start, end, style
        self._edges: list[_Edge] = []
        self._coded: set[Span] = set()  # what is written as code

    def write(self) -> str:
        self._add_links()
        for kind in self._kinds():
            for span in map(self._clipped, self._index.within(self._start, self._end, kind)):
                if self._is_readable(span):
                    self._add_markers(span)
        self._add_breaks()
        text, out, at = self._text, [], self._start
        for edge in sorted(set(self._edges)):
            if edge.at >= at:
                out += [self._style.escape(text[at : edge.at]), edge.text]
                at = edge.at + edge.over
        return "".join([*out, self._style.escape(text[at : self._end])])

    def _kinds(self) -> tuple[Kind, ...]:
        """What may be marked: literal backticks have no escape, and make code of whatever stands between two."""
        literal = self._text.count("`", self._start, self._end)
        return () if literal > 1 else STYLES if literal else (*STYLES, "code")

    def _clipped(self, span: Span) -> Span:
        """The span's share of this line, without what nobody sees at its edges."""
        start, end = max(span.start, self._start), min(span.end, self._end)
        if span.kind != "code":
            words = self._text[start:end].rstrip(_BLANK)
            end = start + len(words)
            start += len(words) - len(words.lstrip(_BLANK))
        return Span(span.kind, start, end, span.value)

    def _add_links(self) -> None:
        for link in self._links(self._start, self._end):
            if words := self._text[link.start : link.end]:
                self._edges.append(_Edge(link.start, (_LINK,), self._style.link(link.value, words), len(words)))
                if not self._style.breaks and _JOINED.match(self._text, max(link.start - 1, self._start)):
                    self._edges.append(_Edge(link.start, (_BREAK,), " "))  # markup between them is left out

    def _add_markers(self, span: Span) -> None:
        mark, start, end = MARKERS[span.kind], span.start, span.end
        before, behind = self._within_word(span)
        place = OUTERMOST[span.kind]
        self._edges += [_Edge(start, (_OPENING, -end, place), mark), _Edge(end, (_CLOSING, -start, -place), mark)]
        gap = BREAK if self._style.breaks else " "  # before an address, see _is_readable
        self._edges += [_Edge(start, (_BREAK,), BREAK)] * before + [_Edge(end, (_BREAK,), gap)] * behind
        if span.kind == "code":
            self._coded.add(span)

    def _within_word(self, span: Span) -> tuple[bool, bool]:
        """Whether a word goes on before it, and behind it."""
        before = span.start > self._start and _WORD.match(self._text[span.start - 1])
        return bool(before), bool(span.end < self._end and _WORD.match(self._text[span.end]))

    def _is_readable(self, span: Span) -> bool:
        """Whether this dialect can read the markers here."""
        words = self._text[span.start : span.end]
        if MARKERS[span.kind] in words or not words.strip(_BLANK):
            return False
        if span.kind != "code" and words[-1] in "*_~":  # it would begin something that our marker ends
            return False
        if self._style.breaks:
            extents = ((link.start, link.end) for link in self._links(span.start, span.end))
            return not any(first < span.start or span.end < last for first, last in extents)
        before, behind = self._within_word(span)
        beside = any(first <= span.start <= last or first < span.end <= last for first, last in self._addressed)
        return not beside and not before and (not behind or span.end in dict(self._addressed))

    @cached_property
    def _addressed(self) -> list[tuple[int, int]]:
        """The stretches from a bare address to the next white space: a marker in one is taken for a part of it."""
        return [
            found for run in _RUN.finditer(self._text, self._start, self._end) if (found := self._address(*run.span()))
        ]

    def _address(self, start: int, end: int) -> tuple[int, int] | None:
        """The first address of a stretch without white space, with all that stands behind it."""
        link = next((link.start for link in self._links(start, end)), end)
        bare = self._text.find("://", start, link)
        begins = start if bare >= 0 else link
        return (begins, end) if begins < end else None

    def _links(self, start: int, end: int) -> Iterator[Span]:
        return map(self._clipped, self._index.within(start, end, "link", "url"))

    def _add_breaks(self) -> None:
        """Keeps literal characters of the text from being read as markup."""
        text, start, end = self._text, self._start, self._end
        places = [*self._openers(), *(found.end() for found in FENCE.finditer(text, start, end))]
        if self._style.defused:
            places += [found.end() for found in self._style.defused.finditer(text, start, end)]
        self._edges += [_Edge(at, (_BREAK,), BREAK) for at in places if not self._verbatim(at - 1)]
        if text.startswith(">", start, end):
            self._edges.append(_Edge(start, (_BREAK,), BREAK))

    def _openers(self) -> Iterator[int]:
        """Behind each literal marker that would be read as one: at the edge of a word, and not alone in the line."""
        text, start, end = self._text, self._start, self._end
        written = {edge.text for edge in self._edges}
        paired = {mark for mark in "*_~" if mark in written or text.count(mark, start, end) > 1}
        edges = {place for edge in self._edges for place in (edge.at, edge.at + edge.over)}
        for found in _LITERAL.finditer(text, start, end):
            at, after = found.span()
            in_word = at > start and text[at - 1].isalnum() and at not in edges
            to_nothing = after == end or text[after].isspace() or text[after] == found[0]
            if found[0] in paired and not in_word and (after in edges or not to_nothing):
                yield after

    def _verbatim(self, at: int) -> bool:
        """Whether a character is part of an address, or of code that is written as such."""
        spans = self._index.within(at, at + 1, "code", "url")
        return any(span.kind == "url" or span in self._coded for span in spans)
