"""Compares what is seen with the tree that it was made from, word by word, in order.

White space is not compared. What a dialect adds is accounted for where it belongs: the markers of lists, rules, the
addresses of links that it cannot hide, and the three ways to lay out a table. What it cannot say is left out on both
sides: one without markup has the same `>` for quotes and for itself, those of single markers have no way to write
a backtick that is none.
"""

from collections.abc import Callable
from itertools import zip_longest
from operator import itemgetter
from typing import Any, NamedTuple
from unicodedata import category, east_asian_width

from gateway.markup import Rendered, render, tree
from gateway.markup.render import UNITS, Unit
from tests.readers import BREAK, Glyphs, read_asterisk, read_entities, read_html, read_mrkdwn, read_plain, seen

_LOOKS = {"b": "bold", "i": "italic", "s": "strike"}


class Dialect(NamedTuple):
    """What can be told of a dialect. `links` are shown as such, where `exact` no formatting may be missing."""

    links: bool
    looks: bool
    exact: bool
    unsaid: str = ""  # what it cannot write as itself


DIALECTS = {
    "entities": Dialect(links=True, looks=True, exact=True),
    "html": Dialect(links=True, looks=True, exact=True),
    "mrkdwn": Dialect(links=True, looks=True, exact=False, unsaid="`"),
    "asterisk": Dialect(links=False, looks=True, exact=False, unsaid="`"),
    "plain": Dialect(links=False, looks=False, exact=False, unsaid=">"),
}


def bare(text: str) -> str:
    return "".join(char for char in text if not char.isspace() and char != BREAK)


def words(nodes: list[Any]) -> str:
    """The visible text of inline nodes, on one line."""
    return "".join(
        node if isinstance(node, str) else " " if node["t"] == "br" else words(node.get("c", [])) for node in nodes
    )


def columns(text: str) -> int:
    """How many a text takes in a fixed-width font."""
    seen = [char for char in text if category(char) not in ("Mn", "Me", "Cf")]
    return len(seen) + sum(east_asian_width(char) in "WF" for char in seen)


class Mismatch(AssertionError):
    """What was seen is not what was said."""


