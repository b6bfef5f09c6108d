"""Sessions that nobody uses end for good, by the policy of their channel, and what is erased with them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.live import Event
from gateway.message import Outbound, Turn
from tests.keeping import DAY, HOUR, kept

pytestmark = pytest.mark.store


@pytest.mark.feature("LIF-09", "SEC-10")
async def test_anonymous_sessions_expire_with_all_that_was_kept_for_them(tmp_path: Path) -> None:
    async def keeping(turn: Turn) -> AsyncIterator[Piece]:
        yield Change(variables={"size": 42}, context={"kb": ["a"]}, participant_set={"likes": "tea"})
        yield Say(Outbound(text="yes"))

    async with kept(tmp_path) as here:
        here.bot(keeping)
        anonymous = await here.visit("ghost")
        known = await here.visit("ada", level="platform")
        mine, theirs = await here.token(anonymous, None), await here.token(known, None)
        lane = (await here.rows("SELECT lane FROM session WHERE id = $1", anonymous))[0][0]
        await here.later(6.9 * DAY)
        assert await here.states() == {"p ghost": "dormant", "p ada": "dormant"}
        with here.corridor.live.watch(lane) as watcher:
            await here.later(0.2 * DAY)
            assert await watcher.get() == Event("closed", {"reason": "timeout"}, 0, anonymous)
        assert await here.states() == {"p ghost": "expired", "p ada": "dormant"}
        erased = "SELECT name, data, profile FROM participant WHERE person = $1"
        assert await here.rows(erased, "ghost") == [("", "{}", "{}")]
        left = "SELECT variables, context, reason FROM session WHERE id = $1"
        assert await here.rows(left, anonymous) == [("{}", "{}", "timeout")]
        assert await here.rows("SELECT data FROM participant WHERE person = 'ada'") == [('{"likes":"tea"}',)]
        assert await here.tokens() == {theirs}
        assert mine not in await here.tokens()
        assert await here.rows("SELECT session FROM lane WHERE id = $1", lane) == [(None,)]
        # What was said is kept; whoever comes again begins anew.
        assert await here.rows("SELECT COUNT(*) FROM message WHERE session = $1", anonymous) == [(2,)]
        assert await here.visit("ghost") != anonymous


@pytest.mark.feature("LIF-09", "LIF-02")
async def test_expiry_counts_from_the_last_use_and_takes_closed_sessions_too(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        await here.visit("ghost")
        await here.visit("gone")
        await here.visit("gone", text="/end")
        await here.later(5 * DAY)
        await here.visit("ghost")
        await here.later(5 * DAY)
        assert await here.states() == {"p ghost": "dormant", "p gone": "expired"}
        assert await here.rows("SELECT reason FROM session WHERE state = 'expired'") == [("user",)]
        await here.later(3 * DAY)
        assert await here.states() == {"p ghost": "expired", "p gone": "expired"}


@pytest.mark.feature("LIF-09", "LIF-03")
async def test_what_the_gateway_says_keeps_a_silent_session_alive(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        await here.visit("ghost")
        await here.visit("other")
        await here.later(3 * DAY)
        await here.visit("ghost", text="/status")
        await here.later(4 * DAY + 60)
        assert await here.states() == {"p ghost": "dormant", "p other": "expired"}
        await here.later(3 * DAY - 120)
        assert await here.states() == {"p ghost": "dormant", "p other": "expired"}
        await here.later(120)
        assert await here.states() == {"p ghost": "expired", "p other": "expired"}


@pytest.mark.feature("SEC-10")
async def test_a_clock_that_was_ahead_leaves_nobody_out(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        await here.later(DAY)
        here.clock.ahead -= DAY
        await here.visit("ada", level="platform")
        await here.later(HOUR)
        assert await here.states() == {"p ada": "dormant"}


@pytest.mark.feature("LIF-09")
async def test_identified_users_expire_only_where_the_operator_says_so(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        for channel in ("p", "brief", "endless"):
            await here.visit("ada", channel, "platform")
            await here.visit("ghost", channel, "anonymous")
        await here.later(400 * DAY)
        assert await here.states() == {
            "p ada": "dormant",
            "p ghost": "expired",
            "brief ada": "expired",
            "brief ghost": "expired",
            "endless ada": "active",
            "endless ghost": "active",
        }
        rows = await here.rows("SELECT name FROM participant WHERE channel = 'brief' ORDER BY person")
        assert rows == [("Ada",), ("",)]
