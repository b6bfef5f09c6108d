"""The dialect `mrkdwn`: `*b* _i_ ~s~`, `<url|text>`, and `& < >` escaped, so that no `<!channel>` can arise."""

import re

from gateway.markup.lines import write as write_lines
from gateway.markup.markers import BREAK, Style, unfenced
from gateway.markup.plain import spell_links
from gateway.markup.plain import write as write_plain
from gateway.markup.rich import Rich

# Also where a longer word follows: a link in its midst would end the mention.
_MASS_MENTION = re.compile(r"@(?=everyone|channel|here)", re.IGNORECASE)


def prepare(whole: Rich, limit: int) -> Rich:
    """Addresses that would take up half a part are written out, so that they can be split."""
    return spell_links(whole, lambda link: 2 * len(escape(link.value)) <= limit)


def write(part: Rich) -> str:
    return write_lines(part, _STYLE)


def write_bare(part: Rich) -> str:
    """Without markers; still escaped, as the platform looks for `<...>` and mentions in any text."""
    return _harmless(write_plain(part))


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _harmless(text: str) -> str:
    return escape(_MASS_MENTION.sub(f"@{BREAK}", text))


def _link(url: str, text: str) -> str:
    address = escape(url).replace("|", "%7C")
    return f"<{address}>" if text == url else f"<{address}|{_harmless(unfenced(text))}>"


_STYLE = Style(escape, _link, breaks=True, defused=_MASS_MENTION)
