"""The dialect `entities`: plain text beside a list of what is formatted in it, counted in UTF-16 units."""

import re
from bisect import bisect_left

from gateway.markup.plain import spell_links
from gateway.markup.rich import Kind, Rich, Span
from gateway.message import Entity

_TYPES: dict[Kind, str] = {
    "quote": "blockquote",
    "pre": "pre",
    "link": "text_link",
    "bold": "bold",
    "italic": "italic",
    "strike": "strikethrough",
    "code": "code",
}
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

# One link that the platform thinks malformed costs the whole message its formatting. It asks for a host with a dot
# in it and a sound port, and takes mailto: and tel: for hosts.
_ACCEPTED = re.compile(r"https?://(?:[a-z0-9-]+\.)+[a-z0-9-]*[a-z](?::[1-9]\d{0,3})?(?:[/?#].*)?", re.IGNORECASE)


def prepare(whole: Rich, limit: int) -> Rich:
    return spell_links(whole, _accepted)


def write(part: Rich) -> str:
    return part.text


def entities(part: Rich) -> tuple[Entity, ...]:
    """What is formatted, outer before inner. Bare addresses are left to the platform, which finds them itself."""
    astral = [found.start() for found in _ASTRAL.finditer(part.text)]

    def units(at: int) -> int:
        return at + bisect_left(astral, at)

    def entity(span: Span) -> Entity:
        start, end = units(span.start), units(span.end)
        return Entity(
            type=_TYPES[span.kind],
            offset=start,
            length=end - start,
            url=span.value if span.kind == "link" else "",
            language=span.value if span.kind == "pre" else "",
        )

    # A piece of a bare address that was too long for one part is a link, and not asked about before.
    return tuple(
        entity(span) for span in part.spans if span.kind in _TYPES and (span.kind != "link" or _accepted(span))
    )


def _accepted(link: Span) -> bool:
    return bool(_ACCEPTED.fullmatch(link.value))
