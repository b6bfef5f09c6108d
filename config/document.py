"""The operator's files as one piece of plain data that remembers where everything stands."""

from typing import Any

from config.nodes import Mapping, Node, Scalar, Sequence
from config.problem import Path, Position
from config.scalars import resolve
from config.source import Copy
from config.trail import Trail


class Document:
    """What `read` returns.

    `data`: dicts, lists, text, numbers, truth values and None. `trail`: what was read for it.
    `copy`: what was in the files of YAML.
    `secrets`: paths whose value came from the environment or another file. `alternatives`: for those written
    without quotes, what the value would be had it stood in the file itself (`${WORKERS:-8}` is text, and may
    be meant as a number).
    """

    def __init__(self, root: Mapping, trail: Trail, copy: Copy) -> None:
        self.trail, self.copy = trail, copy
        self.alternatives: dict[Path, Any] = {}
        self._places: dict[Path, tuple[Position, Position]] = {(): (root.position, root.position)}
        secrets: set[Path] = set()
        self._hidden: set[str] = set()
        self.data: dict[str, Any] = self._plain(root, (), secrets)
        self.secrets = frozenset(secrets)

    def where(self, path: Path) -> Position:
        """Where the value stands, or the nearest thing around it that is there."""
        return self._nearest(path)[1]

    def where_key(self, path: Path) -> Position:
        """Where the key of a value stands (for an item of a list: the item itself)."""
        return self._nearest(path)[0]

    def hide(self, text: str) -> str:
        """The text without any value that came from the environment or another file."""
        for value in self._hidden:
            text = text.replace(value, "***")
        return text

    def __contains__(self, path: Path) -> bool:
        return path in self._places

    def _nearest(self, path: Path) -> tuple[Position, Position]:
        while path not in self._places:
            path = path[:-1]
        return self._places[path]

    def _plain(self, node: Node, path: Path, secrets: set[Path]) -> Any:
        if isinstance(node, Scalar):
            if node.outside:
                secrets.add(path)
                self._hidden |= {node.value} if len(node.value) >= 8 else set()
                if node.plain:
                    self.alternatives[path] = resolve(node.value)
            return node.value
        if isinstance(node, Sequence):
            items = []
            for index, item in enumerate(node.items):
                self._places[*path, index] = (item.position, item.position)
                items.append(self._plain(item, (*path, index), secrets))
            return items
        data = {}
        for key, (position, value) in node.items.items():
            self._places[*path, key] = (position, value.position)
            data[key] = self._plain(value, (*path, key), secrets)
        return data
