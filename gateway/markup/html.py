"""The dialect `html`: `b i s code pre a blockquote` and nothing else; a line break stays a line break."""

from gateway.markup.plain import spell_links
from gateway.markup.rich import OUTERMOST, Kind, Rich, Span

_TAGS: dict[Kind, str] = {"quote": "blockquote", "bold": "b", "italic": "i", "strike": "s", "code": "code"}


def prepare(whole: Rich, limit: int) -> Rich:
    """Addresses that would take up half a part are written out, so that they can be split."""
    return spell_links(whole, lambda link: 2 * len(escape(link.value)) <= limit)


def write(part: Rich) -> str:
    """The text with its tags, well nested, all characters of markup escaped, in text as in attributes."""
    edges: list[tuple[int, tuple[int, ...], str]] = []
    for span in part.spans:
        place = OUTERMOST[span.kind]
        opening, closing = _tags(part.text, span)
        edges += [(span.start, (1, -span.end, place), opening), (span.end, (0, -span.start, -place), closing)]
    out: list[str] = []
    at = 0
    for place, _, tag in sorted(edges):
        out += [escape(part.text[at:place]), tag]
        at = place
    return "".join([*out, escape(part.text[at:])])


def _tags(text: str, span: Span) -> tuple[str, str]:
    if span.kind in ("link", "url"):
        return f'<a href="{escape(span.value)}">', "</a>"
    if span.kind == "pre":
        code = f'<code class="language-{escape(span.value)}">' if span.value else ""
        return f"<pre>{code}", f"{'</code>' * bool(code)}</pre>"
    tag = _TAGS[span.kind]
    return f"<{tag}>", f"</{tag}>"


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
