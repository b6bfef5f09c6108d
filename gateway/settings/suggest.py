"""The name that was probably meant."""

import difflib
from collections.abc import Iterable

from config import shown


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, else `; known: a, b`, else "" when there is too much to list."""
    names = sorted(known)
    if close := difflib.get_close_matches(word, names, 1):
        return f'; did you mean "{close[0]}"?'
    return f"; known: {', '.join(map(shown, names))}" if 0 < len(names) <= 24 else ""
