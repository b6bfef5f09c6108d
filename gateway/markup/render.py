"""Markdown -> the parts of a message in a dialect, each within the platform's limit."""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from gateway.markup import asterisk, entities, html, mrkdwn, plain
from gateway.markup.layout import layout
from gateway.markup.parse import Input, is_plain, tree
from gateway.markup.rich import Rich
from gateway.markup.split import LEAST, split
from gateway.message import Entity
from gateway.text import clean

Unit = Literal["chars", "utf16", "bytes"]


class Rendered(msgspec.Struct, frozen=True):
    """One part: its text in the dialect, the same as plain text, and for `entities` what is formatted in it."""

    text: str
    plain: str
    entities: tuple[Entity, ...] = ()


class Dialect(NamedTuple):
    """A way to write rich text. `prepare` is done once, before splitting; `write` and `bare` on each part."""

    prepare: Callable[[Rich, int], Rich]
    write: Callable[[Rich], str]
    bare: Callable[[Rich], str] = plain.write
    entities: Callable[[Rich], tuple[Entity, ...]] = lambda part: ()


DIALECTS: dict[str, Dialect] = {
    "entities": Dialect(entities.prepare, entities.write, entities=entities.entities),
    "mrkdwn": Dialect(mrkdwn.prepare, mrkdwn.write, mrkdwn.write_bare),
    "asterisk": Dialect(asterisk.prepare, asterisk.write),
    "html": Dialect(html.prepare, html.write),
    "plain": Dialect(lambda whole, limit: plain.spell_links(whole), plain.write),
}
UNITS: dict[str, Callable[[str], int]] = {
    "chars": len,
    "utf16": lambda text: len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2,
    "bytes": lambda text: len(text.encode()),
}
_WORST = {"chars": 1, "utf16": 2, "bytes": 4}
_VISIBLE = re.compile(r"[^\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff]")


def render(
    markdown: str,
    dialect: str | Dialect,
    limit: int,
    measure: Unit = "chars",
    input: Input = "markdown",
    most: int | None = None,
) -> list[Rendered]:
    """The parts of a text in a dialect, none of them larger than `limit` in units of `measure`; none if it is blank.

    `dialect` is a name, or an adapter's own. `input="plain"` takes the text as written. `plain` of a part is what to
    send when the platform refuses the markup: it has the same words, as far as the limit allows also the addresses
    of links, and is escaped where the dialect needs that even for plain text. With `most`, at most one part more
    than that is made: enough to see that there are too many. What may be dropped where parts meet is the law of
    `split`.

    Any string is rendered. Raises ValueError for an unknown dialect or unit, or a limit under `LEAST`.
    """
    form = DIALECTS.get(dialect) if isinstance(dialect, str) else dialect
    if form is None or measure not in UNITS or limit < LEAST:
        raise ValueError(f"cannot render {dialect!r} in {limit} {measure!r}")
    text = markdown.strip()
    if is_plain(text):
        if len(text) * _WORST[measure] <= limit or UNITS[measure](text) <= limit:
            return [Rendered(text, text)] if _VISIBLE.search(text) else []
        input = "plain"
    whole = Rich(clean(text).strip()) if input == "plain" else layout(tree(text))
    return _parts(whole, form, limit, UNITS[measure], most) if _VISIBLE.search(whole.text) else []


def _parts(whole: Rich, dialect: Dialect, limit: int, size: Callable[[str], int], most: int | None) -> list[Rendered]:
    text = ""

    def measured(part: Rich) -> int:
        nonlocal text
        text = dialect.write(part)
        bare = text if dialect.bare is plain.write else dialect.bare(Rich(part.text))
        return max(size(text), size(bare))

    parts: list[Rendered] = []
    for part in split(dialect.prepare(whole, limit), limit, measured):  # what it gives it has measured last
        parts.append(Rendered(text, _bare(part, dialect, limit, size), dialect.entities(part)))
        if most is not None and len(parts) > most:
            break
    return parts


def _bare(part: Rich, dialect: Dialect, limit: int, size: Callable[[str], int]) -> str:
    """As much as fits of: the addresses of links, the marks of quotes. The words alone always do."""
    for form in (plain.spell_links(part), part):
        text = dialect.bare(form)
        if size(text) <= limit:
            return text
    return dialect.bare(Rich(part.text))
