"""Anything in any order: people, bots, platforms, clocks and restarts by chance; what must hold holds all along.

`GW_FUZZ` says how many steps; a seed that found something is kept below.
"""

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.bot import Change, Piece, Say
from gateway.errors import BotBroken, BotUnavailable, Refused, Retry, Unknown
from gateway.message import Address, Inbound, Outbound, Part, Place, Turn
from tests.kit import Kit, corridor, said
from tests.steps import broken, whole

STEPS = int(os.environ.get("GW_FUZZ", "600"))
LIFE = 75  # steps until the process is stopped, or dies
YAML = """
bots: {b: {kind: echo, concurrency: 3, retries: 2}}
channels:
  p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}, group: {mode: open}, delivery: {ttl: 2d}}
"""
USERS = ("ada", "bob", "cyd", "dan")
GROUP, MOVED = "-100", "-200"


class Chaos:
    """Everything that may happen, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._ahead = 0.0
        self._events: list[Inbound] = []
        self._moved = False
        self.accepted: Counter[str] = Counter()
        self.sent: list[Part] = []
        self._steps: list[tuple[int, Callable[[Kit], Awaitable[object]]]] = [
            (30, self._say),
            (4, self._say_again),
            (5, self._command),
            (6, self._platform_fails),
            (3, self._time_goes_by),
            (3, lambda kit: kit.router.renew()),
            (1, self._channel_stops),
            (2, self._report),
            (1, self._move),
            (20, lambda kit: asyncio.sleep(0)),
            (5, lambda kit: asyncio.sleep(0.003)),
            (4, self._audit),
        ]

    async def live(self, folder: Path, steps: int) -> None:
        """One process's life: some steps, then a stop, or a death in the middle of things."""
        async with corridor(folder, YAML) as kit:
            kit.clock.ahead = self._ahead
            kit.bot(self._answers)
            kit.paper.failures.clear()
            weights = [weight for weight, _ in self._steps]
            for _, step in self._chance.choices(self._steps, weights, k=steps):
                await step(kit)
            if self._chance.random() < 0.5:
                await kit.corridor.tasks.cancel()
            self._ahead = kit.clock.ahead

    async def end(self, folder: Path) -> None:
        """Everything works from now on, and all that was begun comes to its end."""
        async with corridor(folder, YAML) as kit:
            kit.bot(self._answers_well)
            kit.paper.failures.clear()
            for _ in range(12):
                self._ahead += 3600
                kit.clock.ahead = self._ahead
                for ring in (kit.router.ring_bot, kit.router.ring_channel):
                    ring("b" if ring == kit.router.ring_bot else "p")
                await asyncio.sleep(0.05)
            await whole(kit)
            await self._account(kit)

    async def _account(self, kit: Kit) -> None:
        """What was accepted has one end; what was sent was in order, and repeated only where that is on record."""
        entries = await kit.rows("SELECT turn, state FROM inbox")
        assert len(entries) == self.accepted["stored"]
        assert {state for _, state in entries} <= {"done", "dropped", "dead"}
        rows = await kit.rows("SELECT id, lane, seq, unknowns, state FROM outbox")
        known = {str(number): row for number, *row in rows}
        assert all(state in ("sent", "unconfirmed", "dropped", "dead") for *_, state in known.values())
        first: defaultdict[int, list[int]] = defaultdict(list)
        copies: Counter[str] = Counter()
        for part in kit.paper.sent:
            lane, seq, unknowns, _ = known[part.id]
            copies[part.id] += 1
            assert copies[part.id] == 1 or (unknowns and copies[part.id] == 2 and first[lane][-1] == seq)
            if copies[part.id] == 1:
                first[lane].append(seq)
        assert all(order == sorted(order) for order in first.values())
        told = {number for number, (*_, state) in known.items() if state == "sent"}
        reported = {str(number) for (number,) in await kit.rows("SELECT id FROM outbox WHERE status IS NOT NULL")}
        assert told <= set(copies) | reported

    async def _answers(self, turn: Turn) -> AsyncIterator[Piece]:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)
        luck = self._chance.random()
        if luck < 0.06:
            raise BotUnavailable("away", after=self._chance.choice((0, 0, 30)))
        if luck < 0.09:
            raise BotBroken("no")
        if luck < 0.1:
            yield Change(variables={"number": 2**70})
        if luck < 0.12:
            yield Change(end_session=True)
        yield Change(variables={"last": turn.message.text})
        for number in range(self._chance.randrange(4)):
            yield Say(Outbound(text=f"{turn.message.text} {number}"))

    async def _answers_well(self, turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text=turn.message.text))

    async def _take(self, kit: Kit, inbound: Inbound) -> None:
        self._events.append(inbound)
        self.accepted[(await kit.receive(inbound)).outcome] += 1

    def _spoken(self, kit: Kit, text: str) -> Inbound:
        user = self._chance.choice(USERS)
        group = self._chance.random() < 0.3
        place: Place = "group" if group else "dm"
        return said(kit.here, text, user=user, chat=GROUP if group else user, place=place)

    async def _say(self, kit: Kit) -> None:
        several = [self._spoken(kit, f"word {len(self._events)}") for _ in range(self._chance.choice((1, 1, 4)))]
        await asyncio.gather(*(self._take(kit, inbound) for inbound in several))

    async def _say_again(self, kit: Kit) -> None:
        for inbound in self._chance.sample(self._events, min(3, len(self._events))):
            accepted = await kit.receive(inbound)
            assert accepted.outcome == "duplicate"

    async def _command(self, kit: Kit) -> None:
        await self._take(kit, self._spoken(kit, self._chance.choice(("/reset", "/stop", "/end", "/status"))))

    async def _platform_fails(self, kit: Kit) -> None:
        error = self._chance.choice(
            (
                Retry("busy", after=0),
                Retry("busy", after=60),
                Retry("too fast", after=5, everyone=True),
                Unknown("cut off"),
                Unknown("cut off"),
                Refused("rejected"),
                Refused("blocked"),
                Refused("markup"),
            )
        )
        kit.paper.accepts_then_fails = isinstance(error, Unknown) and self._chance.random() < 0.5
        kit.paper.fail(lambda: error)

    async def _time_goes_by(self, kit: Kit) -> None:
        kit.clock.ahead += self._chance.choice((0.5, 2, 20, 100, 4000))
        kit.router.ring_bot("b")
        kit.router.ring_channel("p")

    async def _channel_stops(self, kit: Kit) -> None:
        kit.here.health("auth")
        for _ in range(3):
            await self._say(kit)
        kit.here.health("up")

    async def _report(self, kit: Kit) -> None:
        received = [part.id for part in kit.paper.sent[-5:]]
        if received:
            await kit.here.adapter.gate.settle(self._chance.choice(received), "delivered")

    async def _move(self, kit: Kit) -> None:
        """The group goes on elsewhere, once; some of its members' apps take a while to notice."""
        if self._moved:
            return
        self._moved = True
        news = replace(said(kit.here, ""), kind="migrate", address=Address(chat=GROUP, place="group"))
        await kit.receive(replace(news, extra={"from": GROUP, "to": MOVED}))

    async def _audit(self, kit: Kit) -> None:
        assert await broken(kit) == []


@pytest.mark.feature("INB-02", "INB-03", "ORD-01", "ORD-03", "OUT-03", "OUT-05", "LIF-11", "LIF-19", "KEY-08", "STO-06")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens(tmp_path: Path, seed: int) -> None:
    chaos = Chaos(seed + int(os.environ.get("GW_SEED", "0")))
    for _ in range(max(1, STEPS // 2 // LIFE)):
        await chaos.live(tmp_path, LIFE)
    await chaos.end(tmp_path)
    assert chaos.accepted["stored"] > STEPS // 10
