"""Power is lost at any moment: what was acknowledged is there, what was sent is known to have been tried.

`GW_POWER_CUTS` says at how many moments.
"""

import os
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.bot import Change, Piece, Say
from gateway.db import Rows, Tx
from gateway.db.sqlite import Sqlite
from gateway.message import Outbound, Part, Turn
from tests.kit import Kit, corridor
from tests.postgres import CHOSEN
from tests.power import Op, Platter, recorded

CUTS = int(os.environ.get("GW_POWER_CUTS", "250"))


class Marks(NamedTuple):
    """What the world knew after so many operations of the disk: events acknowledged, parts received."""

    acknowledged: list[tuple[int, str]]
    received: list[tuple[int, str]]


async def chatty(turn: Turn) -> AsyncIterator[Piece]:
    for index in range(1 + len(turn.message.text) % 3):
        yield Say(Outbound(text=f"{turn.message.text}, part {index}"))
    yield Change(variables={"last": turn.message.text})


async def _talk(kit: Kit, ops: list[Op], marks: Marks, round: int) -> None:
    """A few people at once, some of whom begin anew; the log is folded into the file every now and then."""

    async def sent(part: Part) -> None:
        marks.received.append((len(ops), part.id))

    def fold() -> Tx[Rows]:
        return (yield "PRAGMA wal_autocheckpoint = 30", ())

    await kit.corridor.db.write(fold)
    kit.bot(chatty)
    kit.paper.before = sent
    for number in range(12):
        for user in ("ada", "bob", "cyd"):
            event = f"{round}-{user}-{number}"
            text = "/reset" if number == 7 and user == "bob" else event + "x" * (number * number * 40)
            await kit.say(text, user=user, event=event)
            marks.acknowledged.append((len(ops), event))
        if number % 4 == 3:
            await kit.quiet()


async def _record(folder: Path) -> tuple[list[Op], Marks]:
    marks = Marks([], [])
    with recorded() as disk:
        for round in range(3):
            async with corridor(folder) as kit:
                await _talk(kit, disk.ops, marks, round)
    return disk.ops, marks


def _read(sql: str) -> Tx[Rows]:
    return (yield sql, ())


async def _check(folder: Path, known: Marks) -> None:
    db = await Sqlite.open(folder / "gateway.db")
    assert await db.read(_read, "PRAGMA integrity_check") == [("ok",)]
    assert await db.read(_read, "PRAGMA foreign_key_check") == []
    entries = await db.read(_read, "SELECT turn, state, body FROM inbox")
    heard = {event for _, event in known.acknowledged}
    assert heard <= {event for _, _, body in entries for event in [body.split('"ids":["')[1].split('"')[0]]}
    # Nobody has received what the store believes it has not begun to send.
    parts = await db.read(_read, "SELECT CAST(id AS TEXT), state FROM outbox")
    begun = {part for part, state in parts if state in ("unknown", "sent", "dropped")}
    assert {part for _, part in known.received} <= begun
    # An entry is done together with its lines, and never by halves.
    done = {turn for turn, state, _ in entries if state == "done"}
    lines = await db.read(_read, "SELECT turn FROM message")
    assert done == {turn for (turn,) in lines}
    await db.close()


@pytest.mark.skipif(CHOSEN, reason="what is cut off is a file that we write; a server's is its own")
@pytest.mark.feature("INB-01", "STO-01", "STO-02", "OUT-01")
@pytest.mark.timeout(0)
async def test_power_is_lost_at_any_moment(tmp_path: Path) -> None:
    (tmp_path / "life").mkdir()
    ops, marks = await _record(tmp_path / "life")
    assert {op.kind for op in ops} >= {"write", "sync", "truncate"}
    assert len(marks.acknowledged) == 3 * 12 * 3
    assert len(marks.received) > 100
    chance = random.Random(2024)
    platter, done = Platter(), 0
    for number, moment in enumerate(sorted(chance.randrange(len(ops) + 1) for _ in range(CUTS))):
        for op in ops[done:moment]:
            platter.apply(op)
        done = moment
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in platter.cut(chance).items():
            (folder / name).write_bytes(content)
        before = Marks(*([one for one in known if one[0] <= moment] for known in marks))
        await _check(folder, before)
        shutil.rmtree(folder)
