"""An operator at work: the files as they should be, one change after another, and what each has to bring about."""

import random
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from tests.edits.keys import BLOCKS, BOT, ON_WEB, PEOPLE, PROCESS, Values
from tests.edits.written import Path, Written

MAIN, REST = "gateway.yaml", "more/rest.yaml"
Tree = dict[str, Any]


class Operator:
    """Keeps two files, one of which includes the other. Channels and bots of `trees` that are in `lasting` are altered
    and never removed; channels that were removed come back.
    """

    def __init__(self, trees: dict[str, Tree], lasting: set[str], dice: random.Random) -> None:
        self.trees, self.lasting, self.dice = trees, lasting, dice
        self.away: dict[str, Tree] = {}
        self._made = 0
        self.written = {name: Written(tree, dice) for name, tree in trees.items()}

    def wanted(self) -> Tree:
        """What the files ask for, by section and, where it has them, by entry."""
        whole: Tree = {}
        for tree in self.trees.values():
            whole = merged(whole, tree)
        shared, people = whole.pop("defaults", {}), whole.get("people", {})
        whole["channels"] = {
            name: _named(merged(shared, entry), people) for name, entry in whole.get("channels", {}).items()
        }
        del whole["include"]
        wanted: Tree = _pruned(whole)
        return wanted

    def change(self) -> set[str]:
        """Change something; the names of what is other than before, as the gateway should tell them."""
        before = self.wanted()
        kinds = [self._alter] * 6 + [self._add, self._remove] * 2 + [self._add_bot, self._remove_bot, self._rewrite]
        trees = deepcopy(self.trees)
        self.dice.choice(kinds)()
        self.written |= {n: Written(t, self.dice) for n, t in self.trees.items() if t != trees[n]}
        return set(differences(before, self.wanted()))

    def bring_back(self) -> None:
        """No channel is away any more."""
        for name in list(self.away):
            self._entries("channels")[name] = self.away.pop(name)
        self.written = {name: Written(tree, self.dice) for name, tree in self.trees.items()}

    def places(self) -> Iterator[tuple[str, Path, dict[Path, Values]]]:
        """Where there are keys with values: the file, the path, and what may stand below it."""
        yield MAIN, (), PROCESS
        yield MAIN, ("people",), PEOPLE
        yield MAIN, ("defaults",), BLOCKS
        for file, tree in self.trees.items():
            yield from ((file, ("bots", name), BOT) for name in tree.get("bots", {}))
            for name, entry in tree.get("channels", {}).items():
                yield file, ("channels", name), BLOCKS | (ON_WEB if entry["platform"] == "web" else {})

    def _alter(self) -> None:
        """Give a key a value, another one, or none any more; or a channel another bot."""
        file, place, keys = self.dice.choice(list(self.places()))
        if place[:1] == ("channels",) and self.dice.random() < 0.2:
            put(self.trees[file], (*place, "bot"), self.dice.choice([*self.wanted()["bots"]]))
            return
        key = self.dice.choice(list(keys))
        now = at(self.trees[file], (*place, *key))
        if now is not None and place != ("people",) and self.dice.random() < 0.3:
            del at(self.trees[file], (*place, *key[:-1]))[key[-1]]
            return
        others = [value for value in keys[key].right if value != now]
        if others:
            put(self.trees[file], (*place, *key), self.dice.choice(others))

    def _add(self) -> None:
        """A new channel, or one that was there before."""
        if self.away and self.dice.random() < 0.8:
            name = self.dice.choice(list(self.away))
            self._entries("channels")[name] = self.away.pop(name)
            return
        self._made += 1
        kind = self.dice.choice(["web", "api", "tests.pushed"])
        entry: Tree = {"platform": kind, "bot": self.dice.choice([*self.wanted()["bots"]])}
        for key in self.dice.sample(list(BLOCKS), 3):
            put(entry, key, self.dice.choice(BLOCKS[key].right))
        self._entries("channels")[f"x{self._made}"] = entry

    def _remove(self) -> None:
        found = [(tree, name) for tree in self.trees.values() for name in tree["channels"] if name not in self.lasting]
        if found:
            tree, name = self.dice.choice(found)
            entry = tree["channels"].pop(name)
            if not name.startswith("x"):
                self.away[name] = entry

    def _add_bot(self) -> None:
        self._made += 1
        bot = {"kind": "python", "call": "tests.doors:echo", "timeout": "30s"}
        self._entries("bots")[f"b{self._made}"] = bot

    def _remove_bot(self) -> None:
        entries = [*self.wanted()["channels"].values(), *self.away.values()]
        used = {entry["bot"] for entry in entries} | self.lasting
        for tree in self.trees.values():
            for name in [name for name in tree.get("bots", {}) if name not in used][:1]:
                del tree["bots"][name]

    def _rewrite(self) -> None:
        """Other blank lines, remarks, indents and quotes."""
        name = self.dice.choice(list(self.trees))
        self.written[name] = Written(self.trees[name], self.dice)

    def _entries(self, section: str) -> Tree:
        entries: Tree = self.dice.choice(list(self.trees.values())).setdefault(section, {})
        return entries


def merged(one: Any, other: Any) -> Any:
    """Mappings key by key; else the other's word counts."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return {**one, **{key: merged(one.get(key), value) for key, value in other.items()}}


def at(tree: Any, path: Path) -> Any:
    """What stands at a path; None where nothing does."""
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def put(tree: Any, path: Path, value: Any) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = value


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for section in sorted({*before, *after}):
        one, other = before.get(section, {}), after.get(section, {})
        if section not in ("people", "bots", "channels"):
            yield from [section] if one != other else []
        else:
            yield from (f"{section}.{name}" for name in sorted({*one, *other}) if one.get(name) != other.get(name))


def _named(entry: Tree, people: Mapping[str, Any]) -> Tree:
    """A channel with the members of the groups that it names."""
    blocked = at(entry, ("access", "block"))
    if blocked is None:
        return entry
    members = [one for item in blocked for one in (people.get(item[1:], []) if item.startswith("@") else [item])]
    return merged(entry, {"access": {"block": members}})  # type: ignore[no-any-return]


def _pruned(tree: Any) -> Any:
    """Without blocks in which nothing stands."""
    if not isinstance(tree, dict):
        return tree
    kept = {key: _pruned(value) for key, value in tree.items()}
    return {key: value for key, value in kept.items() if value != {}}
