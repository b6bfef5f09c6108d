"""Makes an unfinished Markdown text readable, while it is still being written."""

import re
from collections import Counter
from typing import NamedTuple
from unicodedata import category

_FENCE = re.compile(r"((?:[ \t>]|[-*+] |\d{1,9}[.)] )*)(`{3,}|~{3,})")
_BLOCK = re.compile(r"(?:[ \t>]|[-*+] |\d{1,9}[.)] |#{1,6} )*")
_WORD = re.compile(r"\w")
_UNDERLINE = re.compile(r"(?:^|\n)[ \t>]*[-=]{1,2}\Z")
_HALF_FENCE = re.compile(r"\n[ \t>]*(?:`{1,2}|~{1,2})\Z")
_ADDRESS = r"(?:[^()\s]|\([^()\s]*+\)?)*+"
_TITLE = r"""(?: (?:"[^"]*+"?|'[^']*+'?))?"""
_TOKEN = re.compile(rf"\\.?|`+|\*+|_+|~+|!?\[|\](?:\({_ADDRESS}{_TITLE}(?P<whole>\))?)?", re.DOTALL)


def heal(markdown: str) -> str:
    """The text with what is still open at its end closed: fences, code, emphasis, links.

    For previews only: marks with nothing behind them yet go, a link whose address is not complete becomes its text,
    and white space at the end goes. A finished text comes back as it is, but for that. Linear in time.
    """
    text = markdown.rstrip()
    paragraph, fence = _scan(text)
    if fence:
        return _HALF_FENCE.sub("", text) + fence
    text = _UNDERLINE.sub("", text)  # the beginning of a list or a rule would make the line above it a heading
    return text[:paragraph] + _Paragraph(text[paragraph:]).healed()


def _scan(text: str) -> tuple[int, str]:
    """Where the last paragraph begins, and what closes the code block that is open at the end, if one is."""
    at, paragraph, closing = 0, 0, ""
    fence = ""
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence:
            bare = line.strip(" \t>\n")
            if len(bare) >= len(fence) and not bare.strip(fence[0]):
                fence, paragraph = "", at + len(line)
        elif found and not (found[2][0] == "`" and "`" in line[found.end() :]):
            fence = found[2]
            closing = "\n" + re.sub(r"[^\s>]", " ", found[1]) + fence
        elif not line.strip(" \t>\n"):
            paragraph = at + len(line)
        else:
            start = _BLOCK.match(line)
            paragraph = at + start.end() if start and start.end() else paragraph
        at += len(line)
    return min(paragraph, len(text)), closing if fence else ""


def _holds(inner: str, outer: str) -> bool:
    """Whether a run of marks belongs to the character on its one side, given the one on its other side, if any."""
    if not inner or inner.isspace():
        return False
    return not _is_sign(inner) or not outer or outer.isspace() or _is_sign(outer)


def _is_sign(char: str) -> bool:
    return category(char)[0] in "PS"


class _Mark(NamedTuple):
    """A run of one character that opened something."""

    char: str
    size: int
    start: int
    end: int


class _Paragraph:
    """One reading of the last paragraph."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = len(text)  # what is behind it goes
        self._emphasis: list[_Mark] = []
        self._counts: Counter[str] = Counter()
        self._code: _Mark | None = None
        self._brackets: list[tuple[int, int]] = []
        self._dropped = (0, 0)  # the bracket of a link that is not complete

    def healed(self) -> str:
        for found in _TOKEN.finditer(self._text):
            run = found[0]
            if self._code:
                self._read_code(self._code, found)
            elif run[0] == "`":
                self._code = _Mark("`", len(run), *found.span())
            elif run[0] in "*_~":
                self._read_emphasis(found)
            elif run[0] in "![":
                self._brackets.append(found.span())
            elif run[0] == "]":
                self._read_bracket(found)
            elif run == "\\":
                self._end = found.start()
        return self._closed()

    def _read_code(self, code: _Mark, found: re.Match[str]) -> None:
        if found[0] == "`" * code.size:
            self._code = None
        elif found[0][0] == "`" and found.end() == len(self._text) and len(found[0]) < code.size:
            self._end = found.start()

    def _read_emphasis(self, found: re.Match[str]) -> None:
        char, left = found[0][0], len(found[0])
        start, end = found.span()
        before, after = self._text[start - 1 : start], self._text[end : end + 1]
        if char == "~" and left < 2 and after:
            return
        empty = bool(self._emphasis) and self._emphasis[-1].end == start
        if not empty and _holds(before, after) and not (char == "_" and after and _WORD.match(after)):
            left = self._close(char, left)
        if left and not after:
            self._end = end - left
        elif left and _holds(after, before) and not (char == "_" and before and _WORD.match(before)):
            self._emphasis.append(_Mark(char, left, start, end))
            self._counts[char] += 1

    def _close(self, char: str, left: int) -> int:
        """Closes what this character has open, with all that is open within; returns how many of the run remain."""
        while left and self._counts[char]:
            mark = self._emphasis.pop()
            self._counts[mark.char] -= 1
            if mark.char == char:
                used = min(left, mark.size)
                left -= used
                if used < mark.size:
                    self._emphasis.append(_Mark(char, mark.size - used, mark.start, mark.end))
                    self._counts[char] += 1
        return left

    def _read_bracket(self, found: re.Match[str]) -> None:
        bracket = self._brackets.pop() if self._brackets else None
        if bracket and len(found[0]) > 1 and not found["whole"] and found.end() == len(self._text):
            self._dropped, self._end = bracket, found.start()

    def _closed(self) -> str:
        text, end, code = self._text, self._end, self._code
        while end:
            if text[end - 1].isspace():
                end -= 1
            elif code and code.end >= end:
                end, code = code.start, None
            elif self._emphasis and self._emphasis[-1].end >= end:
                end = self._emphasis.pop().start
            else:
                break
        first, last = self._dropped
        closing = "`" * code.size if code else ""
        closing += "".join(mark.char * mark.size for mark in reversed(self._emphasis))
        return text[:first] + text[last:end] + closing
