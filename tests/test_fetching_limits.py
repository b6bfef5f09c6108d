"""What a fetch may cost: bytes, however they come and whatever they unpack to; seconds; and when to ask again."""

import asyncio
import gzip
import os
import socket
import zlib

import pytest

from gateway.errors import FetchFailed, FetchRefused
from gateway.fetch import Caps, Fetcher, Rules
from gateway.fetch.body import PIECE
from tests.far.strangers import Names, Page, answer
from tests.fetching import OUTSIDE, World, public, reason, world

pytestmark = pytest.mark.feature("SEC-04")


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def hollow(writer: asyncio.StreamWriter) -> None:
    """gzip without end that unpacks to nothing."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packer.compress(b""))
    while True:
        writer.write(packer.flush(zlib.Z_FULL_FLUSH) or b"\0\0\0\xff\xff" * 1000)
        await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def dripping(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_size_has_a_limit_however_it_is_told() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"
    pages: dict[str, Page] = {
        "/exact": answer(200, b"x" * 1024),
        "/more": answer(200, b"x" * 1025),
        "/said": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",  # and nothing comes
        "/chunks": chunked + b"0\r\n\r\n",
        "/chunk": chunked + b"1\r\nx\r\n0\r\n\r\n",
        "/endless": endless,
    }
    async with world(pages) as w:
        said = {path: await w.ask(path, Caps(1024, 30)) for path in pages}
    large = dict.fromkeys(("/more", "/said", "/chunk", "/endless"), "too_large")
    assert said == {"/exact": "fetched 1024", "/chunks": "fetched 1024", **large}


async def weigh(w: World, path: str, got: list[int]) -> None:
    async with w.fetcher.open(w.at(path), Caps(1 << 20, 30)) as download:
        async for piece in download.pieces:
            got.append(len(piece))


async def test_what_was_packed_counts_unpacked() -> None:
    packed = gzip.compress(b"x" * 1024)
    bomb = gzip.compress(b"\0" * (50 << 20))
    raw = zlib.compress(b"x")
    pages: dict[str, Page] = {
        "/exact": answer(200, packed, content_encoding="gzip"),
        "/hollow": hollow,
        "/more": answer(200, gzip.compress(b"x" * 1025), content_encoding="x-gzip"),
        "/bomb": answer(200, bomb, content_encoding="GZIP"),
        "/empty": answer(200, b"", content_encoding="gzip"),
        "/cut": answer(200, packed[:-9], content_encoding="gzip"),
        "/broken": answer(200, b"\x1f\x8b" + os.urandom(50), content_encoding="gzip"),
        "/two": answer(200, packed + packed, content_encoding="gzip"),
        "/deflate": answer(200, raw, content_encoding="deflate"),
        "/brotli": answer(200, raw, content_encoding="br"),
        "/twice": answer(200, gzip.compress(packed), content_encoding="gzip, gzip"),
    }
    async with world(pages) as w:
        said = {path: await w.ask(path, Caps(1024, 30)) for path in pages}
        assert all("Accept-Encoding: identity" in head for head in w.out.requests)
        for size in (PIECE - 1, PIECE, PIECE + 1, 3 * PIECE):
            w.out.pages["/large"] = answer(200, gzip.compress(b"x" * size), content_encoding="gzip")
            assert await w.ask("/large") == f"fetched {size}"
        got: list[int] = []
        with pytest.raises(FetchRefused, match="larger"):
            await weigh(w, "/bomb", got)
        assert 0 < sum(got) <= 1 << 20
    assert said == {
        "/exact": "fetched 1024",
        "/empty": "fetched 0",
        "/cut": "failed",
        **dict.fromkeys(("/more", "/bomb", "/hollow"), "too_large"),
        **dict.fromkeys(("/broken", "/two", "/deflate", "/brotli", "/twice"), "encoding"),
    }


async def test_time_has_a_limit_from_the_first_step_to_the_last_byte() -> None:
    class Deaf(Names):
        async def resolve(self, *_: object, **__: object) -> list[object]:  # type: ignore[override]
            return await asyncio.Event().wait()  # type: ignore[return-value]

    async with world({"/silent": silent, "/drip": dripping}) as w:
        assert await w.ask("/silent", Caps(seconds=0.2)) == "failed"
        with pytest.raises(FetchFailed, match="not there within"):
            async with w.fetcher.open(w.at("/drip"), Caps(seconds=0.3)) as download:
                await download.read()
    deaf = Fetcher(resolver=Deaf({}))
    assert await reason(deaf, "http://a.example/", Caps(seconds=0.1)) == "failed"
    await deaf.close()


async def test_the_callers_own_errors_are_its_own() -> None:
    async with world({"/": answer(200, b"x")}) as w:
        for error in (TimeoutError, OSError, LookupError):
            with pytest.raises(error, match="mine"):
                async with w.fetcher.open(w.at("/")):
                    raise error("mine")


async def test_what_may_do_later_and_what_never_will() -> None:
    pages: dict[str, Page] = {f"/{status}": answer(status, b"x") for status in (200, 206, 401, 403, 404, 410)}
    pages |= {f"/{status}": answer(status) for status in (204, 304, 408, 425, 429, 500, 502, 503, 504)}
    pages |= {
        "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
        "/nothing": b"",
        "/garbage": b"\x00\xff\r\n\r\n",
        "/headers": answer(200, b"", x_long="x" * 100_000),
        "/length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        "/place": b"HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: http://\xff\xfe/\r\n\r\n",
    }
    async with world(pages) as w:
        said = {path.removeprefix("/"): await w.ask(path) for path in pages}
        with socket.socket() as taken:
            taken.bind((OUTSIDE, 0))
            fetcher = Fetcher(Rules(ports=(taken.getsockname()[1],), public=public), w.names)
            assert await reason(fetcher, f"http://a.example:{taken.getsockname()[1]}/") == "failed"
            assert await reason(fetcher, f"http://unknown.example:{taken.getsockname()[1]}/") == "failed"
            await fetcher.close()
    assert said.pop("200") == "fetched 1"
    assert said.pop("place") in ("url", "failed")
    never = ("204", "206", "304", "401", "403", "404", "410")
    assert {status for status, why in said.items() if why == "status"} == set(never)
    assert {why for status, why in said.items() if status not in never} == {"failed"}
