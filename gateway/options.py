"""What options are made of: the strict base model and the types of single keys.

Adapters and bots declare their own keys as a subclass of `Options`; the operator's file is checked against it
and the JSON Schema is made from it. Loading the options of an adapter must not need its SDK.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway import units

_T = TypeVar("_T")


class Options(BaseModel):
    """Frozen and strict: an unknown key or another type is an error, nothing is converted in silence."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=True,
        hide_input_in_errors=True,
        populate_by_name=False,
        allow_inf_nan=False,
    )


def key(default: Any, help: str, **rules: Any) -> Any:
    """One optional key: its default as the operator would write it, and a line of help for schema and docs.

    `rules` are those of `pydantic.Field` (`ge`, `le`, `min_length`, `alias` ...). A key that must be there is
    declared with `needed`.
    """
    return Field(default, description=help, **rules)


def needed(help: str, **rules: Any) -> Any:
    """One key that the operator must give."""
    return Field(description=help, **rules)


def faults(*found: tuple[tuple[str | int, ...], str]) -> PydanticCustomError:
    """What a validator raises for several things wrong inside its value: the way to each, and a message."""
    return PydanticCustomError("faults", "several faults", {"faults": found})


def _text(value: object, expected: str) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("needs a value" if value is None else f"expected {expected}")


_Parse = Callable[[str], _T]


def _parsed(parse: _Parse[_T], expected: str) -> Callable[[object], _T]:
    def check(value: object) -> _T:
        return parse(_text(value, expected))

    return check


def _unless(words: tuple[str, ...], parse: _Parse[_T], expected: str) -> Callable[[object], _T | None]:
    def check(value: object) -> _T | None:
        try:
            return None if value in words else parse(_text(value, expected))
        except ValueError as error:
            raise ValueError(f"{error}, or {words[0]}") from None

    return check


_DURATION = "a duration such as 30s, 5m, 2h or 7d"
_RATE = "a rate such as 1/s, 60/m, 500/h or 1000/d"
_duration_schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?[smhd]$"}
_rate_schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?/[smhd]$"}
_secret_schema = {"type": "string", "minLength": 1, "format": "password"}
_path_schema = {"type": "string", "pattern": "^/"}

Duration = Annotated[float, PlainValidator(_parsed(units.duration, _DURATION)), WithJsonSchema(_duration_schema)]
"""Seconds, written `30s`, `5m`, `2h`, `7d`."""

DurationOrNever = Annotated[
    float | None,
    PlainValidator(_unless(("never", "off"), units.duration, _DURATION)),
    WithJsonSchema({"anyOf": [_duration_schema, {"enum": ["never", "off"]}]}),
]
"""Seconds, or `None` for `never` and `off`."""

DurationOrForever = Annotated[
    float | None,
    PlainValidator(_unless(("forever", "never"), units.duration, _DURATION)),
    WithJsonSchema({"anyOf": [_duration_schema, {"enum": ["forever", "never"]}]}),
]
"""Seconds, or `None` for `forever`."""

Size = Annotated[
    int,
    PlainValidator(_parsed(units.size, "a size such as 64KB, 10MB or 1GB")),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(B|KB|MB|GB)$"}),
]
"""Bytes, written `64KB`, `10MB`."""

Rate = Annotated[units.Rate, PlainValidator(_parsed(units.rate, _RATE)), WithJsonSchema(_rate_schema)]
"""So many in a second, minute, hour or day, written `60/m`."""

RateOrOff = Annotated[
    units.Rate | None,
    PlainValidator(_unless(("off",), units.rate, _RATE)),
    WithJsonSchema({"anyOf": [_rate_schema, {"const": "off"}]}),
]
"""A rate, or `None` for `off`."""

# What people leave in a file or a template fills in when the real value was forgotten.
_PLACEHOLDERS = {
    *("undefined", "null", "nil", "todo", "xxx", "..."),
    *("changeme", "change-me", "change_me", "replaceme", "your-token", "your-secret"),
}


def _secret(value: object) -> SecretStr:
    text = _text(value, "text: put it in quotes")
    if not text.strip():
        raise ValueError("is empty: a secret is needed here")
    if text.strip().lower() in _PLACEHOLDERS or re.fullmatch(r"<[^<>]*>", text.strip()):
        raise ValueError("is a placeholder, not a secret")
    if text != text.strip():
        raise ValueError("has white space around it")
    return SecretStr(text)


Secret = Annotated[SecretStr, PlainValidator(_secret), WithJsonSchema(_secret_schema)]
"""A token, key or password; never shown. Empty ones and placeholders such as `changeme` are refused."""


def _identity(value: object) -> str:
    """An id of a platform as text: YAML reads ids of digits as numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = _text(value, "an id: put it in quotes")
    if not text or text != text.strip():
        raise ValueError("expected an id")
    return text


Id = Annotated[str, PlainValidator(_identity), WithJsonSchema({"type": ["string", "integer"]})]
"""An id in the platform's own form; a number may stand without quotes."""


def address(value: object) -> str:
    """An http or https address without a trailing slash. Raises `ValueError`."""
    expected = "an address such as https://chat.example.org"
    text = _text(value, expected)
    try:
        parts = urlsplit(text)
        well = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(f"expected {expected}") from None
    if not well or re.search(r"[\s\x00-\x1f\\]", text):
        raise ValueError(f"expected {expected}")
    if parts.username is not None or parts.fragment:
        raise ValueError("must hold neither a user name or password nor a #fragment")
    return text.rstrip("/")


Url = Annotated[str, PlainValidator(address), WithJsonSchema({"type": "string", "pattern": "^https?://"})]
"""An http or https address without a trailing slash."""

Listed = Annotated[tuple[_T, ...], Field(strict=False)]
"""A YAML list, kept as a tuple."""

RESERVED_PATHS = (
    "/api",
    "/c",
    "/admin",
    "/v1",
    "/files",
    "/widget",
    "/widget.js",
    "/widget.json",
    "/metrics",
    "/healthz",
    "/startupz",
    "/readyz",
)


def reserved(path: str) -> str:
    """The reserved path that `path` is or stands below; "" when it is free."""
    return next((taken for taken in RESERVED_PATHS if path == taken or path.startswith(taken + "/")), "")


def _page_path(value: object) -> str | None:
    if value is None:
        return None
    path = _text(value, "a path such as /support")
    if not re.fullmatch(r"/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?", path):
        raise ValueError("expected a path such as /support: letters, digits and . _ ~ - between slashes")
    path = path.rstrip("/") or "/"
    if taken := reserved(path):
        raise ValueError(f"{taken} is reserved: choose another path")
    return path


PagePath = Annotated[str | None, PlainValidator(_page_path), WithJsonSchema(_path_schema)]


class DoorOptions(Options):
    """Options of a platform whose people come in by the gateway's own API (`limits.door`)."""

    wait: Duration = key("30s", "How long a request waits for its answer; what takes longer is answered later (202).")


class PageOptions(Options):
    """Options of a platform whose channels have a page of their own on our HTTP server.

    Once loaded, `path` is always set, free of reserved words, and unique among all channels.
    """

    path: PagePath = key(None, "Where the page stands: /<channel> when not given.")
    default: bool = key(False, "The channel that / opens, and that a new session gets when it names none.")
