"""What somebody at the other end sees: each dialect read by the platform's rules, with nothing of ours.

Sources: Slack, "Formatting message text" (mrkdwn, control characters `& < >`, special parsing of `<...>`); WhatsApp,
"How to format your messages". Neither says exactly where a marker counts. What they do is read here as: it opens
where no letter or digit stands before it and no white space behind it, and closes the other way round, within a line;
a zero-width space is white space to them.
"""

import html
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from itertools import accumulate
from typing import NamedTuple

from gateway.markup import Rendered

BREAK = "\u200b"
_MARKERS = {"*": "bold", "_": "italic", "~": "strike"}
_ENTITIES = {"text_link": "link", "strikethrough": "strike", "blockquote": "quote"}


class Glyph(NamedTuple):
    """One character that is seen, how it looks, and where it leads when it is touched."""

    char: str
    look: frozenset[str] = frozenset()
    url: str = ""


Glyphs = list[Glyph]


def seen(glyphs: Glyphs) -> Glyphs:
    """Without what nobody sees: white space and our own breaks."""
    return [glyph for glyph in glyphs if not glyph.char.isspace() and glyph.char != BREAK]


def read_entities(part: Rendered) -> Glyphs:
    """Offsets count UTF-16 units. Fails when one stands within a character, or beyond the text."""
    widths = (1 + (char > "\uffff") for char in part.text)
    places = {unit: at for at, unit in enumerate(accumulate(widths, initial=0))}
    looks: list[set[str]] = [set() for _ in part.text]
    urls = [""] * len(part.text)
    for entity in part.entities:
        start, end = places.get(entity.offset, -1), places.get(entity.offset + entity.length, -1)
        assert 0 <= start < end, entity
        for at in range(start, end):
            looks[at].add(_ENTITIES.get(entity.type, entity.type))
            urls[at] = entity.url or urls[at]
    return [Glyph(char, frozenset(look), url) for char, look, url in zip(part.text, looks, urls, strict=True)]


_TAGS = {"b": "bold", "i": "italic", "s": "strike", "code": "code", "pre": "pre", "a": "link", "blockquote": "quote"}


class _Page(HTMLParser):
    """Fails unless the tags are of the safe subset, well nested and closed, and all else is text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.url = ""
        self.glyphs: Glyphs = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS, tag
        assert tag not in self.open, tag
        for name, value in attrs:
            assert (tag, name) in {("a", "href"), ("code", "class")}
            assert re.match(r"(https?|mailto|tel):|language-[\w+#.-]+$", value or "", re.IGNORECASE)
            self.url = value or "" if tag == "a" else self.url
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.url = "" if tag == "a" else self.url

    def handle_data(self, data: str) -> None:
        look = frozenset(_TAGS[tag] for tag in self.open)
        look -= {"code"} if "pre" in look else set()
        self.glyphs += [Glyph(char, look, self.url) for char in data]

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def read_html(part: Rendered) -> Glyphs:
    page = _Page()
    page.feed(part.text)
    page.close()
    assert not page.open
    return page.glyphs


def read_plain(part: Rendered) -> Glyphs:
    return [Glyph(char) for char in part.text]


def read_mrkdwn(part: Rendered) -> Glyphs:
    """Fails on control sequences that are no link, and on characters that had to be escaped."""
    return [glyph for line in _read(part.text, links=True) for glyph in line]


def read_asterisk(part: Rendered) -> Glyphs:
    return [glyph for line in _read(part.text, links=False) for glyph in line]


def _read(text: str, *, links: bool) -> Iterator[Glyphs]:
    pieces = text.split("```")
    assert len(pieces) % 2 == 1, "a code block is not closed"
    for at, piece in enumerate(pieces):
        if at % 2:
            yield [Glyph(char, frozenset({"pre"})) for char in _unescaped(piece, links)]
        else:
            for line in piece.split("\n"):
                yield _line(line, links)


def _line(line: str, links: bool) -> Glyphs:
    quote = re.match(r"(?:>|&gt;) ?" if links else r"> |>$", line)
    around = frozenset({"quote"}) if quote else frozenset()
    return list(_styled(_tokens(line[quote.end() if quote else 0 :], links), around))


_SLACK = re.compile(r"<(?P<control>[^<>]*)>|(?P<char>&(?:amp|lt|gt);|.)", re.DOTALL)
_WHATSAPP = re.compile(r"(?P<address>(?<![a-z0-9])https?://[^\W_]\S*)|(?P<char>.)", re.DOTALL | re.IGNORECASE)


class _Token(NamedTuple):
    """A character that may be a marker, or glyphs that are what they are: code, links and addresses."""

    char: str
    glyphs: tuple[Glyph, ...] = ()


def _tokens(line: str, links: bool) -> list[_Token]:
    found = []
    for match in (_SLACK if links else _WHATSAPP).finditer(line):
        if match["char"]:
            found.append(_Token(_unescaped(match["char"], links)))
        elif links:
            found.append(_Token("<", tuple(_link(match["control"]))))
        else:
            found.append(_Token("h", tuple(map(Glyph, match[0]))))
    return _with_code(found)


def _link(control: str) -> Iterator[Glyph]:
    url, _, label = control.partition("|")
    assert re.match(r"(https?|mailto|tel):[!-;=?-~]+$", url, re.IGNORECASE), control
    yield from (Glyph(char, frozenset({"link"}), html.unescape(url)) for char in _unescaped(label or url, True))


def _with_code(tokens: list[_Token]) -> list[_Token]:
    """What stands between two backticks is code, if there is anything to see."""
    ticks = [at for at, token in enumerate(tokens) if token == _Token("`")]
    found, at = [], 0
    while len(ticks) > 1:
        start, end = ticks[0], ticks[1]
        inner = [glyph for token in tokens[start + 1 : end] for glyph in token.glyphs or (Glyph(token.char),)]
        ticks.pop(0)
        if seen(inner):
            ticks.pop(0)
            code = tuple(glyph._replace(look=glyph.look | {"code"}) for glyph in inner)
            found += [*tokens[at:start], _Token("`", code)]
            at = end + 1
    return found + tokens[at:]


def _unescaped(text: str, links: bool) -> str:
    if not links:
        return text
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text), text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _styled(tokens: Sequence[_Token], look: frozenset[str]) -> Iterator[Glyph]:
    at = 0
    while at < len(tokens):
        token = tokens[at]
        style = _MARKERS.get(token.char) if not token.glyphs else None
        end = _closing(tokens, at) if style and style not in look else 0
        if style and end:
            yield from _styled(tokens[at + 1 : end], look | {style})
            at = end
        elif token.glyphs:
            yield from (glyph._replace(look=glyph.look | look) for glyph in token.glyphs)
        else:
            yield Glyph(token.char, look)
        at += 1


def _closing(tokens: Sequence[_Token], start: int) -> int:
    """Where what a marker opens is closed; 0 when it opens nothing."""
    char = tokens[start].char
    before = tokens[start - 1] if start else _Token(" ")
    if (
        _is_word(before)
        or start + 1 >= len(tokens)
        or _is_space(tokens[start + 1])
        or tokens[start + 1] == _Token(char)
    ):
        return 0
    for at in range(start + 2, len(tokens)):
        after = tokens[at + 1] if at + 1 < len(tokens) else _Token(" ")
        if tokens[at] == _Token(char) and not _is_space(tokens[at - 1]) and not _is_word(after):
            return at
    return 0


def _is_space(token: _Token) -> bool:
    return not token.glyphs and (token.char.isspace() or token.char == BREAK)


def _is_word(token: _Token) -> bool:
    return not token.glyphs and token.char.isalnum()
