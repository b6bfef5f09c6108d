"""Order in a session, no order between sessions, and nobody waiting for somebody else's slowness."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Piece, Say
from gateway.errors import BotUnavailable, Retry
from gateway.message import Outbound, Turn
from tests.kit import corridor, echoes
from tests.steps import Held, away, later, plain, whole

TWO_BOTS = """
server: {workers: WORKERS}
bots: {b: {kind: echo, concurrency: CAP}, c: {kind: echo}}
channels:
  p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}}
  q: {platform: tests.paper, bot: c, account: other, limits: {send: off, messages: off}}
"""


def two_bots(workers: int = 1000, cap: int = 200) -> str:
    return TWO_BOTS.replace("WORKERS", str(workers)).replace("CAP", str(cap))


@pytest.mark.feature("ORD-01", "ORD-03", "MEM-01")
async def test_under_load_every_session_keeps_its_order(tmp_path: Path) -> None:
    """With a bot and a platform that fail now and then, every history is what was said before, and nothing else."""
    chance = random.Random(7)
    busy: defaultdict[str, int] = defaultdict(int)

    async def moody(turn: Turn) -> AsyncIterator[Piece]:
        user = turn.message.address.user
        assert busy[user] == 0
        busy[user] += 1
        try:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if turn.attempt == 1 and chance.random() < 0.1:
                raise BotUnavailable("not now", after=0)
            async for piece in echoes(turn):
                yield piece
        finally:
            busy[user] -= 1

    async with corridor(tmp_path) as kit:
        bot = kit.bot(moody)
        kit.paper.fail(lambda: Retry("not now", after=0), times=40)

        async def talk(user: str) -> None:
            for number in range(25):
                await kit.say(f"{number}", user=user)

        users = [f"user-{number}" for number in range(12)]
        await asyncio.gather(*(talk(user) for user in users))
        await whole(kit)
        wanted = [f"{number}" for number in range(25)]
        for user in users:
            assert kit.paper.texts(user) == wanted
        for turn in bot.turns:
            number = int(turn.message.text)
            assert [line.text for line in turn.history] == [text for n in wanted[:number] for text in (n, n)][-50:]


@pytest.mark.feature("ORD-01")
async def test_what_is_written_as_a_turn_ends_is_taken_at_once(tmp_path: Path) -> None:
    """The message's commit and the turn's end meet in every order, and in one commit; never is it left lying."""
    async with corridor(tmp_path) as kit:
        for steps in range(120):
            held = Held()
            bot = kit.bot(held)
            await kit.say(f"{steps} first")
            await kit.until(lambda bot=bot: bot.turns != [])  # type: ignore[misc]
            held.go.set()
            for _ in range(steps % 24):
                await asyncio.sleep(0)
            accepted = await kit.say(f"{steps} second")
            lane = await kit.rows("SELECT waiting, in_due_at IS NULL, in_holder IS NULL FROM lane")
            # It has been answered already, or somebody is at it, or it is due and the bell has rung.
            assert lane[0] == (0, 1, 1) or lane[0][1] == 0
            assert accepted.envelope is not None or lane[0][2] == 0 or kit.corridor.desk.seats("b").backlog
            await whole(kit)
            assert [turn.message.text for turn in bot.turns] == [f"{steps} first", f"{steps} second"]


@pytest.mark.feature("ORD-02")
async def test_a_slow_session_delays_no_other(tmp_path: Path) -> None:
    held = Held()

    async def answers(turn: Turn) -> AsyncIterator[Piece]:
        async for piece in held(turn) if turn.message.address.user == "slow" else echoes(turn):
            yield piece

    async with corridor(tmp_path) as kit:
        kit.bot(answers)
        for _ in range(5):
            await kit.say("slow", user="slow")
        for number in range(50):
            await kit.say("quick", user=f"user-{number % 10}")
        await kit.until(lambda: len(kit.paper.sent) == 50)
        assert kit.paper.texts("slow") == []
        held.go.set()
        await whole(kit)
        assert len(kit.paper.texts("slow")) == 5


@pytest.mark.feature("ORD-02", "BOT-08")
async def test_a_bot_at_its_cap_takes_no_place_from_others(tmp_path: Path) -> None:
    async with corridor(tmp_path, two_bots(workers=4, cap=2)) as kit:
        held = Held()
        slow, quick = kit.bot(held, "b"), kit.bot(echoes, "c")
        for number in range(9):
            await kit.say("slow", user=f"user-{number}")
        await kit.until(lambda: len(slow.turns) == 2)
        for number in range(30):
            await kit.say("quick", "q", user=f"user-{number % 6}")
        await kit.until(lambda: len(quick.turns) == 30)
        assert len(slow.turns) == 2
        waiting = "SELECT SUM(attempts), COUNT(*) FROM inbox WHERE state = 'waiting' AND channel = 'p'"
        assert await kit.rows(waiting) == [(2, 9)]
        held.go.set()
        await whole(kit)
        assert len(slow.turns) == 9


@pytest.mark.feature("ORD-02")
async def test_no_more_turns_at_once_than_there_are_places(tmp_path: Path) -> None:
    running, most, full = 0, 0, asyncio.Event()

    async def counted(turn: Turn) -> AsyncIterator[Piece]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()  # nobody leaves before every place has been taken
        running -= 1
        yield Say(Outbound(text=turn.message.text))

    async with corridor(tmp_path, two_bots(workers=3)) as kit:
        for name in ("b", "c"):
            kit.bot(counted, name)
        said = (kit.say("hello", "p" if number % 2 else "q", user=f"user-{number % 15}") for number in range(60))
        await asyncio.gather(*said)
        await whole(kit)
        assert most == 3
        assert len(kit.paper.sent) == 60


@pytest.mark.feature("ORD-02")
async def test_a_busy_session_yields_the_only_place(tmp_path: Path) -> None:
    async with corridor(tmp_path, two_bots(cap=1)) as kit:
        bot = kit.bot(echoes, "b")
        away(kit)
        for number in range(20):
            await kit.say(f"{number}", user="flood")
        await kit.say("hello", user="guest")
        away(kit, draining=False)
        await whole(kit)
        users = [turn.message.address.user for turn in bot.turns]
        assert users.index("guest") <= 2
        assert kit.paper.texts("flood") == [f"{number}" for number in range(20)]


@pytest.mark.feature("ORD-02")
async def test_the_only_place_goes_round(tmp_path: Path) -> None:
    """Two bots share one place, and both have more to do than it allows: each has its turn."""
    async with corridor(tmp_path, two_bots(workers=1)) as kit:
        order: list[str] = []

        def noting(name: str) -> None:
            async def answers(turn: Turn) -> AsyncIterator[Piece]:
                order.append(name)
                yield Say(Outbound(text="well"))

            kit.bot(answers, name)

        noting("b")
        noting("c")
        away(kit)
        for number in range(10):
            for channel in ("p", "q"):
                await kit.say("hello", channel, user=f"user-{number}")
        away(kit, draining=False)
        await whole(kit)
        assert len(order) == 20
        assert {"b", "c"} == set(order[:6])


@pytest.mark.feature("ORD-01", "BOT-06")
async def test_a_failing_message_holds_up_its_own_session_only(tmp_path: Path) -> None:
    async def answers(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "bad" and turn.attempt < 3:
            raise BotUnavailable("not now")
        async for piece in echoes(turn):
            yield piece

    async with corridor(tmp_path) as kit:
        kit.bot(answers)
        for text in ("bad", "good"):
            await kit.say(text)
        await kit.say("good", user="bob")
        await kit.stored("SELECT failures FROM inbox WHERE id = 1", (1,))
        await kit.until(lambda: kit.paper.texts("bob") == ["good"])
        assert await kit.corridor.db.read(plain, "SELECT attempts FROM inbox WHERE id = 2") == [(0,)]
        for _ in range(2):
            later(kit, 60)
            await asyncio.sleep(0.01)
        await whole(kit)
        assert kit.paper.texts("ada") == ["bad", "good"]
