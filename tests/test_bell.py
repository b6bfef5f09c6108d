"""The bell between processes: who subscribes hears what others publish, nobody else is told anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import orjson
import pytest

from gateway.clock import Clock
from gateway.shared import LOOK
from gateway.shared.memory import Alone
from gateway.shared.postgres import LARGEST, NAME, Postgres, letters
from tests.patience import PATIENCE
from tests.postgres import server


@asynccontextmanager
async def bells(folder: Path, count: int) -> AsyncIterator[list[Postgres]]:
    """Several ends of one bell, as several processes have them."""
    url = server().database(folder)
    ends = [Postgres(url, f"process {number}", Clock()) for number in range(count)]
    for end in ends:
        await end.open()
    try:
        yield ends
    finally:
        for end in ends:
            await end.close()


async def until(so: object) -> None:
    async with asyncio.timeout(PATIENCE):
        while not so():  # type: ignore[operator]
            await asyncio.sleep(0.005)


@pytest.mark.feature("STO-05")
async def test_who_subscribes_hears_what_others_publish(tmp_path: Path) -> None:
    async with bells(tmp_path, 3) as (one, two, three):
        heard: list[str] = []
        two.subscribe("lane/7", heard.append)
        await until(lambda: one.followed("lane/7") and three.followed("lane/7"))
        one.publish("lane/7", "a")
        await until(lambda: "a" in heard)
        three.publish("lane/7", "b")
        await until(lambda: "b" in heard)
        assert [text for text in heard if text != LOOK] == ["a", "b"]
        assert not two.followed("lane/7")  # what is said within a process does not come this way


@pytest.mark.feature("STO-05")
async def test_nobody_is_told_what_nobody_follows(tmp_path: Path) -> None:
    async with bells(tmp_path, 2) as (one, two):
        told: list[str] = []
        two.subscribe("here", told.append)
        await until(lambda: one.followed("here"))
        said: list[str] = []
        connection = await _listener(tmp_path, said)
        one.publish("elsewhere", "not to be told")
        one.publish("here", "to be told")
        await until(lambda: "to be told" in told)
        await connection.close()
        assert "not to be told" not in str(said)


@pytest.mark.feature("STO-05")
async def test_what_is_said_together_is_told_together(tmp_path: Path) -> None:
    async with bells(tmp_path, 2) as (one, two):
        heard: list[str] = []
        two.subscribe("bot/b", heard.append)
        await until(lambda: one.followed("bot/b"))
        said: list[str] = []
        connection = await _listener(tmp_path, said)
        for number in range(500):
            one.publish("bot/b", str(number % 50))
        await until(lambda: [text for text in heard if text] == [str(number) for number in range(50)])
        await connection.close()
        assert len([letter for letter in said if orjson.loads(letter)[3]]) == 1


@pytest.mark.feature("STO-05")
async def test_each_has_its_share_and_leaves_it_to_the_others(tmp_path: Path) -> None:
    async with bells(tmp_path, 3) as (one, two, three):
        for end in (one, two, three):
            end.subscribe("channel/c", lambda _: None)
        await until(lambda: one.share("channel/c") == two.share("channel/c") == three.share("channel/c") == 1 / 3)
        await three.close()
        await until(lambda: one.share("channel/c") == two.share("channel/c") == 1 / 2)
        assert Alone().share("channel/c") == 1


@pytest.mark.feature("STO-05")
async def test_a_connection_that_is_cut_is_made_anew_and_everybody_looks(tmp_path: Path) -> None:
    async with bells(tmp_path, 2) as (one, two):
        heard: list[str] = []
        two.subscribe("turns", heard.append)
        await until(lambda: one.followed("turns"))
        heard.clear()
        server().ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE '%pg_notify%' AND pid <> pg_backend_pid()",
            tmp_path,
        )
        await until(lambda: LOOK in heard)
        async with asyncio.timeout(PATIENCE):
            while "again" not in heard:
                one.publish("turns", "again")
                await asyncio.sleep(0.05)


@pytest.mark.feature("STO-05")
@pytest.mark.parametrize(
    "junk", ["", "{", "[]", "7", '["x","new",5,[]]', '["x","here",["t"],[["t"]]]', '["x",1,[],[[1,[]]]]']
)
async def test_whoever_else_speaks_on_the_database_breaks_nothing(tmp_path: Path, junk: str) -> None:
    async with bells(tmp_path, 2) as (one, two):
        heard: list[str] = []
        two.subscribe("turns", heard.append)
        await until(lambda: one.followed("turns"))
        server().ask(f"SELECT pg_notify('{NAME}', '{junk}')", tmp_path)
        one.publish("turns", "after it")
        await until(lambda: "after it" in heard)


@pytest.mark.feature("STO-05")
def test_letters_are_as_large_as_they_may_be() -> None:
    topics = [f"lane/{number}" for number in range(3000)]
    said = [("lane/1", "é" * 100) for _ in range(200)] + [("lane/2", "x" * LARGEST)]
    found = list(letters("me", "new", topics, said))
    assert all(len(letter.encode()) <= LARGEST for letter in found)
    assert len(found) <= 2 + sum(map(len, map(str, (topics, said)))) // LARGEST
    read = [orjson.loads(letter) for letter in found]
    assert [topic for one in read for topic in one[2]] == topics
    assert [tuple(pair) for one in read for pair in one[3]] == [*said[:-1], ("lane/2", LOOK)]


async def _listener(folder: Path, said: list[str]) -> Any:

    connection = await asyncpg.connect(server().database(folder))
    await connection.add_listener(NAME, lambda *heard: said.append(heard[3]))
    return connection
