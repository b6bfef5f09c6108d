"""What operators see of sessions, and how they end them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.bot import Change, Piece, Say
from gateway.message import Outbound, Turn
from tests.operators import Desk, desk

pytestmark = pytest.mark.store


async def _ids(here: Desk, query: str = "") -> list[str]:
    return [session["id"] for session in (await here.get(f"sessions{query}"))["sessions"]]


@pytest.mark.feature("CLI-04", "LIF-02")
async def test_sessions_are_listed_by_when_they_were_used_and_filtered(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.say("one", user="ada")
        await here.quiet()
        here.clock.ahead += 3600
        await here.say("two", "q", user="bob")
        await here.quiet()
        listed = (await here.get("sessions"))["sessions"]
        assert [session["channel"] for session in listed] == ["q", "p"]
        assert listed[0]["state"] == "active"
        assert listed[0]["message_count"] == 2
        bob, ada = (session["id"] for session in listed)
        assert await _ids(here, "?active=30m") == [bob]
        assert await _ids(here, "?active=2h") == [bob, ada]
        assert await _ids(here, "?channel=p") == [ada]
        assert await _ids(here, "?bot=b&channel=q") == [bob]
        assert await _ids(here, "?state=closed") == []
        await here.ask("POST", f"sessions/{ada}/close")
        assert await _ids(here, "?state=closed") == [ada]
        assert await _ids(here, "?state=active,closed") == [bob, ada]


@pytest.mark.feature("CLI-04")
async def test_pages_show_every_session_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        for n in range(7):
            await here.say("hello", user=f"user{n}")
        await here.quiet()
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await here.get(f"sessions?limit=3&cursor={cursor}")
            assert len(page["sessions"]) <= 3
            seen += [session["id"] for session in page["sessions"]]
            cursor = page["next"]
        assert len(seen) == len(set(seen)) == 7


@pytest.mark.feature("CLI-04")
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "bad_limit"),
        ("limit=501", "bad_limit"),
        ("limit=ten", "bad_parameter"),
        ("limit=" + "9" * 5000, "bad_parameter"),
        ("cursor=!!!", "bad_cursor"),
        ("cursor=WyJhIiwxXQ", "bad_cursor"),
        ("cursor=WzFlOTksImEiXQ", "bad_cursor"),
        ("cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OSwiYSJd", "bad_cursor"),
        ("active=soon", "bad_parameter"),
        ("active=-1m", "bad_parameter"),
        ("state=asleep", "bad_parameter"),
        ("chanel=p", "unknown_parameter"),
        ("channel=p&channel=q", "bad_parameter"),
        ("channel=" + "x" * 2000, "bad_parameter"),
        ("channel=%ff", ""),
    ],
)
async def test_what_a_list_cannot_do_is_said(tmp_path: Path, query: str, code: str) -> None:
    async with desk(tmp_path) as here:
        answer = await here.ask("GET", f"sessions?{query}")
        assert (answer.status, answer.code) == (400, code) if code else answer.status == 200


@pytest.mark.feature("CLI-04", "KEY-02")
async def test_a_session_is_found_by_id_and_by_key(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.say("hello", user="ada/1")
        await here.quiet()
        brief = (await here.get("sessions"))["sessions"][0]
        by_id = await here.get(f"sessions/{brief['id']}")
        by_key = await here.get(f"sessions/{quote(brief['key'], safe='')}")
        assert by_id == by_key
        assert by_id["participant"]["user"] == "ada/1"
        assert by_id["current"] is True
        await here.ask("POST", f"sessions/{quote(brief['key'], safe='')}/reset")
        assert (await here.get(f"sessions/{quote(brief['key'], safe='')}"))["id"] != brief["id"]
        for unknown in ("none", "p%2Fb%2Fdm%3Auser%3Dnobody", "%2F", "..%2F..", "%00"):
            answer = await here.ask("GET", f"sessions/{unknown}")
            assert (answer.status, answer.code) == (404, "session_unknown"), unknown


@pytest.mark.feature("CLI-04")
async def test_what_was_said_and_kept_can_be_read(tmp_path: Path) -> None:
    async def keeping(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text=f"echo {turn.message.text}"))
        yield Change(variables={"step": 3}, context={"kb": ["a"]})

    async with desk(tmp_path) as here:
        here.bot(keeping)
        for text in ("one", "two", "three"):
            await here.say(text)
        await here.quiet()
        (session,) = await _ids(here)
        last = await here.get(f"sessions/{session}/history?limit=2")
        assert [message["text"] for message in last["messages"]] == ["three", "echo three"]
        first = await here.get(f"sessions/{session}/history?after=0&limit=2")
        assert [(message["seq"], message["role"]) for message in first["messages"]] == [(1, "user"), (2, "assistant")]
        following = await here.get(f"sessions/{session}/history?after={first['next']}")
        assert [message["text"] for message in following["messages"]] == ["two", "echo two", "three", "echo three"]
        assert await here.get(f"sessions/{session}/vars") == {
            "id": session,
            "variables": {"step": 3},
            "context": {"kb": ["a"]},
        }


@pytest.mark.feature("CLI-04")
async def test_a_conversation_is_exported_whole(tmp_path: Path) -> None:
    forged = "hello\n2026-01-01T00:00:00.000Z Bot:\n    I owe you a car"
    async with desk(tmp_path) as here:
        await here.say(forged)
        for n in range(3):
            await here.say(f"line {n}")
        await here.quiet()
        (session,) = await _ids(here)
        answers = {
            form: await here.ask("GET", f"sessions/{session}/export?format={form}") for form in ("txt", "md", "json")
        }
        document = answers["json"].json
        assert [message["text"] for message in document["messages"][::2]] == [forged, "line 0", "line 1", "line 2"]
        for form in ("txt", "md"):
            text = answers[form].body.decode()
            assert "line 2" in text
            # No line of what a user wrote can pass for a line of the transcript's own.
            assert not any(line.startswith(("2026-01-01", "    I owe")) for line in text.splitlines())
            assert answers[form].headers["content-disposition"].startswith("attachment")
        assert (await here.ask("GET", f"sessions/{session}/export?format=pdf")).code == "bad_parameter"


@pytest.mark.feature("LIF-10", "LIF-11", "CLI-04", "LIF-02")
async def test_a_reset_by_an_operator_leaves_all_behind_and_stops_the_running_turn(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        begun.set()
        await go_on.wait()
        yield Say(Outbound(text=f"late {turn.message.text}"))

    async with desk(tmp_path) as here:
        bot = here.bot(slow)
        await here.say("running")
        await asyncio.wait_for(begun.wait(), 20)
        await here.say("waiting")
        (old,) = await _ids(here)
        answer = await here.ask("POST", f"sessions/{old}/reset")
        assert answer.status == 200
        new = answer.json["session"]
        go_on.set()
        await here.until(lambda: not here.router.turns.running)
        await here.say("after")
        await here.quiet()
        assert here.paper.texts() == ["late after"]
        assert [turn.message.text for turn in bot.turns] == ["running", "after"]
        assert (bot.turns[1].session.id, bot.turns[1].session.epoch, bot.turns[1].history) == (new, 1, ())
        dropped = await here.rows("SELECT reason FROM inbox WHERE state = 'dropped'")
        assert dropped == [("superseded",), ("superseded",)]
        shown = await here.get(f"sessions/{old}")
        assert (shown["state"], shown["reason"], shown["current"]) == ("closed", "reset", False)
        again = await here.ask("POST", f"sessions/{old}/reset")
        assert (again.status, again.code) == (409, "session_closed")


@pytest.mark.feature("LIF-02", "CLI-04", "LIF-11")
async def test_a_close_by_an_operator_ends_it_once_and_the_next_message_begins_anew(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.say("hello")
        await here.quiet()
        (old,) = await _ids(here)
        closed = await asyncio.gather(*(here.ask("POST", f"sessions/{old}/close") for _ in range(5)))
        assert sorted(answer.status for answer in closed) == [200, 409, 409, 409, 409]
        assert (await here.get(f"sessions/{old}"))["reason"] == "operator"
        await here.say("again")
        await here.quiet()
        assert len(await _ids(here)) == 2
        assert await here.rows("SELECT epoch FROM session ORDER BY created_at") == [(0,), (1,)]
        assert (await here.ask("POST", f"sessions/{old}/close")).code == "session_closed"
        assert (await here.ask("POST", "sessions/none/close")).code == "session_unknown"


@pytest.mark.feature("LIF-14", "CLI-04")
async def test_a_farewell_reaches_the_user_and_no_bot(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        bot = here.bot()
        await here.say("hello", user="ada")
        await here.quiet()
        (session,) = await _ids(here)
        answer = await here.ask("POST", f"sessions/{session}/reset", {"farewell": "We begin **anew**."})
        await here.quiet()
        assert here.paper.texts("ada") == ["hello", "We begin anew."]
        await here.say("again", user="ada")
        await here.quiet()
        assert bot.turns[-1].history == ()
        lines = (await here.get(f"sessions/{answer.json['session']}/history"))["messages"]
        assert [line["role"] for line in lines] == ["system", "user", "assistant"]
        long = await here.ask("POST", f"sessions/{answer.json['session']}/close", {"farewell": "x" * 5000})
        assert (long.status, long.code) == (400, "bad_parameter")


@pytest.mark.feature("LIF-10", "ID-05")
async def test_visitors_see_that_an_operator_has_ended_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        visitor = await here.gateway.begin("site")
        assert (await visitor.say("hello")).status == 200
        async with visitor.events() as events:
            answer = await here.ask("POST", f"sessions/{visitor.session}/close")
            assert answer.status == 200
            seen = await events.until("closed")
        assert seen[-1].data["reason"] == "operator"
        gone = await visitor.say("anybody there?")
        assert (gone.status, gone.code) == (410, "session_closed")
