"""The dialect `plain`: no markup at all. Quotes are lines after `> `, links are followed by their address."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

from gateway.markup.rich import Index, Rich, Span, rich


def write(part: Rich) -> str:
    """The text, with `> ` before each line of a quote; code in a quote stands as it is."""
    if not any(span.kind == "quote" for span in part.spans):
        return part.text
    index = Index(part)
    return "\n".join(quoted(index, start, end) + part.text[start:end] for start, end in index.lines())


def quoted(index: Index, start: int, end: int) -> str:
    """What a line of a quote begins with: `> `, or `>` when the line is empty, or nothing outside of quotes."""
    last = max(end, start + 1)
    in_quote = any(True for _ in index.within(start, last, "quote"))
    if not in_quote or any(True for _ in index.within(start, last, "pre")):
        return ""
    return "> " if end > start else ">"


def spell_links(whole: Rich, unless: Callable[[Span], bool] = lambda link: False) -> Rich:
    """Writes the address of each link after its text: `text (address)`. `unless` says which links stay links."""
    spelt = [link for link in whole.spans if link.kind == "link" and not unless(link)]
    if not spelt:
        return whole
    added = [_spelling(whole.text[link.start : link.end], link.value) for link in spelt]
    return _inserted(whole, set(spelt), [link.end for link in spelt], added)


def _spelling(text: str, url: str) -> str:
    address = url.removeprefix("mailto:").removeprefix("tel:")
    return "" if text.strip().rstrip("/") in (url.rstrip("/"), address) else f" ({address})"


def _inserted(whole: Rich, removed: set[Span], places: list[int], added: list[str]) -> Rich:
    """The text with strings put in at places, spans moved along; a quote also takes in what is put at its end."""
    lengths = [0, *accumulate(map(len, added))]
    edges = [0, *places, len(whole.text)]
    text = "".join(whole.text[a:b] + word for a, b, word in zip(edges[:-1], edges[1:], [*added, ""], strict=True))

    def moved(span: Span) -> Span:
        last = bisect_right if span.kind == "quote" else bisect_left
        start = span.start + lengths[bisect_right(places, span.start)]
        return Span(span.kind, start, span.end + lengths[last(places, span.end)], span.value)

    kept: Iterable[Span] = (span for span in whole.spans if span not in removed)
    addresses = (
        Span("url", place + lengths[at] + 2, place + lengths[at + 1] - 1, link.value)
        for at, (place, link) in enumerate(zip(places, sorted(removed, key=lambda span: span.end), strict=True))
        if added[at]
    )
    return rich(text, [*map(moved, kept), *addresses])
