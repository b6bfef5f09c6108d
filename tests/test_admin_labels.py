"""What operators note down with sessions, and change of what a bot keeps about people."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.bot import Piece, Say
from gateway.message import Outbound, Turn
from gateway.operations.labels import LARGEST_METADATA
from tests.operators import Desk, desk


async def _someone(here: Desk, user: str = "ada") -> tuple[str, str]:
    """The session and the participant of somebody who has said hello."""
    await here.say("hello", user=user)
    await here.quiet()
    sql = """SELECT s.id, p.id FROM session s JOIN participant p ON p.id = s.participant
               WHERE p.person = $1 AND s.state = 'active'"""
    ((session, participant),) = await here.rows(sql, user)
    return session, participant


@pytest.mark.feature("KEY-10")
async def test_everything_on_record_of_a_session_can_be_read(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        session, participant = await _someone(here)
        here.clock.ahead += 60
        await here.say("/status")
        await here.quiet()
        shown = await here.get(f"sessions/{session}")
        assert UUID(shown["id"]).version == 7
        assert (shown["key"], shown["state"], shown["reason"], shown["epoch"]) == (
            "p/b/dm:account=acct,user=ada",
            "active",
            None,
            0,
        )
        assert (shown["participant"]["id"], shown["language"], shown["tags"], shown["metadata"]) == (
            participant,
            "",
            [],
            {},
        )
        assert shown["created_at"] == shown["first_activity"] <= shown["last_user_activity"] < shown["last_activity"]


@pytest.mark.feature("KEY-10")
async def test_tags_and_metadata_are_noted_and_survive_the_session(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        session, _ = await _someone(here)
        noted = await here.ask("PATCH", f"sessions/{session}", {"tags": ["vip", "vip"], "metadata": {"a": 1, "b": [2]}})
        assert noted.json == {"id": session, "tags": ["vip"], "metadata": {"a": 1, "b": [2]}}
        await here.ask("PATCH", f"sessions/{session}", {"metadata": {"a": None, "c": {"d": "ü"}}})
        await here.ask("POST", f"sessions/{session}/close")
        shown = await here.get(f"sessions/{session}")
        assert (shown["tags"], shown["metadata"]) == (["vip"], {"b": [2], "c": {"d": "ü"}})
        assert (await here.ask("PATCH", "sessions/none", {"tags": []})).code == "session_unknown"


@pytest.mark.feature("KEY-10")
async def test_metadata_have_a_limit_to_the_byte(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        session, _ = await _someone(here)
        path, room = f"sessions/{session}", LARGEST_METADATA - len('{"x":""}')
        assert (await here.ask("PATCH", path, {"metadata": {"x": "a" * room}})).status == 200
        for more in ({"x": "a" * (room + 1)}, {"y": 1}, {"x": "ü" * (room // 2 + 1)}):
            answer = await here.ask("PATCH", path, {"tags": ["new"], "metadata": more})
            assert (answer.status, answer.code) == (413, "metadata_too_large")
        shown = await here.get(path)
        assert (shown["tags"], shown["metadata"]) == ([], {"x": "a" * room})
        assert LARGEST_METADATA == 16 * 1024


@pytest.mark.feature("KEY-10")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"metadata": []}, "bad_metadata"),
        ({"metadata": "x"}, "bad_metadata"),
        ({"tags": "vip"}, "bad_tags"),
        ({"tags": [1]}, "bad_tags"),
        ({"tags": [""]}, "bad_tags"),
        ({"tags": ["a\nb"]}, "bad_tags"),
        ({"tags": ["x" * 65]}, "bad_tags"),
        ({"tags": [f"t{n}" for n in range(51)]}, "bad_tags"),
        ({"state": "closed"}, "unknown_parameter"),
    ],
)
async def test_what_is_no_label(tmp_path: Path, body: Any, code: str) -> None:
    async with desk(tmp_path) as here:
        session, _ = await _someone(here)
        answer = await here.ask("PATCH", f"sessions/{session}", body)
        assert (answer.status, answer.code) == (400, code)
        viewer = await here.key("viewer")
        assert (await here.admin("PATCH", f"sessions/{session}", {"tags": []}, key=viewer)).status == 403


@pytest.mark.feature("LIF-15", "LIF-02")
@pytest.mark.parametrize(("resolved", "state", "reason"), [(True, "closed", "resolved"), (False, "active", None)])
async def test_an_operator_says_whether_a_session_is_resolved(
    tmp_path: Path, resolved: bool, state: str, reason: str | None
) -> None:
    async with desk(tmp_path) as here:
        bot = here.bot()
        session, _ = await _someone(here)
        answer = await here.ask("POST", f"sessions/{session}/resolve", {"resolved": resolved})
        assert answer.json == {"id": session, "resolved": resolved}
        shown = await here.get(f"sessions/{session}")
        assert (shown["state"], shown["reason"], shown["resolved"]) == (state, reason, resolved)
        assert (shown["resolved_by"], bool(shown["resolved_at"])) == ("operator", True)
        await here.say("again")
        await here.quiet()
        assert (bot.turns[-1].session.id == session) is not resolved
        if resolved:
            again = await here.ask("POST", f"sessions/{session}/resolve", {"resolved": False})
            assert (again.status, again.code) == (409, "session_closed")
        for wrong in ({}, {"resolved": "true"}, {"resolved": 1}):
            assert (await here.ask("POST", f"sessions/{session}/resolve", wrong)).code == "bad_parameter"


@pytest.mark.feature("MEM-09")
async def test_what_a_bot_keeps_is_changed_from_outside_and_told_in_the_next_turn(tmp_path: Path) -> None:
    async def answers(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text=str(dict(turn.participant.data))))

    async with desk(tmp_path) as here:
        bot = here.bot(answers)
        _, ada = await _someone(here)
        await _someone(here, "bob")
        path = f"participants/{ada}/data"
        first = await here.ask("PATCH", path, {"set": {"a": 1, "gone": 2}, "append": {"l": "x"}, "increment": {"n": 2}})
        assert first.json == {"participant": ada, "data": {"a": 1, "gone": 2, "l": ["x"], "n": 2}}
        await here.ask("PATCH", path, {"unset": ["gone"], "append": {"l": ["y"]}, "increment": {"n": 0.5}})
        for user in ("ada", "bob"):
            await here.say("and now?", user=user)
            await here.quiet()
        assert [dict(turn.participant.data) for turn in bot.turns[-2:]] == [{"a": 1, "l": ["x", ["y"]], "n": 2.5}, {}]
        await here.say("/reset", user="ada")
        await here.say("still?", user="ada")
        await here.quiet()
        assert bot.turns[-1].participant.data == {"a": 1, "l": ["x", ["y"]], "n": 2.5}


@pytest.mark.feature("MEM-09")
async def test_what_a_bot_keeps_has_a_limit(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        _, ada = await _someone(here)
        path, piece = f"participants/{ada}/data", "x" * 60_000
        for number in range(4):
            assert (await here.ask("PATCH", path, {"set": {f"k{number}": piece}})).status == 200
        room = 256 * 1024 - 4 * len(f'"k0":"{piece}",') - len('{"z":""}')
        over = await here.ask("PATCH", path, {"set": {"z": "x" * (room + 1)}, "unset": ["nothing"]})
        assert (over.status, over.code) == (413, "data_too_large")
        assert (await here.ask("PATCH", path, {"set": {"z": "x" * room}})).status == 200


@pytest.mark.feature("MEM-09")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"set": []}, "bad_change"),
        ({"unset": {"a": 1}}, "bad_change"),
        ({"unset": [1]}, "bad_change"),
        ({"append": "x"}, "bad_change"),
        ({"increment": {"a": "1"}}, "bad_change"),
        ({"increment": {"a": True}}, "bad_change"),
        ({"increment": {"a": 1}}, "not_a_number"),
        ({"append": {"a": 1}}, "not_a_list"),
        ({"delete": ["a"]}, "unknown_parameter"),
    ],
)
async def test_what_is_no_change(tmp_path: Path, body: Any, code: str) -> None:
    async with desk(tmp_path) as here:
        _, ada = await _someone(here)
        path = f"participants/{ada}/data"
        await here.ask("PATCH", path, {"set": {"a": "text"}})
        answer = await here.ask("PATCH", path, body)
        assert (answer.status, answer.code) == (400, code)
        assert await here.rows("SELECT data FROM participant WHERE id = $1", ada) == [('{"a":"text"}',)]
        assert (await here.ask("PATCH", "participants/none/data", {})).code == "participant_unknown"
        viewer = await here.key("viewer")
        assert (await here.admin("PATCH", path, {}, key=viewer)).status == 403
