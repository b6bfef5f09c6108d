"""Erasing somebody, and giving out what is known of them, goes in steps as short among many as among few."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import apsw
import pytest

from gateway.clock import Clock
from gateway.operations.dossier import export
from gateway.operations.office import Office
from tests.crowd import DAY, gather
from tests.groups import hear
from tests.kit import Kit, corridor
from tests.postgres import CHOSEN
from tests.test_scale import heavier
from tests.weighing import plan, scans, weighing

pytestmark = pytest.mark.skipif(CHOSEN, reason="what is weighed is SQLite's work")

YAML = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paper, bot: b, group: {mode: open}, groups: {own: {scope: user}},
               limits: {send: off, messages: off}}}
"""
FEW, MANY = 15_300, 32_000  # so many that every step is full, also where a third of them is found
SMALL_TABLES = {"SCAN chat_alias"}

# Beside the crowd: a group for each of them, a group in which each speaks apart, and one session with all their lines.
COMPANY = (
    """INSERT INTO lane (id, key, channel, account, bot, scope, place, chat, thread, session)
         SELECT :count + n, 'p/b/group:account=acct,chat=g' || n, 'p', 'acct', 'b', 'group', 'group', 'g' || n, '',
           'group-' || n FROM crowd""",
    """INSERT INTO lane (id, key, channel, account, bot, scope, place, chat, thread)
         SELECT 2 * :count + n, 'p/b/group:account=acct,chat=own,user=crowd' || n, 'p', 'acct', 'b', 'group', 'group',
           'own', '' FROM crowd""",
    """INSERT INTO session (id, lane, key, channel, bot, epoch, created_at, first_activity, last_activity,
           last_user_activity, quiet_from)
         SELECT 'group-' || n, :count + n, 'p/b/group:account=acct,chat=g' || n, 'p', 'b', 0, 0, 0, 0, 0, 0 FROM crowd
           WHERE n % 100 = 0 OR n = 1""",
    """INSERT INTO message (session, seq, role, sender, text, at)
         SELECT 'group-1', n, 'user', 'crowd' || n, 'hello', 0 FROM crowd""",
    "UPDATE session SET next_message = :count WHERE id = 'group-1'",
)
Weights = Mapping[str, list[int]]


def join(path: Path, count: int) -> None:
    connection = apsw.Connection(str(path))
    numbers = "numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
    with connection:
        for step in COMPANY:
            sql = step.replace("FROM crowd", f"FROM (WITH RECURSIVE {numbers} SELECT n FROM numbers)")
            connection.execute(sql, {"count": count})
    connection.close()


async def erased(folder: Path, count: int) -> tuple[Weights, set[str]]:
    """What it took to give out and erase somebody among so many, and the statements."""
    folder.mkdir()
    path = folder / "gateway.db"
    await gather(path, count, Clock().now() + DAY)
    await asyncio.to_thread(join, path, count)
    with weighing() as scales:
        async with corridor(folder, YAML) as kit:
            await _speaks(kit)
            scales.take()
            scales.statements.clear()
            office = Office(kit.corridor, kit.router, kit.settings)
            found = await export(office, "person3")
            assert found.count("xyzzy") >= 3
            counts = await kit.router.erasure.erase("person3")
            assert counts is not None
            assert (counts["participants"], counts["sessions"]) == (1, 2)
            theirs = "SELECT seq FROM message WHERE session = 'group-1' AND seq IN (2, 3, 4, $1) AND text = '[erased]'"
            assert await kit.rows(theirs, count + 1) == [(3,), (count + 1,)]
            for key in ("dm:account=acct,user=crowd3", "group:account=acct,chat=own,user=crowd3"):
                assert await kit.rows("SELECT 1 FROM lane WHERE key = $1", f"p/b/{key}") == []
    return scales.steps, scales.statements


async def _speaks(kit: Kit) -> None:
    """Alone, in a group, and in one where each speaks apart."""
    await kit.say("xyzzy", user="crowd3")
    await hear(kit, "xyzzy in company", "crowd3", "g1")
    await hear(kit, "xyzzy apart", "crowd3", "own")
    await kit.quiet()


@pytest.mark.feature("SEC-08", "STO-10")
async def test_no_step_takes_longer_among_many(tmp_path: Path) -> None:
    few, _ = await erased(tmp_path / "few", FEW)
    many, statements = await erased(tmp_path / "many", MANY)
    assert heavier(few, many) == {}
    path = tmp_path / "many" / "gateway.db"
    found = {sql: set(scans(path, sql)) - SMALL_TABLES for sql in statements}
    assert {sql: lines for sql, lines in found.items() if lines} == {}
    ways = "\n".join(line for sql in statements for line in plan(path, sql))
    for index in ("lane_shared", "lane_apart", "lane_chat", "participant_same", "session_participant", "token_lane"):
        assert index in ways
