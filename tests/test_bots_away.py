"""A bot that is away: its messages wait for it in order, their senders are told once, and nobody waits for ever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Piece, Say
from gateway.breaker import OPENS_AFTER, PROBE_EVERY
from gateway.errors import BotUnavailable
from gateway.message import Outbound, Turn
from gateway.texts import TEXTS
from tests.kit import YAML, Kit, Scripted, corridor, echoes
from tests.steps import later, whole

SORRY, AWAY = TEXTS["failed"], TEXTS["bot_away"]


class Backend:
    """A bot that is there or is not."""

    def __init__(self, kit: Kit, name: str = "b") -> None:
        self.here, self.kit = False, kit
        self.bot: Scripted = kit.bot(self._answers, name)

    @property
    def asked(self) -> list[str]:
        return [turn.message.text for turn in self.bot.turns]

    async def _answers(self, turn: Turn) -> AsyncIterator[Piece]:
        if not self.here:
            raise BotUnavailable("nobody answers")
        async for piece in echoes(turn):
            yield piece

    async def goes(self) -> None:
        """It fails until its circuit opens, by people of whom nothing waits afterwards."""
        self.here = False
        for number in range(OPENS_AFTER):
            await self.kit.say("go away", user=f"stranger-{number}")
        await self.kit.until(lambda: self.kit.corridor.desk.seats("b").breaker.open)


async def told(kit: Kit, *users: str) -> list[list[str]]:
    return [kit.paper.texts(user) for user in users]


async def waits(kit: Kit, seconds: float, looks: int = 3) -> None:
    """Time goes by, and everything that it makes due is done."""
    later(kit, seconds)
    for _ in range(looks):
        await kit.router._look_for_turns("b")
    await kit.until(lambda: not kit.router.turns.running)


@pytest.mark.feature("BOT-07")
async def test_the_circuit_opens_after_five_failures_in_a_row(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        backend = Backend(kit)
        for number in range(OPENS_AFTER - 1):
            await kit.say("hello", user=f"user-{number}")
        await kit.until(lambda: len(backend.asked) == OPENS_AFTER - 1)
        backend.here = True
        await kit.say("fine", user="ada")  # not in a row any more
        await kit.until(lambda: "fine" in kit.paper.texts())
        await kit.until(lambda: not kit.router.turns.running)
        assert not kit.corridor.desk.seats("b").breaker.open


@pytest.mark.feature("BOT-07")
async def test_one_probe_in_thirty_seconds_and_the_true_answers_in_order(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        backend = Backend(kit)
        await backend.goes()
        asked = len(backend.asked)
        for text in ("one", "two", "three"):
            assert (await kit.say(text)).envelope is None
        for probes in range(1, 4):
            await waits(kit, PROBE_EVERY - 1)
            assert len(backend.asked) == asked + probes - 1
            later(kit, 1.5)
            await kit.until(lambda probes=probes: len(backend.asked) > asked + probes - 1)  # type: ignore[misc]
            await waits(kit, 0)
            assert len(backend.asked) == asked + probes
        assert (await kit.rows("SELECT COUNT(*) FROM inbox WHERE state = 'dead'")) == [(0,)]
        backend.here = True
        for _ in range(2):  # the probe, and whoever was one and waits for half a minute since
            later(kit, PROBE_EVERY + 1)
            await kit.until(lambda: not kit.corridor.desk.seats("b").breaker.open)
        await whole(kit)
        assert kit.paper.texts("ada") == [AWAY, "one", "two", "three"]
        assert backend.asked[-3:] != ["go away"] * 3
        attempts: dict[str, list[int]] = {}
        for turn in backend.bot.turns:
            attempts.setdefault(turn.id, []).append(turn.attempt)
        assert all(numbers == sorted(set(numbers)) for numbers in attempts.values())


@pytest.mark.feature("BOT-07")
async def test_who_has_waited_for_fifteen_seconds_is_told_once(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        backend = Backend(kit)
        await backend.goes()
        await kit.say("one")
        await kit.say("hello", user="bob")
        await waits(kit, 14)
        assert await told(kit, "ada", "bob") == [[], []]
        await waits(kit, 1.5)
        await kit.until(lambda: kit.paper.texts("bob") == [AWAY] == kit.paper.texts("ada"))
        await kit.say("two")
        for _ in range(3):
            await waits(kit, 20)
        await kit.quiet_outbox()
        assert await told(kit, "ada", "bob") == [[AWAY], [AWAY]]
        lines = await kit.rows("SELECT role, text FROM message WHERE flag = 'away'")
        assert set(lines) == {("system", AWAY)}
        backend.here = True
        later(kit, 31)
        await kit.until(lambda: len(kit.paper.texts("ada")) == 3)
        later(kit, 31)
        await whole(kit)
        assert await told(kit, "ada", "bob") == [[AWAY, "one", "two"], [AWAY, "hello"]]
        history = [turn.history for turn in backend.bot.turns if turn.message.text == "two"]
        assert [line.text for line in history[-1]] == ["one", "one"]  # the notice is no part of what bots are told
        await backend.goes()  # another time, and it is said again
        await kit.say("three")
        await waits(kit, 16)
        await kit.until(lambda: kit.paper.texts("ada")[-1] == AWAY)


@pytest.mark.feature("BOT-07")
async def test_it_is_said_once_also_by_the_next_process(tmp_path: Path) -> None:
    for _ in range(2):
        async with corridor(tmp_path) as kit:
            backend = Backend(kit)
            await backend.goes()
            await kit.say("hello")
            await waits(kit, 16)
            await kit.until(lambda kit=kit: kit.paper.texts("ada"))  # type: ignore[misc]
            await kit.quiet_outbox()
            assert kit.paper.texts("ada") == [AWAY]


@pytest.mark.feature("BOT-07")
async def test_after_half_an_hour_there_is_an_apology_and_a_dead_letter(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        backend = Backend(kit)
        await backend.goes()
        for user in ("ada", "bob"):
            await kit.say("hello", user=user)
        await waits(kit, 1795)
        assert SORRY not in kit.paper.texts()
        await kit.say("later", user="eve")
        for _ in range(3):
            await waits(kit, 10)
        await kit.until(lambda: kit.paper.texts("ada") == [AWAY, SORRY] == kit.paper.texts("bob"))
        dead = await kit.rows(
            "SELECT state, reason, COUNT(*) FROM inbox WHERE turn IN (SELECT turn FROM inbox"
            " WHERE body LIKE '%hello%') GROUP BY state, reason"
        )
        assert dead == [("dead", "bot_away", 2)]
        asked = len(backend.asked)
        assert asked < 20  # most of those who waited were not asked about again
        backend.here = True
        for _ in range(3):
            later(kit, 31)
            await kit.until(lambda: not kit.corridor.desk.seats("b").breaker.open)
        await whole(kit)
        assert kit.paper.texts("eve")[-1] == "later"


@pytest.mark.feature("BOT-07")
async def test_how_long_is_the_operators_choice(tmp_path: Path) -> None:
    yaml = YAML.replace("{kind: echo}", "{kind: echo, away_after: 1m, patience: 5m}").replace(
        "bot: b,", "bot: b, texts: {bot_away: Please wait.},"
    )
    async with corridor(tmp_path, yaml) as kit:
        backend = Backend(kit)
        await backend.goes()
        await kit.say("hello")
        await waits(kit, 59)
        assert kit.paper.texts("ada") == []
        await waits(kit, 2)
        await kit.until(lambda: kit.paper.texts("ada") == ["Please wait."])
        await waits(kit, 230)
        assert kit.paper.texts("ada") == ["Please wait."]
        await waits(kit, 10)
        await kit.until(lambda: kit.paper.texts("ada") == ["Please wait.", SORRY])


@pytest.mark.feature("BOT-07")
async def test_no_words_no_notice(tmp_path: Path) -> None:
    yaml = YAML.replace("bot: b,", "bot: b, texts: {bot_away: ''},")
    async with corridor(tmp_path, yaml) as kit:
        backend = Backend(kit)
        await backend.goes()
        await kit.say("hello")
        await waits(kit, 60)
        await kit.quiet_outbox()
        assert kit.paper.texts() == []
        assert await kit.rows("SELECT COUNT(*) FROM message") == [(0,)]


@pytest.mark.feature("BOT-07")
async def test_a_reset_while_the_bot_is_away_frees_its_user(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        backend = Backend(kit)
        await backend.goes()
        await kit.say("hello")
        await waits(kit, 16)
        await kit.until(lambda: kit.paper.texts("ada") == [AWAY])
        await kit.quiet_outbox()
        await kit.say("/reset")
        await kit.say("anew")
        await kit.until(lambda: len(kit.paper.texts("ada")) == 2)
        backend.here = True
        later(kit, 31)
        await kit.until(lambda: not kit.corridor.desk.seats("b").breaker.open)
        later(kit, 31)
        await whole(kit)
        assert kit.paper.texts("ada") == [AWAY, "Conversation reset.", AWAY, "anew"]  # a new conversation


@pytest.mark.feature("BOT-07", "BOT-06")
async def test_one_person_alone_waits_for_a_bot_that_is_away(tmp_path: Path) -> None:
    """The fifth failure opens the circuit: from then on the message waits, instead of being given up."""

    async def unavailable(turn: Turn) -> AsyncIterator[Piece]:
        if len(bot.turns) <= 5:
            raise BotUnavailable("away")
        yield Say(Outbound(text="here I am"))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(unavailable)
        await kit.say("hello")
        for failures in range(1, 6):
            await kit.stored("SELECT failures FROM inbox", (failures,))
            later(kit, 60)
        await whole(kit)
        assert kit.paper.texts() == [AWAY, "here I am"]
