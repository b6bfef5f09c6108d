"""The way to a Redis: never waited for for long, given up while it is away, found again without a word from anybody."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.shared.redis_line import AWAY_AFTER, Command, Line, place
from tests.deployment import checked, program
from tests.far.redis import Valkey, before, saying, speaking, valkey
from tests.redis_ends import Swift, until


@asynccontextmanager
async def line(url: str) -> AsyncIterator[Line]:
    made = Line(url, Swift())
    await made.open()
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.feature("STO-03")
async def test_what_is_wanted_together_is_said_in_one_round() -> None:
    async with valkey() as server, line(server.url) as one:
        assert one.up
        heard: list[object] = []

        def maker() -> list[Command]:
            return [Command(("INCR", "n"), heard.append) for _ in range(100)]

        for _ in range(10):
            one.want(maker)  # which is asked once
        await until(lambda: len(heard) == 100)
        assert heard == list(range(1, 101))
        assert await one.ask("GET", "n") == b"100"


@pytest.mark.feature("STO-03")
async def test_a_server_that_is_not_there_is_looked_for_and_found() -> None:
    server = Valkey()
    with capture_logs() as logs:
        async with line(server.url) as one:
            turns: list[bool] = []
            one.changed.append(turns.append)
            assert not one.up
            assert await one.ask("PING") is None
            await asyncio.gather(*(one.ask("PING") for _ in range(20)))
            await server.start()
            await until(lambda: one.up)
            server.kill()
            await until(lambda: not one.up)
            await server.start()
            await until(lambda: one.up)
            server.gone()
            assert turns == [True, False, True]
    said = [entry["event"] for entry in logs if entry["event"].startswith("redis.")]
    assert said[:4] == ["redis.away", "redis.up", "redis.away", "redis.up"]  # each once, however often it was asked


@pytest.mark.feature("STO-03")
async def test_a_server_that_stands_still_is_waited_for_a_moment_and_then_not_at_all() -> None:
    async with valkey() as server, line(server.url) as one:
        server.pause()
        tries = 0
        while one.up:
            assert await one.ask("GET", "x") is None
            tries += 1
        assert tries <= AWAY_AFTER
        asked = asyncio.get_running_loop().time()
        assert [await one.ask("GET", "x") for _ in range(1000)] == [None] * 1000
        assert asyncio.get_running_loop().time() - asked < 1000 * 0.05  # nobody waited for the server
        server.resume()
        await until(lambda: one.up)
        assert await one.ask("SET", "x", "y") in (True, b"OK")


GARBAGE = [
    b"",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"+OK\r\n",
    b"$-5\r\n",
    b"$99999999999999999999\r\n",
    b"*1000000000\r\n",
    b":seven\r\n",
    b"\x00\xff" * 100,
    b"-NOAUTH Authentication required.\r\n",
    b"-READONLY You can't write against a read only replica.\r\n",
    b"-LOADING Redis is loading the dataset in memory\r\n",
    b"*1\r\n" * 2000,
]


@pytest.mark.feature("STO-03")
@pytest.mark.parametrize("answer", GARBAGE)
async def test_what_is_no_redis_is_none(answer: bytes) -> None:
    with capture_logs() as logs:
        async with speaking(saying(answer)) as url, line(url) as one:
            assert not one.up
            assert await one.ask("GET", "x") is None
            one.want(lambda: [Command(("GET", "x"))])
            await asyncio.sleep(0.1)
            assert not one.up
    assert not [entry for entry in logs if entry["log_level"] == "error"]


@pytest.mark.feature("STO-03")
async def test_an_answer_that_comes_too_late_is_nobody_elses() -> None:
    """An answer that stays in the connection would be taken for that to the next question."""
    rolled = random.Random(5)
    async with valkey() as server:
        for number in range(50):
            await server.ask("SET", f"key-{number}", f"value-{number}")
        async with speaking(before(server, lambda: rolled.choice((0, 0, 0, 0.045, 0.06)))) as url, line(url) as one:
            right = 0
            for number in [*range(50)] * 6:
                answer = await one.ask("GET", f"key-{number}")
                assert answer in (None, f"value-{number}".encode())
                right += answer is not None
                if not one.up:
                    await until(lambda: one.up)
            assert right > 50


@pytest.mark.feature("STO-03")
async def test_a_failure_of_one_command_is_no_failure_of_the_others() -> None:
    async with valkey() as server, line(server.url) as one:
        await server.ask("SET", "text", "x")
        heard: list[object] = []
        words = [("GET", "text"), ("HGET", "text", "field"), ("NO-SUCH-COMMAND",), ("STRLEN", "text")]
        one.want(lambda: [Command(said, heard.append) for said in words])
        await until(lambda: len(heard) == len(words))
        assert heard == [b"x", None, None, 1]
        assert one.up


@pytest.mark.feature("STO-03", "SEC-05")
async def test_user_and_password_are_given_to_the_server_and_to_nobody_else() -> None:
    async with valkey() as server:
        await server.ask("ACL", "SETUSER", "gateway", "on", ">p@ss:word", "~*", "&*", "+@all")
        await server.ask("ACL", "SETUSER", "default", "off")
        for known, well in (("gateway:p%40ss%3Aword@", True), ("gateway:wrong-one@", False), ("", False)):
            url = server.url.replace("//", f"//{known}")
            with capture_logs() as logs:
                async with line(url) as one:
                    assert one.up == well
                    assert one.place == place(server.url)
            assert not [word for word in ("p@ss", "p%40ss", "wrong-one") if word in str(logs)]


@pytest.mark.feature("STO-03")
async def test_tls_reaches_a_server_whose_certificate_is_known_and_no_other(tmp_path: Path) -> None:
    openssl = program("openssl", "openssl")
    names = ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-days", "2"]
    also = ["-addext", "subjectAltName=IP:127.0.0.1"]
    checked(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *also, cwd=tmp_path)
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    async with valkey() as server, speaking(before(server, lambda: 0), secure) as address:
        known = f"{address.replace('redis:', 'rediss:')}?ssl_ca_certs={tmp_path}/cert.pem"
        async with line(known) as one:
            await until(lambda: one.up)
        async with line(known.partition("?")[0]) as one:
            await asyncio.sleep(0.1)
            assert not one.up
