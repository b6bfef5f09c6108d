"""The client for short POSTs: what was sent is known, connections serve again, and nothing of an answer is believed."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.client import Client, Cut, NotSent, post, target
from gateway.client.connection import AHEAD, HEAD
from gateway.errors import Retry, Unknown

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Host:
    """A server on loopback that answers as it is told, request by request."""

    def __init__(self, *answers: bytes | Serve) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                if isinstance(answer, bytes):
                    writer.write(answer)
                else:
                    await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, IndexError):
            pass
        finally:
            self.gone.set()
            writer.close()


@asynccontextmanager
async def host(*answers: bytes | Serve) -> AsyncIterator[tuple[Host, str, Client]]:
    """A host, its address, and a client that knows nothing yet."""
    one = Host(*answers)
    server, client = await asyncio.start_server(one.serve, "127.0.0.1", 0), Client()
    try:
        yield one, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=1", client
    finally:
        await client.close()
        server.close()


async def whole(client: Client, url: str, body: bytes = b"{}") -> bytes:
    answer = await client.ask(b"POST", target(url), {"X-One": "1"}, body)
    try:
        return await answer.whole(1_000_000)
    finally:
        answer.release()


def says(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.feature("OUT-05")
async def test_the_request_is_whole_and_the_connection_serves_again() -> None:
    async with host(OK, OK) as (one, url, client):
        assert await whole(client, url, b'{"a":1}') == b"ok"
        assert await whole(client, url) == b"ok"
        assert one.connections == 1
        head, _, body = one.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /a?b=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"\r\nX-One: 1\r\n" in head
        assert body == b'{"a":1}'


FRAMES = {
    "length": says(b"ok", "Content-Length: 2"),
    "chunked": says(b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    "after a head of its own": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK,
}


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize("frame", FRAMES)
async def test_an_answer_is_read_to_its_end_however_it_is_framed(frame: str) -> None:
    async def byte_by_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for index in range(len(FRAMES[frame])):
            writer.write(FRAMES[frame][index : index + 1])
            await writer.drain()
            await asyncio.sleep(0)

    async with host(FRAMES[frame], byte_by_byte, OK) as (one, url, client):
        assert [await whole(client, url) for _ in range(3)] == [b"ok"] * 3
        assert one.connections == 1


@pytest.mark.feature("OUT-05")
async def test_what_no_frame_ends_the_end_of_the_connection_does() -> None:
    async def then_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says(b"ok", "Connection: close"))
        writer.close()

    async with host(then_close, OK) as (one, url, client):
        assert await whole(client, url) == b"ok"
        assert await whole(client, url) == b"ok"
        assert one.connections == 2


@pytest.mark.feature("OUT-05")
async def test_nobody_there_is_not_sent() -> None:
    async with host() as (_, url, client):
        pass
    async with host() as (_, _, client):
        with pytest.raises(NotSent):
            await whole(client, url)
        with pytest.raises(Retry):
            await post(client, url, {}, b"", 5)


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize(
    "answer",
    [
        hang_up,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"it is no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (HEAD + 1),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n",
    ],
    ids=["nothing", "cut", "cut chunk", "cut head", "no HTTP", "smuggled", "endless head", "another protocol"],
)
async def test_no_whole_answer_may_have_been_sent(answer: bytes | Serve) -> None:
    async def and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(answer, bytes):
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with host(and_close, and_close) as (_, url, client):
        with pytest.raises(Cut):
            await whole(client, url)
        with pytest.raises(Unknown):
            await post(client, url, {}, b"", 5)


@pytest.mark.feature("OUT-05")
async def test_who_waits_too_long_is_told_so_and_the_connection_is_closed() -> None:
    async with host(hang, hang, OK) as (one, url, client):
        with pytest.raises(TimeoutError):
            await client.ask(b"POST", target(url), {}, b"", first_byte=0.05)
        await one.gone.wait()
        with pytest.raises(Unknown, match="no answer in time"):
            await post(client, url, {}, b"", 0.05)
        assert await whole(client, url) == b"ok"
        assert one.connections == 3


@pytest.mark.feature("OUT-05")
async def test_a_cancelled_request_takes_its_connection_with_it() -> None:
    async with host(hang, OK) as (one, url, client):
        asked = asyncio.create_task(whole(client, url))
        while not one.requests:
            await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await one.gone.wait()
        assert await whole(client, url) == b"ok"


@pytest.mark.feature("OUT-05")
async def test_words_that_nobody_asked_for_answer_no_later_request() -> None:
    async with host(OK + OK.replace(b"ok", b"no"), OK) as (one, url, client):
        assert await whole(client, url) == b"ok"
        assert await whole(client, url) == b"ok"
        assert one.connections == 2


@pytest.mark.feature("OUT-05")
async def test_an_answer_that_was_left_half_read_is_not_continued() -> None:
    async with host(says(b"x" * 100, "Content-Length: 1000"), OK) as (one, url, client):
        answer = await client.ask(b"POST", target(url), {}, b"")
        assert await answer.chunk()
        answer.release()
        assert await whole(client, url) == b"ok"
        assert one.connections == 2


@pytest.mark.feature("OUT-05")
async def test_a_body_without_end_is_not_read_before_somebody_asks() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(says(b"", "Content-Length: 1000000000"))
        while sent < 100_000_000:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with host(flood) as (_, url, client):
        answer = await client.ask(b"POST", target(url), {}, b"")
        while True:  # until the sender has to wait
            before = sent
            await asyncio.sleep(0.05)
            if sent == before and sent:
                break
        assert answer.held < 2 * AHEAD
        with pytest.raises(Cut, match="larger"):
            await answer.whole(1_000_000)
        answer.release()


@pytest.mark.feature("OUT-05")
async def test_a_connection_that_was_closed_at_rest_is_not_used_again() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        writer.close()

    async with host(once, OK) as (one, url, client):
        assert await whole(client, url) == b"ok"
        await one.gone.wait()
        await asyncio.sleep(0.02)
        assert await whole(client, url) == b"ok"
        assert one.connections == 2


@pytest.mark.feature("OUT-05")
async def test_what_rests_for_long_is_closed() -> None:
    one = Host(OK)
    server, client = await asyncio.start_server(one.serve, "127.0.0.1", 0), Client(keep_alive=0.02)
    assert await whole(client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") == b"ok"
    await one.gone.wait()
    await client.close()
    server.close()


@pytest.mark.feature("OUT-05")
async def test_a_head_only_has_no_body_to_wait_for() -> None:
    async with host(says(b"", "Content-Length: 500")) as (one, url, client):
        answer = await client.ask(b"HEAD", target(url), {}, first_byte=5)
        assert await answer.whole(10) == b""
        answer.release()
        assert one.requests[0].startswith(b"HEAD /a")


@pytest.mark.feature("SEC-01")
async def test_nothing_can_be_put_into_a_request_by_its_headers() -> None:
    async with host(OK) as (one, url, client):
        for value in ("a\r\nX-Two: 2", "a\nX-Two: 2", "a\0b"):
            with pytest.raises(ValueError, match="line break"):
                await client.ask(b"POST", target(url), {"X": value}, b"")
        assert one.connections == 0
    for wrong in ("ftp://a/", "a", "http://", "//a"):
        with pytest.raises(ValueError, match=r"."):
            target(wrong)


@pytest.mark.feature("OUT-05", "SEC-01")
async def test_tls_is_spoken_and_checked() -> None:
    async with host() as (one, url, client):
        with pytest.raises(NotSent, match="no connection in time"):  # it waits for a greeting
            await client.ask(b"POST", target(url.replace("http:", "https:")), {}, connect=0.2)
        assert one.requests == []
    assert target("https://a.example/b").host == ("a.example", 443, True)
    assert ssl.create_default_context().check_hostname


@pytest.mark.feature("OUT-05")
async def test_once_closed_it_sends_nothing() -> None:
    async with host(OK) as (one, url, client):
        await client.close()
        with pytest.raises(NotSent):
            await whole(client, url)
        assert one.connections == 0
