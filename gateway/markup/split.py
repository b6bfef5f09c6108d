"""Splitting visible text into parts that fit, at the best place there is."""

from collections.abc import Callable, Iterator

import regex

from gateway.markup.rich import MARK, WHOLE, Index, Rich

Measure = Callable[[Rich], int]

LEAST = 16
"""The smallest limit that can be kept whatever the text: one code point, escaped, always fits."""

# How full a part must at least be for a paragraph, line or sentence to end it. A word ends it however early.
_PARAGRAPH, _LINE, _SENTENCE = 0.25, 0.5, 0.5

_GRAPHEME = regex.compile(r"\X")
_STRETCH = 256  # flags are counted from where the search begins, for each of them anew
_MARK = regex.compile(MARK)
# A long run of such signs is looked at once, from its first on.
_SENTENCE_END = regex.compile(rf"(?<![.!?…])[.!?…]++[\"')\]»”’]*+(?=\s)|(?<![。！？])[。！？]++[」』”’]*+(?!{MARK})")
_LAST_SPACE = regex.compile(rf"(?r)(?<!\p{{GCB=Prepend}})\s(?!{MARK})")


def split(whole: Rich, limit: int, measure: Measure) -> Iterator[Rich]:
    """The parts of a text, in order, each of a measured size of at most `limit` (not below `LEAST`).

    The law: the parts' texts, in order and put together, are the text without the white space at its ends and at
    each break. At a break the whole run of white space goes; in code what is before it and the empty lines after
    it, so that the next line keeps its indentation. No part is empty; none begins or ends in white space, but for
    the indentation of code.

    Breaks are sought at the end of a paragraph, a line, a sentence, a word, and before a link, in that order; else
    between two graphemes. None is within a link, unless its label alone is longer than a part: that one is broken
    like text, and every piece of it links to the whole address. Spans are continued in the next part: code is
    closed, and opened again with its language. Should one grapheme with its markup not fit, it goes without its
    markup; should it not fit even so, it is broken between code points.

    `measure` gives the size of a part as it will be sent. It is asked a few times for each part, never for more
    than about `limit` characters, so the work is linear in the length of the text.
    """
    index, text = Index(whole), whole.text
    start, end = index.skip(0), len(text.rstrip())
    while start < end:
        part, start = _next(index, text, start, end, limit, measure)
        if part.text:
            yield part
        start = index.skip(start)


def _next(index: Index, text: str, start: int, end: int, limit: int, measure: Measure) -> tuple[Rich, int]:
    """The first part from `start` on, and where it ends."""
    last = min(start + limit, end)
    fits = _furthest(lambda at: measure(index.cut(start, at)), limit, start, last)
    while fits > start:
        at = end if fits == end else _break(index, text, start, fits)
        part = index.cut(start, _stripped(text, start, at))
        if measure(part) <= limit:
            return part, at
        fits = at - 1  # closing a span here costs more than going on did
    whole = next(index.within(start, start + 1, *WHOLE), None)
    return _words_only(text, start, min(last, whole.end) if whole else last, limit, measure)


def _words_only(text: str, start: int, end: int, limit: int, measure: Measure) -> tuple[Rich, int]:
    """For markup larger than a part: as much of the text as fits without any."""
    at = max(_furthest(lambda at: measure(Rich(text[start:at])), limit, start, end), start + 1)
    while True:
        at = _grapheme(text, start, at)
        part = Rich(text[start : _stripped(text, start, at)])
        if measure(part) <= limit or at == start + 1:
            return part, at
        at -= 1


def _furthest(size: Callable[[int], int], limit: int, start: int, end: int) -> int:
    """The last place up to which the size is within the limit, or one where less than a sixteenth is left unused."""
    over = size(end)
    if over <= limit:
        return end
    low, under, high, steps = start, 0, end, 0
    while high - low > 1 and limit - under > limit // 16:
        steps += 1  # every third step halves, should sizes be too uneven to guess from
        share = 0.5 if steps % 3 == 0 else 0.98 * (limit - under) / (over - under)
        at = min(max(low + int((high - low) * share), low + 1), high - 1)
        found = size(at)
        if found <= limit:
            low, under = at, found
        else:
            high, over = at, found
    return low


def _stripped(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())


def _break(index: Index, text: str, start: int, end: int) -> int:
    """The best place to break at, later than `start` and not later than `end`."""
    room = end - start - 1
    return (
        _last_blank(index, text, start + 1 + int(room * _PARAGRAPH), end)
        or _last_line(index, text, start + 1 + int(room * _LINE), end)
        or _last_sentence(index, text, start + 1 + int(room * _SENTENCE), end)
        or _last_word(index, text, start, end)
        or _before_link(index, text, start, end)
        or _last_word(index, text, start, end, within_links=True)
        or _grapheme(text, start, end)
    )


def _last_blank(index: Index, text: str, low: int, high: int) -> int:
    """The last empty line outside of code, or 0."""
    at = text.rfind("\n\n", low, high + 2)
    while at >= 0 and (code := index.around(at, "pre")):
        at = text.rfind("\n\n", low, code.start)
    return max(at, 0)


def _last_line(index: Index, text: str, low: int, high: int) -> int:
    """The last line break, or 0. Code that began late enough is rather left whole for the next part."""
    at = text.rfind("\n", low, high + 1)
    while at >= 0 and (link := index.around(at, *WHOLE)):
        at = text.rfind("\n", low, link.start)
    code = index.around(at, "pre") if at >= 0 else None
    return code.start - 1 if code and code.start > low else max(at, 0)


def _last_sentence(index: Index, text: str, low: int, high: int) -> int:
    ends = [found.end() for found in _SENTENCE_END.finditer(text, low, high + 1)]
    return next((at for at in reversed(ends) if at <= high and not index.around(at, "pre", *WHOLE)), 0)


def _last_word(index: Index, text: str, start: int, end: int, within_links: bool = False) -> int:
    beyond = end + 2  # one character more than may be the break: it shows whether it carries a mark
    while found := _LAST_SPACE.search(text, start + 1, beyond):
        at = found.start()
        link = None if within_links else index.around(at, *WHOLE)
        if not link and at <= end:
            return at
        beyond = link.start + 1 if link else at
    return 0


def _before_link(index: Index, text: str, start: int, end: int) -> int:
    link = index.around(end, *WHOLE)
    return link.start if link and link.start > start and not _MARK.match(text, link.start) else 0


def _grapheme(text: str, start: int, end: int) -> int:
    """The last boundary of graphemes up to `end`; `end` itself when it is within the first one."""
    if text[start : end + 1].isascii():
        return end
    last, size = start, _STRETCH
    while True:
        stretch = text[last : min(last + size, end + 1)]
        bounds = [last + found.end() for found in _GRAPHEME.finditer(stretch)]
        if last + len(stretch) > end or bounds[-1] == len(text):
            last = max((bound for bound in bounds if bound <= end), default=last)
            return last if last > start else end
        last, size = (bounds[-2], _STRETCH) if len(bounds) > 1 else (last, 2 * size)
