"""Origins: which sites may embed a channel and call its API from their pages."""

import re
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import PlainValidator, WithJsonSchema

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")


def normal(text: str) -> str:
    """The one spelling of an origin: lower case, no default port. Raises ValueError when it is none."""
    expected = "expected an origin such as https://example.org or https://*.example.org"
    if text.startswith("*."):
        text = f"https://{text}"
    parts = urlsplit(text.lower())
    try:
        port = parts.port
    except ValueError:
        raise ValueError(expected) from None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    rest = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in _PORTS or rest or not _HOST.fullmatch(host):
        raise ValueError(expected)
    if host.startswith("*.") and "." not in host[2:]:
        raise ValueError("a wildcard needs a domain of its own: https://*.example.org")
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")


def _checked(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected an origin such as https://example.org")
    return normal(value)


Origin = Annotated[str, PlainValidator(_checked), WithJsonSchema({"type": "string", "format": "uri"})]
"""`https://example.org`, or `https://*.example.org` for every name below it (not itself)."""


def admits(patterns: Iterable[str], origin: str, own: Iterable[str] = ()) -> bool:
    """Whether `origin`, as a browser sends it, is one of `own` or named by a pattern. `null` never is."""
    try:
        given = normal(origin)
    except ValueError:
        return False
    # A browser writes an origin in one way only; any other spelling was not written by one.
    if given != origin or "*" in origin:
        return False
    return given in _normals(own) or any(_matches(pattern, given) for pattern in patterns)


def _normals(texts: Iterable[str]) -> set[str]:
    found = set()
    for text in texts:
        try:
            parts = urlsplit(text)
            found.add(normal(f"{parts.scheme}://{parts.netloc}"))
        except ValueError:
            continue
    return found


def _matches(pattern: str, origin: str) -> bool:
    scheme, host = pattern.split("://", 1)
    if not host.startswith("*."):
        return pattern == origin
    return origin.startswith(f"{scheme}://") and origin.endswith(host[1:])
