"""Whatever is sent to the admin door, it answers: with a problem that says what is wrong, and never with a 500."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.operators import desk
from tests.postgres import control

STRANGE = [
    *(
        "",
        " ",
        "\x00",
        "%00",
        "%ff%fe",
        "%",
        "%zz",
        "..",
        "../..",
        "/",
        "//",
        "%2F%2F",
        "a" * 7000,
        "é",
        "💥",
        "%ED%A0%80",
    ),
    *(
        "' OR 1=1 --",
        '"; DROP TABLE session; --',
        "$1",
        "{session}",
        "\u202e",
        "inbox",
        "status",
        "-1",
        "1e9",
        "NaN",
        "null",
    ),
]
METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE")
WORDS = ("status", "sessions", "dead", "inbox", "outbox", "keys", "channels", "history", "reset", "requeue", "export")
NAMES = ("limit", "cursor", "state", "active", "age", "channel", "after", "format", "box", "farewell", "role", "x")


@pytest.mark.feature("ADM-01")
async def test_strange_requests_get_plain_answers(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with desk(tmp_path) as here:
        await here.say("hello")
        await here.quiet()
        for _ in range(400):
            steps = [chance.choice((*WORDS, *STRANGE)) for _ in range(chance.randint(1, 4))]
            query = "&".join(f"{chance.choice(NAMES)}={chance.choice(STRANGE)}" for _ in range(chance.randint(0, 3)))
            path = f"{'/'.join(steps)}?{query}".replace(" ", "+").replace("\x00", "%00")
            answer = await here.ask(chance.choice(METHODS), path)
            assert answer.status in (200, 400, 404, 405, 409, 413), (path, answer.body)
            if answer.status != 200 and answer.body:
                assert answer.code


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"role": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"role": 1e999}',
    b'{"role": "admin", "role": "viewer", "x": 1}',
    b'{"role": "\\ud800"}',
    b'{"name": "' + b"a" * 70_000 + b'"}',
    b'{"role": "admin", "name": {"a": []}}',
]


@pytest.mark.feature("ADM-01")
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_strange_bodies_get_plain_answers(tmp_path: Path, body: bytes) -> None:
    async with desk(tmp_path) as here:
        for headers in ({"Content-Type": "application/json"}, {"Content-Type": "text/html"}, {}):
            answer = await here.ask("POST", "keys", data=body, headers=headers)
            assert answer.status in (400, 413), answer.body
            assert answer.code
        assert await here.rows("SELECT COUNT(*) FROM api_key") == [(0,)]


@pytest.mark.feature("ADM-01")
async def test_a_wrong_method_names_the_right_ones(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        answer = await here.ask("PUT", "keys", {})
        assert (answer.status, answer.code, answer.headers["allow"]) == (405, "method_not_allowed", "GET, POST")
        assert (await here.ask("GET", "nowhere")).code == "route_unknown"
        assert (await here.ask("HEAD", "status")).status == 200
        key = await here.key("viewer")
        for path in ("/", "/admin", "/admin/api", "/admin/apistatus", "/api/session", "/admin//api/status"):
            assert (await here.admin("GET", path, key=key)).code == "route_unknown", path


@pytest.mark.feature("ADM-01")
async def test_nothing_is_told_to_those_without_a_key(tmp_path: Path) -> None:
    """Whether something is there or not, they learn only that a key is needed."""
    async with desk(tmp_path) as here:
        await here.key("admin")
        seen = set()
        for path in ("status", "nowhere", "sessions/none", "keys/1"):
            here.clock.ahead += 60
            answer = await here.admin("GET", path)
            seen.add((answer.status, answer.body))
        assert len(seen) == 1


@pytest.mark.feature("ADM-01")
async def test_a_slow_body_holds_up_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        reader, writer = await asyncio.open_unix_connection(str(control(tmp_path)))
        writer.write(b"POST /admin/api/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        assert (await here.ask("GET", "status")).status == 200
        line = await asyncio.wait_for(reader.readline(), 30)
        assert line.startswith(b"HTTP/1.1 408")
        writer.close()


@pytest.mark.feature("ADM-01")
async def test_the_socket_is_its_owners_alone(tmp_path: Path) -> None:
    async with desk(tmp_path):
        assert control(tmp_path).stat().st_mode & 0o777 == 0o600
    assert not control(tmp_path).exists()
