"""Values from outside the file: `${NAME}`, `${NAME:-default}` and `!file path`.

What comes from outside is marked, so that no error repeats it. A variable's value and a file's content are
taken as they are: nothing in them is expanded again.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Environment
from pathlib import Path as FilePath

from config.nodes import Mapping, Node, Scalar, Sequence
from config.problem import Path, Problem
from config.scalars import resolve
from config.source import Unreadable, read_text

_REFERENCE = re.compile(r"(\$\$\{)|\$\{([^{}]*)(\}?)")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class _Wrong(Exception):
    """A reference that gives no value; args: message, hint."""


class Expander:
    """Gives every scalar of one file its value. `reads` is told of each file before a value is taken from it."""

    def __init__(
        self,
        environment: Environment[str, str],
        folder: FilePath,
        problems: list[Problem],
        reads: Callable[[FilePath], None],
    ) -> None:
        self.environment, self.folder, self.problems, self.reads = environment, folder, problems, reads

    def walk(self, node: Node, path: Path = ()) -> None:
        if isinstance(node, Scalar):
            try:
                self.scalar(node)
            except _Wrong as wrong:
                self.problems.append(Problem.at(node.position, path, *wrong.args))
        elif isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                self.walk(item, (*path, index))
        else:
            self.mapping(node, path)

    def mapping(self, node: Mapping, path: Path) -> None:
        for key, (_, value) in node.items.items():
            self.walk(value, (*path, key))

    def scalar(self, node: Scalar) -> None:
        if node.from_file:
            node.value, node.outside = self.content(self.replaced(node)), True
        elif "${" in node.text:
            node.value = self.replaced(node)
        else:
            node.value = resolve(node.text) if node.plain else node.text

    def content(self, name: str) -> str:
        if not name:
            raise _Wrong("!file needs a path", "")
        path = self.folder / name
        self.reads(path)
        try:
            text = read_text(path)
        except Unreadable as error:
            raise _Wrong(f"the file named by !file {_sentence(error.reason)}", error.hint) from None
        if "\0" in text:
            raise _Wrong("the file named by !file holds a NUL character", "")
        return text.removesuffix("\n").removesuffix("\r")

    def replaced(self, node: Scalar) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1]:
                return "${"
            node.outside = True
            return self.variable(found[2], closed=bool(found[3]))

        return _REFERENCE.sub(value, node.text)

    def variable(self, body: str, *, closed: bool) -> str:
        found = _VARIABLE.fullmatch(body)
        if not closed or not found:
            raise _Wrong("not a reference", "write ${NAME} or ${NAME:-default}; a literal ${ is written $${")
        value = self.environment.get(found[1], "")
        if not value and found[2] is not None:
            return found[2]
        if found[1] not in self.environment:
            raise _Wrong(f"environment variable {found[1]} is not set", f"or write ${{{found[1]}:-default}}")
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
            raise _Wrong(f"environment variable {found[1]} does not hold UTF-8 text", "")
        return value


def _sentence(reason: str) -> str:
    return "does not exist" if reason == "no such file" else reason
