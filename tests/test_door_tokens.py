"""Tokens: what they open, for how long, and how often one may guess."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.doors import YAML, Gateway, running
from tests.postgres import everything

HOURLY = YAML.replace("bot: scripted,", "bot: scripted, token_ttl: 1h,", 1)
HOUR = 3600


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, HOURLY) as one:
        yield one


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
    stored = everything(tmp_path)
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
    failed, begun = 0, gateway.clock.tick()
    while (answer := await gateway.ask("GET", "/api/chat", token=f"wrong-{failed}")).status == 401:
        failed += 1
    assert 20 <= failed <= 20 + (gateway.clock.tick() - begun) * 20 / 60 + 1
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await visitor.ask("GET", "/api/chat")).status == 200
    gateway.clock.ahead += 60
    assert (await gateway.ask("GET", "/api/chat", token="wrong")).status == 401


@pytest.mark.feature("ACC-05")
async def test_beginnings_are_limited_by_address(gateway: Gateway) -> None:
    passed, begun = 0, gateway.clock.tick()
    while (answer := await gateway.ask("POST", "/api/session")).status == 201:
        passed += 1
    assert 30 <= passed <= 30 + (gateway.clock.tick() - begun) * 30 / 60 + 1
    assert (answer.status, answer.code) == (429, "rate_limited")
    gateway.clock.ahead += 2.1
    assert (await gateway.ask("POST", "/api/session")).status == 201


@pytest.mark.feature("ACC-05")
async def test_calls_are_limited_by_token(gateway: Gateway) -> None:
    busy, other = await gateway.begin(), await gateway.begin()
    passed, begun = 0, gateway.clock.tick()
    while (answer := await busy.ask("GET", "/api/session")).status == 200:
        passed += 1
    assert 400 <= passed <= 400 + (gateway.clock.tick() - begun) * 400 / 60 + 1
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert (await other.ask("GET", "/api/session")).status == 200


@pytest.mark.feature("ID-02", "OBS-01")
async def test_tokens_are_in_no_log(gateway: Gateway) -> None:
    with capture_logs() as logs:
        visitor = await gateway.begin()
        await visitor.say("hello")
        await visitor.ask("POST", "/api/chat", {"message": visitor.token, "files": 7})
        await visitor.ask("GET", f"/api/chat?token={visitor.token}")
        await gateway.ask("GET", f"/files/{visitor.token}", token=visitor.token)
        new = (await visitor.ask("POST", "/api/session/reset")).json
        await visitor.ask("GET", "/api/chat")
    assert new["token"]
    assert not [line for line in logs if visitor.token in str(line) or new["token"] in str(line)]
