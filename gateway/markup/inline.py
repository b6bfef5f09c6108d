"""The inline part of Markdown: the text of one paragraph, heading or table cell -> inline nodes of the tree."""

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

import regex
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from gateway.text import clean

Nodes = list[Any]

_MARKS = re.compile(r"[*_`~\[<&\\\n]|://")
_LINE_END = re.compile(r"[ \t]*\n[ \t]*")
_SAFE_LINK = re.compile(r"(?:https?|mailto|tel):[!#-;=?-~]+", re.IGNORECASE)  # printable ASCII but for space " < >
_STYLES = {"strong": "b", "em": "i", "s": "s"}

# Letters of scripts that put no space between words end an address, as does whatever may enclose one.
_ADDRESS = regex.compile(
    r"://(?=[\p{L}\p{N}])(?:[!#$%&'()+,\-./:;=?@_~0-9A-Za-z]"
    r"|[\p{L}\p{N}--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]])+",
    regex.V1,
)
_SCHEME = re.compile(r"(?<![A-Za-z0-9])https?\Z", re.IGNORECASE)


class Parser(MarkdownIt):
    """A parser that leaves every link a link: which ones are safe is decided when the tree is made."""

    def validateLink(self, url: str, validator: Callable[[str], bool] | None = None) -> bool:  # noqa: N802
        return True

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link


def _bare_link(state: StateInline, silent: bool) -> bool:
    """`https://...` in the text is a link of its own; looked for at each colon, so that it costs nothing elsewhere."""
    if state.linkLevel or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.src[max(state.pos - 6, 0) : state.pos])
    found = scheme and _ADDRESS.match(state.src, state.pos, state.posMax)
    if not scheme or not found or not (silent or state.pending.endswith(scheme[0])):
        return False
    rest = _without_closing(found.group())
    if len(rest) < 4:
        return False
    if not silent:
        address = scheme[0] + rest
        state.pending = state.pending[: -len(scheme[0])]
        token = state.push("link_open", "a", 1)
        token.attrs, token.info = {"href": state.md.normalizeLink(address)}, "auto"
        state.push("text", "", 0).content = address
        state.push("link_close", "a", -1)
    state.pos += len(rest)
    return True


def _without_closing(address: str) -> str:
    """Without the punctuation that ends the sentence or bracket around it."""
    surplus = address.count(")") - address.count("(")
    while address:
        if address[-1] == ")" and surplus > 0:
            surplus -= 1
        elif address[-1] not in "?!.,:;'_~&":
            break
        address = address[:-1]
    return address


def _inlines() -> MarkdownIt:
    parser = Parser("commonmark", {"html": False, "maxNesting": 8, "store_labels": True})
    parser.inline.ruler.at("linkify", _bare_link)
    return parser.enable(["strikethrough", "linkify"]).disable("html_inline")


_INLINES = _inlines()


class Inline:
    """Parses inline text against the link definitions of one document; `used` are those referred to so far."""

    def __init__(self, env: dict[str, Any]) -> None:
        self._env = env
        self.used: set[str] = set()

    def nodes(self, text: str) -> Nodes:
        """The inline nodes of a text, adjacent strings joined."""
        if not _MARKS.search(text):
            return [text] if text else []
        tokens: list[Token] = []
        _INLINES.inline.parse(_LINE_END.sub("\n", text), _INLINES, self._env, tokens)
        return self._build(tokens)

    def _build(self, tokens: list[Token]) -> Nodes:
        writer = _Writer()
        for token in tokens:
            match token.type:
                case "text":
                    writer.text(token.content)
                case "text_special":  # an escaped character or an entity, which may stand for a line break
                    writer.text(" ".join(clean(token.content).split("\n")))
                case "softbreak" | "hardbreak":
                    writer.node({"t": "br"})
                case "code_inline":
                    writer.node({"t": "code", "c": [token.content]})
                case "link_open":
                    self._note(token)
                    writer.open_link(str(token.attrs["href"]), token.info == "auto")
                case "image":
                    self._note(token)
                    writer.open_link(str(token.attrs["src"]))
                    writer.text(_words(token.children or []))
                    writer.close()
                case _ if token.nesting > 0:
                    writer.open(_STYLES[token.tag])
                case _:
                    writer.close()
        return writer.finish()

    def _note(self, token: Token) -> None:
        if label := token.meta.get("label"):
            self.used.add(label)


def link(href: str, content: Nodes, auto: bool = False) -> Nodes:
    """A link node, or its content alone when the address is not one that may be followed."""
    if not _SAFE_LINK.fullmatch(href):
        return content
    if not content:
        content, auto = [href], True
    return [{"t": "a", "href": href, "c": content} | ({"auto": True} if auto else {})]


def _joined(nodes: Nodes) -> Nodes:
    """The nodes with adjacent strings put together."""
    joined: Nodes = []
    for is_text, group in groupby(nodes, lambda node: isinstance(node, str)):
        run = list(group)
        joined += ["".join(run)] if is_text else run
    return joined


def _words(tokens: list[Token]) -> str:
    """What is visible of an image's alternative text."""
    breaks = ("softbreak", "hardbreak")
    words = (" " if token.type in breaks else _words(token.children or []) or token.content for token in tokens)
    return " ".join("".join(words).split())


class _Writer:
    """Builds nested nodes from marks that open and close; a mark within its own kind adds nothing."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._frames: list[tuple[str, Nodes, dict[str, Any]]] = [("", [], {})]

    def text(self, text: str) -> None:
        self._words.append(text)

    def node(self, node: dict[str, Any]) -> None:
        self._flush()
        self._frames[-1][1].append(node)

    def open(self, kind: str, **more: Any) -> None:
        self._flush()
        repeated = any(frame[0] == kind for frame in self._frames)
        self._frames.append(("" if repeated else kind, self._frames[-1][1] if repeated else [], more))

    def open_link(self, href: str, auto: bool = False) -> None:
        self.open("a", href=href, auto=auto)

    def close(self) -> None:
        self._flush()
        kind, content, more = self._frames.pop()
        if kind:
            content = _joined(content)
            wrapped = link(more["href"], content, more["auto"]) if kind == "a" else [{"t": kind, "c": content}]
            for node in wrapped:
                if isinstance(node, str):
                    self.text(node)
                else:
                    self.node(node)

    def finish(self) -> Nodes:
        self._flush()
        return _joined(self._frames[0][1])

    def _flush(self) -> None:
        if text := "".join(self._words):
            self._frames[-1][1].append(text)
        self._words.clear()
