"""Pure functions on text from people and bots: cleaning, commands, names, the first sentence.

All are linear in the length of their input and raise nothing, whatever the string.
"""

import re
import unicodedata
from typing import NamedTuple

import regex

NAME_LENGTH = 64
COMMAND_LENGTH = 32

_DIRTY = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NEWLINE = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")

# Marks that change the direction of what follows, and invisible ones that make two names look alike.
# Joiners stay: emoji and several scripts need them.
_DISGUISE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_EDGE = "\u200b\u200e\u200f\u061c\u2060\ufeff"  # keyboards of right-to-left scripts put these around a word

_GRAPHEME = regex.compile(r"\X")
_GRAPHEME_LENGTH = 16  # the longest emoji has 10 code points; a pile of a thousand accents is an attack
# A full stop after a single letter or digit ("e.g.", "1.") ends no sentence.
_SENTENCE = re.compile(r"(?<!\b\w)[.!?…]+[\"')\]»”’]*(?=\s|$)|[。！？]+[」』”’]*")
_COMMAND = re.compile(r"(\w+)(?:@([\w.-]+))?")


class Command(NamedTuple):
    """`/name@target args`: `name` is lower case; `target` is empty unless another bot is meant."""

    name: str
    args: str = ""
    target: str = ""


def clean(text: str) -> str:
    """The text as it may be stored and sent: every line break a `\\n`, no control character but that and the tab.

    Pairs of surrogates become the character they stand for, lone ones go. A clean text is returned as it is.
    """
    if not _DIRTY.search(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return _CONTROL.sub("", _NEWLINE.sub("\n", text))


def parse_command(text: str, prefixes: str = "/", mention: str = "") -> Command | None:
    """The command that a message is, or None when it is ordinary text.

    `prefixes` are single characters, each of which may begin a command; `mention` is the bot's own name, so that
    `/reset@name` is its command, while any other name is kept as `target`. The name is one word of at most 32
    letters, digits and underscores of any script, compared after NFKC and in lower case; whether it is known is
    for the caller to say. `args` are what follows, trimmed and otherwise as written.
    """
    text = text.strip().lstrip(_EDGE)
    if not text:
        return None
    word, *rest = text.split(None, 1)
    if len(word) > 4 * COMMAND_LENGTH:
        return None
    word = unicodedata.normalize("NFKC", word).strip(_EDGE).lower()
    found = _COMMAND.fullmatch(word, 1)
    if word[:1] not in prefixes or not word or not found or len(found[1]) > COMMAND_LENGTH:
        return None
    target = found[2] or ""
    own = unicodedata.normalize("NFKC", mention).lstrip("@").lower()
    return Command(found[1], rest[0].strip() if rest else "", "" if target == own else target)


def first_sentence(text: str, limit: int) -> str:
    """The first sentence of the text on one line, or its beginning and `…`: at most `limit` graphemes."""
    head = " ".join(clean(text[: limit * _GRAPHEME_LENGTH + 1]).split())
    end = _SENTENCE.search(head)
    sentence = head[: end.end()] if end else head
    kept = _graphemes(sentence, limit + 1)
    if len(kept) <= limit:
        return "".join(kept)
    short = "".join(kept[: max(limit - 1, 0)])
    word = short.rpartition(" ")[0]
    return (word if 2 * len(word) > len(short) else short).rstrip() + "…"


def clean_name(name: str) -> str:
    """A display name that can stand in any line: no line breaks, control or direction marks, at most 64 graphemes."""
    if len(name) <= NAME_LENGTH and name.isascii() and name.isprintable() and name == name.strip() and "  " not in name:
        return name
    name = _DISGUISE.sub("", clean(name[: 4 * NAME_LENGTH * _GRAPHEME_LENGTH]))
    return "".join(_graphemes(" ".join(name.split()), NAME_LENGTH)).rstrip()


def _graphemes(text: str, most: int) -> list[str]:
    found = _GRAPHEME.finditer(text)
    return [match.group()[:_GRAPHEME_LENGTH] for match, _ in zip(found, range(most), strict=False)]
