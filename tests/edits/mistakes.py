"""One mistake in files that are well, and the place in them to which whoever reads them has to point."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from tests.edits.keys import TOKENS
from tests.edits.operator import MAIN, REST, Operator, at, put
from tests.edits.written import Path, Spot, Verbatim, Written

NEITHER = "zq"  # begins what is neither a key nor a name that is known


class Place(NamedTuple):
    """Where a mistake is: of indents, in one of the columns up to the end of the key; `path` as people write it."""

    file: str
    line: int
    columns: range
    path: str


class Mistake(NamedTuple):
    """What the files hold with it. `secret` may be said to nobody."""

    kind: str
    texts: dict[str, str]
    places: list[Place]
    secret: str = ""


class _Unfit(Exception):
    """These files give no opportunity for it."""


def draw(operator: Operator) -> Mistake:
    """Any mistake. The operator's files stay as they should be."""
    while True:
        try:
            return operator.dice.choice(KINDS)(_Desk(operator))
        except _Unfit:
            continue


class _Desk:
    """A copy of the files, to be spoilt."""

    def __init__(self, operator: Operator) -> None:
        self.operator, self.dice, self.trees = operator, operator.dice, deepcopy(operator.trees)

    def pick(self, found: list[Any]) -> Any:
        if not found:
            raise _Unfit
        return self.dice.choice(found)

    def entries(self, section: str) -> list[tuple[str, Path]]:
        return [(file, (section, name)) for file, tree in self.trees.items() for name in tree.get(section, {})]

    def wrote(self, kind: str, file: str, path: Path, *, key: bool = False, told: Path | None = None) -> Mistake:
        """The tree of a file was spoilt at a path: at the key, or at the value."""
        written = Written(self.trees[file], self.dice)
        spot = (written.keys if key else written.values)[path]
        return self.spoilt(kind, file, written.text, spot, path if told is None else told)

    def spoilt(self, kind: str, file: str, text: str, spot: Spot, told: Path, width: int = 1) -> Mistake:
        place = Place(file, spot.line, range(spot.column, spot.column + width), dotted(told))
        return Mistake(kind, {file: text}, [place])

    def leaf(self, fits: Callable[[Written, Path], bool]) -> tuple[str, Path]:
        """A key below others that has a line of its own."""
        found = [
            (file, path)
            for file, written in self.operator.written.items()
            for path in sorted(written.leaves, key=written.keys.__getitem__)
            if len(path) > 1 and fits(written, path)
        ]
        return self.pick(found)  # type: ignore[no-any-return]

    def lines(self, file: str) -> list[str]:
        return list(self.operator.written[file].lines)


