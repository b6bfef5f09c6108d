"""What strangers send: too much, too slowly, too deep, or no HTTP at all. Nothing of it is answered 500."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.errors import Problem
from gateway.ingress.body import Bodies
from gateway.ingress.depth import DEEPEST, MOST, check, json_object
from gateway.ingress.peer import household, peer
from gateway.ingress.rates import Rates
from tests.bots import StoppedClock
from tests.doors import YAML, Gateway, running

HOOKED = YAML + "  hook: {platform: tests.pushed, bot: echo}\n"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, HOOKED) as one:
        yield one


async def raw(gateway: Gateway, *pieces: bytes, pause: float = 0) -> bytes:
    """Bytes as they are, on a connection of their own; what comes back until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]).encode("latin-1")


# --- bodies


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize("path", ["/c/hook", "/api/session"])
async def test_a_body_over_its_cap(gateway: Gateway, path: str) -> None:
    cap = 64 * 1024 if path == "/c/hook" else 1024 * 1024
    for size, expected in ((cap, 200), (cap + 1, 413), (10 * cap, 413)):
        body = b'{"name": "' + b"x" * (size - 12) + b'"}'
        length = await raw(gateway, head("POST", path, "Content-Type: application/json", f"Content-Length: {size}"), body)
        chunked = head("POST", path, "Content-Type: application/json", "Transfer-Encoding: chunked")
        streamed = await raw(gateway, chunked, b"%x\r\n" % size, body, b"\r\n0\r\n\r\n")
        for answer in (length, streamed):
            assert status(answer) in ((200, 201) if expected == 200 else (413,))


@pytest.mark.feature("INB-10")
async def test_a_body_without_end_is_cut_off(gateway: Gateway) -> None:
    """Chunked, without a length, for ever: it is read up to the cap and not a byte further."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(head("POST", "/c/hook", "Transfer-Encoding: chunked"))
    sent = 0
    with pytest.raises((ConnectionError, TimeoutError)):
        async with asyncio.timeout(20):
            while sent < 1 << 30:
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await writer.drain()
                sent += 0x10000
    writer.close()
    assert sent < 1 << 30


@pytest.mark.feature("INB-10")
async def test_a_body_that_does_not_come(gateway: Gateway) -> None:
    began = asyncio.get_running_loop().time()
    answer = await raw(gateway, head("POST", "/c/hook", "Content-Length: 100"), b"x" * 10)
    assert status(answer) == 408
    assert 4.9 < asyncio.get_running_loop().time() - began < 20


@pytest.mark.feature("INB-10")
async def test_many_large_bodies_at_once() -> None:
    bodies, feeding = Bodies(together=100), asyncio.Event()

    class Content:
        total_bytes = 0

        def __init__(self) -> None:
            self.pieces = [b"x" * 60]

        async def readany(self) -> bytes:
            if self.pieces:
                return self.pieces.pop()
            await feeding.wait()
            return b""

    class Request:
        body_exists, content_length = True, None
        headers: dict[str, str] = {}

        def __init__(self) -> None:
            self.content = Content()

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
@given(st.binary(max_size=200) | st.text('[]{}",:\\1 a', max_size=200).map(str.encode))
def test_any_bytes_are_an_object_or_a_problem(body: bytes) -> None:
    try:
        found = json_object(body)
    except Problem as problem:
        assert problem.status in (400, 413)
    else:
        assert isinstance(found, dict)


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


# --- no HTTP at all


GARBAGE: dict[str, bytes] = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "zeros": bytes(1000),
    "random": bytes((i * 7919) % 256 for i in range(5000)),
    "no version": b"GET /\r\n\r\n",
    "bad method": b"G@T / HTTP/1.1\r\n\r\n",
    "bad version": b"GET / HTTP/9.9\r\n\r\n",
    "space in path": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "folded header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "nul in header": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "both lengths": b"POST /c/hook HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /c/hook HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "negative length": b"POST /c/hook HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "plus length": b"POST /c/hook HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    "huge length": b"POST /c/hook HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "bad chunk": b"POST /c/hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "huge chunk": b"POST /c/hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    "odd transfer": b"POST /c/hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    "long line": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
    "connect": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "absolute": b"GET http://evil.example/api/chat HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "bad absolute": b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n",
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_is_answered_and_survived(gateway: Gateway, data: bytes) -> None:
    with capture_logs() as logs:
        writer = None
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(data)
        writer.write_eof()
        try:
            async with asyncio.timeout(20):
                answer = await reader.read(200)
        except ConnectionError:
            answer = b""
        writer.close()
    assert status(answer) < 500
    assert not [line for line in logs if line["log_level"] in ("error", "critical")]
    assert (await gateway.ask("GET", "/healthz")).status == 200


PATHS = [
    *("/c/", "/c", "/c/nowhere", "/c/hook/", "/c/hook/x", "/c/%00", "/c/%ff%fe", "/c/..%2fhook", "/c/ho%6fk", "/c//hook"),
    *("/api", "/api/", "/api/chat/", "/api/../etc/passwd", "/api/%63hat", "/api/chat;x", "/api/chat/ws/", "/API/chat"),
    *("/widget", "/widget/", "/widget/../../pyproject.toml", "/widget/000000000000/%2e%2e/x", "/widget.jsx", "/%00"),
    *("/admin", "/admin/api/status", "/metrics", "/healthz/", "/favicon.ico", "//", "///c/hook", "/site/../talk"),
    *("/?x=%ff", "/site?" + "a=b&" * 500, "/c/hook?%ff=%fe&&&=;", "/c/hook?" + "a" * 5000, "/%F0%9F%98%80", "/site/"),
]


@pytest.mark.feature("INB-10", "CH-18")
@pytest.mark.parametrize("path", PATHS)
async def test_odd_paths(gateway: Gateway, path: str) -> None:
    with capture_logs() as logs:
        for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE", "XYZZY"):
            answer = await raw(gateway, head(method, path))
            assert 200 <= status(answer) < 500
    assert not [line for line in logs if line["log_level"] == "error"]


_LATIN = "".join(map(chr, range(0x80, 0x100)))
HEADERS = {
    "authorization not ascii": f"Authorization: Bearer {_LATIN}",
    "authorization long": "Authorization: Bearer " + "x" * 7000,
    "authorization twice": "Authorization: Bearer a\r\nAuthorization: Bearer b",
    "origin null": "Origin: null",
    "origin odd": "Origin: http://[",
    "origin not ascii": f"Origin: https://{_LATIN}",
    "origin port": "Origin: https://x:99999999999",
    "host odd": "Host: [",
    "host not ascii": f"Host: {_LATIN}",
    "forwarded odd": "X-Forwarded-For: abc, ::1, 999.1.1.1, [::, " + "1.2.3.4," * 500,
    "content type odd": "Content-Type: application/json; charset=bogus; boundary=",
    "content type not ascii": f"Content-Type: {_LATIN}",
    "last event": "Last-Event-ID: " + "9" * 5000,
    "tag": 'If-None-Match: ""","' + "x" * 5000,
    "key": f"Idempotency-Key: {_LATIN}",
    "language": "Accept-Language: " + "x-" * 3000,
    "prefer": f"Prefer: {_LATIN}",
    "range": "Range: bytes=0-" + "9" * 500,
    "cookie": "Cookie: " + "a=b; " * 1000,
    "timestamp": "webhook-timestamp: " + "9" * 5000,
}


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
async def test_odd_headers(gateway: Gateway, header: str) -> None:
    visitor = await gateway.begin()
    body = b'{"message": "hi"}'
    given = (f"Authorization: Bearer {visitor.token}", header) if "Auth" not in header else (header,)
    with capture_logs() as logs:
        for method, path in (("POST", "/api/chat"), ("GET", "/api/chat"), ("GET", "/"), ("POST", "/c/hook")):
            sent = body if method == "POST" else b""
            length = (f"Content-Length: {len(sent)}", "Content-Type: application/json") if sent else ()
            own = length[:1] if header.startswith("Content-Type") else length
            answer = await raw(gateway, head(method, path, *own, *given), sent)
            assert 200 <= status(answer) < 500
    assert not [line for line in logs if line["log_level"] == "error"]


