"""Four times the text takes about four times as long, whatever it is made of, and however long a part may be.

What one text costs is compared with what another costs in the same process, so that no slow machine can fail this:
quadratic work would take sixteen times as long.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from gateway.markup import DIALECTS, heal, render
from gateway.voice.wording import wording

SHORT, RATIO = 1_000, 10
SPARE = 0.04  # seconds of CPU: what takes less is too little to compare

FRAGMENTS = [
    *("*", "_", "`", "~", "[", "]", "(", "<", ">", "!", "&", "\\", "#", "|", "-", "=", ".", "。", "…", "@", "\n", " "),
    *(
        "**a ",
        "*a **b ",
        "a*",
        "_a",
        "*a*_b_~~c~~",
        "`a ",
        "``a` ",
        "``a`",
        "`x",
        "\\`",
        "\\*a ",
        "~~a",
        "*\u200b",
        "**b**",
    ),
    *("[a](", '[a](b "', "](a(", "[x](a(b)", "[a", "![", "[a](http://x.yz) ", "http://x.yz/a_b ", "(http://a", "A_(b"),
    *("> ", "- ", "1. ", "> - 1. ", "- a\n", " - a\n", "a\n", "```\n", "~~~\n", "# a\n", "[a]: b\n", "a\n=\n"),
    *("|a", "|a|\n|-|\n", "a|b\n-|-\n", "|`a`[x](http://x.yz)", "&#x1;", "&amp;", "<b>", "<!--", "@here ", "a.b. "),
    *("e\u0301", "\u0301", "👨‍👩‍👧", "🇩🇪", "漢", "\ud800", "\x00", "\u200b", "\u202e"),
]


def nested(size: int) -> str:
    """Lists within lists, each line further in, and from the margin again."""
    lines = ("  " * (number % 100) + "- a\n" for number in range(size))
    return "".join(line for _, line in zip(range(size // 50), lines, strict=False))


def repeated(fragment: str, size: int) -> str:
    return (fragment * (size // len(fragment) + 1))[:size]


TEXTS: dict[str, Callable[[int], str]] = {
    "nested lists": nested,
    "one row of a table": lambda size: "|a|b|\n|-|-|\n" + repeated("|a", size),
    "a pile of accents after a sign": lambda size: repeated("。", size) + "\u0301",
} | {fragment: partial(repeated, fragment) for fragment in FRAGMENTS}

WORK: dict[str, Callable[[str], object]] = {
    "heal": heal,
    "wording": wording,
    **{dialect: lambda text, dialect=dialect: render(text, dialect, max(16, len(text) // 3)) for dialect in DIALECTS},  # type: ignore[misc]
}


def seconds(work: Callable[[str], object], text: str) -> float:
    before = time.process_time()
    work(text)
    return time.process_time() - before


def slow(work: Callable[[str], object]) -> Iterator[str]:
    """The texts of which more is much more work. A doubt is looked into: only noise ever goes away."""
    for name, make in TEXTS.items():
        once, more = make(SHORT), make(4 * SHORT)
        short, long = seconds(work, once), seconds(work, more)
        for _ in range(4):
            if long <= RATIO * short + SPARE:
                break
            short, long = max(short, seconds(work, once)), min(long, seconds(work, more))
        else:
            yield f"{name!r}: {short:.3f} s, then {long:.3f} s"


@pytest.mark.feature("FMT-01", "FMT-02", "SEC-05", "STR-04")
@pytest.mark.parametrize("work", WORK)
def test_hostile_text_of_four_times_the_size_takes_four_times_as_long(work: str) -> None:
    assert not list(slow(WORK[work]))


@pytest.mark.feature("SEC-05")
def test_quadratic_work_is_noticed() -> None:
    def quadratic(text: str) -> int:
        return sum(char == other for char in text[::4] for other in text)

    assert next(slow(quadratic))
