"""One YAML 1.2 file as a tree of nodes that know where they stand.

Only plain data is let in: anchors, aliases, merge keys and tags other than `!file` are problems, so that no
file can grow while it is read. The tree is built from events with a stack of our own, because the
library's composer recurses, and reads ids with leading zeros as numbers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from ruamel.yaml.reader import ReaderError

from config.problem import Path, Position, Problem, shown

MAX_DEPTH = 40
MAX_NODES = 100_000
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")


@dataclass(slots=True)
class Scalar:
    """A word as written. `plain`: without quotes, so that it may be a number, a truth value or nothing."""

    position: Position
    text: str
    plain: bool
    from_file: bool = False  # tagged !file: the text names a file that holds the value
    value: Any = None
    outside: bool = False  # the value came from the environment or another file: never shown


@dataclass(slots=True)
class Sequence:
    position: Position
    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    position: Position
    items: dict[str, tuple[Position, "Node"]] = field(default_factory=dict)
    key: Scalar | None = None  # only while it is being built: the key whose value comes next
    usable: bool = True


Node = Scalar | Sequence | Mapping


class _Stop(Exception):
    """The rest of the file is not worth reading."""


class _Builder:
    """Turns events into one tree, noting problems on the way."""

    def __init__(self, file: str, problems: list[Problem], unveil: dict[int, str]) -> None:
        self.file, self.problems, self.unveil = file, problems, unveil
        self.root: Node | None = None
        self.stack: list[Sequence | Mapping] = []
        self.count = self.documents = 0
        self.last = Position(file, 1, 1)

    def take(self, event: Event) -> None:
        self.last = self.position(event.start_mark)
        if isinstance(event, DocumentStartEvent):
            self.document(event)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self.place(self.stack.pop())
        elif isinstance(event, NodeEvent):
            self.node(event)

    def position(self, mark: Any) -> Position:
        return Position(self.file, mark.line + 1, mark.column + 1)

    def path(self) -> Path:
        steps = (
            len(frame.items) if isinstance(frame, Sequence) else frame.key.text if frame.key else None
            for frame in self.stack
        )
        return tuple(step for step in steps if step is not None)

    def note(self, message: str, hint: str = "", *, at: Position | None = None) -> None:
        self.problems.append(Problem.at(at or self.last, self.path(), message, hint))

    def document(self, event: DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self.note("a second document begins here", "one file holds one document: remove the line ---")
            raise _Stop
        if event.version and tuple(event.version) != (1, 2):
            self.note("only YAML 1.2 is read", "remove the %YAML line")
            raise _Stop

    def node(self, event: NodeEvent) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            self.note(f"more than {MAX_NODES:,} values in one file")
            raise _Stop
        if isinstance(event, AliasEvent):
            self.note("aliases (*name) are not read", "what channels share stands under defaults")
            self.place(Scalar(self.last, "", plain=True))
            return
        if event.anchor:
            self.note("anchors (&name) are not read", "what channels share stands under defaults")
        tag = None if getattr(event, "tag", None) is None else str(event.tag)  # type: ignore[attr-defined]
        if isinstance(event, ScalarEvent):
            self.scalar(event, tag)
            return
        if tag is not None:
            self.note("a tag cannot stand here", "only !file PATH is known")
        if len(self.stack) >= MAX_DEPTH:
            self.note(f"nested more than {MAX_DEPTH} levels deep")
            raise _Stop
        self.stack.append(Mapping(self.last) if isinstance(event, MappingStartEvent) else Sequence(self.last))

    def scalar(self, event: ScalarEvent, tag: str | None) -> None:
        known = tag is None or tag == "!file" or tag in _STRING_TAGS
        if not known:
            self.note("unknown tag", "only !file PATH is known; text that begins with ! needs quotes")
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in event.value):
            self.note("holds a character that no text may hold (NUL or half of a surrogate pair)")
        plain = event.style is None and tag is None
        text = event.value.translate(self.unveil)
        self.place(Scalar(self.last, text, plain, from_file=tag == "!file"))

    def place(self, node: Node) -> None:
        """Put a finished node where it belongs: into the list or mapping that is open."""
        if not self.stack:
            self.root = node
            return
        holder = self.stack[-1]
        if isinstance(holder, Sequence):
            holder.items.append(node)
        elif holder.key is None:
            holder.usable = self.fit(holder, node)
            holder.key = node if isinstance(node, Scalar) else Scalar(node.position, "?", plain=True)
        else:
            if isinstance(node, Scalar) and node.plain and not node.text:
                node.position = holder.key.position  # nothing stands nowhere: it is missed where its key is
            if holder.usable:
                holder.items[holder.key.text] = (holder.key.position, node)
            holder.key = None

    def fit(self, holder: Mapping, key: Node) -> bool:
        """Whether this node can be the next key of the mapping; a problem is noted when it cannot."""
        if not isinstance(key, Scalar) or key.from_file or not key.text:
            self.note("a key must be a word", at=key.position)
        elif key.text == "<<" and key.plain:
            hint = "what channels share stands under defaults"
            self.note("merge keys (<<) are not read", hint, at=key.position)
        elif key.text in holder.items:
            first = holder.items[key.text][0]
            self.note(f'duplicate key "{shown(key.text)}"', f"it already stands at {first}", at=key.position)
        else:
            return True
        return False


def build(text: str, file: str, problems: list[Problem]) -> Node | None:
    """The tree of one file, or None when it is empty or cannot be read; what is wrong goes to `problems`.

    A syntax error ends the reading of that file; everything before it has been checked.
    """
    text, unveil = _veil(text)
    builder = _Builder(file, problems, unveil)
    try:
        for event in _events(text):
            builder.take(event)
    except _Stop:
        return None
    except MarkedYAMLError as error:
        # Of what is never closed, the beginning is the place to look at.
        left_open = _left_open(error, text)
        unclosed = (left_open or error.context in _UNCLOSED) and error.context_mark
        mark = unclosed or error.problem_mark or error.context_mark
        at = builder.position(mark) if mark else builder.last
        problems.append(Problem.at(at, (), *(_LEFT_OPEN if left_open else _readable(error))))
        return None
    except ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        at = Position(file, line, len(before) - before.rfind("\n"))
        problems.append(Problem.at(at, (), "a control character, which YAML does not allow"))
        return None
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, AssertionError):
        # The library meets some malformed escapes and directives with Python's own errors.
        problems.append(Problem.at(builder.last, (), "not YAML from here on"))
        return None
    return builder.root


def _veil(text: str) -> tuple[str, dict[int, str]]:
    """Hide the signs of each `${NAME}` behind private letters, and tell how to bring them back.

    YAML ends an unquoted word within {...} at a brace, yet `{token: ${TOKEN}}` is what people write. One without a
    default that is never closed does not take the brace of the mapping it stands in.
    """
    free = (letter for code in range(0xE000, 0xF900) if (letter := chr(code)) not in text)
    dollar, left, right = next(free, "$"), next(free, "{"), next(free, "}")
    veiled = re.sub(r"\$\{([^{}\n,\"']*|\w+:-[^{}\n]*)\}", rf"{dollar}{left}\1{right}", text)
    return veiled, {ord(dollar): "$", ord(left): "{", ord(right): "}"}


def _events(text: str) -> Iterator[Event]:
    return YAML(typ="safe", pure=True).parse(text)  # type: ignore[no-any-return]


_UNCLOSED = {
    "while scanning a quoted scalar": ("a quote that is never closed", ""),
    "while scanning a simple key": ("a line that is no key with a value", "write key: value"),
}
_LEFT_OPEN = ("a bracket that is never closed", "or a comma is missing in it")
_BRACKETS = ("while parsing a flow sequence", "while parsing a flow mapping")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def _left_open(error: MarkedYAMLError, text: str) -> bool:
    """Whether a bracket stands open where lines begin that are no further in than its own, and so not meant for it."""
    if error.context not in _BRACKETS or not error.context_mark or not error.problem_mark:
        return False
    first, last = error.context_mark.line, error.problem_mark.line
    lines = _BREAK.split(text)
    indents = [len(lines[number]) - len(lines[number].lstrip(" ")) for number in (first, last)]
    return last > first and indents[1] <= indents[0]


def _readable(error: MarkedYAMLError) -> tuple[str, str]:
    problem = str(error.problem or error.context or "not YAML")
    if "'\\t'" in problem:
        return "a tab cannot indent YAML", "use spaces"
    if "mapping values are not allowed" in problem:
        return "a second colon, or a line indented too far", "put text that holds ': ' in quotes"
    if error.context in _UNCLOSED and ("end of stream" in problem or "expected ':'" in problem):
        return _UNCLOSED[error.context]
    if problem.startswith("found undefined tag handle"):
        return "unknown tag", "only !file PATH is known; text that begins with ! needs quotes"
    where = f" {error.context}" if error.context and error.problem else ""
    return f"not YAML: {problem}{where}", ""
