"""Users whom the embedding site has signed in: a good signature makes them known, a bad one nobody."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.doors import YAML, Gateway, Held, running
from tests.postgres import member

SECRET = "a secret of the embedding site, long enough even for algorithms that are not used"
SIGNED = YAML.replace("bot: scripted,", f"bot: scripted, identity_secret: {SECRET!r}, token_ttl: 1h,", 1)
HOUR = 3600


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, SIGNED) as one:
        yield one


def signed(gateway: Gateway, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    seconds = gateway.clock.now() // 1000
    return jwt.encode({"sub": "user-7", "exp": seconds + HOUR, **claims}, secret, algorithm=algorithm)


@pytest.mark.feature("ID-06", "ID-07")
async def test_a_signed_user_is_verified_and_has_several_sessions(gateway: Gateway) -> None:
    token = signed(gateway, name="Ada", email="ada@example.org")
    first = await gateway.begin("talk", user_token=token)
    second = await gateway.begin("talk", user_token=token)
    assert first.session != second.session
    assert first.begun["expires_at"] is None  # ID-04: never thrown out
    mail = member("profile", "email.value")
    rows = await gateway.rows(f"SELECT person, level, name, {mail} FROM participant")
    assert rows == [("user-7", "verified", "Ada", "ada@example.org")]
    assert [row[0] for row in await gateway.rows("SELECT level FROM session")] == ["verified"] * 2
    gateway.clock.ahead += 400 * 24 * HOUR
    assert (await first.ask("GET", "/api/session")).json["level"] == "verified"


@pytest.mark.feature("ID-07")
@pytest.mark.parametrize(("seconds", "status"), [(24 * HOUR, 201), (24 * HOUR + 60, 201), (24 * HOUR + 120, 401)])
async def test_a_signature_is_good_for_a_day_and_a_minute_of_skew(gateway: Gateway, seconds: int, status: int) -> None:
    token = signed(gateway, exp=gateway.clock.now() // 1000 + seconds)
    answer = await gateway.ask("POST", "/api/session", {"channel": "talk", "user_token": token})
    assert answer.status == status


@pytest.mark.feature("ID-06")
async def test_the_level_is_in_the_turn(gateway: Gateway) -> None:
    bot = Held()
    bot.finish()
    visitor = await gateway.begin("talk", user_token=signed(gateway, email="ada@example.org"))
    await visitor.say("hello")
    turn = bot.turns[0]
    assert turn.participant.level == "verified"
    assert turn.participant.user == "user-7"
    assert turn.message.sender is not None
    assert turn.message.sender.profile == {"email": "ada@example.org"}


BAD = {
    "expired": {"exp": 1},
    "about to be": {"exp": "soon"},
    "for too long": {"exp": 10**12},
    "not yet": {"nbf": 10**12},
    "nobody": {"sub": ""},
    "a number": {"sub": 7},
    "too long a name": {"sub": "x" * 300},
    "control characters": {"sub": "a\nb"},
    "infinite": {"exp": 10**400},
    "true": {"exp": True},
}


@pytest.mark.feature("ID-07")
@pytest.mark.parametrize("claims", BAD.values(), ids=BAD)
async def test_bad_claims_never_make_a_visitor(gateway: Gateway, claims: Any) -> None:
    seconds = gateway.clock.now() // 1000
    payload = {"sub": "user-7", "exp": seconds + HOUR} | claims
    parts = [base64url(b'{"alg":"HS256","typ":"JWT"}'), base64url(json.dumps(payload).encode())]
    message = ".".join(parts).encode()
    signature = base64url(hmac_of(message))
    await refuses(gateway, f"{message.decode()}.{signature}")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hmac_of(message: bytes) -> bytes:
    return hmac.digest(SECRET.encode(), message, "sha256")


async def refuses(gateway: Gateway, token: Any) -> None:
    answer = await gateway.ask("POST", "/api/session", {"channel": "talk", "user_token": token})
    assert (answer.status, answer.code) == (401, "user_token_refused")
    assert await gateway.rows("SELECT 1 FROM session") == []


@pytest.mark.feature("ID-07")
async def test_bad_tokens_never_make_a_visitor(gateway: Gateway) -> None:
    good = signed(gateway)
    header, payload, signature = good.split(".")
    none = base64url(b'{"alg":"none","typ":"JWT"}')
    deep = base64url(b'{"a":' + b"[" * 4000)
    tokens: tuple[Any, ...] = (
        signed(gateway, secret="another secret that is also long enough"),
        signed(gateway, algorithm="HS512"),
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{deep}.{payload}.{signature}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}",
        "",
        "not a token",
        "ü" * 50,
        "x" * 100_000,
        7,
        ["x"],
        {},
    )
    for token in tokens:
        await refuses(gateway, token)
    no_sub = jwt.encode({"exp": gateway.clock.now() // 1000 + HOUR}, SECRET, algorithm="HS256")
    no_end = jwt.encode({"sub": "user-7"}, SECRET, algorithm="HS256")
    for token in (no_sub, no_end):
        await refuses(gateway, token)


@pytest.mark.feature("ID-07")
async def test_a_channel_without_a_secret_trusts_nobody(gateway: Gateway) -> None:
    answer = await gateway.ask("POST", "/api/session", {"channel": "site", "user_token": signed(gateway)})
    assert (answer.status, answer.code) == (401, "user_token_refused")


@pytest.mark.feature("ID-07")
async def test_who_is_blocked_begins_nothing(gateway: Gateway) -> None:
    await gateway.begin("talk", user_token=signed(gateway))

    def block() -> Any:
        yield "UPDATE participant SET blocked = 1", ()

    await gateway.daemon.corridor.db.write(block)
    answer = await gateway.ask("POST", "/api/session", {"channel": "talk", "user_token": signed(gateway)})
    assert (answer.status, answer.code) == (403, "not_allowed")
