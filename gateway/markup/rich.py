"""Visible text with spans: what the tree becomes before it is split and written in a dialect."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
import regex

Kind = Literal["quote", "pre", "link", "url", "bold", "italic", "strike", "code"]

MARK = r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]"
"""A pattern of `regex`: what belongs to the character before it."""

_SPACE = regex.compile(rf"\s+(?!{MARK})")
_EMPTY_LINES = regex.compile(r"(?:[^\S\n]*+\n)*+(?:[^\S\n]*+\Z)?")

STYLES: tuple[Kind, ...] = ("bold", "italic", "strike")
WHOLE: tuple[Kind, ...] = ("link", "url", "code")
"""Spans that are not broken as long as there is another way."""

_NESTING: tuple[Kind, ...] = ("quote", "pre", "link", "url", "bold", "italic", "strike", "code")
OUTERMOST = {kind: place for place, kind in enumerate(_NESTING)}
"""Which of two spans of the same extent is the outer one: the lower number."""

_TRIMMED = {*STYLES, "link"}


class Span(msgspec.Struct, frozen=True):
    """A stretch `start..end` (in code points) of one kind.

    `value` is the address of a link, also of a `url`, whose text is that address; the language of a `pre`.
    """

    kind: Kind
    start: int
    end: int
    value: str = ""


class Rich(msgspec.Struct, frozen=True):
    """Visible text and its spans, outer before inner.

    Spans of one kind never overlap; two of different kinds are apart or one lies within the other. Nothing but a
    quote holds a pre; code, links and pre hold no code, and code and pre hold nothing. No span is empty.
    """

    text: str
    spans: tuple[Span, ...] = ()


def rich(text: str, spans: Iterable[Span]) -> Rich:
    """Puts nested spans in order: one within another of its kind goes, and styles are kept out of code."""
    kinds: defaultdict[Kind, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        same = kinds[span.kind]
        if span.start < span.end and not (same and span.start < same[-1].end):
            same.append(span)
    kinds["code"] = _outside(kinds["code"], kinds["link"])
    code = sorted(kinds["code"] + kinds["pre"], key=lambda span: span.start)
    for kind in STYLES:
        kinds[kind] = _outside(kinds[kind], code)
    return Rich(text, _ordered(span for same in kinds.values() for span in same))


def _outside(spans: list[Span], holes: list[Span]) -> list[Span]:
    """The spans without what lies in the holes; both in order and without overlaps."""
    kept: list[Span] = []
    first = 0
    for span in spans:
        start = span.start
        while first < len(holes) and holes[first].end <= start:
            first += 1
        at = first
        while at < len(holes) and holes[at].start < span.end:
            if start < holes[at].start:
                kept.append(Span(span.kind, start, holes[at].start, span.value))
            start = holes[at].end
            at += 1
        if start < span.end:
            kept.append(Span(span.kind, start, span.end, span.value))
    return kept


def _ordered(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(sorted(spans, key=lambda span: (span.start, -span.end, OUTERMOST[span.kind])))


class Index:
    """Finds the spans of a Rich by place, in logarithmic time."""

    def __init__(self, whole: Rich) -> None:
        self._text = whole.text
        kinds: defaultdict[Kind, list[Span]] = defaultdict(list)
        for span in whole.spans:
            kinds[span.kind].append(span)
        self._kinds: dict[Kind, tuple[list[int], list[Span]]] = {
            kind: ([span.end for span in same], same) for kind, same in kinds.items()
        }

    def within(self, start: int, end: int, *kinds: Kind) -> Iterator[Span]:
        """The spans that have a character in common with `start..end`; of all kinds when none is named."""
        for kind in kinds or self._kinds:
            ends, same = self._kinds.get(kind, ((), ()))
            for at in range(bisect_right(ends, start), len(same)):
                if same[at].start >= end:
                    break
                yield same[at]

    def around(self, at: int, *kinds: Kind) -> Span | None:
        """The span of these kinds that a cut before the character at `at` would break in two."""
        return next((span for span in self.within(at, at + 1, *kinds) if span.start < at), None)

    def cut(self, start: int, end: int) -> Rich:
        """The text from `start` to `end`, with its share of the spans; links and styles begin and end in a word.

        A piece of an address that was cut is a link to the whole of it.
        """
        text = self._text[start:end]
        return Rich(text, _ordered(_shares(self._text, self.within(start, end), start, end)))

    def skip(self, at: int) -> int:
        """Past the white space at a place; in code only past empty lines, as indentation is part of it.

        A space that carries a combining mark is a character, and no white space.
        """
        text = self._text
        while at < len(text) and text[at].isspace():
            code = next(self.within(at, len(text), "pre"), None)
            if code and code.start <= at:
                found = _EMPTY_LINES.match(text, at, code.end)
            else:
                found = _SPACE.match(text, at, code.start if code else len(text))
            if not found or found.end() == at:
                break
            at = found.end()
        return at

    def lines(self) -> Iterator[tuple[int, int]]:
        """Where each line begins and ends, without its line break."""
        start = 0
        while (end := self._text.find("\n", start)) >= 0:
            yield start, end
            start = end + 1
        yield start, len(self._text)


def _shares(text: str, spans: Iterable[Span], start: int, end: int) -> Iterator[Span]:
    for span in spans:
        first, last = max(span.start, start), min(span.end, end)
        if span.kind in _TRIMMED:
            while first < last and text[first].isspace():
                first += 1
            while first < last and text[last - 1].isspace():
                last -= 1
        elif span.kind == "pre":
            while first < last and text[last - 1] == "\n":
                last -= 1
        if first < last:
            whole = last - first == span.end - span.start or span.kind != "url"
            yield Span(span.kind if whole else "link", first - start, last - start, span.value)
