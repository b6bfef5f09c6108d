"""Markdown -> one tree -> the dialects of the platforms.

`render` makes the parts that go out, `tree` what the web shows, `heal` a readable preview of an unfinished text.
"""

from gateway.markup.heal import heal
from gateway.markup.parse import tree
from gateway.markup.render import DIALECTS, Dialect, Rendered, render
from gateway.markup.rich import Rich, Span
from gateway.markup.split import split

__all__ = ["DIALECTS", "Dialect", "Rendered", "Rich", "Span", "heal", "render", "split", "tree"]