class Proof:
    """One reading of all parts of a document beside its tree."""

    def __init__(self, glyphs: Glyphs, dialect: Dialect) -> None:
        self._dialect = dialect
        self._glyphs = [glyph for glyph in glyphs if glyph.char not in dialect.unsaid]
        self._text = "".join(glyph.char for glyph in self._glyphs)
        self._at = 0

    def check(self, tree: list[Any]) -> None:
        self._blocks(tree, frozenset())
        if self._at != len(self._text):
            raise Mismatch(f"seen, but never said: {self._text[self._at : self._at + 60]!r}")

    def _blocks(self, nodes: list[Any], look: frozenset[str]) -> None:
        for node in nodes:
            self._block(node, look)

    def _block(self, node: Any, look: frozenset[str]) -> None:
        content = node.get("c", [])
        match node["t"]:
            case "p":
                self._inline(content, look)
            case "h":
                self._inline(content, look | {"bold"})
            case "quote":
                self._blocks(content, look | {"quote"})
            case "pre":
                self._expect("".join(content), look | {"pre"})
            case "hr":
                self._expect("———", look)
            case "table":
                self._table([[cell["c"] for cell in row["c"]] for row in content], look)
            case kind:
                for number, item in enumerate(content, node.get("n", 0)):
                    self._expect("•" if kind == "ul" else f"{number}.", look)
                    self._blocks(item["c"], look)

    def _inline(self, nodes: list[Any], look: frozenset[str]) -> None:
        for node in nodes:
            if isinstance(node, str):
                self._expect(node, look)
            elif node["t"] == "code":
                self._expect(node["c"][0], look | {"code"})
            elif node["t"] == "a":
                self._link(node, look)
            elif node["t"] != "br":
                self._inline(node["c"], look | {_LOOKS[node["t"]]})

    def _link(self, node: Any, look: frozenset[str]) -> None:
        href, start = node["href"], self._at
        self._inline(node["c"], look | {"link"})
        led = {glyph.url for glyph in self._glyphs[start : self._at]}
        if node.get("auto") or led == {href} or led == {href.replace("|", "%7C")}:
            return
        if led - {""}:
            raise Mismatch(f"{href!r} leads to {led}")
        said = self._text[start : self._at].rstrip("/")
        address = href.removeprefix("mailto:").removeprefix("tel:")
        if said in (bare(address).rstrip("/"), bare(href).rstrip("/")):
            return  # what stands behind it may look like its address, and is said for itself
        if self._text.startswith(f"({bare(address)})", self._at):
            self._expect(f"({address})", look | {"link"}, exact=False)
        elif said:
            raise Mismatch(f"{said[:60]!r} leads nowhere, not to {href!r}")

    def _table(self, rows: list[list[Any]], look: frozenset[str]) -> None:
        """As text in columns, as `name: value`, or as cells with bars between them: whichever it is, all of it."""
        before, furthest = self._at, (-1, Mismatch())
        for way in (self._aligned, self._named, self._barred):
            try:
                return way(rows, look)
            except Mismatch as fault:
                furthest = max(furthest, (self._at, fault), key=itemgetter(0))
                self._at = before
        raise furthest[1]

    def _aligned(self, rows: list[list[Any]], look: frozenset[str]) -> None:
        count = max(map(len, rows))
        cells = [[words(cell) for cell in row] + [""] * (count - len(row)) for row in rows]
        rule = "-+-".join("-" * max(map(columns, column)) for column in zip(*cells, strict=True))
        for line in ["|".join(cells[0]), rule, *map("|".join, cells[1:])]:
            self._expect(line, look | {"pre"})

    def _named(self, rows: list[list[Any]], look: frozenset[str]) -> None:
        if len(rows) < 2:
            raise Mismatch("no rows")
        blank: list[Any] = []
        for row in rows[1:]:
            for name, value in zip_longest(rows[0], row, fillvalue=blank):
                self._inline([*name, ":"] if name else [], look | {"bold"})
                self._inline(value, look)

    def _barred(self, rows: list[list[Any]], look: frozenset[str]) -> None:
        for row in rows:
            for at, cell in enumerate(row):
                self._expect("|" if at else "", look)
                self._inline(cell, look)

    def _expect(self, text: str, look: frozenset[str], exact: bool = True) -> None:
        """These characters come next, and look like this at most; where a dialect is exact, like this."""
        wanted = "".join(char for char in bare(text) if char not in self._dialect.unsaid)
        end = self._at + len(wanted)
        if self._text[self._at : end] != wanted:
            raise Mismatch(f"said {wanted[:60]!r}, seen {self._text[self._at : self._at + 60]!r}")
        for glyph in self._glyphs[self._at : end] if self._dialect.looks else []:
            if more := glyph.look - look - ({"code"} if "`" in self._dialect.unsaid else set()):
                raise Mismatch(f"{wanted[:60]!r} looks {sorted(more)}")
            if exact and self._dialect.exact and (less := self._certain(look) - glyph.look):
                raise Mismatch(f"{wanted[:60]!r} does not look {sorted(less)}")
        self._at = end

    @staticmethod
    def _certain(look: frozenset[str]) -> frozenset[str]:
        """A link may be a bare address or written out, a quote ends where code begins, code has no other formatting."""
        if "pre" in look:
            return frozenset({"pre"})
        if "code" in look:
            return frozenset() if "link" in look else frozenset({"code"})
        return look - {"link", "quote"}


class Platform(NamedTuple):
    """How long a message may be there, in its own units, and how it is read."""

    dialect: str
    limit: int
    unit: Unit
    read: Callable[[Rendered], Glyphs]


PLATFORMS = {
    "telegram": Platform("entities", 4096, "utf16", read_entities),
    "telegram caption": Platform("entities", 1024, "utf16", read_entities),
    "slack": Platform("mrkdwn", 3900, "chars", read_mrkdwn),
    "whatsapp": Platform("asterisk", 4096, "chars", read_asterisk),
    "twilio whatsapp": Platform("asterisk", 1600, "utf16", read_asterisk),
    "sms": Platform("plain", 1600, "utf16", read_plain),
    "html": Platform("html", 4096, "chars", read_html),
    "narrow": Platform("mrkdwn", 200, "bytes", read_mrkdwn),
}


def fault(name: str, text: str) -> str:
    """What is wrong with a document's parts on a platform; nothing when all is well."""
    platform = PLATFORMS[name]
    try:
        return misread(name, text, render(text, platform.dialect, platform.limit, platform.unit))
    except Exception as found:  # hundreds of documents are read, and each that fails is to be named
        return repr(found)


def misread(name: str, text: str, parts: list[Rendered]) -> str:
    """What a reader would not see as it was said, in parts that would be refused or not."""
    platform = PLATFORMS[name]
    dialect = DIALECTS[platform.dialect]
    if any(len(word) > platform.limit // 4 for word in text.split()):
        dialect = dialect._replace(exact=False)  # an address larger than a part may cost its part the markup
    try:
        for part in parts:
            sizes = [UNITS[platform.unit](form) for form in (part.text, part.plain)]
            assert max(sizes) <= platform.limit, sizes
            assert part.text.strip()
        if parts:
            glyphs = [glyph for part in parts for glyph in platform.read(part)]
            Proof(seen(glyphs), dialect).check(tree(text.strip()))
    except AssertionError as found:
        return str(found)[:300] or repr(found)
    return ""
