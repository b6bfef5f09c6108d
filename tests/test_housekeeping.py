"""What has had its time is put away: dormant and expired sessions, tokens, old ids and entries. Time is an argument."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.errors import BotBroken, Refused
from gateway.housekeeping import EVERY, TOKENS_EVERY
from gateway.message import Outbound, Turn
from gateway.retention import BATCH, KEPT
from tests.keeping import DAY, HOUR, kept


@pytest.mark.feature("LIF-05", "LIF-04")
async def test_sessions_fall_asleep_by_the_policy_of_their_channel(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        for channel in ("p", "brief", "endless"):
            await here.visit("ada", channel, "platform")
        await here.later(6 * 60)
        assert await here.states() == {"p ada": "active", "brief ada": "dormant", "endless ada": "active"}
        await here.later(25 * 60)
        assert await here.states() == {"p ada": "dormant", "brief ada": "dormant", "endless ada": "active"}
        await here.later(20 * HOUR)
        assert (await here.states())["endless ada"] == "active"


@pytest.mark.feature("LIF-05", "LIF-03")
async def test_the_next_message_goes_on_where_it_was_and_only_users_wake_it(tmp_path: Path) -> None:
    async def keeping(turn: Turn) -> AsyncIterator[Piece]:
        yield Change(variables={"step": turn.session.message_count})
        yield Say(Outbound(text="yes"))

    async with kept(tmp_path) as here:
        bot = here.bot(keeping)
        session = await here.visit("ada", level="platform")
        await here.later(HOUR)
        assert await here.states() == {"p ada": "dormant"}
        await here.say("/status", user="ada")
        await here.quiet()
        await here.later(HOUR)
        assert await here.states() == {"p ada": "dormant"}
        assert await here.visit("ada", level="platform") == session
        assert await here.states() == {"p ada": "active"}
        turn = bot.turns[-1]
        assert turn.session.resumed
        assert turn.session.variables == {"step": 0}
        assert [message.text for message in turn.history] == ["hello", "yes"]
        await here.later(60)
        await here.visit("ada", level="platform")
        assert not bot.turns[-1].session.resumed


@pytest.mark.feature("LIF-05")
async def test_who_waits_for_an_answer_does_not_fall_asleep(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        await here.visit("ada", level="platform")
        here.corridor.desk.draining = True
        await here.say("are you there?", user="ada")
        await here.later(HOUR)
        assert await here.states() == {"p ada": "active"}


@pytest.mark.feature("SEC-10", "LIF-05")
async def test_many_are_put_away_in_steps_and_none_is_left_out(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        session = await here.visit("ada", level="platform")
        columns = "lane, participant, key, channel, bot, epoch, level, created_at, first_activity, last_activity"
        # All at the same moment, so that no step can end between two times.
        await here.corridor.db.write(
            lambda: _once(
                f"""INSERT INTO session (id, state, ended_at, last_user_activity, quiet_from, {columns})
                      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                      SELECT 'old-' || i, 'closed', 1, 1, 1, lane, participant, key, channel, bot, 0, 'anonymous',
                        1, 1, 1
                      FROM n, session WHERE id = $2""",
                2 * BATCH + 7,
                session,
            )
        )
        await here.later(8 * DAY)
        assert await here.rows("SELECT state, COUNT(*) FROM session GROUP BY state ORDER BY state") == [
            ("dormant", 1),
            ("expired", 2 * BATCH + 7),
        ]


def _once(sql: str, *args: object):  # type: ignore[no-untyped-def]
    yield sql, args


@pytest.mark.feature("SEC-10", "ID-04")
async def test_tokens_go_when_they_lapse_and_when_their_session_is_long_over(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        ada, bob = await here.visit("ada", level="verified"), await here.visit("bob", level="verified")
        brief, for_ever, closed = await here.token(ada, HOUR), await here.token(ada, None), await here.token(bob, None)
        await here.later(HOUR - 60)
        assert await here.tokens() == {brief, for_ever, closed}
        await here.later(60 + EVERY)
        assert await here.tokens() == {for_ever, closed}
        await here.say("/end", user="bob")
        await here.quiet()
        # For a while they are told that it was closed, and then that there is nothing.
        for _ in range(TOKENS_EVERY):
            await here.later(HOUR)
        assert await here.tokens() == {for_ever, closed}
        here.clock.ahead += DAY
        for _ in range(TOKENS_EVERY):
            await here.later(EVERY)
        assert await here.tokens() == {for_ever}
        assert TOKENS_EVERY * EVERY <= 600


@pytest.mark.feature("SEC-10", "INB-08", "INB-02")
async def test_ids_and_dead_letters_are_kept_for_thirty_days(tmp_path: Path) -> None:
    async def breaking(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "break":
            raise BotBroken("no")
        yield Say(Outbound(text=turn.message.text))

    counts = """SELECT (SELECT COUNT(*) FROM dedupe), (SELECT COUNT(*) FROM inbox), (SELECT COUNT(*) FROM outbox)"""
    async with kept(tmp_path) as here:
        here.bot(breaking)
        here.paper.fail(lambda: Refused("rejected", "no"))
        await here.say("hello", event="first")
        await here.quiet()
        await here.say("break")
        await here.say("not for us", place="group", chat="g", addressed=False)
        await here.quiet()
        assert await here.rows(counts) == [(3, 2, 2)]
        await here.later(KEPT / 1000 - 60)
        assert await here.rows(counts) == [(3, 2, 2)]
        assert (await here.say("hello", event="first")).outcome == "duplicate"
        await here.say("young", user="bob")
        await here.quiet()
        await here.later(DAY)
        assert await here.rows(counts) == [(1, 1, 1)]
        assert await here.rows("SELECT COUNT(*) FROM message") == [(6,)]


@pytest.mark.feature("INB-08")
async def test_a_dead_letter_is_kept_for_thirty_days_from_its_death(tmp_path: Path) -> None:
    async def breaking(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "hello":
            raise BotBroken("no")
        yield Say(Outbound())

    async with kept(tmp_path) as here:
        here.bot(breaking)
        here.corridor.desk.draining = True
        await here.say("hello")
        here.clock.ahead += 20 * DAY
        here.corridor.desk.draining = False
        here.router.ring_bot("b")
        await here.quiet()
        assert await here.rows("SELECT state, reason FROM inbox") == [("dead", "bot_failed")]
        await here.later(29 * DAY)
        assert await here.rows("SELECT state FROM inbox") == [("dead",)]
        await here.later(2 * DAY)
        assert await here.rows("SELECT state FROM inbox") == []


@pytest.mark.feature("SEC-10")
async def test_what_waits_is_never_put_away(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        here.here.health("auth")
        await here.visit("ada", text="answered", wait=False)
        await here.stored("SELECT COUNT(*) FROM outbox WHERE state = 'ready'", (1,))
        here.corridor.desk.draining = True
        await here.visit("bob", text="waiting", wait=False)
        await here.later(40 * DAY)
        assert await here.rows("SELECT COUNT(*) FROM inbox WHERE state = 'waiting'") == [(1,)]
        assert await here.rows("SELECT COUNT(*) FROM outbox WHERE state = 'ready'") == [(1,)]
        assert (await here.states())["p bob"] == "active"
        lanes = "SELECT COUNT(*) FROM lane WHERE waiting > 0 AND session IS NOT NULL"
        assert await here.rows(lanes) == [(1,)]


@pytest.mark.feature("SEC-10")
async def test_a_search_goes_on_where_it_ended_and_begins_anew_under_other_settings(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        first = await here.visit("ada", level="platform")
        await here.later(HOUR)
        # As a hand on the store would: it lies behind the place that the search has come to.
        await here.corridor.db.write(lambda: _once("UPDATE session SET state = 'active' WHERE id = $1", first))
        await here.later(EVERY)
        assert await here.states() == {"p ada": "active"}
        idle = here.here.settings.session.idle.model_copy(update={"after": 600.0})
        session = here.here.settings.session.model_copy(update={"idle": idle})
        here.here.settings = here.here.settings.model_copy(update={"session": session})
        await here.later(EVERY)
        assert await here.states() == {"p ada": "dormant"}
