"""The life of a session: it begins with a message, goes on over restarts, ends by a command or a bot."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Delta, Piece, Say
from gateway.db import Tx
from gateway.message import Outbound, Turn
from tests.kit import Kit, corridor

pytestmark = pytest.mark.store

TWO_BOTS = """
bots: {b: {kind: echo}, c: {kind: echo}}
defaults: {limits: {send: off, messages: off}}
channels:
  p: {platform: tests.paper, bot: b}
  q: {platform: tests.paper, bot: c}
  r: {platform: tests.paper, bot: b, account: other}
"""


async def remembers(turn: Turn) -> AsyncIterator[Piece]:
    """Keeps what it is told, and says what it knew before."""
    yield Say(Outbound(text=f"{dict(turn.session.variables)} {dict(turn.participant.data)}"))
    said = turn.message.text
    yield Change(variables={"said": said}, context={"prompt": said}, participant_set={"first": said})


async def session_of(kit: Kit, state: str = "active") -> str:
    rows = await kit.rows("SELECT id FROM session WHERE state = $1", state)
    assert len(rows) == 1
    return str(rows[0][0])


@pytest.mark.feature("LIF-01", "KEY-10", "LIF-02")
async def test_the_first_message_makes_session_and_participant(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot()
        await kit.say("hello")
        await kit.quiet()
        row = (await kit.rows("SELECT key, state, reason, epoch, participant, tags, metadata FROM session"))[0]
        person = (await kit.rows("SELECT id FROM participant WHERE person = 'ada'"))[0][0]
        assert row == ("p/b/dm:account=acct,user=ada", "active", None, 0, person, "[]", "{}")


@pytest.mark.feature("KEY-05", "LIF-01")
async def test_two_first_messages_at_once_make_one_session(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot()
        await asyncio.gather(*(kit.say(f"m{number}") for number in range(20)))
        await kit.quiet()
        assert len(await kit.rows("SELECT 1 FROM session")) == 1
        assert sorted(kit.paper.texts()) == sorted(f"m{number}" for number in range(20))


@pytest.mark.feature("KEY-05")
async def test_the_store_itself_holds_one_open_session_for_a_key(tmp_path: Path) -> None:
    columns = (
        "lane, key, channel, bot, epoch, created_at, first_activity, last_activity, last_user_activity, quiet_from"
    )

    def another(state: str) -> Tx[None]:
        yield f"INSERT INTO session (id, state, {columns}) SELECT $1, $1, {columns} FROM session LIMIT 1", (state,)

    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await kit.quiet()
        for state in ("active", "dormant", "handoff"):
            with pytest.raises(Exception, match=r"(?i)unique"):
                await kit.corridor.db.write(another, state)
        for state in ("closed", "expired"):
            await kit.corridor.db.write(another, state)
        assert await kit.rows("SELECT state FROM session ORDER BY state") == [("active",), ("closed",), ("expired",)]


@pytest.mark.feature("KEY-01", "KEY-06", "ID-06")
async def test_bots_channels_and_accounts_are_kept_apart(tmp_path: Path) -> None:
    async with corridor(tmp_path, TWO_BOTS) as kit:
        first, second = kit.bot(remembers), kit.bot(remembers, "c")
        for channel in "pqr":
            await kit.say(f"secret of {channel}", channel)
        for channel in "pqr":
            await kit.say("and now?", channel)
        await kit.quiet()
        for turn in first.turns + second.turns:
            mine = f"secret of {turn.session.channel}"
            seen = repr((turn.history, turn.session, turn.participant, turn.message))
            assert [other for other in "pqr" if f"secret of {other}" in seen] == [turn.session.channel], mine
            assert turn.participant.level == "platform"
        assert len({turn.session.id for turn in first.turns + second.turns}) == 3


@pytest.mark.feature("LIF-10", "LIF-07", "MEM-07", "MEM-09", "MEM-11", "CMD-02")
async def test_a_reset_leaves_the_conversation_behind_and_keeps_the_participant(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot(remembers)
        await kit.say("one")
        await kit.quiet()
        old = await session_of(kit)
        await kit.say("/reset")
        await kit.say("two")
        await kit.quiet()
        assert kit.paper.texts() == ["{} {}", "Conversation reset.", "{} {'first': 'one'}"]
        before, after = bot.turns
        assert after.session.id != before.session.id
        assert (after.session.epoch, after.history, after.summary) == (1, (), None)
        assert (after.session.variables, after.session.context) == ({}, {})
        assert after.session.key == before.session.key
        kept = "state, reason, ended_at > 0, variables, context, message_count"
        archived = await kit.rows(f"SELECT {kept} FROM session WHERE id = $1", old)
        assert archived == [("closed", "reset", 1, '{"said":"one"}', '{"prompt":"one"}', 2)]
        assert len(await kit.rows("SELECT 1 FROM message WHERE session = $1", old)) == 2


@pytest.mark.feature("LIF-10")
async def test_resetting_nothing_is_harmless(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        for _ in range(2):
            await kit.say("/reset")
            await kit.quiet()
        assert kit.paper.texts() == ["Conversation reset."] * 2
        assert len(await kit.rows("SELECT 1 FROM session WHERE state = 'active'")) == 1


@pytest.mark.feature("LIF-11", "CMD-04")
async def test_a_late_answer_from_before_a_reset_never_arrives(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "old":
            begun.set()
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                await go_on.wait()  # a bot that cannot be interrupted
        yield Say(Outbound(text=f"answer to {turn.message.text}"))

    async with corridor(tmp_path) as kit:
        kit.bot(slow)
        await kit.say("old")
        await kit.say("waiting behind it")
        await begun.wait()
        await kit.say("/reset")
        await kit.say("new")
        await kit.until(lambda: "answer to new" in kit.paper.texts())
        go_on.set()
        await kit.quiet()
        assert kit.paper.texts() == ["Conversation reset.", "answer to new"]
        states = await kit.rows("SELECT state, reason FROM inbox ORDER BY seq")
        assert states == [("dropped", "superseded")] * 2 + [("done", "command"), ("done", None)]


@pytest.mark.feature("LIF-13", "LIF-07")
async def test_end_closes_and_the_next_message_begins_anew(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot(remembers)
        await kit.say("one")
        await kit.quiet()
        await kit.say("/end")
        await kit.say("two")
        await kit.quiet()
        assert kit.paper.texts()[1] == "Conversation ended."
        assert bot.turns[1].history == ()
        assert bot.turns[1].session.id != bot.turns[0].session.id
        closed = await kit.rows("SELECT reason, ended_at IS NOT NULL FROM session WHERE state = 'closed'")
        assert closed == [("user", 1)]


@pytest.mark.feature("LIF-15", "LIF-07")
@pytest.mark.parametrize(
    ("change", "reason", "resolved"), [(Change(end_session=True), "bot", None), (Change(resolved=True), "resolved", 1)]
)
async def test_a_bot_ends_the_session_after_its_reply(
    tmp_path: Path, change: Change, reason: str, resolved: int | None
) -> None:
    async def ends(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text=turn.message.text))
        if turn.message.text == "bye":
            yield change

    async with corridor(tmp_path) as kit:
        bot = kit.bot(ends)
        for text in ("hi", "bye", "again"):
            await kit.say(text)
        await kit.quiet()
        assert kit.paper.texts() == ["hi", "bye", "again"]
        assert bot.turns[1].session.id == bot.turns[0].session.id != bot.turns[2].session.id
        assert bot.turns[2].history == ()
        rows = await kit.rows("SELECT reason, resolved FROM session WHERE state = 'closed'")
        assert rows == [(reason, resolved)]


@pytest.mark.feature("LIF-18", "CMD-02")
async def test_stop_ends_the_answer_with_what_was_seen(tmp_path: Path) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def endless(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text != "go":
            yield Say(Outbound(text=f"{[line.text for line in turn.history]}"))
            return
        yield Delta("so far ")
        yield Delta("so good")
        begun.set()
        await never.wait()

    async with corridor(tmp_path) as kit:
        kit.bot(endless)
        await kit.say("/stop")
        await kit.say("go")
        await begun.wait()
        await kit.say("/stop")
        await kit.quiet()
        await kit.say("next")
        await kit.quiet()
        assert kit.paper.texts() == ["There is nothing to stop.", "Stopped.", "['go', 'so far so good']"]
        flagged = await kit.rows("SELECT text FROM message WHERE flag = 'cancelled'")
        assert flagged == [("so far so good",)]


@pytest.mark.feature("LIF-19", "LIF-05", "MEM-02", "MEM-07")
async def test_everything_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(remembers)
        await kit.say("one")
        await kit.quiet()
    async with corridor(tmp_path) as kit:
        bot = kit.bot(remembers)
        await kit.say("two")
        await kit.quiet()
        turn = bot.turns[0]
        assert [line.text for line in turn.history] == ["one", "{} {}"]
        assert (turn.session.variables, turn.session.context) == ({"said": "one"}, {"prompt": "one"})
        assert turn.participant.data == {"first": "one"}
        assert turn.session.message_count == 2


@pytest.mark.feature("LIF-05", "LIF-02")
async def test_a_dormant_session_is_resumed_by_the_next_message(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("one")
        await kit.quiet()
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        old = await session_of(kit)

        def doze():  # type: ignore[no-untyped-def]
            yield "UPDATE session SET state = 'dormant'", ()
            yield "UPDATE lane SET version = version + 1", ()

        await kit.corridor.db.write(doze)
        await kit.say("two")
        await kit.say("three")
        await kit.quiet()
        assert [turn.session.resumed for turn in bot.turns] == [True, False]
        assert bot.turns[0].session.id == old == await session_of(kit)


@pytest.mark.feature("LIF-03", "MEM-12")
async def test_only_the_user_keeps_a_session_awake(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.say("one")
        await kit.quiet()
        first = (await kit.rows("SELECT created_at, last_user_activity FROM session"))[0]
        kit.clock.ahead += 60
        await kit.say("/status")
        await kit.quiet()
        noticed = (await kit.rows("SELECT last_user_activity, last_activity FROM session"))[0]
        assert noticed[0] == first[1]
        assert noticed[1] >= first[1] + 60_000
        kit.clock.ahead += 60
        await kit.say("two")
        await kit.quiet()
        seen = bot.turns[1].session
        assert (seen.created_at, seen.message_count) == (first[0], 2)
        assert seen.last_activity == noticed[1]
        assert (await kit.rows("SELECT last_user_activity FROM session"))[0][0] >= first[1] + 120_000


@pytest.mark.feature("MEM-12")
async def test_last_seen_is_the_time_before_this_session(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.say("one")
        await kit.quiet()
        before = (await kit.rows("SELECT last_user_activity FROM session"))[0][0]
        kit.clock.ahead += 3600
        await kit.say("/reset")
        await kit.say("two")
        await kit.quiet()
        assert bot.turns[0].participant.last_seen is None
        assert bot.turns[1].participant.last_seen == before
