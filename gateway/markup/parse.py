"""Markdown -> the one tree that every dialect and the web are made from.

A tree is a list of nodes; plain text is a `str`, every other node a `dict` with its kind under `t` and, where it
has content, a list under `c`. It is plain JSON data. The kinds are a closed set:

    blocks   p       {"t": "p", "c": [inline]}                       a paragraph
             h       {"t": "h", "n": 1..6, "c": [inline]}            a heading of that level
             quote   {"t": "quote", "c": [block]}
             ul, ol  {"t": "ol", "n": first number, "c": [li]}       `n` only for ol
             li      {"t": "li", "c": [block]}
             pre     {"t": "pre", "lang": "python" or "", "c": [str]}
             hr      {"t": "hr"}
             table   {"t": "table", "align": [column], "c": [tr]}    a column is "left", "right", "center" or ""
             tr      {"t": "tr", "c": [cell]}
             th, td  {"t": "td", "c": [inline]}                      rows may be longer or shorter than the header
    inline   b, i, s {"t": "b", "c": [inline]}                       bold, italic, struck out
             code    {"t": "code", "c": [str]}
             a       {"t": "a", "href": url, "c": [inline]}          never within another link
             br      {"t": "br"}

A block or li that stood directly under the one before it, with no blank line between, has `"tight": true`; a link
whose text is its own address has `"auto": true`. Every `href` begins with http:, https:, mailto: or tel: and is
ASCII without spaces, quotes or angle brackets; any other link is its text alone. Nothing is ever HTML: tags in
Markdown are text. Blocks nest at most ten deep, a mark never within its own kind.

Differences from CommonMark, all so that no word is lost and chat reads as written: a line break is a line break;
indented text is text, not code; HTML is text; bare http(s) addresses are links; an image is a link named by its
alternative text; link definitions that nothing refers to stay visible.
"""

import re
from typing import Any, Literal

from markdown_it.rules_block import StateBlock, blockquote, paragraph
from markdown_it.token import Token

from gateway.markup.inline import Inline, Parser, link
from gateway.markup.table import Table, find_table
from gateway.text import clean

Node = dict[str, Any]
Tree = list[str | Node]
Input = Literal["markdown", "plain"]

LONGEST = 65_536
"""Markdown is read in this many first characters of a text; what follows is taken as plain."""

_DEEPEST = 12
_DEEPEST_QUOTES = 4

# Whatever could mean something in Markdown, is laid out anew by it, or is not clean. A text without any of it is its
# own rendering. One set of characters is searched for much faster than alternatives are.
_SIGNIFICANT = re.compile(
    "[*_`~\\[\\]<>&\\\\#|@\x00-\x09\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]"
)
_FIRST_LINE = re.compile(r" *(?:[\-+=]|\d+[.)])")
_LINES = re.compile(r"\n(?:\n\n|[ \-+=]|\d+[.)])")
_LANGUAGE = re.compile(r"[\w+#.-]{1,32}")
_ATTRIBUTES = re.compile(r"\{|[\w-]+=")
_BLOCK_KINDS = {"p", "h", "quote", "ul", "ol", "li", "pre", "hr", "table"}
_CONTAINERS = {
    "blockquote": "quote",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "heading": "h",
}


def is_plain(text: str) -> bool:
    """Whether a text is clean and certain to read the same as Markdown, in every dialect: for the hot path."""
    return not (
        _SIGNIFICANT.search(text)
        or "://" in text
        or _FIRST_LINE.match(text)
        or ("\n" in text and (" \n" in text or _LINES.search(text)))
    )


def tree(text: str, input: Input = "markdown") -> Tree:
    """The tree of a text; for `input="plain"` only paragraphs and line breaks. Any string gives one, in linear time."""
    if is_plain(text):
        return _plain(text.strip())
    text = clean(text)
    if input == "plain":
        return _plain(text)
    if len(text) <= LONGEST:
        return _Reader(text).read()
    head = _head(text)
    return (_Reader(head).read() if head else []) + _plain(text[len(head) :])


