"""The far end of a fetch: a DNS that says what the test wants, and hosts that answer badly."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp.abc import AbstractResolver, ResolveResult

Page = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


class Names(AbstractResolver):
    """Name -> addresses with spaces between. Of several answers each look-up takes the next one; the last one stays.

    Numbers are read as the C library reads them, `127.1` and `0x7f000001` too.
    """

    def __init__(self, table: Mapping[str, str | list[str]]) -> None:
        self._table = {name: [said] if isinstance(said, str) else list(said) for name, said in table.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        said = self._table.get(host) or self._table.get(host.removesuffix(".")) or [_number(host)]
        found = (said.pop(0) if len(said) > 1 else said[0]).split()
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None: ...


def _number(host: str) -> str:
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        raise socket.gaierror(socket.EAI_NONAME, "no such name") from None


class Stranger:
    """`requests` are the heads it was sent, `reached` the addresses it was called at."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self.pages = dict(pages)
        self.port = 0
        self.requests: list[str] = []
        self.reached: list[str] = []

    @property
    def paths(self) -> list[str]:
        return [head.split(" ", 2)[1] for head in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached.append(writer.get_extra_info("sockname")[0])
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.requests.append(head)
            page = self.pages.get(head.split(" ", 2)[1], answer(404))
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller has heard enough
        finally:
            writer.close()


@asynccontextmanager
async def stranger(address: str, pages: Mapping[str, Page]) -> AsyncIterator[Stranger]:
    """A host at a free port of an address."""
    host = Stranger(pages)
    server = await asyncio.start_server(host.serve, address, 0)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()


def answer(status: int, content: bytes = b"", **headers: str) -> bytes:
    """A whole answer; `content_type="x"` is a header."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def moved(to: str, status: int = 302) -> bytes:
    return answer(status, location=to)
