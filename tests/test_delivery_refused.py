"""What a platform refuses: once more as plain text, given up, or kept until we may speak again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.bot import Piece, Say
from gateway.errors import Refused, Retry
from gateway.message import Outbound, Turn
from tests.answers import parts, policy, three, wait, when
from tests.kit import corridor
from tests.steps import whole

pytestmark = pytest.mark.store


@pytest.mark.feature("OUT-06")
async def test_what_the_platform_cannot_parse_goes_out_once_more_as_plain_text(tmp_path: Path) -> None:
    async def marked(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text="**bold** 1"))
        yield Say(Outbound(text="after"))

    for refusals, sent in ((1, ["bold 1", "after"]), (2, ["after"])):
        async with corridor(tmp_path) as kit:
            kit.paper.sent.clear()
            kit.bot(marked)
            kit.paper.fail(lambda: Refused("markup"), times=refusals)
            await kit.say("hello")
            await whole(kit)
            assert kit.paper.texts() == sent
            assert all(not part.entities for part in kit.paper.sent)
    assert refusals == 2


@pytest.mark.feature("OUT-06")
@pytest.mark.parametrize("reason", ["too_long", "unsupported", "rejected", "window"])
async def test_what_is_refused_for_good_is_no_obstacle(tmp_path: Path, reason: Any) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)
        kit.paper.before = when(2, lambda: Refused(reason, "no"))
        await kit.say("hello")
        await whole(kit)
        assert kit.paper.texts() == ["hello 1", "hello 3"]
        assert await parts(kit, "state, reason, error") == [
            ("sent", None, None),
            ("dead", reason, "no"),
            ("sent", None, None),
        ]


@pytest.mark.feature("OUT-06")
@pytest.mark.parametrize("reason", ["blocked", "gone"])
async def test_who_wants_nothing_gets_nothing_until_they_write_again(tmp_path: Path, reason: Any) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)
        kit.paper.before = when(2, lambda: Refused(reason))
        await kit.say("hello")
        await kit.say("hello", user="bob")
        await whole(kit)
        ada, bob = kit.paper.texts("ada"), kit.paper.texts("bob")
        assert sorted([len(ada), len(bob)]) == [1, 3]
        assert await parts(kit, "state, reason", "state = 'dead'") == [("dead", reason)] * 2
        user = "ada" if len(ada) == 1 else "bob"
        await kit.say("again", user=user)
        await whole(kit)
        assert kit.paper.texts(user)[1:] == ["again 1", "again 2", "again 3"]


@pytest.mark.feature("OUT-06", "OUT-03")
async def test_refused_credentials_stop_the_channel_and_keep_its_parts(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy(ttl="1h")) as kit:
        kit.bot(three)
        kit.paper.before = when(2, lambda: Refused("auth", "token revoked"))
        await kit.say("one")
        await kit.stored("SELECT state, out_holder FROM outbox, lane WHERE seq = 2", ("ready", None))
        assert (kit.here.state, kit.here.detail) == ("auth", "token revoked")
        await kit.say("two")
        await kit.say("other", user="bob")
        await kit.until(lambda: not kit.router.turns.running)
        wait(kit, 23 * 3600)  # what cannot be sent at all is kept longer than what can
        await kit.router._look_for_parts("p")
        assert kit.paper.texts() == ["one 1"]
        kit.here.health("up")
        wait(kit, 0)
        await whole(kit)
        assert kit.paper.texts("ada") == ["one 1", "one 2", "one 3", "two 1", "two 2", "two 3"]
        assert len(kit.paper.texts("bob")) == 3


@pytest.mark.feature("OUT-06")
@pytest.mark.parametrize(("hours", "end"), [(23, ("sent", None)), (25, ("dead", "expired"))])
async def test_what_waited_before_the_channel_stopped_is_kept_for_a_day_too(
    tmp_path: Path, hours: int, end: tuple[str, str | None]
) -> None:
    """Its connection was refused, and nobody has tried to send since."""
    async with corridor(tmp_path, policy(ttl="6h")) as kit:
        kit.bot(three)
        kit.paper.before = when(1, lambda: Retry("busy", after=60))
        await kit.say("hello")
        await kit.stored("SELECT state, attempts, out_holder FROM outbox, lane WHERE seq = 1", ("ready", 1, None))
        kit.corridor.health(kit.here, "auth", "token revoked")
        await kit.stored("SELECT MIN((expires_at - created_at) / 3600000) FROM outbox", (24,))
        wait(kit, hours * 3600)
        kit.corridor.health(kit.here, "up")
        wait(kit, 0)
        await whole(kit)
        assert await parts(kit, "state, reason") == [end] * 3


@pytest.mark.feature("OUT-06")
async def test_what_is_too_old_is_not_sent(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy(ttl="1h")) as kit:
        kit.bot(three)
        kit.paper.before = when(2, lambda: Retry("busy", after=3000))
        await kit.say("old")
        await kit.stored("SELECT state, attempts FROM outbox WHERE seq = 2", ("ready", 1))
        wait(kit, 3500)
        await whole(kit)
        assert kit.paper.texts() == ["old 1", "old 2", "old 3"]
        kit.paper.before = when(2, lambda: Retry("busy", after=3000))
        await kit.say("new")
        await kit.stored("SELECT state, attempts FROM outbox WHERE seq = 5", ("ready", 1))
        wait(kit, 3601)
        await whole(kit)
        assert kit.paper.texts()[3:] == ["new 1"]
        assert (await parts(kit, "state, reason"))[4:] == [("dead", "expired")] * 2
