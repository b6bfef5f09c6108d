"""What one process at a time does: it has it while it renews it, and what two do at once happens once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.corridor import SURE
from gateway.db import Rows, Tx
from gateway.db.postgres import Postgres
from gateway.retention import expire, rest
from gateway.tenure import POLL, Tenure, hold, is_free, leave
from tests.kit import corridor
from tests.leap import leap
from tests.postgres import server
from tests.store import Store
from tests.test_sharing import SESSION

pytestmark = pytest.mark.store


@pytest.mark.feature("CH-21", "STO-05")
def test_who_has_it_keeps_it_while_they_renew_it() -> None:
    store = Store()
    assert store.run(hold, "x", "a", 0, 10)
    assert not store.run(hold, "x", "b", 5, 15)
    assert not store.run(is_free, "x", "b", 5)
    assert store.run(is_free, "x", "a", 5)
    assert store.run(hold, "y", "b", 5, 15)  # another name
    assert store.run(hold, "x", "a", 9, 19)
    assert not store.run(hold, "x", "b", 18, 28)
    assert store.run(is_free, "x", "b", 19)
    assert store.run(hold, "x", "b", 19, 29)
    assert not store.run(hold, "x", "a", 19, 29)
    store.run(leave, "x", "a")  # it is not theirs to leave
    assert not store.run(hold, "x", "a", 20, 30)
    store.run(leave, "x", "b")
    assert store.run(hold, "x", "a", 20, 30)


@pytest.mark.feature("CH-21", "STO-05")
async def test_who_could_not_renew_it_for_long_is_not_assured_of_it(tmp_path: Path) -> None:
    async with corridor(tmp_path, start=False) as kit:
        tenure = Tenure(kit.corridor, "x")
        assert await tenure.take()
        kit.clock.ahead += SURE * kit.corridor.lease - 1
        await asyncio.wait_for(tenure.assured(), POLL / 2)
        kit.clock.ahead += 1
        late = asyncio.ensure_future(tenure.assured())
        for _ in range(3):
            await asyncio.sleep(0)
            leap(POLL)
            await asyncio.sleep(0)
        assert not late.done()
        assert await tenure.take()  # nobody else has taken it
        leap(POLL)
        await late


@pytest.mark.feature("STO-05", "LIF-21")
async def test_a_time_that_comes_for_several_processes_has_its_effect_once(tmp_path: Path) -> None:
    url = server().database(tmp_path)
    server().ask(SESSION, tmp_path)
    dbs = [await Postgres.open(url, 4) for _ in range(3)]

    def look(sql: str) -> Tx[Rows]:
        return (yield sql, ())

    async def all_at_once(tx: Any, *args: Any) -> list[Any]:
        return list(await asyncio.gather(*(db.write(tx, *args) for db in dbs)))

    assert await all_at_once(hold, "housekeeping", "me", 0, 10) == [True] * 3
    assert sum([await dbs[0].write(hold, "other", name, 0, 10) for name in ("a", "b", "c")]) == 1
    found = await all_at_once(rest, ["s"], 1000)
    assert sorted(found, key=len) == [[], [], ["s"]]
    assert await dbs[0].read(look, "SELECT version FROM lane") == [(1,)]  # copies of it elsewhere are read again
    gone = await all_at_once(expire, "s", 1000, 2000)
    assert [one is not None for one in gone].count(True) == 1
    for db in dbs:
        await db.close()