@pytest.mark.feature("INB-10")
async def test_slow_heads_do_not_hold_up_others(gateway: Gateway) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(50)]
    for _, writer in slow:
        writer.write(b"GET / HTTP/1.1\r\nHost:")
    assert (await gateway.ask("GET", "/healthz")).status == 200
    for _, writer in slow:
        writer.close()


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
    assert [(line["event"], line["path"]) for line in logs if line["log_level"] == "error"] == [("http.failed", "/c/hook")]


# --- who calls


def request(here: str | None, *forwarded: str) -> web.BaseRequest:
    from multidict import CIMultiDict

    class Transport:
        def get_extra_info(self, name: str) -> Any:
            return (here, 1234) if here is not None else ""

    class Request:
        transport = Transport()
        headers = CIMultiDict([("X-Forwarded-For", one) for one in forwarded])

    return cast(web.BaseRequest, Request())


PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8")))


@pytest.mark.feature("ACC-05")
@pytest.mark.parametrize(
    ("here", "forwarded", "expected"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # nobody we trust
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # what stands left is the client's own word
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1, garbage"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, garbage, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["1.1.1.1," * 10_000 + "198.51.100.1"], "198.51.100.1"),
        (None, ["198.51.100.1"], ""),
    ],
)
def test_the_client_behind_proxies(here: str | None, forwarded: list[str], expected: str) -> None:
    assert peer(request(here, *forwarded), PROXIES) == expected
    assert peer(request(here, *forwarded), ()) == (here or "")


@pytest.mark.feature("ACC-05")
def test_what_limits_are_counted_by() -> None:
    assert household("2001:db8:1:2::1") == household("2001:db8:1:2:ffff::9") != household("2001:db8:1:3::1")
    assert household("198.51.100.1") == "198.51.100.1"
    assert household("") == ""


@pytest.mark.feature("ACC-05")
def test_rates_are_exact_and_bounded() -> None:
    class Clock(StoppedClock):
        at = 0.0

        def tick(self) -> float:
            return self.at

    clock = Clock()
    rates = Rates(clock, 30, 60, askers=100)
    assert [rates.take("a") for _ in range(30)] == [0.0] * 30
    assert rates.take("a") == pytest.approx(2)
    assert rates.take("b") == 0
    clock.at += 2.001
    assert (rates.take("a"), rates.take("a") > 0) == (0.0, True)
    clock.at += 3600
    assert [rates.take("a") for _ in range(31)].count(0.0) == 30
    for number in range(1000):
        rates.take(f"{number}")
    assert len(rates) == 100
