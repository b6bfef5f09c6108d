"""Reads the operator's files: one YAML file and those it includes become one `Document`.

`include` stands at the top of a file and names further files, relative to it; they are merged key by key. All
problems of all files are found before anything is reported.
"""

import glob
import os
from collections.abc import Mapping as Environment
from pathlib import Path as FilePath

from config.document import Document
from config.expand import Expander
from config.nodes import Mapping, Scalar, Sequence, build
from config.problem import ConfigErrors, Path, Position, Problem, shown
from config.source import Copy, Disk, Source, Unreadable
from config.trail import Trail

MAX_FILES = 500
MAX_CHAIN = 20
_Chain = tuple[str, ...]  # the files being read, outermost first, by their real paths


def read(path: FilePath | str, environment: Environment[str, str], source: Source | None = None) -> Document:
    """Read a file and all it includes, from the disk or else. Raises `ConfigErrors` with every problem, in order."""
    reading = _Reading(environment, source or Disk())
    root = reading.file(FilePath(path), None, ())
    if not reading.problems and root is None:
        reading.problems.append(Problem(str(path), 1, 1, "", "the file is empty", "gateway init writes a starter"))
    if reading.problems or root is None:
        raise ConfigErrors(reading.ordered(), reading.trail)
    return Document(root, reading.trail, reading.copy)


class _Reading:
    """One reading of the whole configuration."""

    def __init__(self, environment: Environment[str, str], source: Source) -> None:
        self.environment, self.source, self.copy = environment, source, Copy({}, {})
        self.problems: list[Problem] = []
        self.trail = Trail()
        self.seen: set[str] = set()

    def ordered(self) -> list[Problem]:
        """Problems file by file, as the files were met, and by line within each."""
        rank = {name: number for number, name in enumerate(self.trail.files)}
        return sorted(set(self.problems), key=lambda problem: (rank.get(problem.file, len(rank)), problem))

    def file(self, path: FilePath, asked: Position | None, chain: _Chain) -> Mapping | None:
        """The tree of a file with its includes merged in; None when there is nothing in it."""
        name = str(path)
        self.trail.reads(path)
        self.seen.add(os.path.realpath(path))
        try:
            text = self.copy.texts[os.path.abspath(path)] = self.source.text(path)
        except Unreadable as error:
            if asked and not error.spot:
                self.problems.append(Problem.at(asked, ("include",), f"{name}: {error.reason}", error.hint))
            else:
                at = Position(name, *(error.spot or (1, 1)))
                self.problems.append(Problem.at(at, (), error.reason, error.hint))
            return None
        root = build(text, name, self.problems)
        if root is None or (isinstance(root, Scalar) and root.plain and not root.text):
            return None
        if not isinstance(root, Mapping):
            self.problems.append(Problem.at(root.position, (), "a file holds keys and values (key: value) at its top"))
            return None
        Expander(self.environment, path.parent, self.problems, self.trail.reads).walk(root)
        self.include(root, path, (*chain, os.path.realpath(path)))
        return root

    def include(self, root: Mapping, path: FilePath, chain: _Chain) -> None:
        if "include" not in root.items:
            return
        _, node = root.items.pop("include")
        items = node.items if isinstance(node, Sequence) else [node]
        for index, item in enumerate(items):
            at: Path = ("include", index) if isinstance(node, Sequence) else ("include",)
            if not isinstance(item, Scalar) or not isinstance(item.value, str) or not item.value:
                hint = "write include: [channels/*.yaml]"
                self.problems.append(Problem.at(item.position, at, "expected the path of a file", hint))
                continue
            for found in self.matches(item, at, path.parent, chain):
                other = self.file(found, item.position, chain)
                if other is not None:
                    self.merge(root, other, ())

    def matches(self, item: Scalar, at: Path, folder: FilePath, chain: _Chain) -> list[FilePath]:
        """The files an include names, without those read already; a pattern may match none."""
        pattern = str(item.value)
        named = not glob.has_magic(pattern)
        if "\0" in pattern:
            return []
        names = [pattern] if named else list(self.source.find(pattern, folder))
        if not named:
            self.trail.patterns[pattern, folder] = names
        self.copy.found[os.path.abspath(folder / pattern)] = names
        found: dict[str, FilePath] = {}
        for path in (folder / name for name in names):
            real = os.path.realpath(path)
            if named and real in chain:
                self.problems.append(Problem.at(item.position, at, "the files include each other in a circle"))
            elif real not in self.seen and (named or not os.path.isdir(path)):
                found.setdefault(real, path)
        if len(self.seen) + len(found) > MAX_FILES or len(chain) > MAX_CHAIN:
            limit = f"more than {MAX_FILES} files, or {MAX_CHAIN} that include one another"
            self.problems.append(Problem.at(item.position, at, limit))
            return []
        return list(found.values())

    def merge(self, into: Mapping, other: Mapping, path: Path) -> None:
        """Add the keys of another file; a value that both files give is a problem."""
        for key, (position, node) in other.items.items():
            if key not in into.items:
                into.items[key] = (position, node)
                continue
            first, there = into.items[key]
            if isinstance(there, Mapping) and isinstance(node, Mapping):
                self.merge(there, node, (*path, key))
            else:
                message = f'"{shown(key)}" is given twice'
                self.problems.append(Problem.at(position, path, message, f"it already stands at {first}"))
