"""Transactions in step on PostgreSQL: about different things they go together, and nothing else becomes of them."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from gateway.db import Rows, Tx, about
from gateway.db.postgres import Postgres
from gateway.db.postgres_jobs import in_groups, job
from gateway.ending import Ending, StateChange, end_turn
from gateway.history import Line
from gateway.inbox import Envelope
from gateway.intake import accept
from gateway.lanes import Spot
from gateway.message import Part, decode
from gateway.outbox import intend
from gateway.outcomes import Outcome, note
from gateway.post import Load
from tests.postgres import server
from tests.store import AUDIT, CLEAN, arrival, post
from tests.test_postgres import opened, run

steps: list[tuple[int, str]] = []  # who went on, with what


@about(lambda key, *rest: key)
def add(key: int, number: int, copies: int = 1) -> Tx[Rows]:
    """Make a row, read it, change it by what was read: all its rows, as they are then."""
    steps.append((key, "insert"))
    yield "INSERT INTO one (id, number) VALUES ($1, $2) ON CONFLICT DO NOTHING", (key, 0)
    steps.append((key, "read"))
    rows = yield "SELECT number, id FROM one WHERE id = $1 /*FOR UPDATE*/", (key,)
    if number < 0:
        raise ValueError(f"{number} is too small")
    steps.append((key, "update"))
    yield "UPDATE one SET number = $2 WHERE id = $1 RETURNING 1", (key, rows[0][0] + number)
    steps.append((key, "end"))
    return (yield "SELECT id, number FROM one, generate_series(1, $2) WHERE id = $1", (key, copies))


@about(lambda key: key)
def look(key: int) -> Tx[Rows]:
    return (yield "SELECT number FROM one WHERE id = $1", (key,))


@about(lambda key: key)
def look_twice(key: int) -> Tx[tuple[Rows, Rows]]:
    first = yield "SELECT number FROM one WHERE id = $1", (key,)
    return first, (yield "SELECT number FROM one WHERE id = $1", (key,))


@pytest.mark.feature("STO-01")
async def test_what_is_about_different_things_goes_in_step(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        steps.clear()
        found = await asyncio.gather(*(db.write(add, key, 10 + key, key) for key in range(4)))
        assert found == [[], [(1, 11)], [(2, 12)] * 2, [(3, 13)] * 3], "each is handed its own rows, however many"
        assert steps == [(key, step) for step in ("insert", "read", "update", "end") for key in range(4)]
        assert await db.read(run, "SELECT COUNT(DISTINCT xmin::text) FROM one") == [(1,)]
        assert await asyncio.gather(*(db.read(look, key) for key in (1, 9, 3))) == [[(11,)], [], [(13,)]]
        assert await asyncio.gather(*(db.read(look_twice, key) for key in (1, 9))) == [([(11,)],) * 2, ([], [])]


@pytest.mark.feature("STO-01")
async def test_what_is_about_the_same_goes_one_after_the_other(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        asked = [db.write(add, key, number) for number in (1, 10, 100) for key in (1, 2)]
        numbers = [rows[0][1] for rows in await asyncio.gather(*asked)]
        assert numbers == [1, 1, 11, 11, 111, 111]


@pytest.mark.feature("STO-01", "INB-01")
async def test_one_that_fails_in_step_fails_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        asked: list[Any] = [db.write(add, key, -1 if key == 2 else key) for key in range(5)]
        asked.append(db.write(add, 6, 1 << 63))  # this one the server refuses
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes[2::3]] == [ValueError, asyncpg.DataError]
        assert [outcomes[key] for key in (0, 1, 3, 4)] == [[(key, key)] for key in (0, 1, 3, 4)]
        assert await db.read(run, "SELECT id FROM one ORDER BY id") == [(0,), (1,), (3,), (4,)]


@about(lambda key: key)
def look_for(key: int) -> Tx[Rows]:
    rows = yield "SELECT number FROM one WHERE id = $1", (key,)
    if not rows:
        raise LookupError(key)
    return rows


@pytest.mark.feature("STO-01")
async def test_a_reader_that_fails_fails_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        await db.write(add, 1, 5)
        outcomes = await asyncio.gather(*(db.read(look_for, key) for key in (1, 2, 1)), return_exceptions=True)
        assert outcomes[::2] == [[(5,)], [(5,)]]
        assert isinstance(outcomes[1], LookupError)


@pytest.mark.feature("STO-01")
async def test_what_takes_long_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        await db.write(add, 1, 0)
        other = await asyncpg.connect(server().database(tmp_path))
        await other.execute("BEGIN")
        await other.execute("UPDATE one SET number = 50")
        held = asyncio.ensure_future(db.write(add, 1, 5))
        await asyncio.sleep(0)
        assert await db.write(add, 2, 2) == [(2, 2)]
        assert not held.done()
        await other.execute("COMMIT")
        assert await held == [(1, 55)]
        await other.close()


@pytest.mark.feature("STO-01")
def test_groups() -> None:
    async def grouped() -> list[list[tuple[Any, ...]]]:
        asked = [(look, 1), (add, 1), (look, 2), (look, 1), (run, "x"), (look, 3), (add, 1), (add, 1), (look, 4)]
        jobs = [job(tx, (about, 0)[: 1 + (tx is add)], {}) for tx, about in asked]  # type: ignore[arg-type]
        names = {tx.__code__: tx.__name__ for tx in (look, add, run)}
        return [[(names[one.kind], one.about) for one in group] for group in in_groups(jobs)]  # type: ignore[index]

    assert asyncio.run(grouped()) == [
        [("look", 1), ("look", 2)],
        [("add", 1)],
        [("look", 1)],
        [("run", None)],
        [("look", 3), ("look", 4)],
        [("add", 1)],
        [("add", 1)],
    ]


LANES = 6


class Corridor:
    """All that goes on in a few lanes, as much of it at once as may be. `said` and `heard` are by lane, in order."""

    def __init__(self, db: Postgres, seed: int) -> None:
        self._db, self._random, self._number, self.now = db, random.Random(seed), count(), 0
        self.said: defaultdict[str, list[str]] = defaultdict(list)
        self.heard: defaultdict[int, list[str]] = defaultdict(list)
        self._envelopes: list[Envelope] = []
        self._loads: list[Load] = []

    @property
    def busy(self) -> bool:
        return bool(self._envelopes or self._loads)

    async def round(self, messages: int) -> None:
        """So many messages come, and some of what was under way is done, all in the same moment."""
        self.now += 1
        ends, self._envelopes = self._some(self._envelopes)
        sends, self._loads = self._some(self._loads)
        asked = [self._say() for _ in range(messages)]
        asked += [self._end(one) for one in ends] + [self._sent(one) for one in sends]
        self._random.shuffle(asked)
        await asyncio.gather(*asked)

    def _some(self, what: list[Any]) -> tuple[list[Any], list[Any]]:
        self._random.shuffle(what)
        cut = self._random.randint(0, len(what))
        return what[:cut], what[cut:]

    async def _say(self) -> None:
        key, event = f"c/b/dm:user={self._random.randrange(LANES)}", f"{next(self._number)}"
        self.said[key].append(event)
        spot = Spot(key, "c", "acct", "b", "dm", "dm", key[-1], "")
        accepted = await self._db.write(accept, arrival(event, self.now, "me", spot=spot))
        assert accepted.outcome == "stored"
        if accepted.envelope is not None:
            self._envelopes.append(accepted.envelope)

    async def _end(self, envelope: Envelope) -> None:
        turn = envelope.entry.turn
        lines = [Line("user", turn, turn=turn), Line("assistant", turn, turn=turn)]
        parts = post([turn, f"{turn}+"], self.now, "me")
        change = StateChange({"last": turn}) if self._random.random() < 0.2 else None
        ended = await self._db.write(end_turn, Ending(envelope, "done", self.now, lines, parts, change))
        assert ended is not None
        if ended.next is not None:
            self._envelopes.append(ended.next)
        if ended.load is not None:
            self._loads.append(ended.load)

    async def _sent(self, load: Load) -> None:
        self.heard[load.lease.lane].append(decode(Part, load.part.body).text)
        following = await self._db.write(note, load.lease, load.part.id, Outcome("sent", "ref"), self.now, 1)
        if following is not None:
            assert await self._db.write(intend, load.lease, following.id)
            self._loads.append(Load(load.lease, following, 0))


@pytest.mark.feature("STO-01", "INB-01", "OUT-01")
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_comes_together_every_lane_keeps_its_order(seed: int, tmp_path: Path) -> None:
    async with opened(tmp_path) as db:

        async def found(rules: Mapping[str, str]) -> list[str]:
            return [f"{rule}: {rows}" for rule, sql in rules.items() if (rows := await db.read(run, sql))]

        corridor = Corridor(db, seed)
        for _ in range(40):
            await corridor.round(messages=6)
            assert not await found(AUDIT)
        while corridor.busy:
            await corridor.round(messages=0)
        assert not await found(AUDIT)
        assert not await found(CLEAN)
        keys = dict(await db.read(run, "SELECT id, key FROM lane"))
        heard = {keys[lane]: texts for lane, texts in corridor.heard.items()}
        assert heard == {
            key: [text for turn in said for text in (turn, f"{turn}+")] for key, said in corridor.said.items()
        }
