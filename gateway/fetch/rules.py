"""Whom we may call: what a URL must be like, and which internal hosts the operator has named."""

import re
from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from yarl import URL

from gateway.errors import FetchRefused
from gateway.fetch.addresses import is_public

LONGEST = 8192  # characters
Kind = Literal["public", "internal"]

_UNCLEAN = re.compile(r"[\s\x00-\x20\x7f\\]")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.ASCII)


class Host(NamedTuple):
    """A host by its name or address; at one port, or at any when `port` is None."""

    name: str
    port: int | None = None


class Place(NamedTuple):
    """A URL that may be called, and what kind of host it names."""

    url: URL
    kind: Kind


class Rules(NamedTuple):
    """`allow` are internal hosts that may be called; of all others `ports` and `public` say where they may be."""

    allow: Collection[Host] = ()
    ports: Collection[int] = (80, 443)
    public: Callable[[str], bool] = is_public

    def admit(self, text: str, base: URL | None = None) -> Place:
        """The place that a URL names, relative to `base` if given. Raises `FetchRefused`."""
        url = _read(text, base)
        name, port = _name(url.raw_host or ""), url.port
        if url.scheme not in ("http", "https"):
            raise FetchRefused("scheme", "only http and https are fetched")
        if not _HOST.fullmatch(name) or not port:
            raise FetchRefused("url", "it names no host")
        if "@" in url.raw_authority:
            raise FetchRefused("userinfo", "it holds a user name or password")
        if not {Host(name), Host(name, port)}.isdisjoint(self.allow):
            return Place(url, "internal")
        if port not in self.ports:
            raise FetchRefused("port", f"port {port} is not one of {', '.join(map(str, self.ports))}")
        return Place(url, "public")


def host(text: str) -> Host:
    """The host of `files.internal`, `files.internal:9000`, `10.0.0.5:8080` or `[fd00::1]:80`. Raises `ValueError`."""
    expected = ValueError("expected a host such as files.internal or files.internal:9000")
    try:
        url = URL(f"http://{text}")
        port = url.explicit_port
    except ValueError:
        raise expected from None
    name = _name(url.raw_host or "")
    spelled = f"[{name}]" if ":" in name else name
    if text.lower() != (spelled if port is None else f"{spelled}:{port}") or not _HOST.fullmatch(name) or port == 0:
        raise expected
    return Host(name, port)


def _read(text: str, base: URL | None) -> URL:
    if len(text) > LONGEST or _UNCLEAN.search(text):
        raise FetchRefused("url", "it is too long, or holds spaces or characters that no URL has")
    try:
        # yarl is what aiohttp connects by: nothing else may read the URL, or two readers could differ.
        url = URL(text)
        return (base.join(url) if base is not None else url).with_fragment(None)
    except ValueError:
        raise FetchRefused("url", "it is no URL") from None


def _name(host: str) -> str:
    """`example.org.` is `example.org`."""
    return host.lower().removesuffix(".")
