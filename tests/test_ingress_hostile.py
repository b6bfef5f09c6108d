"""What strangers send: no HTTP at all, odd paths, odd headers. Nothing of it is answered 500."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.operations import keys
from gateway.operations.office import Office
from gateway.servers import IDLE
from tests.doors import Gateway, running
from tests.leap import leap
from tests.patience import PATIENCE
from tests.raw import HOOKED, head, raw, status


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, HOOKED) as one:
        yield one


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
    "both lengths": b"POST /c/hook HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
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
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(data)
        writer.write_eof()
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await reader.read(200)
        except ConnectionError:
            answer = b""
        writer.close()
    assert status(answer) < 500
    assert not [line for line in logs if line["log_level"] in ("error", "critical")]
    assert (await gateway.ask("GET", "/healthz")).status == 200


PATHS = [
    *("/c/", "/c", "/c/nowhere", "/c/hook/", "/c/hook/x", "/c/%00", "/c/%ff%fe", "/c/..%2fhook", "/c//hook"),
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
    "host odd, from a page": "Host: [\r\nOrigin: https://example.org",
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
@pytest.mark.parametrize("sent", [b"", b"P", b"GET / HTTP/1.1\r\nHost:", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_who_asks_nothing_is_let_go_of(gateway: Gateway, sent: bytes) -> None:
    """Silent from the beginning, in the middle of a head, or after a request: each connection ends after a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(sent)
    assert (await gateway.ask("GET", "/healthz")).status == 200
    if sent.endswith(b"\r\n\r\n"):
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
    leap(IDLE - 15)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(), 0.05)
    leap(30)
    async with asyncio.timeout(PATIENCE):
        while await reader.read():
            continue
    writer.close()


@pytest.mark.feature("INB-10")
async def test_slow_heads_do_not_hold_up_others(gateway: Gateway) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(50)]
    for _, writer in slow:
        writer.write(b"GET / HTTP/1.1\r\nHost:")
    assert (await gateway.ask("GET", "/healthz")).status == 200
    for _, writer in slow:
        writer.close()


VALUES: list[bytes] = [
    *(b"null", b"true", b"-0", b"1e308", b"9" * 400, b"-" + b"9" * 30, b'""', b"[]", b"{}", b"[[[[]]]]", b'{"a":[]}'),
    *(b'"\\u0000"', b'"\\ufffe\\u202e"', b'"\\ud83d\\ude00"', b'"' + b"x" * 40_000 + b'"', b'"%n{}$1--"', b'"../x"'),
]
FIELDS = [
    "message",
    "message_id",
    "files",
    "session_id",
    "channel",
    "name",
    "user_token",
    "user",
    "session",
    "token",
    "x",
]
ROUTES = [
    *("POST /api/session", "POST /api/chat", "POST /api/session/reset", "POST /api/session/end", "POST /c/partners"),
    *("PATCH /api/session/variables", "DELETE /api/chat/turn", "POST /api/chat/files", "POST /c/hook"),
]


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize("route", ROUTES)
async def test_odd_values_everywhere(gateway: Gateway, route: str) -> None:
    """Every field with every odd value at every route that takes a body."""
    method, path = route.split()
    office = Office(gateway.daemon.corridor, gateway.daemon.router, gateway.daemon.settings)
    key = (await keys.create(office, keys.CALLER, "partners"))["key"]
    visitor = await gateway.begin()
    with capture_logs() as logs:
        for field in FIELDS:
            for value in VALUES:
                gateway.clock.ahead += 10  # below every limit
                given = b'{"user": "7", "message": "hi", "%s": %s}' % (field.encode(), value)
                bearer = {"Authorization": f"Bearer {key if path == '/c/partners' else visitor.token}"}
                headers = bearer | {"Content-Type": "application/json", "Prefer": "respond-async"}
                answer = await gateway.ask(method, path, data=given, headers=headers)
                assert answer.status < 500, (field, value[:50], answer.body)
                if answer.status == 410:
                    visitor = await gateway.begin()
    assert not [line for line in logs if line["log_level"] == "error"]


QUERIES = ["%ff", "%00", "%F0%9F%98%80", "=", "&&", "1" * 5000, "-1", "1e9", "a" * 7000, "[]", "%25", "\u00fc", "null"]


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize(
    "path", ["/api/chat", "/api/session", "/api/session/export", "/api/chat/events", "/api/chat/ws"]
)
async def test_odd_queries_everywhere(gateway: Gateway, path: str) -> None:
    visitor = await gateway.begin()
    bearer = f"Authorization: Bearer {visitor.token}"
    gateway.house.beat = 0.01
    with capture_logs() as logs:
        for name in ("since", "limit", "format", "session_id", "token", "x"):
            for value in QUERIES:
                gateway.clock.ahead += 10
                async with asyncio.timeout(PATIENCE):
                    _, writer = streams = await asyncio.open_connection("127.0.0.1", gateway.port)
                    writer.write(head("GET", f"{path}?{name}={value}", bearer))
                    assert 200 <= status(await streams[0].readuntil(b"\r\n")) < 500
                    writer.close()
    assert not [line for line in logs if line["log_level"] == "error"]