def _head(text: str) -> str:
    """The beginning of an over-long text, up to a break in its second half; without one, none of it is Markdown."""
    for mark in ("\n\n", "\n", " "):
        end = text.rfind(mark, LONGEST // 2, LONGEST)
        if end > 0:
            return text[:end]
    return ""


def _plain(text: str) -> Tree:
    blocks = [block.strip("\n") for block in re.split(r"\n[ \t]*\n", text)]
    return [{"t": "p", "c": _lines(block)} for block in blocks if block.strip()]


def _lines(block: str) -> Tree:
    nodes: Tree = []
    for line in block.split("\n"):
        nodes += [{"t": "br"}, line] if nodes else [line]
    return [node for node in nodes if node != ""]


def _too_deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Beyond the deepest level all is text: left alone, the parser would drop it there."""
    return state.level >= _DEEPEST - 2 and paragraph(state, start, end, silent)


def _quote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Quotes within quotes make every unmarked line below them dearer, so they are counted."""
    depth = state.env.get("quotes", 0)
    if silent or depth >= _DEEPEST_QUOTES:
        return silent and blockquote(state, start, end, True)
    state.env["quotes"] = depth + 1
    try:
        return blockquote(state, start, end, False)
    finally:
        state.env["quotes"] = depth


def _blocks() -> Parser:
    """A parser of blocks only: inline text is parsed when it is known to be no table."""
    options = {"html": False, "maxNesting": _DEEPEST, "inline_definitions": True}
    parser = Parser("commonmark", options)
    parser.block.ruler.at("blockquote", _quote, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.block.ruler.before("table", "too_deep", _too_deep)
    parser.disable(["inline", "text_join", "code", "html_block"])
    return parser


_BLOCKS = _blocks()


class _Reader:
    """One reading of one text."""

    def __init__(self, text: str) -> None:
        env: dict[str, Any] = {}
        self._lines = text.split("\n")
        self._tokens = _BLOCKS.parse(text, env)
        self._inline = Inline(env)
        self._defined: set[str] = set()

    def read(self) -> Tree:
        # All inline text comes first: only then is it known which definitions are used.
        contents = [self._content(at) if token.type == "inline" else [] for at, token in enumerate(self._tokens)]
        root: Tree = []
        open_lists = [root]
        for token, content in zip(self._tokens, contents, strict=True):
            kind = _CONTAINERS.get(token.type.removesuffix("_open").removesuffix("_close"))
            if kind and token.nesting > 0:
                node = self._container(kind, token)
                self._place(open_lists[-1], [node], token)
                open_lists.append(node["c"])
            elif kind:
                open_lists.pop()
            else:
                self._place(open_lists[-1], content or self._leaf(token), token)
        return root

    def _place(self, siblings: Tree, nodes: Tree, token: Token) -> None:
        first: Any = nodes[0] if nodes else None
        line = token.map[0] if token.map else 0
        is_block = isinstance(first, dict) and first["t"] in _BLOCK_KINDS
        if is_block and siblings and line and self._lines[line - 1].strip(" \t>"):
            first["tight"] = True
        siblings.extend(nodes)

    def _container(self, kind: str, token: Token) -> Node:
        node: Node = {"t": kind, "c": []}
        if kind == "h":
            node["n"] = int(token.tag[1])
        elif kind == "ol":
            node["n"] = int(token.attrs.get("start", 1))
        return node

    def _content(self, at: int) -> Tree:
        """Of a heading its inline nodes; of a paragraph its blocks, as it may hold a table."""
        source = self._tokens[at].content
        if self._tokens[at - 1].type == "heading_open":
            return self._inline.nodes(source)
        table = find_table(source)
        return self._table(table) if table else [{"t": "p", "c": self._inline.nodes(source)}]

    def _table(self, table: Table) -> Tree:
        rows: Tree = [
            {"t": "tr", "c": [{"t": "td" if at else "th", "c": self._inline.nodes(cell)} for cell in row]}
            for at, row in enumerate(table.rows)
        ]
        node: Node = {"t": "table", "align": table.align, "c": rows}
        if not table.before:
            return [node]
        return [{"t": "p", "c": self._inline.nodes(table.before)}, node | {"tight": True}]

    def _leaf(self, token: Token) -> Tree:
        match token.type:
            case "fence":
                return [_fence(token.info.strip(), token.content.removesuffix("\n"))]
            case "hr":
                return [{"t": "hr"}]
            case "definition":
                return self._definition(token)
        return []

    def _definition(self, token: Token) -> Tree:
        """A link definition that nothing refers to is shown: a model's list of sources is often written so."""
        name, url, title = token.meta["id"], token.meta["url"], token.meta["title"]
        if name in self._inline.used and name not in self._defined:
            self._defined.add(name)
            return []
        label = " ".join(token.meta["label"].split())
        tail = [f' "{" ".join(title.split())}"'] if title else []
        return [{"t": "p", "c": [f"[{label}]: ", *(link(url, []) or [url]), *tail]}]


def _fence(info: str, code: str) -> Node:
    """The language is the first word of the info string; words that are neither it nor attributes are kept."""
    first, _, rest = info.partition(" ")
    lang = first if _LANGUAGE.fullmatch(first) and (not rest or _ATTRIBUTES.match(rest.strip())) else ""
    if info and not lang and not info.startswith("{"):
        code = f"{info}\n{code}" if code else info
    return {"t": "pre", "lang": lang, "c": [code] if code else []}
