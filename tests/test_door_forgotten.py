"""What an unproven visitor has told us lives as long as their session, and is told to no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.message import Outbound, Turn
from tests.doors import YAML, Gateway, Visitor, running, script
from tests.operators import desk

KEPT = "SELECT data FROM participant ORDER BY first_seen"
asked: list[Turn] = []


async def keeps(turn: Turn) -> AsyncIterator[Piece]:
    """Keeps what it is told, and does what the text asks for."""
    asked.append(turn)
    text = turn.message.text
    yield Say(Outbound(text="noted"))
    yield Change(
        participant_set={"likes": text}, end_session=text == "end it", resolved=True if text == "settle it" else None
    )


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    asked.clear()
    script(keeps)
    async with running(tmp_path) as one:
        yield one


async def talker(gateway: Gateway) -> Visitor:
    visitor = await gateway.begin("talk")
    await visitor.say("tea")
    assert await gateway.rows(KEPT) == [('{"likes":"tea"}',)]
    return visitor


@pytest.mark.feature("MEM-10")
@pytest.mark.parametrize("how", ["/end", "/reset", "end it", "settle it"])
async def test_it_is_forgotten_when_the_session_is_over(gateway: Gateway, how: str) -> None:
    visitor = await talker(gateway)
    answer = await visitor.say(how)
    assert await gateway.rows(KEPT) == [("{}",)]
    if how == "/reset":
        token = answer.json["session"]["token"]
        await gateway.ask("POST", "/api/chat", {"message": "anew"}, token)
        assert asked[-1].participant.data == {}


@pytest.mark.feature("MEM-10")
@pytest.mark.parametrize(("path", "body"), [("end", None), ("reset", None), ("feedback", {"resolved": True})])
async def test_it_is_forgotten_by_every_route(gateway: Gateway, path: str, body: object) -> None:
    visitor = await talker(gateway)
    assert (await visitor.ask("POST", f"/api/session/{path}", body)).status == 200
    assert await gateway.rows(KEPT) == [("{}",)]


@pytest.mark.feature("MEM-10", "LIF-15")
@pytest.mark.parametrize("act", ["close", "reset", "resolve"])
async def test_it_is_forgotten_when_an_operator_ends_it(tmp_path: Path, act: str) -> None:
    asked.clear()
    async with desk(tmp_path) as here:
        here.bot(keeps)
        visitor = await here.gateway.begin("site")
        await visitor.say("tea")
        assert await here.rows(KEPT) == [('{"likes":"tea"}',)]
        body = {"resolved": True} if act == "resolve" else None
        assert (await here.ask("POST", f"sessions/{visitor.session}/{act}", body)).status == 200
        assert await here.rows(KEPT) == [("{}",)]


@pytest.mark.feature("MEM-10")
async def test_a_second_session_of_the_same_browser_is_told_nothing(gateway: Gateway) -> None:
    first = await talker(gateway)
    second = await gateway.begin("talk")
    await second.say("what do I like?")
    assert asked[-1].participant.data == {}
    assert asked[-1].participant.id != asked[0].participant.id
    await first.say("and now?")
    assert asked[-1].participant.data == {"likes": "tea"}


@pytest.mark.feature("MEM-10", "MEM-09")
async def test_what_is_known_of_signed_in_and_remembered_people_stays(tmp_path: Path) -> None:
    asked.clear()
    script(keeps)
    async with running(tmp_path, YAML.replace("bot: scripted,", "bot: scripted, remember_visitors: true,")) as gateway:
        visitor = await talker(gateway)
        token = (await visitor.say("/reset")).json["session"]["token"]
        await gateway.ask("POST", "/api/chat", {"message": "anew"}, token)
        assert asked[-1].participant.data == {"likes": "tea"}
