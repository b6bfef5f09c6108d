"""What of an answer can be spoken, and what has to be read."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import regex

from gateway.markup import tree
from gateway.markup.parse import Input, Tree

LONGEST = 4096  # characters that services speak at once

_EMOJI = regex.compile(
    r"(?:\p{RI}\p{RI}|[0-9#*]\ufe0f?\u20e3"
    r"|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{Emoji}\ufe0f)"
    r"(?:\p{EMod}|\u200d\p{Extended_Pictographic}\ufe0f?)*+)"
)
_GAP = regex.compile(r" ([,.;:!?])")  # left by what was taken out
_BLOCKS = {"p", "h", "quote", "ul", "ol", "li", "table", "tr", "th", "td", "hr", "pre"}


class Wording(NamedTuple):
    """`spoken` is plain text without links, code and emoji; `written` is Markdown of these, "" when there are none."""

    spoken: str
    written: str


def wording(text: str, input: Input = "markdown") -> Wording:
    """Both sides of a text."""
    written: list[str] = []
    spoken = "".join(_spoken(tree(text, input), written))
    emoji = _EMOJI.findall(spoken)
    lines = (_GAP.sub(r"\1", " ".join(line.split())) for line in _EMOJI.sub(" ", spoken).split("\n"))
    if emoji:
        written.append(" ".join(emoji))
    return Wording("\n".join(line for line in lines if _sounds(line)), "\n\n".join(written))


def _sounds(line: str) -> bool:
    return any(character.isalnum() for character in line)


def _spoken(nodes: Tree, written: list[str]) -> Iterator[str]:
    """The words, block by block; what is not for the ear goes to `written`."""
    for node in nodes:
        if isinstance(node, str):
            yield node
            continue
        kind = node["t"]
        if kind == "pre":
            written.append(_fence(node))
        elif kind == "code":
            written.append(_code("".join(map(str, node["c"]))))
        elif kind == "a":
            written.append(_link(node))
            if not node.get("auto"):
                yield from _spoken(node["c"], written)
        elif kind == "br":
            yield "\n"
        else:
            yield from _spoken(node.get("c", []), written)
        if kind in _BLOCKS:
            yield "\n"


def _fence(node: dict[str, Any]) -> str:
    code = "".join(node["c"])
    fence = "`" * max(3, _longest_run(code) + 1)
    return f"{fence}{node['lang']}\n{code}\n{fence}"


def _code(code: str) -> str:
    mark = "`" * (_longest_run(code) + 1)
    return f"{mark} {code} {mark}" if code.startswith("`") or code.endswith("`") else f"{mark}{code}{mark}"


def _longest_run(code: str) -> int:
    return max((len(run) for run in regex.findall("`+", code)), default=0)


def _link(node: dict[str, Any]) -> str:
    if node.get("auto"):
        return str(node["href"])
    label = " ".join("".join(_words(node["c"])).split())
    return f"[{escaped(label)}]({node['href']})" if label else str(node["href"])


def _words(nodes: Tree) -> Iterator[str]:
    for node in nodes:
        yield node if isinstance(node, str) else " " if node["t"] == "br" else "".join(_words(node.get("c", [])))


def escaped(words: str) -> str:
    """Words that Markdown shows as they are."""
    return regex.sub(r"([\\`*_~\[\]<>&|#!])", r"\\\1", words)
