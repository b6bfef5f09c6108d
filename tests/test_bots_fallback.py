"""A bot that another one stands in for: while it is away, and where it has failed for good."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from config import ConfigErrors
from gateway.bot import Delta, Piece, Say
from gateway.breaker import OPENS_AFTER
from gateway.errors import BotBroken, BotUnavailable
from gateway.message import Outbound, Turn
from gateway.texts import TEXTS
from tests.kit import Kit, Scripted, configure, corridor
from tests.steps import Held, later, whole

YAML = """
bots:
  b: {kind: echo, fallback: second}
  second: {kind: echo, fallback: third, retries: 1}
  third: {kind: echo, retries: 0}
channels: {p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}}}
"""
TWO = YAML.replace("fallback: third, ", "")


def answers(name: str) -> Callable[[Turn], AsyncIterator[Piece]]:
    async def says(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text=f"{name}: {turn.message.text}"))

    return says


def fails(error: Exception, begun: str = "") -> Callable[[Turn], AsyncIterator[Piece]]:
    async def never(turn: Turn) -> AsyncIterator[Piece]:
        if begun:
            yield Delta(begun)
        raise error

    return never


def cast(kit: Kit, **plays: Callable[[Turn], AsyncIterator[Piece]]) -> list[Scripted]:
    return [kit.bot(play, name) for name, play in plays.items()]


@pytest.mark.feature("BOT-08")
async def test_another_answers_when_the_first_has_failed_for_good(tmp_path: Path) -> None:
    async with corridor(tmp_path, TWO.replace("fallback: second", "fallback: second, retries: 2")) as kit:
        first, second = cast(kit, b=fails(BotUnavailable("busy"), "half an ans"), second=answers("second"))
        await kit.say("hello")
        for failures in (1, 2):
            await kit.stored("SELECT failures FROM inbox", (failures,))
            later(kit, 60)
        await whole(kit)
        assert (len(first.turns), len(second.turns)) == (3, 1)
        assert kit.paper.texts() == ["second: hello"]
        turns = [*first.turns, *second.turns]
        assert len({turn.id for turn in turns}) == 1
        assert [turn.attempt for turn in turns] == [1, 2, 3, 4]
        assert await kit.rows("SELECT state, reason FROM inbox") == [("done", None)]
        await kit.say("more")
        await kit.stored("SELECT failures FROM inbox WHERE state = 'waiting'", (1,))
        later(kit, 60)  # the next failure opens the first one's circuit: the other is asked at once
        await whole(kit)
        assert [line.text for line in second.turns[-1].history] == ["hello", "second: hello"]


@pytest.mark.feature("BOT-08", "BOT-06")
@pytest.mark.parametrize("error", [BotBroken("no"), ValueError("what")])
async def test_what_would_be_the_same_again_is_not_tried_again(tmp_path: Path, error: Exception) -> None:
    async with corridor(tmp_path, TWO) as kit:
        first, second = cast(kit, b=fails(error), second=answers("second"))
        await kit.say("hello")
        await whole(kit)
        assert (len(first.turns), len(second.turns)) == (1, 1)
        assert kit.paper.texts() == ["second: hello"]


@pytest.mark.feature("BOT-08", "BOT-07")
async def test_another_answers_at_once_while_the_circuit_is_open(tmp_path: Path) -> None:
    async with corridor(tmp_path, TWO) as kit:
        first, _ = cast(kit, b=fails(BotUnavailable("away")), second=answers("second"))
        for number in range(OPENS_AFTER):
            await kit.say("hello", user=f"user-{number}")
        await kit.until(lambda: kit.corridor.desk.seats("b").breaker.open)
        later(kit, 5)  # those who were asked about before it opened try again, and find it open
        await whole(kit)
        asked = len(first.turns)
        assert asked == OPENS_AFTER
        for number in range(20):
            await kit.say("again", user=f"user-{number}")
        await whole(kit)
        assert len(first.turns) == asked
        assert sorted(kit.paper.texts()) == ["second: again"] * 20 + ["second: hello"] * OPENS_AFTER
        later(kit, 31)
        cast(kit, b=answers("first"))
        for text in ("probe", "and then"):
            await kit.say(text)
        await whole(kit)
        assert kit.paper.texts("ada") == ["first: probe", "first: and then"]


@pytest.mark.feature("BOT-08", "BOT-07")
async def test_a_probe_that_fails_is_answered_by_the_other(tmp_path: Path) -> None:
    async with corridor(tmp_path, TWO) as kit:
        first, _ = cast(kit, b=fails(BotBroken("no")), second=answers("second"))
        for _ in range(OPENS_AFTER):
            await kit.say("hello")
        await whole(kit)
        later(kit, 31)
        await kit.say("probe")
        await whole(kit)
        assert len(first.turns) == OPENS_AFTER + 1
        assert kit.paper.texts()[-1] == "second: probe"
        assert kit.corridor.desk.seats("b").breaker.open  # that the other answered says nothing of the first


@pytest.mark.feature("BOT-08")
async def test_the_chain_is_gone_through_to_its_end(tmp_path: Path) -> None:
    yaml = YAML.replace("fallback: second", "fallback: second, retries: 0")
    async with corridor(tmp_path, yaml) as kit:
        bots = cast(kit, b=fails(BotBroken("no")), second=fails(BotUnavailable("busy")), third=answers("third"))
        await kit.say("hello")
        await kit.stored("SELECT failures FROM inbox", (2,))
        later(kit, 60)
        await whole(kit)
        assert [len(bot.turns) for bot in bots] == [1, 2, 1]
        assert kit.paper.texts() == ["third: hello"]


@pytest.mark.feature("BOT-08", "BOT-06")
async def test_where_all_fail_there_is_an_apology(tmp_path: Path) -> None:
    async with corridor(tmp_path, YAML) as kit:
        bots = cast(kit, b=fails(BotBroken("no")), second=fails(BotBroken("no")), third=fails(BotBroken("no")))
        await kit.say("hello")
        await whole(kit)
        assert [len(bot.turns) for bot in bots] == [1, 1, 1]
        assert kit.paper.texts() == [TEXTS["failed"]]
        assert await kit.rows("SELECT state, reason, attempts - failures FROM inbox") == [("dead", "bot_failed", 1)]


@pytest.mark.feature("BOT-08", "BOT-07")
async def test_where_all_are_away_messages_wait(tmp_path: Path) -> None:
    async with corridor(tmp_path, TWO.replace("retries: 1", "retries: 0")) as kit:
        bots = cast(kit, b=fails(BotUnavailable("away")), second=fails(BotUnavailable("away")))
        for number in range(OPENS_AFTER):
            await kit.say("hello", user=f"user-{number}")
        seats = kit.corridor.desk.seats
        await kit.until(lambda: seats("b").breaker.open)
        later(kit, 5)
        await kit.until(lambda: seats("second").breaker.open)
        await kit.say("patience")
        later(kit, 16)
        await kit.until(lambda: kit.paper.texts("ada") == [TEXTS["bot_away"]])
        asked = sum(len(bot.turns) for bot in bots)
        cast(kit, b=answers("first"))
        for _ in range(3):
            later(kit, 31)
            await kit.until(lambda: not seats("b").breaker.open)
        await whole(kit)
        assert kit.paper.texts("ada") == [TEXTS["bot_away"], "first: patience"]
        assert asked <= 3 * OPENS_AFTER


@pytest.mark.feature("BOT-08")
async def test_the_cap_of_whoever_stands_in_is_kept(tmp_path: Path) -> None:
    yaml = TWO.replace("retries: 1", "retries: 1, concurrency: 2").replace("second}", "second, retries: 0}")
    async with corridor(tmp_path, yaml) as kit:
        bot = Held()
        _, second = cast(kit, b=fails(BotBroken("no")), second=bot)
        for number in range(5):
            await kit.say("hello", user=f"user-{number}")
        await kit.until(lambda: len(second.turns) == 2)
        assert kit.corridor.desk.seats("second").taken == 2
        await kit.until(lambda: len(kit.router.turns.running) == 2)
        assert len(second.turns) == 2
        later(kit, 3600)  # they wait for a place, which has nothing to do with patience for a bot that is away
        await kit.stored("SELECT COUNT(*) FROM inbox WHERE state = 'dead'", (0,))
        bot.go.set()
        later(kit, 2)
        await whole(kit)
        assert len(kit.paper.sent) == 5


@pytest.mark.feature("BOT-08")
@pytest.mark.parametrize(
    ("bots", "told"),
    [
        ("{a: {kind: echo, fallback: a}}", ["1:34: bots.a.fallback: leads in a circle: a -> a"]),
        (
            "{a: {kind: echo, fallback: b}, b: {kind: echo, fallback: c}, c: {kind: echo, fallback: a}}",
            ["1:34: bots.a.fallback: leads in a circle: a -> b -> c -> a"],
        ),
        (
            "{x: {kind: echo, fallback: a}, a: {kind: echo, fallback: b}, b: {kind: echo, fallback: a}}",
            ["1:64: bots.a.fallback: leads in a circle: a -> b -> a"],
        ),
        ("{bert: {kind: echo, fallback: brt}}", ['1:37: bots.bert.fallback: unknown bot "brt"; did you mean "bert"?']),
    ],
)
def test_circles_are_mistakes_with_a_place(tmp_path: Path, bots: str, told: list[str]) -> None:
    with pytest.raises(ConfigErrors) as raised:
        configure(tmp_path, f"bots: {bots}\n")
    said = [str(problem).partition("gateway.yaml:")[2] for problem in raised.value.problems]
    assert said == told
