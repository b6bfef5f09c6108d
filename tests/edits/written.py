"""A tree of settings as somebody might have written it down, and where each key and each value stands in the text."""

import json
import random
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/_.-]*|[0-9]+[A-Za-z]+")
_WORDS = {"true", "false", "null"}


class Spot(NamedTuple):
    """Line and column, from 1."""

    line: int
    column: int


class Verbatim(str):
    """A value that stands in the text as it is."""

    __slots__ = ()


class Written:
    """YAML with blank lines, remarks, indents and quotes as the dice will have them."""

    def __init__(self, tree: Mapping[str, Any], dice: random.Random) -> None:
        self._dice = dice
        self.lines: list[str] = []
        self.keys: dict[Path, Spot] = {}
        self.values: dict[Path, Spot] = {}
        self.leaves: set[Path] = set()  # those that have a line of their own
        self._block(tree, (), 0)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def _block(self, tree: Mapping[str, Any], path: Path, indent: int) -> None:
        for key, value in tree.items():
            self._pause()
            at, line = (*path, key), " " * indent + f"{key}:"
            self.keys[at] = Spot(len(self.lines) + 1, indent + 1)
            if isinstance(value, dict) and value and not self._fits(value):
                self.lines.append(line + self._remark())
                self._block(value, at, indent + self._dice.choice((2, 2, 3, 4)))
                self.values[at] = self.keys[*at, next(iter(value))]
                continue
            self.leaves.add(at)
            line += " " * self._dice.choice((1, 1, 2))
            self.lines.append(line + self._flow(value, at, len(line)) + self._remark())

    def _fits(self, value: Mapping[str, Any]) -> bool:
        """Whether a mapping is written in one line."""
        return not any(isinstance(one, dict | Verbatim) for one in value.values()) and self._dice.random() < 0.2

    def _flow(self, value: Any, path: Path, column: int) -> str:
        self.values[path] = Spot(len(self.lines) + 1, column + 1)
        if not isinstance(value, dict | list):
            return self._word(value)
        pieces = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        text = "{" if isinstance(value, dict) else "["
        for number, (key, item) in enumerate(pieces):
            text += ", " if number else ""
            self.keys[*path, key] = Spot(len(self.lines) + 1, column + len(text) + 1)
            text += f"{key}: " if isinstance(value, dict) else ""
            text += self._flow(item, (*path, key), column + len(text))
        return text + ("}" if isinstance(value, dict) else "]")

    def _word(self, value: Any) -> str:
        if isinstance(value, Verbatim):
            return value
        if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS and self._dice.random() < 0.7:
            return value
        return json.dumps(value, ensure_ascii=False)

    def _pause(self) -> None:
        if self._dice.random() < 0.1:
            self.lines += self._dice.choice(([""], ["", ""], ["# what follows was asked for"], ["    # see above"]))

    def _remark(self) -> str:
        return "  # for now" if self._dice.random() < 0.1 else ""
