"""The express answers as the general server would, and leaves to it what is not plain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.door.express import _Request
from tests import pushed
from tests.doors import Gateway, running
from tests.patience import PATIENCE
from tests.raw import HOOKED

PROXIED = HOOKED.replace('listen: "127.0.0.1:0"}', 'listen: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}', 1)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    pushed.held = asyncio.Event()
    async with running(tmp_path, PROXIED) as one:
        yield one


def post(*headers: str, body: bytes = b"{}", path: str = "/c/hook", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


class Line:
    """A kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(PATIENCE):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            return int(first.split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(data)
        return await self.answer()

    async def ended(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read() == b""


@asynccontextmanager
async def line(gateway: Gateway, *, general: bool = False) -> AsyncIterator[Line]:
    """A connection; after anything but a POST to a channel it belongs to the general server."""
    one = Line(*await asyncio.open_connection("127.0.0.1", gateway.port))
    if general:
        assert (await one.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
    try:
        yield one
    finally:
        one.writer.close()


REQUESTS = {
    "plain": post(),
    "nothing in it": post(body=b""),
    "headers twice": post("X-A: 1", "x-a: 2", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8, 127.0.0.1"),
    "no address behind the proxy": post("X-Forwarded-For: nonsense"),
    "header not ascii": post("X-A: \udce9\udcff"),
    "header in utf-8": post("X-A: grüß dich"),
    "unknown channel": post(path="/c/nowhere"),
    "channel for callers": post(path="/c/partners"),
    "channel for visitors": post(path="/c/site"),
    "coded name": post(path="/c/ho%6fk"),
    "with a query": post(path="/c/hook?a=b&c=d"),
    "with a fragment": post(path="/c/hook#x"),
    "too deep": post(body=b"[" * 100),
    "too large": post(body=b"x" * 65_537),
    "just small enough": post(body=b"x" * 65_536),
    "coded body": post("Content-Encoding: gzip"),
    "refused": post("X-A: \udcff"),
    "storage is down": post("X-Fail: storage"),
    "a bug": post("X-Fail: bug"),
    "a long header": post("X-A: " + "a" * 7000),
}


@pytest.mark.feature("INB-01", "INB-10")
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_both_servers_answer_alike(gateway: Gateway, request_: bytes) -> None:
    found = []
    for general in (False, True):
        async with line(gateway, general=general) as one:
            status, headers, body = await one.ask(request_)
            assert headers.pop("date")
            headers.pop("connection", None)
            found.append((status, headers, body))
    assert found[0] == found[1]


@pytest.mark.feature("INB-01")
async def test_one_connection_serves_many_and_changes_over_in_the_middle(gateway: Gateway) -> None:
    async with line(gateway) as one:
        for n in range(3):
            assert (await one.ask(post(body=b"%d" % n)))[0] == 200
        assert (await one.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
        assert (await one.ask(post()))[0] == 200


@pytest.mark.feature("INB-01")
async def test_requests_that_do_not_wait_for_answers_are_answered_in_order(gateway: Gateway) -> None:
    async with line(gateway) as one:
        one.writer.write(post("X-Fail: slow", "X-N: 0"))
        await gateway.until(lambda: any(task.get_name() == "hook" for task in asyncio.all_tasks()))
        for n in range(1, 5):
            one.writer.write(post(f"X-N: {n}"))
        pushed.held.set()
        answers = [(await one.answer())[2] for _ in range(5)]
        assert [f'"x-n":"{n}"'.encode() in answer for n, answer in enumerate(answers)] == [True] * 5
    async with line(gateway) as one:
        one.writer.write(post("X-N: 0") + post("X-N: 1"))
        assert b'"x-n":"0"' in (await one.answer())[2]
        assert b'"x-n":"1"' in (await one.answer())[2]


@pytest.mark.feature("INB-10")
async def test_pieces_and_chunks_and_questions_are_the_general_servers(gateway: Gateway) -> None:
    whole = post(body=b'{"a": 1}')
    for cut in range(1, len(whole), 7):
        async with line(gateway) as one:
            one.writer.write(whole[:cut])
            await asyncio.sleep(0.001)
            assert (await one.ask(whole[cut:]))[0] == 200
    chunked = b"POST /c/hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    async with line(gateway) as one:
        assert (await one.ask(chunked))[0] == 200
        one.writer.write(post("Expect: 100-continue", body=b"", length=2))
        assert await one.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await one.ask(b"{}"))[0] == 200
    async with line(gateway) as one:
        assert (await one.ask(post("Connection: close")))[0] == 200
        assert await one.ended()


@pytest.mark.feature("INB-10")
async def test_what_was_cut_is_not_answered(gateway: Gateway) -> None:
    async with line(gateway) as one:
        one.writer.write(post("X-Fail: gone"))
        assert await one.ended()
    async with line(gateway) as one:  # who leaves before the answer is nobody's trouble
        one.writer.write(post("X-Fail: slow"))
        await gateway.until(lambda: any(task.get_name() == "hook" for task in asyncio.all_tasks()))
    pushed.held.set()
    assert (await gateway.ask("GET", "/healthz")).status == 200


@pytest.mark.feature("INB-01")
async def test_stopping_lets_the_request_in_flight_end(tmp_path: Path) -> None:
    pushed.held = asyncio.Event()
    async with running(tmp_path, HOOKED) as gateway, line(gateway) as idle, line(gateway) as busy:
        assert (await idle.ask(post()))[0] == 200
        busy.writer.write(post("X-Fail: slow"))
        await gateway.until(lambda: any(task.get_name() == "hook" for task in asyncio.all_tasks()))
        closing = asyncio.create_task(gateway.daemon.servers.close())
        assert await idle.ended()
        assert not closing.done()
        pushed.held.set()
        assert (await busy.answer())[0] == 200
        assert await busy.ended()
        await closing


@pytest.mark.feature("INB-10")
@given(st.binary(max_size=300) | st.text("\r\n :;abc0123456789", max_size=100).map(str.encode), st.binary(max_size=20))
def test_bytes_are_one_plain_request_or_none(noise: bytes, body: bytes) -> None:
    for data in (noise, b"POST /c/hook HTTP/1.1\r\n" + noise, post(body=body) + noise):
        found = _Request().read(data)
        if found is not None:  # empty lines between requests are nothing
            _, head_and_body, rest = data.rpartition(b"\r\n\r\n" + found.body)
            assert head_and_body
            assert not rest.strip(b"\r\n")
