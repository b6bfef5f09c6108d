"""Tables: found in the source of a paragraph, and laid out as text for dialects that have none.

The parser's own table rule is not used: it drops the cells that a row has beyond its header, and a few kilobytes
can make it fill in tens of thousands of empty ones.
"""

import re
import unicodedata
from typing import NamedTuple

WIDEST = 48  # columns of a fixed-width font that a phone shows without wrapping

_COLUMN = re.compile(r"[ \t]*(:?)-+(:?)[ \t]*")
_BAR = re.compile(r"(?<!\\)\|")
_REPEATED = 16_384


class Table(NamedTuple):
    """A table in a paragraph: the lines before it, its columns' alignment, its rows of raw cells, header first."""

    before: str
    align: list[str]
    rows: list[list[str]]


def find_table(paragraph: str) -> Table | None:
    """The first table in a paragraph's source: a header line, a line of dashes, and all lines below it."""
    if "|" not in paragraph:
        return None
    lines = paragraph.split("\n")
    for at in range(1, len(lines)):
        align = _align(lines[at]) if "|" in lines[at - 1] else None
        if align and len(_cells(lines[at - 1])) == len(align):
            rows = [_cells(line) for line in (lines[at - 1], *lines[at + 1 :])]
            return Table("\n".join(lines[: at - 1]), align, rows)
    return None


def _align(line: str) -> list[str] | None:
    if line.strip("|-: \t"):
        return None
    columns = [_COLUMN.fullmatch(column) for column in line.strip(" \t").removeprefix("|").removesuffix("|").split("|")]
    names = {("", ""): "", (":", ""): "left", ("", ":"): "right", (":", ":"): "center"}
    found = [names[column[1], column[2]] for column in columns if column]
    return found if len(found) == len(columns) else None


def _cells(line: str) -> list[str]:
    cells = _BAR.split(line.strip(" \t"))
    if len(cells) > 1 and not cells[0]:
        cells.pop(0)
    if len(cells) > 1 and not cells[-1]:
        cells.pop()
    return [cell.strip().replace("\\|", "|") for cell in cells]


def aligned(rows: list[list[str]], align: list[str]) -> str | None:
    """The table in a fixed-width font, its header underlined; None when it is too wide for that."""
    count = max(map(len, rows))
    if 4 * count - 3 > WIDEST:
        return None
    full = [row + [""] * (count - len(row)) for row in rows]
    widths = [max(map(_width, column)) for column in zip(*full, strict=True)]
    if sum(widths) + 3 * (count - 1) > WIDEST:
        return None
    sides = align + [""] * (count - len(align))
    lines = [" | ".join(map(_padded, row, widths, sides)).rstrip() for row in full]
    return "\n".join([lines[0], "-+-".join("-" * width for width in widths), *lines[1:]])


def worth_repeating(header: list[str], rows: int) -> bool:
    """Whether the header's names may stand before each value: long names on many rows would swell the text."""
    return sum(map(len, header)) * rows <= _REPEATED


def _padded(text: str, width: int, side: str) -> str:
    room = width - _width(text)
    left = {"right": room, "center": room // 2}.get(side, 0)
    return " " * left + text + " " * (room - left)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(char) in {"Mn", "Me", "Cf"} else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )
