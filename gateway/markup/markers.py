"""What the dialects of single markers share: `*bold* _italic_ ~struck~`, backticks and `> quotes`.

Such dialects have no way to escape a marker, and read one only at the edge of a word, within one line. So a span
is written line by line, and where its markers would not be read, or would be read wrongly, it goes without them:
formatting may get lost, words do not.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from gateway.markup.rich import Kind

MARKERS: dict[Kind, str] = {"bold": "*", "italic": "_", "strike": "~", "code": "`"}
BREAK = "\u200b"
"""A zero-width space: it ends a word, and keeps two characters from being read as one mark."""

FENCE = re.compile("``(?=`)")


class Style(NamedTuple):
    """How one dialect differs: its escapes, its links, and whether `BREAK` lets a marker stand within a word."""

    escape: Callable[[str], str]
    link: Callable[[str, str], str]  # (address, text still to be escaped)
    breaks: bool
    defused: re.Pattern[str] | None = None  # a BREAK goes behind what this finds outside of code


def unfenced(text: str) -> str:
    """The text with every fence in it broken up."""
    return FENCE.sub(f"``{BREAK}", text)
