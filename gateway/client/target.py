"""Where a request goes, worked out once."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from yarl import URL


class Host(NamedTuple):
    """What a connection leads to."""

    name: str
    port: int
    tls: bool


class Target(NamedTuple):
    """A host, and how every request for one address on it goes on after the method."""

    host: Host
    start: bytes

    def request(self, method: bytes, headers: Mapping[str, str], body: bytes) -> bytes:
        """The whole request. Raises `ValueError` for a header that would end its line."""
        lines = [method, self.start]
        for name, value in headers.items():
            if "\r" in value or "\n" in value or "\0" in value:
                raise ValueError(f"the header {name} holds a line break")
            lines.append(f"{name}: {value}\r\n".encode())
        lines.append(b"Content-Length: %d\r\n\r\n" % len(body))
        lines.append(body)
        return b"".join(lines)


@lru_cache(maxsize=1024)
def target(url: str) -> Target:
    """The target of an http or https address. Raises `ValueError` when it is none."""
    parsed = URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.raw_host or not parsed.port:
        raise ValueError("not an http or https address")
    host = parsed.raw_host if ":" not in parsed.raw_host else f"[{parsed.raw_host}]"
    named = host if parsed.is_default_port() else f"{host}:{parsed.port}"
    path = parsed.raw_path_qs or "/"
    start = f" {path} HTTP/1.1\r\nHost: {named}\r\nAccept: */*\r\n".encode()
    return Target(Host(parsed.raw_host, parsed.port, parsed.scheme == "https"), start)
