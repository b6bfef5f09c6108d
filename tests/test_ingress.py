"""What everybody sends: how much, how fast, how deep; and what adapters get of it."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.errors import Problem
from gateway.ingress.body import SECONDS, Bodies
from gateway.ingress.depth import DEEPEST, MOST, check, json_object
from tests.doors import Gateway, running
from tests.raw import HOOKED, head, raw, status


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, HOOKED) as one:
        yield one


# --- bodies


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize("path", ["/c/hook", "/api/session"])
async def test_a_body_over_its_cap(gateway: Gateway, path: str) -> None:
    cap = 64 * 1024 if path == "/c/hook" else 1024 * 1024
    for size, expected in ((cap, 200), (cap + 1, 413), (10 * cap, 413)):
        body = b'{"name": "' + b"x" * (size - 12) + b'"}'
        announced = head("POST", path, "Content-Type: application/json", f"Content-Length: {size}")
        length = await raw(gateway, announced, body)
        chunked = head("POST", path, "Content-Type: application/json", "Transfer-Encoding: chunked")
        streamed = await raw(gateway, chunked, b"%x\r\n" % size, body, b"\r\n0\r\n\r\n")
        for answer in (length, streamed):
            assert status(answer) in ((200, 201) if expected == 200 else (413,))


@pytest.mark.feature("INB-10")
async def test_the_cap_is_the_operators_choice(tmp_path: Path) -> None:
    yaml = HOOKED.replace('listen: "127.0.0.1:0"}', 'listen: "127.0.0.1:0", max_body: 2KB}', 1)
    async with running(tmp_path, yaml) as gateway:
        for size, expected in ((2000, 201), (2100, 413)):
            assert (await gateway.ask("POST", "/api/session", {"name": "x" * (size - 11)})).status == expected


@pytest.mark.feature("INB-10")
async def test_a_body_without_end_is_cut_off(gateway: Gateway) -> None:
    """Chunked, without a length, for ever: it is read up to the cap and not a byte further."""
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(head("POST", "/c/hook", "Transfer-Encoding: chunked"))

    async def send_for_ever() -> None:
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(send_for_ever(), 20)
    writer.close()


@pytest.mark.feature("INB-10")
async def test_a_body_that_does_not_come(gateway: Gateway) -> None:
    assert SECONDS == 5
    gateway.house.bodies = Bodies(seconds=0.05)
    for path in ("/c/hook", "/api/session"):
        body = head("POST", path, "Content-Length: 100", "Content-Type: application/json"), b"x" * 10
        assert status(await raw(gateway, *body)) == 408


@pytest.mark.feature("INB-10")
async def test_many_large_bodies_at_once() -> None:
    bodies, feeding = Bodies(together=100), asyncio.Event()

    class Content:
        total_bytes = 0

        def __init__(self) -> None:
            self.pieces = [b"x" * 60]

        def is_eof(self) -> bool:
            return False

        async def readany(self) -> bytes:
            if self.pieces:
                return self.pieces.pop()
            await feeding.wait()
            return b""

    class Request:
        body_exists, content_length = True, None

        def __init__(self) -> None:
            self.content = Content()
            self.headers: dict[str, str] = {}

    first = asyncio.ensure_future(bodies.read(cast(web.BaseRequest, Request()), 1000))
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="too many large") as refused:
        await bodies.read(cast(web.BaseRequest, Request()), 1000)
    assert refused.value.status == 503
    feeding.set()
    assert await first == b"x" * 60
    assert await bodies.read(cast(web.BaseRequest, Request()), 1000) == b"x" * 60


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "x", "GZIP"])
@pytest.mark.parametrize("path", ["/c/hook", "/api/session"])
async def test_nothing_is_unpacked(gateway: Gateway, path: str, encoding: str) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    answer = await gateway.ask("POST", path, data=bomb, headers=headers)
    assert (answer.status, answer.code) == (415, "content_encoding")


@pytest.mark.feature("INB-10")
async def test_who_asks_before_sending(gateway: Gateway) -> None:
    headers = ("Content-Type: application/json", "Expect: 100-continue")
    answer = await raw(gateway, head("POST", "/api/session", *headers, "Content-Length: 2"), b"{}", pause=0.05)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")
    answer = await raw(gateway, head("POST", "/api/session", *headers, "Content-Length: 99999999"))
    assert status(answer) == 413
    answer = await raw(gateway, head("POST", "/api/session", "Expect: a miracle", "Content-Length: 2"), b"{}")
    assert status(answer) in (415, 417)


# --- JSON


def nested(levels: int, opens: str = "[", closes: str = "]") -> bytes:
    return (opens * levels + closes * levels).encode()


@pytest.mark.feature("INB-10")
def test_depth() -> None:
    check(nested(DEEPEST))
    check(b"[" + b",".join([b"[]"] * 1000) + b"]")
    check(json.dumps({"a": "[" * 1000 + '"' + "{" * 1000 + "\\"}).encode())
    for deep in (nested(DEEPEST + 1), nested(100_000), b"[" * 1_000_000, nested(20, '{"a":[', "]}"), b"[{" * 500_000):
        with pytest.raises(Problem) as refused:
            check(deep)
        assert (refused.value.status, refused.value.code) == (413, "too_deep")
    check(b"[" + b",".join([b"1"] * MOST) + b"]")
    check(json.dumps("," * 2 * MOST).encode())
    with pytest.raises(Problem, match="at most"):
        check(b"[" + b",".join([b"1"] * (MOST + 2)) + b"]")


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def deepened(value: Any, levels: int) -> Any:
    for level in range(levels):
        value = [value] if level % 3 else {"[": value, "}": "]"}
    return value


_leaves = st.none() | st.booleans() | st.text(max_size=8) | st.integers()
_values = st.recursive(_leaves, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=3), v, max_size=4))


@pytest.mark.feature("INB-10")
@settings(deadline=None)
@given(_values, st.integers(0, 40), st.booleans())
def test_depth_is_that_of_the_parsed_value(value: Any, levels: int, ascii: bool) -> None:
    value = deepened(value, levels)
    text = json.dumps(value, ensure_ascii=ascii, indent=ascii or None).encode("utf-8", "replace")
    try:
        check(text)
        deep = False
    except Problem:
        deep = True
    assert deep == (depth(value) > DEEPEST)


@pytest.mark.feature("INB-10")
@settings(deadline=None)
@given(st.binary(max_size=200) | st.text('[]{}",:\\1 a', max_size=200).map(str.encode))
def test_any_bytes_are_an_object_or_a_problem(body: bytes) -> None:
    with suppress(Problem):
        assert isinstance(json_object(body), dict)


NO_OBJECTS = {
    "cut off": b"{",
    "array": b"[]",
    "text": b'"x"',
    "number": b"1",
    "null": b"null",
    "not utf-8": b'{"message": "\xff\xfe"}',
    "utf-16": '{"message": "hi"}'.encode("utf-16"),
    "lone surrogate": b'{"message": "\\ud800"}',
    "nan": b'{"message": NaN}',
    "deep": nested(100_000),
    "nul": b"\x00",
    "garbage": bytes(range(256)),
    "many digits": b'{"message": ' + b"9" * 6000 + b"}",
    "twice": b"{}{}",
}


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS)
async def test_what_is_no_json_object(gateway: Gateway, body: bytes) -> None:
    visitor = await gateway.begin()
    for path in ("/api/session", "/api/chat", "/api/session/reset"):
        headers = visitor.bearer | {"Content-Type": "application/json; charset=bogus"}
        answer = await gateway.ask("POST", path, data=body, headers=headers)
        assert answer.status in (400, 413, 201 if path == "/api/session" and body.startswith(b'{"m') else 400)
        assert answer.status == 201 or answer.code in ("invalid_json", "invalid_message", "too_deep")
    assert await gateway.rows("SELECT 1 FROM inbox") == []


@pytest.mark.feature("INB-10", "WEB-09")
@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", ""])
async def test_a_form_of_another_site_says_nothing(gateway: Gateway, type: str) -> None:
    visitor = await gateway.begin()
    headers = visitor.bearer | {"Content-Type": type}
    answer = await gateway.ask("POST", "/api/chat", data=b'{"message": "hi"}', headers=headers)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


# --- what adapters get


@pytest.mark.feature("INB-10", "SEC-01")
async def test_a_call_is_whole(gateway: Gateway) -> None:
    answer = await raw(
        gateway,
        head("POST", "/c/ho%6fk?a=1&b=%C3%BC&a=2", "X-Sign: one", "x-sign: two", "Content-Length: 4"),
        b"\x00\xff{}",
    )
    call = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert call["body"] == list(b"\x00\xff{}")
    assert call["query"] == {"a": "1", "b": "ü"}
    assert call["headers"]["x-sign"] == "one, two"  # two signatures are none
    assert call["peer"] == "127.0.0.1"
    assert call["method"] == "POST"


@pytest.mark.feature("INB-10", "INB-01")
async def test_while_nothing_can_be_stored_nothing_is_acknowledged(gateway: Gateway) -> None:
    answer = await gateway.ask("POST", "/c/hook?fail=storage")
    assert (answer.status, answer.code) == (503, "storage_down")
    assert int(answer.headers["retry-after"]) > 0
    gateway.daemon.servers.shut()
    answer = await gateway.ask("POST", "/c/hook")
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "not_ready", "5")


@pytest.mark.feature("INB-10")
async def test_a_bug_is_written_down_and_tells_nothing(gateway: Gateway) -> None:
    with capture_logs() as logs:
        answer = await gateway.ask("POST", "/c/hook?fail=bug")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"ZeroDivision" not in answer.body
    (line,) = (line for line in logs if line["log_level"] == "error")
    assert (line["event"], line["path"]) == ("http.failed", "/c/hook")
