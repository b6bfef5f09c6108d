"""What an unquoted word means in YAML 1.2: a number, a truth value, nothing, or the word itself.

Numbers are read as in the standard's JSON schema and not more widely: `+4915112345` and `007` are phone
numbers and ids far more often than integers, and stay as written. `yes`, `no`, `on` and `off` are words.
"""

import re

_NOTHING = {"", "~", "null", "Null", "NULL"}
_TRUTH = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,2})?")


def resolve(word: str) -> str | int | float | bool | None:
    """The value of an unquoted word. Numbers of more than 18 digits stay words."""
    if word in _NOTHING:
        return None
    if word in _TRUTH:
        return _TRUTH[word]
    if _INTEGER.fullmatch(word):
        return int(word)
    return float(word) if _FRACTION.fullmatch(word) else word
