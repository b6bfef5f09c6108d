"""What is wrong in the operator's files, and where."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple

from config.trail import Trail

Path = tuple[str | int, ...]
"""The way from the top of the data to a value: keys of mappings, indexes of lists."""


class Position(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def dotted(path: Path) -> str:
    """A path as people write it: `channels.site.origins[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{shown(step)}" if text else shown(step)
    return text


def shown(name: str) -> str:
    """A name fit for an error; `?` for what looks like a secret that slipped into the place of a name."""
    digits = sum(character.isdigit() for character in name)
    word = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if name == name.lower():
        return name if word and len(name) <= 40 and digits <= 12 else "?"
    return name if word and len(name) <= 24 and digits <= 2 else "?"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to put right. `path` is dotted, "" for a file as a whole; `hint` says how to mend it."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    @classmethod
    def at(cls, position: Position, path: Path, message: str, hint: str = "") -> "Problem":
        return cls(*position, dotted(path), message, hint)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: " + (f"{self.path}: " if self.path else "")
        text = where + self.message + (f"; {self.hint}" if self.hint else "")
        return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)

    def as_dict(self) -> dict[str, str | int]:
        """For `--json`: file, line, column, path, message, hint."""
        return asdict(self)


class ConfigErrors(Exception):
    """The configuration cannot be used. Holds every problem of every file, in order of file and line, and the trail
    of the reading: until something on it changes, there is nothing better to be read.
    """

    def __init__(self, problems: Iterable[Problem], trail: Trail) -> None:
        self.problems, self.trail = tuple(problems), trail
        super().__init__("\n".join(map(str, self.problems)))
