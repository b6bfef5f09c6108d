"""The text of a message as people read it: Slack's `<...>` forms in words, its escapes undone, our own name off it."""

import re
from collections.abc import Mapping

_FORM = re.compile(r"<([^<>\n]{1,4000})>")
_ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def mentions(text: str, user: str) -> bool:
    """Whether a text calls a user: `<@U1>`, `<@U1|ada>`."""
    return bool(user) and (f"<@{user}>" in text or f"<@{user}|" in text)


def plain(text: str, user: str, name: str, names: Mapping[str, str]) -> str:
    """The text in words. Our mention goes where it stands at either end; within a sentence it is our name.

    Other people are called by `names`, those who are not among them by their id. A text that is nothing but our
    mention stays, as our name: no text becomes empty.
    """
    own = re.compile(rf"<@{re.escape(user)}(\|[^<>]*)?>") if user else None
    bare = _without(text, own) if own is not None and f"<@{user}" in text else text
    if own is not None:
        bare = own.sub(f"@{name or user}", bare or text)
    if "<" in bare:
        bare = _FORM.sub(lambda found: _words(found[1], names), bare)
    for escaped, letter in _ESCAPES:
        bare = bare.replace(escaped, letter)
    return bare


def _without(text: str, own: re.Pattern[str]) -> str:
    text = text.strip()
    while found := own.match(text):
        text = text[found.end() :].lstrip(" \t\r\n,:")
    while (found := _last(text, own)) is not None:
        text = text[: found.start()].rstrip(" \t\r\n,")
    return text


def _last(text: str, own: re.Pattern[str]) -> re.Match[str] | None:
    start = text.rfind("<@")
    found = own.match(text, start) if start >= 0 else None
    return found if found and found.end() == len(text) else None


def _words(form: str, names: Mapping[str, str]) -> str:
    """What stands between the brackets: a user, a channel, a call to all, or a link."""
    target, _, label = form.partition("|")
    if target.startswith("@"):
        return f"@{label.removeprefix('@') or names.get(target[1:]) or target[1:]}"
    if target.startswith("#"):
        return f"#{label or target[1:]}"
    if target.startswith("!"):
        return _special(target[1:], label)
    bare = target.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in (target, bare) or target in (f"http://{label}", f"https://{label}"):
        return bare
    return f"{label} ({bare})"


def _special(name: str, label: str) -> str:
    if label:
        return label if label.startswith("@") or name.startswith("date") else f"@{label}"
    return f"@{name.partition('^')[0]}" if not name.startswith("subteam") else "@group"