def dotted(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def bad_value(desk: _Desk) -> Mistake:
    """Of another type, out of range, or nothing that is known."""
    file, place, keys = desk.pick(list(desk.operator.places()))
    key = desk.pick(list(keys))
    put(desk.trees[file], (*place, *key), desk.dice.choice(keys[key].wrong))
    return desk.wrote("bad value", file, (*place, *key))


def unknown_key(desk: _Desk) -> Mistake:
    file, place, keys = desk.pick([one for one in desk.operator.places() if one[1] != ("people",)])
    block = desk.pick([place, *((*place, *key[:-1]) for key in keys if key[0] != "texts")])
    tree = at(desk.trees[file], block)
    if tree is None:
        raise _Unfit
    items, word = list(tree.items()), f"{NEITHER}{desk.dice.randrange(1000)}"
    items.insert(desk.dice.randrange(len(items) + 1), (word, desk.dice.choice([3, "on", {"a": 1}, [1]])))
    tree.clear()
    tree.update(items)
    return desk.wrote("unknown key", file, (*block, word), key=True, told=block)


def missing_key(desk: _Desk) -> Mistake:
    file, path, key = desk.pick(_needed(desk))
    del at(desk.trees[file], path)[key]
    return desk.wrote("missing key", file, path, key=True)


def missing_value(desk: _Desk) -> Mistake:
    file, path, key = desk.pick(_needed(desk))
    put(desk.trees[file], (*path, key), Verbatim(""))
    return desk.wrote("missing value", file, (*path, key), key=True)


def _needed(desk: _Desk) -> list[tuple[str, Path, str]]:
    found = [(*one, key) for one in desk.entries("channels") for key in ("platform", "bot")]
    return found + [(*one, "kind") for one in desk.entries("bots")]


def nobody(desk: _Desk) -> Mistake:
    """A name that stands for nothing."""
    ways: list[tuple[str, Path]] = []
    for file, path in desk.entries("channels"):
        ways += [(file, (*path, "bot")), (file, (*path, "platform")), (file, (*path, "summary", "by"))]
    for file, path in desk.entries("bots"):
        ways += [(file, (*path, "kind")), (file, (*path, "fallback"))]
    file, path = desk.pick(ways)
    put(desk.trees[file], path, f"{NEITHER}{desk.dice.randrange(1000)}")
    return desk.wrote("nobody", file, path)


def no_group(desk: _Desk) -> Mistake:
    file, path = desk.pick(desk.entries("channels"))
    put(desk.trees[file], (*path, "access", "allow"), ["u77", f"@{NEITHER}"])
    return desk.wrote("no such group", file, (*path, "access", "allow", 1))


def no_function(desk: _Desk) -> Mistake:
    file, path = desk.pick(desk.entries("bots"))
    put(desk.trees[file], (*path, "call"), f"tests.doors:{NEITHER}")
    return desk.wrote("no such function", file, (*path, "call"))


def bot_in_use(desk: _Desk) -> Mistake:
    """A bot goes, and those whom it answers stay."""
    file, path = desk.pick(desk.entries("bots"))
    del desk.trees[file]["bots"][path[1]]
    written = {name: Written(tree, desk.dice) for name, tree in desk.trees.items()}
    places = list(_asked(desk, written, str(path[1])))
    if not places:
        raise _Unfit
    return Mistake("bot in use", {name: one.text for name, one in written.items()}, places)


def _asked(desk: _Desk, written: dict[str, Written], bot: str) -> Iterator[Place]:
    for file, path in desk.entries("channels"):
        if at(desk.trees[file], (*path, "bot")) == bot:
            line, column = written[file].values[*path, "bot"]
            yield Place(file, line, range(column, column + 1), dotted((*path, "bot")))


def bad_token(desk: _Desk) -> Mistake:
    found = [one for one in desk.entries("channels") if at(desk.trees[one[0]], (*one[1], "token"))]
    file, path = desk.pick(found)
    token = desk.dice.choice(TOKENS)
    put(desk.trees[file], (*path, "token"), token)
    return desk.wrote("bad token", file, (*path, "token"))._replace(secret=token)


def no_file(desk: _Desk) -> Mistake:
    desk.trees[MAIN]["include"] = [*desk.trees[MAIN]["include"], f"{NEITHER}.yaml"]
    return desk.wrote("no such file", MAIN, ("include", 1), told=("include",))


def given_twice(desk: _Desk) -> Mistake:
    """In two files: of the included one it is said."""
    ours, theirs = desk.pick([(MAIN, REST), (REST, MAIN)])
    written, tree, other = desk.operator.written[ours], desk.trees[ours], desk.trees[theirs]
    found = [path for path in sorted(written.leaves, key=written.keys.__getitem__) if path[0] in ("channels", "bots")]
    path = desk.pick([one for one in found if at(other, one) is None and not isinstance(at(tree, one), dict)])
    put(other, path, at(tree, path))
    mistake = desk.wrote("given twice", REST, path, key=True, told=path[:-1])
    return mistake._replace(texts=mistake.texts | {MAIN: Written(desk.trees[MAIN], desk.dice).text})


def duplicate_key(desk: _Desk) -> Mistake:
    file, path = desk.leaf(lambda written, path: True)
    lines, spot = desk.lines(file), desk.operator.written[file].keys[path]
    lines.insert(spot.line, lines[spot.line - 1])
    return desk.spoilt("duplicate key", file, "\n".join(lines), Spot(spot.line + 1, spot.column), path[:-1])


def bad_indent(desk: _Desk) -> Mistake:
    """Too far in, too far out, or with a tab."""
    by = desk.dice.choice([1, 2, -1, 0])
    file, path = desk.leaf(lambda written, path: _follows(desk, written, path, by))
    lines, spot = desk.lines(file), desk.operator.written[file].keys[path]
    line = lines[spot.line - 1].lstrip()
    indent = " " * (spot.column - 1 + by) if by else "\t"
    lines[spot.line - 1] = indent + line
    kind = f"indent {by:+}" if by else "tab"
    first = len(indent) if not by else len(indent) + 1
    return desk.spoilt(kind, file, "\n".join(lines), Spot(spot.line, first), (), len(str(path[-1])) + 1)


def _follows(desk: _Desk, written: Written, path: Path, by: int) -> bool:
    """Whether there is a key before this one beside it; one with a line of its own, where this is to go further in."""
    siblings = list(at(desk.trees[_file(desk, written)], path[:-1]))
    number = siblings.index(path[-1])
    return number > 0 and (by <= 0 or (*path[:-1], siblings[number - 1]) in written.leaves)


def _file(desk: _Desk, written: Written) -> str:
    return next(file for file, one in desk.operator.written.items() if one is written)


SYNTAX: dict[str, tuple[str, bool]] = {  # what stands in a value's place, and whether its path is known
    "quote": ("'never closed", False),
    "bracket": ("[never, closed", False),
    "brace": ("{never: closed", False),
    "anchor": ("&name 3", True),
    "alias": ("*name", True),
    "tag": ("!int 3", True),
    "variable": ("${NOWHERE_AT_ALL}", True),
    "reference": ('"${"', True),
    "file": ("!file no/such/file", True),
}


def bad_syntax(desk: _Desk) -> Mistake:
    kind, (text, known) = desk.pick(list(SYNTAX.items()))
    file, path = desk.leaf(lambda written, path: not isinstance(at(desk.trees[_file(desk, written)], path), dict))
    put(desk.trees[file], path, Verbatim(text))
    return desk.wrote(kind, file, path, told=path if known else ())


def no_colon(desk: _Desk) -> Mistake:
    file, path = desk.leaf(lambda written, path: _follows(desk, written, path, 0))
    lines, spot = desk.lines(file), desk.operator.written[file].keys[path]
    lines[spot.line - 1] = lines[spot.line - 1][: spot.column - 1] + f"{path[-1]} without a colon"
    return desk.spoilt("no colon", file, "\n".join(lines), spot, ())


def second_document(desk: _Desk) -> Mistake:
    file, path = desk.leaf(lambda written, path: path[0] != next(iter(desk.trees[_file(desk, written)])))
    lines, spot = desk.lines(file), desk.operator.written[file].keys[path]
    lines.insert(spot.line - 1, "---")
    return desk.spoilt("second document", file, "\n".join(lines), Spot(spot.line, 1), ())


KINDS = [
    *(bad_value, bad_value, bad_value, unknown_key, missing_key, missing_value, nobody, no_group, no_function),
    *(bot_in_use, bad_token, no_file, given_twice, duplicate_key, bad_indent, bad_indent, bad_syntax, bad_syntax),
    *(no_colon, second_document),
]
