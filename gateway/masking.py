"""What no log line, answer or error may show: secrets, ways to reach people, and characters that forge lines."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORT = 4  # characters; a shorter secret is hidden only where it stands alone, else every text would be full of stars

# Credentials by their looks, for what is not in our settings: pasted, mistyped, or somebody else's. All these
# patterns take time in proportion to the text, whatever it is: none begins anew within what it has walked over.
_CREDENTIALS = re.compile(
    r"""(?P<lead>(?i:\b(?:bearer|basic)\s+))[^\s"',;]+
      | gw_[\w-]{43}
      | (?<!\d)\d{6,12}:[\w-]{30,}                 # an account's number and its token, as in paths of HTTP APIs
      | xox[a-z]-[\w-]{8,} | xapp-[\w-]{8,} | \bsk-[\w-]{16,}
      | (?<![\w-])eyJ[\w-]++\.[\w-]++\.[\w-]*+
      | (?P<user>://)[^\s/@"']+(?=@)
      | (?P<query>[?&](?:token|key|secret|access_token|signature|password)=)[^&\s"']+""",
    re.VERBOSE,
)
_MAIL = re.compile(r"(?<![\w.+-])([\w.+-])[\w.+-]*+(@|%40)[\w-]++(?:\.[\w-]++)+")
_PHONE = re.compile(r"(?:\+|%2[Bb])\d[\d ()./-]{5,20}\d|(?<![\w.:+-])\d{9,15}(?![\w:-]|\.\d)")

# C0 and C1 controls, DEL, line and paragraph separators, marks that turn the reading direction, lone surrogates.
_FORGING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Mask:
    """Hides the secrets it was made for, wherever they stand, in whatever spelling a URL or JSON gives them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {form for secret in secrets if secret for form in _spellings(secret)}
        # The longest first: one secret may be part of another.
        patterns = [_pattern(form) for form in sorted(spellings, key=len, reverse=True)]
        self._secrets = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, text: str) -> str:
        """The text without secrets, and with phone numbers and mail addresses cut to what tells them apart."""
        return _PHONE.sub(_ending, _MAIL.sub(rf"\1{HIDDEN}\2{HIDDEN}", self.secrets(text)))

    def secrets(self, text: str) -> str:
        """The text without secrets, ours or such as look like some."""
        return _CREDENTIALS.sub(_keeping_lead, self.own(text))

    def own(self, text: str) -> str:
        """The text without our own secrets."""
        return self._secrets.sub(HIDDEN, text) if self._secrets is not None else text


def _spellings(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}


def _pattern(form: str) -> str:
    return re.escape(form) if len(form) >= SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"


def _keeping_lead(found: re.Match[str]) -> str:
    return (found["lead"] or found["user"] or found["query"] or "") + HIDDEN


def _ending(found: re.Match[str]) -> str:
    return f"{HIDDEN}{found[0][-2:]}"


def escaped(text: str, *, lines: bool = False) -> str:
    """The text with nothing in it that a terminal or a log reader would act upon; `lines` keeps line breaks."""
    return _FORGING.sub(lambda found: found[0] if lines and found[0] == "\n" else _code(found[0]), text)


def _code(character: str) -> str:
    number = ord(character)
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return known.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")
