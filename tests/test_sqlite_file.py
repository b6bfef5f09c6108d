"""The file of a SQLite store: who may open it, what is found in it, and what is said when it cannot be used."""

import asyncio
import os
import sys
from pathlib import Path

import apsw
import pytest

from gateway.db import migrations
from gateway.db.sqlite import Sqlite
from gateway.errors import StorageDown
from tests.scratch import opened, pair, run


@pytest.mark.feature("STO-01")
async def test_one_process_for_a_file(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    (tmp_path / "by-another-name.db").symlink_to(tmp_path / "gateway.db")
    for name in ("gateway.db", "by-another-name.db"):
        with pytest.raises(StorageDown, match="another gateway is running on this store"):
            await Sqlite.open(tmp_path / name)
    await db.write(pair, 1)  # the refused ones have disturbed nothing
    await db.close()
    await (await Sqlite.open(tmp_path / "by-another-name.db")).close()


@pytest.mark.feature("STO-01")
async def test_a_store_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Dear diary, " * 1000)
    (tmp_path / "folder").mkdir()
    for path, why in (("text", "not a database"), ("folder", "Is a directory"), ("text/gateway.db", "File exists")):
        for _ in range(2):  # nor does it keep the lock
            with pytest.raises(StorageDown, match=why):
                await Sqlite.open(tmp_path / path)


@pytest.mark.feature("STO-02")
async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    newer = migrations()[-1][0] + 1
    file = apsw.Connection(str(tmp_path / "gateway.db"))
    file.execute(f"PRAGMA user_version = {newer}")
    file.close()
    with pytest.raises(StorageDown, match=f"version {newer}.*run the newer program"):
        await Sqlite.open(tmp_path / "gateway.db")


OPEN = """
import asyncio, pathlib, sys
from gateway.db.sqlite import Sqlite
asyncio.run(Sqlite.open(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.feature("STO-02")
@pytest.mark.parametrize("step", range(1, len(migrations()) + 1))
async def test_a_migration_cut_off_is_begun_again(tmp_path: Path, step: int) -> None:
    path = tmp_path / "gateway.db"
    environment = {**os.environ, "GW_FAILPOINT": f"migration.step:{step}"}
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN, str(path), env=environment)
    assert await ended.wait() == -9
    file = apsw.Connection(str(path))
    tables = file.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'meta'").fetchall()
    assert bool(tables) == (step > 1)
    assert file.pragma("user_version") == step - 1
    file.close()
    db = await Sqlite.open(path)
    assert await db.read(run, "PRAGMA user_version") == [(len(migrations()),)]
    assert await db.read(run, "SELECT COUNT(*) FROM outbox") == [(0,)]
    await db.close()


@pytest.mark.feature("STO-02")
@pytest.mark.parametrize("step", range(1, len(migrations())))
async def test_every_earlier_schema_upgrades_with_what_it_holds(tmp_path: Path, step: int) -> None:
    path = tmp_path / "gateway.db"
    environment = {**os.environ, "GW_FAILPOINT": f"migration.step:{step + 1}"}
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN, str(path), env=environment)
    await ended.wait()
    file = apsw.Connection(str(path))
    assert file.pragma("user_version") == step
    file.execute("""INSERT INTO lane (id, key, channel, account, bot, scope, place, chat, thread, session)
                      VALUES (1, 'c/b/dm:user=ada', 'c', 'a', 'b', 'dm', 'dm', 'ada', '', 's')""")
    file.execute("""INSERT INTO session (id, lane, key, channel, bot, level, epoch, created_at, first_activity,
                      last_activity, last_user_activity, quiet_from)
                      VALUES ('s', 1, 'c/b/dm:user=ada', 'c', 'b', 'platform', 0, 7, 7, 7, 7, 7)""")
    file.execute("INSERT INTO message (session, seq, role, text, at) VALUES ('s', 1, 'user', 'hello', 7)")
    file.close()
    db = await Sqlite.open(path)
    assert await db.read(run, "SELECT content FROM sessions s JOIN messages m ON m.session_id = s.id") == [("hello",)]
    assert await db.read(run, "PRAGMA user_version") == [(len(migrations()),)]
    await db.close()


@pytest.mark.feature("STO-01", "OUT-05", "LIF-19")
async def test_the_process_before_us_is_gone(tmp_path: Path) -> None:
    """Its leases are void, and what it was sending may have been sent."""
    db = await opened(tmp_path)
    lane = "INSERT INTO lane (id, key, channel, account, bot, scope, place, chat, thread, in_due_at, in_holder, "
    lane += "in_fence, out_due_at, out_holder, out_fence) VALUES ($1, $1, 'c', 'a', 'b', 'dm', 'dm', 'x', '', "
    await db.write(run, lane + "9999999999999, 'me', 7, NULL, NULL, 3)", 1)
    await db.write(run, lane + "NULL, NULL, 7, 9999999999999, 'me', 3)", 2)
    await db.write(run, lane + "8, NULL, 7, 9, NULL, 3)", 3)
    part = "INSERT INTO outbox (lane, seq, session, channel, epoch, body, created_at, state, unknowns) "
    part += "VALUES (2, $1, 's', 'c', 0, '{}', 0, $2, $3)"
    for number, (state, unknowns) in enumerate([("sent", 0), ("sending", 1), ("ready", 0), ("unknown", 1)]):
        await db.write(run, part, number, state, unknowns)
    await db.close()
    db = await Sqlite.open(tmp_path / "gateway.db")
    columns = "in_due_at, in_holder, in_fence, out_due_at, out_holder, out_fence"
    assert await db.read(run, f"SELECT {columns} FROM lane ORDER BY id") == [
        (0, None, 7, None, None, 3),
        (None, None, 7, 0, None, 3),
        (8, None, 7, 9, None, 3),
    ]
    assert await db.read(run, "SELECT state, unknowns FROM outbox ORDER BY seq") == [
        ("sent", 0),
        ("unknown", 2),
        ("ready", 0),
        ("unknown", 1),
    ]
    await db.close()


@pytest.mark.feature("STO-01")
async def test_a_damaged_file_is_noticed_after_an_unclean_stop(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    await asyncio.gather(*(db.write(pair, n, 300) for n in range(200)))
    await db.close()
    path = tmp_path / "gateway.db"
    file = apsw.Connection(str(path))
    file.execute("INSERT INTO meta VALUES ('open', '1')")
    page = int(str(file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'one'").fetchall()[0][0]))
    file.close()
    with path.open("r+b") as content:
        content.seek((page - 1) * 4096 + 8)
        content.write(b"\xff" * 64)
    with pytest.raises(StorageDown, match=r"damaged|malformed"):
        await Sqlite.open(path)
