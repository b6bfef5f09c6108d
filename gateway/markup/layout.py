"""Tree -> visible text with spans: how blocks look where there is nothing but lines of text."""

from itertools import zip_longest
from typing import Any

from gateway.markup.parse import Node, Tree
from gateway.markup.rich import Index, Kind, Rich, Span, rich
from gateway.markup.table import aligned, worth_repeating

RULE = "———"
BULLET = "•"
_INDENT = "  "
_INLINE: dict[str, Kind] = {"b": "bold", "i": "italic", "s": "strike", "code": "code"}


def layout(nodes: Tree) -> Rich:
    """Lists become `• item` and `1. item`, indented; headings bold lines; rules a line; tables aligned text or lists.

    Every word of the tree is in the text, which neither begins nor ends in white space (but code may be indented).
    """
    page = _Page()
    page.blocks(nodes)
    return page.finish()


class _Page:
    """A page being written from top to bottom."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._at = 0
        self._spans: list[Span] = []
        self._breaks = 0  # line breaks owed before whatever comes next
        self._indent = ""

    def blocks(self, nodes: Tree) -> None:
        for at, node in enumerate(nodes):
            if at:
                self._breaks = max(self._breaks, 1 if isinstance(node, dict) and node.get("tight") else 2)
            self._block(node)

    def finish(self) -> Rich:
        whole = rich("".join(self._pieces), self._spans)
        index = Index(whole)
        return index.cut(index.skip(0), len(whole.text.rstrip()))

    def _block(self, node: Any) -> None:
        match node:
            case {"t": "p", "c": content}:
                self._inline(content)
            case {"t": "h", "c": content}:
                self._marked("bold", content)
            case {"t": "quote", "c": content}:
                start = self._start() if content else self._at
                self.blocks(content)
                self._spans.append(Span("quote", start, self._at))
            case {"t": "pre", "c": [code], "lang": lang}:
                self._pre(code.strip("\n"), lang)
            case {"t": "hr"}:
                self._put(RULE)
            case {"t": "ul", "c": items}:
                self._items(items, [BULLET] * len(items))
            case {"t": "ol", "c": items, "n": first}:
                self._items(items, [f"{number}." for number in range(first, first + len(items))])
            case {"t": "table"}:
                self._table(node)

    def _items(self, items: list[Any], markers: list[str]) -> None:
        outer = self._indent
        for at, (item, marker) in enumerate(zip(items, markers, strict=True)):
            if at:
                self._breaks = max(self._breaks, 1 if item.get("tight") else 2)
            content = item["c"]
            beside = content and content[0]["t"] in ("p", "h", "ul", "ol")
            self._put(f"{marker} " if beside else marker)
            self._indent = outer + _INDENT
            self._breaks = 0 if beside else 1
            self.blocks(content)
            self._indent = outer

    def _pre(self, code: str, lang: str) -> None:
        indent, self._indent = self._indent, ""
        start = self._start()
        self._put(code)
        self._spans.append(Span("pre", start, self._at, lang))
        self._indent = indent

    def _table(self, node: Node) -> None:
        rows: list[list[Tree]] = [[cell["c"] for cell in row["c"]] for row in node["c"]]
        words = [[_words(cell) for cell in row] for row in rows]
        linked = any(_has_link(cell) for row in rows for cell in row)
        text = None if linked else aligned(words, node["align"])
        if text is not None:
            self._pre(text, "")
        elif len(rows) > 1 and worth_repeating(words[0], len(rows)):
            for row in rows[1:]:
                self._named(rows[0], row)
                self._breaks = 2
        else:
            for row in rows:
                self._joined(row)
                self._breaks = 1

    def _named(self, header: list[Tree], row: list[Tree]) -> None:
        """A row as lines of `Name: value`."""
        blank: Tree = []
        for name, value in zip_longest(header, row, fillvalue=blank):
            if name:
                self._marked("bold", [*name, ":"])
            if name and value:
                self._put(" ")
            self._inline(value)
            if name or value:
                self._breaks = 1

    def _joined(self, row: list[Tree]) -> None:
        for at, cell in enumerate(row):
            if at:
                self._put(" | ")
            self._inline(cell)

    def _marked(self, kind: Kind, content: Tree, value: str = "") -> None:
        start = self._start() if content else self._at
        self._inline(content)
        self._spans.append(Span(kind, start, self._at, value))

    def _inline(self, content: Tree) -> None:
        for node in content:
            match node:
                case str():
                    self._put(node)
                case {"t": "br"}:
                    self._put("\n" + self._indent)
                case {"t": "a", "c": inner, "href": href}:
                    self._marked("url" if node.get("auto") else "link", inner, href)
                case {"t": kind, "c": inner}:
                    self._marked(_INLINE[kind], inner)

    def _start(self) -> int:
        """Where what comes next begins; the line breaks owed are written first, except at the top of the page."""
        if self._breaks and self._at:
            self._write("\n" * self._breaks + self._indent)
        self._breaks = 0
        return self._at

    def _put(self, text: str) -> None:
        self._start()
        self._write(text)

    def _write(self, text: str) -> None:
        self._pieces.append(text)
        self._at += len(text)


def _words(nodes: Tree) -> str:
    """The visible text of inline nodes, on one line."""
    return "".join(node if isinstance(node, str) else " " if node["t"] == "br" else _words(node["c"]) for node in nodes)


def _has_link(nodes: Tree) -> bool:
    return any(isinstance(node, dict) and (node["t"] == "a" or _has_link(node.get("c", []))) for node in nodes)
