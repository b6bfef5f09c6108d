"""Dead letters: seen, tried once more at their own place, or let go; never answered or sent twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Piece, Say
from gateway.errors import BotBroken, Refused
from gateway.message import Outbound, Turn
from tests.kit import Scripted
from tests.operators import YAML, Desk, dead_letters, desk, lanes_are_right
from tests.paper import said

pytestmark = pytest.mark.store


class Moody:
    """A bot that breaks on the texts in `breaks`, and echoes the others."""

    def __init__(self, *breaks: str) -> None:
        self.breaks = set(breaks)

    async def __call__(self, turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text in self.breaks:
            raise BotBroken("the backend said 400")
        yield Say(Outbound(text=f"echo {turn.message.text}"))


async def _broken(here: Desk, *texts: str) -> tuple[Moody, Scripted]:
    """Say these texts to a bot that breaks on the first one."""
    mood = Moody(texts[0])
    bot = here.bot(mood)
    for text in texts:
        await here.say(text)
        await here.quiet()
    return mood, bot


@pytest.mark.feature("INB-08", "CLI-05")
async def test_a_dead_letter_shows_what_it_was_and_why(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.bot(Moody("break"))
        await here.receive(said(here.here, "break"), b'{"raw": "bytes"}')
        await here.quiet()
        (brief,) = await dead_letters(here)
        assert (brief["box"], brief["state"], brief["reason"], brief["channel"]) == ("inbox", "dead", "bot_failed", "p")
        shown = await here.get(f"dead/inbox/{brief['id']}")
        assert shown["raw"] == '{"raw": "bytes"}'
        assert shown["event"]["text"] == "break"
        assert (shown["attempts"], shown["error"]) == (1, "the backend said 400")
        assert shown["turn"] == brief["turn"]


@pytest.mark.feature("INB-08", "INB-06")
async def test_requeued_it_is_answered_once_under_its_own_id(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        mood, bot = await _broken(here, "first", "second")
        mood.breaks.clear()
        (letter,) = await dead_letters(here)
        both = await asyncio.gather(*(here.ask("POST", f"dead/inbox/{letter['id']}/requeue") for _ in range(4)))
        await here.quiet()
        assert sorted(answer.status for answer in both) == [200, 409, 409, 409]
        assert here.paper.texts() == ["Something went wrong. Please try again.", "echo second", "echo first"]
        assert [turn.id for turn in bot.turns if turn.message.text == "first"] == [letter["turn"]] * 2
        assert await dead_letters(here) == []
        await lanes_are_right(here)
        again = await here.ask("POST", f"dead/inbox/{letter['id']}/requeue")
        assert (again.status, again.code) == (409, "not_dead")
        # What they said stands once in the history, and the bot is not told it twice.
        lines = (await here.get(f"sessions/{letter['session']}/history"))["messages"]
        assert [line["text"] for line in lines if line["role"] == "user"] == ["first", "second"]
        assert [line.text for line in bot.turns[-1].history] == ["second", "echo second"]


@pytest.mark.feature("INB-08", "ORD-01")
async def test_requeued_it_goes_before_what_waits_in_its_lane(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    broken = True

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "first" and broken:
            raise BotBroken("not now")
        if turn.message.text == "second":
            begun.set()
            await go_on.wait()
        yield Say(Outbound(text=f"echo {turn.message.text}"))

    async with desk(tmp_path) as here:
        here.bot(slow)
        await here.say("first")
        await here.quiet()
        await here.say("second")
        await asyncio.wait_for(begun.wait(), 20)
        await here.say("third")
        (letter,) = await dead_letters(here)
        broken = False
        assert (await here.ask("POST", f"dead/inbox/{letter['id']}/requeue")).status == 200
        await lanes_are_right(here)
        go_on.set()
        await here.quiet()
        assert here.paper.texts()[1:] == ["echo second", "echo first", "echo third"]
        await lanes_are_right(here)


@pytest.mark.feature("INB-08")
async def test_requeued_and_broken_again_it_is_dead_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await _broken(here, "first")
        (letter,) = await dead_letters(here)
        assert (await here.ask("POST", f"dead/inbox/{letter['id']}/requeue")).status == 200
        await here.quiet()
        (again,) = await dead_letters(here)
        assert (again["id"], again["turn"], again["reason"]) == (letter["id"], letter["turn"], "bot_failed")
        assert len(here.paper.texts()) == 2
        lines = (await here.get(f"sessions/{letter['session']}/history"))["messages"]
        assert [line["role"] for line in lines] == ["user", "system", "system"]
        await lanes_are_right(here)


@pytest.mark.feature("INB-08", "LIF-10")
async def test_requeued_after_a_reset_it_is_answered_in_the_session_of_today(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        mood, bot = await _broken(here, "first")
        mood.breaks.clear()
        (letter,) = await dead_letters(here)
        await here.say("/reset")
        await here.quiet()
        assert (await here.ask("POST", f"dead/inbox/{letter['id']}/requeue")).status == 200
        await here.quiet()
        (today,) = [one["id"] for one in (await here.get("sessions?state=active"))["sessions"]]
        assert bot.turns[-1].session.id == today != letter["session"]
        lines = (await here.get(f"sessions/{today}/history"))["messages"]
        assert [line["text"] for line in lines] == ["Conversation reset.", "first", "echo first"]


@pytest.mark.feature("INB-08", "INB-06")
async def test_what_was_too_old_is_answered_when_an_operator_wants_it(tmp_path: Path) -> None:
    async with desk(tmp_path, YAML + "inbox: {stale_after: 1h, drop_stale: true}\n") as here:
        lock, held = asyncio.Event(), asyncio.Event()

        async def slow(turn: Turn) -> AsyncIterator[Piece]:
            held.set()
            await lock.wait()
            yield Say(Outbound(text=f"echo {turn.message.text}"))

        here.bot(slow)
        await here.say("running")
        await asyncio.wait_for(held.wait(), 20)
        await here.say("old")
        here.clock.ahead += 7200
        lock.set()
        await here.quiet()
        (letter,) = await dead_letters(here)
        assert letter["reason"] == "stale"
        assert (await here.ask("POST", f"dead/inbox/{letter['id']}/requeue")).status == 200
        await here.quiet()
        assert here.paper.texts()[-1] == "Sorry for the late answer.\n\necho old"


@pytest.mark.feature("INB-08")
async def test_discarded_it_is_dropped_for_good(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await _broken(here, "first")
        (letter,) = await dead_letters(here)
        path = f"dead/inbox/{letter['id']}"
        assert (await here.ask("POST", f"{path}/discard")).status == 200
        assert await here.rows("SELECT state, reason FROM inbox") == [("dropped", "discarded")]
        for act in ("discard", "requeue"):
            assert (await here.ask("POST", f"{path}/{act}")).code == "not_dead"
        assert await dead_letters(here) == []
        await lanes_are_right(here)


@pytest.mark.feature("CLI-05", "INB-08")
async def test_lists_are_filtered_by_channel_reason_and_age(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.bot(Moody("break"))
        await here.say("break")
        await here.quiet()
        here.clock.ahead += 3600
        here.paper.fail(lambda: Refused("too_long", "no"))
        await here.say("hello", "q")
        await here.quiet()
        await here.say("break", "q")
        await here.quiet()

        async def found(query: str) -> list[str]:
            return [f"{one['box']} {one['channel']} {one['reason']}" for one in await dead_letters(here, query)]

        new, middle, old = "inbox q bot_failed", "outbox q too_long", "inbox p bot_failed"
        assert await found("") == [new, middle, old]
        assert await found("?box=outbox") == [middle]
        assert await found("?channel=q") == [new, middle]
        assert await found("?reason=bot_failed") == [new, old]
        assert await found("?age=30m") == [old]
        first = await here.get("dead?limit=2")
        rest = await here.get(f"dead?limit=2&cursor={first['next']}")
        assert [one["id"] for one in first["dead"] + rest["dead"]] == [one["id"] for one in await dead_letters(here)]
        assert rest["next"] is None
        assert (await here.ask("GET", "dead?box=postbox")).code == "bad_parameter"


@pytest.mark.feature("CLI-05")
async def test_what_waits_is_listed_with_the_oldest_first(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        begun.set()
        await go_on.wait()
        yield Say(Outbound(text="done"))

    async with desk(tmp_path) as here:
        here.bot(slow)
        for text in ("one", "two", "three"):
            await here.say(text)
        await asyncio.wait_for(begun.wait(), 20)
        waiting = (await here.get("inbox"))["inbox"]
        assert [one["id"] for one in waiting] == sorted(one["id"] for one in waiting)
        assert len(waiting) == 3
        assert {one["state"] for one in waiting} == {"waiting"}
        assert (await here.get("inbox?age=1h"))["inbox"] == []
        page = await here.get("inbox?limit=2")
        assert [one["id"] for one in (await here.get(f"inbox?cursor={page['next']}"))["inbox"]] == [waiting[2]["id"]]
        here.here.health("auth", "wrong token")
        go_on.set()
        await here.until(lambda: not here.router.turns.running)
        parts = (await here.get("outbox?channel=p"))["outbox"]
        assert [one["state"] for one in parts] == ["ready"] * 3
        assert len((await here.get("inbox?state=done"))["inbox"]) == 3
        assert (await here.ask("GET", "outbox?state=lost")).code == "bad_state"
        here.here.health("up")
        here.router.ring_channel("p")
        await here.quiet()
        assert [one["state"] for one in (await here.get("outbox?state=sent"))["outbox"]] == ["sent"] * 3


@pytest.mark.feature("INB-08")
@pytest.mark.parametrize(
    "name", ["inbox/999", "outbox/999", "inbox/-1", "inbox/x", "inbox/" + "9" * 40, "table/1", "inbox/١"]
)
async def test_there_is_nothing_where_nothing_is(tmp_path: Path, name: str) -> None:
    async with desk(tmp_path) as here:
        for method, path in (("GET", ""), ("POST", "/requeue"), ("POST", "/discard")):
            answer = await here.ask(method, f"dead/{name}{path}")
            assert (answer.status, answer.code) == (404, "entry_unknown")
