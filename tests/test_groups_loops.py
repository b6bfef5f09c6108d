"""Two bots that answer each other are stopped, and only they; what a bot asks for in vain is said."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from gateway.bot import Change, Piece, Say
from gateway.clock import Clock
from gateway.intake import Accepted
from gateway.loops import SILENCE, SPAN, TALKS, Loops, Pair
from gateway.message import Address, Inbound, Outbound, Place, Sender, Turn
from tests.groups import outcome, yaml
from tests.kit import Kit, corridor

BOTS = "group: {mode: open, allow_bots: true, bot_loop_limit: 6}"


async def beep(kit: Kit, event: str, who: str = "robot", chat: str = "g1", place: Place = "group") -> Accepted:
    """Another bot speaks."""
    address = Address(chat=chat, user=who, place=place)
    robot = Sender(id=who, name="Robot", bot=True)
    return await kit.receive(
        Inbound(channel="p", account="acct", ids=(event,), address=address, text="beep", sender=robot)
    )


async def beeps(kit: Kit, name: str, times: int, **how: str) -> list[str]:
    outcomes = []
    for number in range(times):
        outcomes.append((await beep(kit, f"{name}{number}", **how)).outcome)  # type: ignore[arg-type]
        await kit.quiet()
    return outcomes


@pytest.mark.feature("GRP-11", "CH-24", "INB-09")
@pytest.mark.parametrize("place", ["group", "dm"])
async def test_two_bots_do_not_talk_for_ever(tmp_path: Path, place: str) -> None:
    async with corridor(tmp_path, yaml(BOTS)) as kit:
        with structlog.testing.capture_logs() as log:
            # three of theirs with three answers of ours are six: the next one is too much
            assert await beeps(kit, "a", 5, place=place) == ["stored"] * 3 + ["loop"] * 2
        assert [line for line in log if line["event"] == "loop.stopped"] == [
            {
                "event": "loop.stopped",
                "log_level": "warning",
                "channel": "p",
                "chat": "g1",
                "other": "robot",
                "seconds": SILENCE,
            }
        ]
        assert await kit.rows("SELECT reason, COUNT(*) FROM dropped GROUP BY reason") == [("loop", 2)]
        assert await beeps(kit, "b", 1, who="another") == ["stored"]
        assert await beeps(kit, "c", 1, chat="g2") == ["stored"]
        assert await outcome(kit, "people go on", "ada") == "stored"
        kit.clock.ahead += SILENCE - 1
        assert await beeps(kit, "d", 1, place=place) == ["loop"]
        kit.clock.ahead += 2
        assert await beeps(kit, "e", 4, place=place) == ["stored"] * 3 + ["loop"]


@pytest.mark.feature("GRP-11")
async def test_a_slow_talk_is_none_and_silence_does_not_count(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(BOTS)) as kit:

        async def nothing(turn: Turn) -> AsyncIterator[Piece]:
            yield Change(silent=True)

        kit.bot(nothing)
        assert await beeps(kit, "a", 7) == ["stored"] * 6 + ["loop"]
        kit.clock.ahead += SILENCE
        for number in range(20):
            assert await beeps(kit, f"s{number}-", 1) == ["stored"]
            kit.clock.ahead += SPAN / 6


@pytest.mark.feature("GRP-11", "GRP-04")
async def test_a_group_may_bear_more(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(BOTS, "groups: {g2: {bot_loop_limit: 2}, g3: {allow_bots: false}}")) as kit:
        assert await beeps(kit, "a", 2, chat="g2") == ["stored", "loop"]
        assert await beeps(kit, "b", 2, chat="g1") == ["stored", "stored"]
        assert await beeps(kit, "c", 1, chat="g3") == ["other_bot"]


@pytest.mark.feature("GRP-11")
def test_the_guard_remembers_no_more_than_it_may() -> None:
    loops = Loops(Clock())
    for number in range(TALKS + 100):
        assert not loops.caught(Pair("p", "acct", "g", str(number)), 20)
    assert len(loops._talks) == TALKS


@pytest.mark.feature("BOT-01", "OBS-01")
async def test_what_a_bot_asks_for_in_vain_is_said_once(tmp_path: Path) -> None:
    async def wishes(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text="well"))
        yield Change(handoff={"reason": "ada is angry"}, template="winter")
        yield Change(transfer="site")

    async with corridor(tmp_path) as kit:
        kit.bot(wishes)
        with structlog.testing.capture_logs() as log:
            await kit.say("hello")
            await kit.quiet()
        (line,) = [line for line in log if line["event"] == "bot.ignored"]
        assert line["fields"] == ["handoff", "template", "transfer"]
        assert line["asked"] == {"handoff": "asked", "template": "winter", "transfer": "site"}
        assert line["bot"] == "b"
        assert kit.paper.texts() == ["well"]
