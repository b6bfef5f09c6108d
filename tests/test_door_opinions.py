"""What visitors think of answers, and whether their questions are settled."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors import Gateway, Visitor, running

pytestmark = pytest.mark.feature("STR-06", "WEB-04")
ROUTE = "/api/session/feedback"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as one:
        yield one


async def scores(visitor: Visitor) -> list[int | None]:
    return [line.get("score") for line in (await visitor.history())["messages"]]


async def test_an_answer_is_rated_otherwise_and_not_at_all(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    await visitor.say("hello")
    await visitor.say("again")
    assert await scores(visitor) == [None, 0, None, 0]
    for score in (1, -1, 0, 1):
        answer = await visitor.ask("POST", ROUTE, {"seq": 2, "score": score})
        assert (answer.status, answer.json) == (200, {"seq": 2, "score": score})
        assert await scores(visitor) == [None, score, None, 0]
    rows = await gateway.rows("SELECT extra FROM message WHERE session = $1 AND seq = 2", visitor.session)
    person = (await gateway.rows("SELECT person FROM participant"))[0][0]
    assert f'"{person}":1' in rows[0][0]


async def test_every_tab_hears_of_it(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    await visitor.say("hello")
    async with visitor.events() as events:
        await events.until("message")
        await visitor.ask("POST", ROUTE, {"seq": 2, "score": -1})
        assert (await events.until("rating"))[-1].data == {"seq": 2, "score": -1}
    async with visitor.events() as events:
        assert (await events.until("message"))[-1].data["role"] == "user"
        assert (await events.until("message"))[-1].data["score"] == -1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"seq": 1, "score": 1}, 404, "unknown_message"),  # the visitor's own
        ({"seq": 3, "score": 1}, 404, "unknown_message"),
        ({"seq": 5, "score": 1}, 404, "unknown_message"),
        ({"seq": 0, "score": 1}, 400, "invalid_seq"),
        ({"seq": -2, "score": 1}, 400, "invalid_seq"),
        ({"seq": 2**80, "score": 1}, 400, "invalid_seq"),
        ({"seq": "2", "score": 1}, 400, "invalid_seq"),
        ({"seq": True, "score": 1}, 400, "invalid_seq"),
        ({"seq": 2, "score": 2}, 400, "invalid_score"),
        ({"seq": 2, "score": True}, 400, "invalid_score"),
        ({"seq": 2, "score": 1.0}, 400, "invalid_score"),
        ({"seq": 2, "score": None}, 400, "invalid_score"),
        ({"seq": 2}, 400, "invalid_feedback"),
        ({}, 400, "invalid_feedback"),
        ({"seq": 2, "score": 1, "resolved": True}, 400, "invalid_feedback"),
        ({"resolved": "yes"}, 400, "invalid_resolved"),
        ({"session_id": "another", "seq": 2, "score": 1}, 403, "token_mismatch"),
        ([], 400, "malformed"),
    ],
)
async def test_what_rates_nothing_is_refused(gateway: Gateway, body: Any, status: int, code: str) -> None:
    visitor = await gateway.begin()
    await visitor.say("hello")
    await visitor.say("/help")
    answer = await visitor.ask("POST", ROUTE, body)
    assert answer.status == status
    assert code in ("malformed", answer.code)
    assert await scores(visitor) == [None, 0, None]


async def test_nobody_rates_for_another(gateway: Gateway) -> None:
    visitor, other = await gateway.begin(), await gateway.begin()
    await visitor.say("hello")
    assert (await other.ask("POST", ROUTE, {"seq": 2, "score": 1})).code == "unknown_message"
    assert (await gateway.ask("POST", ROUTE, {"seq": 2, "score": 1})).code == "token_missing"


@pytest.mark.feature("LIF-15")
async def test_what_its_user_calls_settled_is_closed(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    await visitor.say("hello")
    answer = await visitor.ask("POST", ROUTE, {"resolved": False})
    assert answer.json == {"session_id": visitor.session, "resolved": False}
    assert await gateway.rows("SELECT state, resolved FROM session") == [("active", 0)]
    async with visitor.events() as events:
        assert (await visitor.ask("POST", ROUTE, {"resolved": True})).json["resolved"] is True
        assert (await events.until("closed"))[-1].data == {"reason": "resolved"}
    assert await gateway.rows("SELECT state, reason, resolved FROM session") == [("closed", "resolved", 1)]
    assert (await visitor.ask("POST", ROUTE, {"resolved": True})).code == "session_closed"
