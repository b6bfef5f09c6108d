"""The dialect `asterisk`: `*b* _i_ ~s~`, backticks and `> quotes`; links are written out after their text."""

from gateway.markup.lines import write as write_lines
from gateway.markup.markers import Style, unfenced
from gateway.markup.plain import spell_links
from gateway.markup.rich import Rich


def prepare(whole: Rich, limit: int) -> Rich:
    return spell_links(whole)


def write(part: Rich) -> str:
    return write_lines(part, _STYLE)


_STYLE = Style(escape=str, link=lambda url, text: unfenced(text), breaks=False)
