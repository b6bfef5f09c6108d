"""Sessions of visitors: how they begin, what their tokens open, and who signed-in users are."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.doors import YAML, Gateway, Held, running

SECRET = "a secret of the embedding site, long enough even for algorithms that are not used"
SIGNED = YAML.replace("bot: scripted,", f"bot: scripted, identity_secret: {SECRET!r}, token_ttl: 1h,", 1)
HOUR = 3600


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, SIGNED) as one:
        yield one


# --- getting a session


@pytest.mark.feature("ID-01", "CH-14")
async def test_one_call_gives_a_session(gateway: Gateway) -> None:
    answer = await gateway.ask("POST", "/api/session")
    assert answer.status == 201
    begun = answer.json
    assert begun["channel"] == "site"  # the default one
    assert begun["bot"] == "echo"
    assert begun["expires_at"] == pytest.approx(gateway.clock.now() + 7 * 24 * HOUR * 1000, abs=60_000)
    assert (await gateway.begin()).session != begun["session_id"]


@pytest.mark.feature("ID-01", "LIF-01")
async def test_lane_session_participant_and_token_come_together(gateway: Gateway) -> None:
    visitor = await gateway.begin("talk", name="Ada \u202e\n Lovelace")
    rows = await gateway.rows(
        """SELECT s.id, l.session, p.name, p.level, s.level, t.session FROM session s JOIN lane l ON l.id = s.lane
             JOIN participant p ON p.id = s.participant JOIN token t ON t.participant = p.id"""
    )
    assert rows == [(visitor.session, visitor.session, "Ada Lovelace", "anonymous", "anonymous", visitor.session)]


@pytest.mark.feature("ID-01")
async def test_without_a_default_the_only_channel_is_taken(tmp_path: Path) -> None:
    yaml = YAML.replace("default: true, ", "")
    async with running(tmp_path, yaml) as two:
        assert (await two.ask("POST", "/api/session")).code == "unknown_channel"
    (one := tmp_path / "one").mkdir()
    async with running(one, "\n".join(line for line in yaml.splitlines() if "talk:" not in line)) as only:
        assert (await only.begin()).begun["channel"] == "site"


@pytest.mark.feature("ID-01", "ID-05")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"channel": "nowhere"}, 404, "unknown_channel"),
        ({"channel": "partners"}, 404, "unknown_channel"),  # has no visitors
        ({"channel": 7}, 404, "unknown_channel"),
        ({"channel": ["site"]}, 404, "unknown_channel"),
        ({"session_id": "mine"}, 400, "not_yours_to_choose"),
        ({"token": "A" * 43}, 400, "not_yours_to_choose"),
        ({"name": 5}, 400, "invalid_name"),
    ],
)
async def test_what_a_client_may_not_choose(gateway: Gateway, body: Any, status: int, code: str) -> None:
    answer = await gateway.ask("POST", "/api/session", body)
    assert (answer.status, answer.code) == (status, code)
    assert await gateway.rows("SELECT 1 FROM session") == []


@pytest.mark.feature("ID-01")
async def test_what_is_not_known_is_ignored(gateway: Gateway) -> None:
    assert (await gateway.ask("POST", "/api/session", {"template": "x", "later": {"rows": 1}})).status == 201


@pytest.mark.feature("ID-01")
@pytest.mark.parametrize("policy", ["{dm: 'off'}", "{dm: allowlist, allow: ['+4915112345678']}"])
async def test_closed_to_the_public(tmp_path: Path, policy: str) -> None:
    async with running(tmp_path, YAML.replace("bot: echo, default", f"bot: echo, access: {policy}, default")) as shut:
        answer = await shut.ask("POST", "/api/session")
        assert (answer.status, answer.code) == (401, "not_allowed")


# --- tokens


@pytest.mark.feature("ID-02")
async def test_tokens_are_strong_and_only_their_hash_is_kept(gateway: Gateway, tmp_path: Path) -> None:
    visitors = [await gateway.begin() for _ in range(5)]
    await visitors[0].say("hello")
    for visitor in visitors:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", visitor.token)
        assert len(base64.urlsafe_b64decode(visitor.token + "=")) == 32
        digest = hashlib.sha256(visitor.token.encode()).digest()
        assert await gateway.rows("SELECT session FROM token WHERE hash = $1", digest) == [(visitor.session,)]
    assert len({visitor.token for visitor in visitors}) == 5
    stored = b"".join((tmp_path / f"gateway.db{end}").read_bytes() for end in ("", "-wal"))
    assert visitors[0].session.encode() in stored
    assert not [visitor.token for visitor in visitors if visitor.token.encode() in stored]


@pytest.mark.feature("ID-02")
async def test_a_token_in_the_url_opens_nothing(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    answer = await gateway.ask("GET", f"/api/chat?token={visitor.token}")
    assert (answer.status, answer.code) == (401, "token_missing")


@pytest.mark.feature("ID-03")
@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "token_missing"),
        ("Basic dXNlcjpwYXNz", "token_missing"),
        ("Bearer", "token_missing"),
        ("Bearer two words", "token_missing"),
        (f"Bearer {'A' * 43}", "token_unknown"),
        (f"Bearer {'A' * 500}", "token_unknown"),
        ("bearer x", "token_unknown"),
    ],
)
async def test_wrong_tokens(gateway: Gateway, header: str, code: str) -> None:
    answer = await gateway.ask("POST", "/api/chat", {"message": "hi"}, headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await gateway.rows("SELECT 1 FROM inbox") == []


@pytest.mark.feature("ID-03", "ID-05")
async def test_a_token_opens_its_own_session_only(gateway: Gateway) -> None:
    mine, yours = await gateway.begin(), await gateway.begin()
    for answer in (
        await mine.ask("GET", f"/api/chat?session_id={yours.session}"),
        await mine.ask("GET", "/api/session", headers={"X-Session-Id": yours.session}),
        await mine.ask("POST", "/api/chat", {"message": "hi", "session_id": yours.session}),
        await mine.ask("POST", "/api/session/reset", {"session_id": yours.session}),
    ):
        assert (answer.status, answer.code) == (403, "token_mismatch")
    assert await gateway.rows("SELECT 1 FROM inbox") == []
    assert (await mine.ask("GET", f"/api/chat?session_id={mine.session}")).status == 200
    # The id of a session alone gives nothing.
    assert (await gateway.ask("GET", f"/api/chat?session_id={yours.session}")).status == 401


@pytest.mark.feature("ID-03", "ID-04")
async def test_life_slides_with_use_and_ends_without(gateway: Gateway) -> None:
    visitor = await gateway.begin("talk")  # token_ttl: 1h
    for _ in range(5):
        gateway.clock.ahead += 0.9 * HOUR
        answer = await visitor.ask("GET", "/api/session")
        assert answer.status == 200
        assert answer.json["expires_at"] == pytest.approx(gateway.clock.now() + HOUR * 1000, abs=60_000)
    gateway.clock.ahead += 1.01 * HOUR
    answer = await visitor.ask("POST", "/api/chat", {"message": "hi"})
    assert (answer.status, answer.code) == (401, "token_expired")
    assert await gateway.rows("SELECT 1 FROM inbox") == []


@pytest.mark.feature("ID-04")
async def test_use_is_noted_once_a_minute(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    noted = "SELECT used_at FROM token"
    before = await gateway.rows(noted)
    gateway.clock.ahead += 30
    await visitor.history()
    assert await gateway.rows(noted) == before
    gateway.clock.ahead += 31
    await visitor.history()
    assert await gateway.rows(noted) > before


@pytest.mark.feature("ID-03", "ID-05")
async def test_after_the_end_the_session_is_gone(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    answer = await visitor.ask("POST", "/api/session/end")
    assert answer.status == 200
    assert answer.json == {"session_id": visitor.session, "state": "closed", "reason": "user"}
    for method, path in (("GET", "/api/chat"), ("POST", "/api/session/end"), ("GET", "/api/chat/events")):
        answer = await visitor.ask(method, path)
        assert (answer.status, answer.code) == (410, "session_closed")
    answer = await visitor.say("anybody?")
    assert (answer.status, answer.code) == (410, "session_closed")
    assert await gateway.rows("SELECT state, reason FROM session") == [("closed", "user")]


@pytest.mark.feature("ID-03", "ACC-05")
async def test_wrong_tokens_are_limited_by_address_and_right_ones_are_not(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    failed = 0
    while (answer := await gateway.ask("GET", "/api/chat", token=f"wrong-{failed}")).status == 401:
        failed += 1
    assert failed >= 20
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await visitor.ask("GET", "/api/chat")).status == 200
    gateway.clock.ahead += 60
    assert (await gateway.ask("GET", "/api/chat", token="wrong")).status == 401


@pytest.mark.feature("ACC-05")
async def test_beginnings_are_limited_by_address(gateway: Gateway) -> None:
    passed = 0
    while (answer := await gateway.ask("POST", "/api/session")).status == 201:
        passed += 1
    assert passed >= 30
    assert (answer.status, answer.code) == (429, "rate_limited")
    gateway.clock.ahead += 2.1
    assert (await gateway.ask("POST", "/api/session")).status == 201


@pytest.mark.feature("ACC-05")
async def test_calls_are_limited_by_token(gateway: Gateway) -> None:
    busy, other = await gateway.begin(), await gateway.begin()
    passed = 0
    while (answer := await busy.ask("GET", "/api/session")).status == 200:
        passed += 1
    assert passed >= 400
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert (await other.ask("GET", "/api/session")).status == 200


# --- who the site has signed in


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
    rows = await gateway.rows("SELECT person, level, name, json_extract(profile, '$.email.value') FROM participant")
    assert rows == [("user-7", "verified", "Ada", "ada@example.org")]
    assert [row[0] for row in await gateway.rows("SELECT level FROM session")] == ["verified"] * 2
    gateway.clock.ahead += 400 * 24 * HOUR
    assert (await first.ask("GET", "/api/session")).json["level"] == "verified"


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


# --- what a reset leaves


@pytest.mark.feature("ID-05", "LIF-10")
@pytest.mark.parametrize("by_chat", [True, False])
async def test_a_reset_gives_a_new_session_and_token(gateway: Gateway, by_chat: bool) -> None:
    visitor = await gateway.begin()
    await visitor.say("remember this")
    if by_chat:
        answer = await visitor.say("/reset")
        assert [line["text"] for line in answer.json["messages"]] == ["Conversation reset."]
        new = answer.json["session"]
    else:
        new = (await visitor.ask("POST", "/api/session/reset")).json
    assert new["session_id"] != visitor.session
    assert new["token"] != visitor.token
    assert (await visitor.ask("GET", "/api/chat")).code == "session_closed"
    page = (await gateway.ask("GET", "/api/chat", token=new["token"])).json
    assert [line["text"] for line in page["messages"]] == ["Conversation reset."]
    assert len(await gateway.rows("SELECT DISTINCT lane FROM session")) == 1


@pytest.mark.feature("MEM-10", "MEM-09")
@pytest.mark.parametrize("remembered", [True, False])
async def test_what_a_bot_keeps_about_a_visitor(tmp_path: Path, remembered: bool) -> None:
    yaml = YAML.replace("default: true", f"default: true, remember_visitors: {str(remembered).lower()}")
    async with running(tmp_path, yaml) as gateway:
        visitor = await gateway.begin(name="Ada")

        def keep() -> Any:
            yield """UPDATE participant SET data = '{"likes": "tea"}'""", ()

        await gateway.daemon.corridor.db.write(keep)
        await visitor.ask("POST", "/api/session/reset")
        kept = await gateway.rows("SELECT name, data FROM participant")
        assert kept == [("Ada", '{"likes": "tea"}') if remembered else ("", "{}")]
