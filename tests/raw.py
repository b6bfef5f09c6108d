"""Bytes as they are on a connection of their own, for what no client would send."""

import asyncio

from tests.doors import YAML, Gateway
from tests.patience import PATIENCE

HOOKED = YAML + "  hook: {platform: tests.pushed, bot: echo}\n"


async def raw(gateway: Gateway, *pieces: bytes, pause: float = 0) -> bytes:
    """Bytes as they are, on a connection of their own; what comes back until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def head(method: str, path: str, *headers: str) -> bytes:
    host = () if any(header.startswith("Host:") for header in headers) else ("Host: x",)
    lines = [f"{method} {path} HTTP/1.1", *host, "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")
