"""Copies of sessions in Redis: made after the commit, used where they are whole and of today, else never believed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.housekeeping import Housekeeping
from gateway.message import Outbound, Turn
from tests.doors import Gateway, Visitor, script
from tests.far.redis import valkey
from tests.redis_ends import until
from tests.redis_town import PARTS, comes_to, stands, tells, town, two, up

pytestmark = pytest.mark.feature("STO-04")


class Counting:
    """A bot that counts by a variable, and says what it was told."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        script(self._answer)

    async def _answer(self, turn: Turn) -> AsyncIterator[Piece]:
        self.turns.append(turn)
        count = int(turn.session.variables.get("count", 0)) + 1
        yield Change(variables={"count": count}, context={"topic": turn.message.text})
        yield Say(Outbound(text=f"{count}: {turn.message.text}"))


def forget(gateway: Gateway) -> None:
    """As after a restart: this process knows nothing of any session."""
    gateway.daemon.corridor.memory.clear()


async def reads(gateway: Gateway, visitor: Visitor, text: str) -> int:
    """Say something to a process that has forgotten the session; how often it was read from the store for that."""
    forget(gateway)
    memory, count = gateway.daemon.corridor.memory, 0
    real = memory._db.read

    async def counted(tx: object, *args: object) -> object:
        nonlocal count
        count += getattr(tx, "__qualname__", "") in ("load", "load_at_once")
        return await real(tx, *args)  # type: ignore[arg-type]

    memory._db.read = counted  # type: ignore[method-assign, assignment]
    try:
        assert (await visitor.say(text)).status == 200
    finally:
        memory._db.read = real  # type: ignore[method-assign]
    return count


async def test_it_holds_what_was_committed_for_an_hour(tmp_path: Path) -> None:
    async with valkey() as server, town(tmp_path, server.url) as gateway:
        bot = Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        for text in ("one", "two"):
            await visitor.say(text)
        found = await stands(server, visitor.session, tells("2: two"))
        assert [one["text"] for one in json.loads(found["messages"])] == ["one", "1: one", "two", "2: two"]
        assert json.loads(found["variables"]) == {"count": 2}
        assert json.loads(found["context"]) == {"topic": "two"}
        rows = await gateway.rows("SELECT last_activity, version FROM session, lane WHERE session = session.id")
        assert (int(found["last_activity"]), int(found["version"])) == rows[0]
        for part in PARTS:
            assert 3500 < await server.ask("TTL", f"gw:session:{visitor.session}{part}") <= 3600
        assert all(key.startswith("gw:") for key in await server.ask("KEYS", "*"))
        assert len(bot.turns) == 2


async def test_a_process_that_knows_nothing_goes_on_from_it_and_without_it_from_the_store(tmp_path: Path) -> None:
    async with valkey() as server, town(tmp_path, server.url) as gateway:
        bot = Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        for number in range(1, 10):
            how = ("kept", "flushed", "kept", "half of it evicted")[number % 4]
            if how == "flushed":
                await server.ask("FLUSHALL")
            elif how == "half of it evicted":
                await server.ask("DEL", f"gw:session:{visitor.session}{PARTS[1 + number % 4]}")
            count = await reads(gateway, visitor, f"m{number}")
            assert count == (0 if how == "kept" and number > 1 else 1)
            turn = bot.turns[-1]
            told = [line.text for line in turn.history]
            assert told == [text for n in range(1, number) for text in (f"m{n}", f"{n}: m{n}")]
            assert turn.session.variables == ({"count": number - 1} if number > 1 else {})
            assert turn.session.message_count == 2 * (number - 1)
            after = f"{number}: m{number}"
            await stands(server, visitor.session, tells(after))


async def test_another_process_goes_on_from_what_one_has_kept(tmp_path: Path) -> None:
    async with valkey() as server, two(tmp_path, server.url) as (here, there):
        bot = Counting()
        await up(here, there)
        visitor = await here.begin("talk")
        for number in range(1, 9):
            gateway = here if number % 2 else there
            count = await reads(gateway, comes_to(gateway, visitor), f"m{number}")
            assert count == (0 if number > 1 else 1)
            assert bot.turns[-1].session.variables.get("count", 0) == number - 1
            assert len(bot.turns[-1].history) == 2 * (number - 1)
            after = f"{number}: m{number}"
            await stands(server, visitor.session, tells(after))


async def test_what_is_of_yesterday_is_not_read(tmp_path: Path) -> None:
    """A server that fell over to an older copy of itself says again what it said before."""
    async with valkey() as server, town(tmp_path, server.url) as gateway:
        bot = Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        await visitor.say("one")
        await stands(server, visitor.session, tells("1: one"))
        old = [await server.dump(f"gw:session:{visitor.session}{part}") for part in PARTS]
        await visitor.say("two")
        await stands(server, visitor.session, tells("2: two"))
        for part, image in zip(PARTS, old, strict=True):
            await server.ask("RESTORE", f"gw:session:{visitor.session}{part}", 0, image, "REPLACE")
        assert await reads(gateway, visitor, "three") == 1
        assert [line.text for line in bot.turns[-1].history] == ["one", "1: one", "two", "2: two"]
        assert bot.turns[-1].session.variables == {"count": 2}


JUNK = ["", "{", "[]", "7", "null", '[{"role": "user"}]', '{"a": ' * 5000, "\x00\xff", '"x"', "9" * 400]


@pytest.mark.feature("STO-03")
@pytest.mark.parametrize("part", PARTS)
async def test_what_is_no_copy_is_none(tmp_path: Path, part: str) -> None:
    async with valkey() as server, town(tmp_path, server.url) as gateway:
        bot = Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        await visitor.say("m0")
        for number, junk in enumerate(JUNK, 1):
            before = f"{number}: m{number - 1}"
            await stands(server, visitor.session, tells(before))
            key = f"gw:session:{visitor.session}{part}"
            if part:
                await server.ask("SET", key, junk)
            elif number % 2:
                await server.ask("HSET", key, "facts", junk)
            else:
                await server.ask("DEL", key)
                await server.ask("RPUSH", key, junk)
            forget(gateway)
            answer = await visitor.say(f"m{number}")
            assert answer.status == 200
            told = [text for n in range(number) for text in (f"m{n}", f"{n + 1}: m{n}")]
            assert [line.text for line in bot.turns[-1].history] == told
            rows = await gateway.rows("SELECT variables FROM session")
            assert json.loads(rows[0][0]) == {"count": number + 1}


async def test_what_somebody_else_put_there_is_not_believed(tmp_path: Path) -> None:
    async with valkey() as server, town(tmp_path, server.url) as gateway:
        bot = Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        await visitor.say("one")
        await stands(server, visitor.session, tells("1: one"))
        await server.ask("SET", f"gw:session:{visitor.session}:variables", '{"planted": true}')
        forget(gateway)
        await visitor.say("two")
        assert bot.turns[-1].session.variables == {"count": 1}
        rows = await gateway.rows("SELECT variables FROM session")
        assert json.loads(rows[0][0]) == {"count": 2}


async def erased(gateway: Gateway) -> None:
    rows = await gateway.rows("SELECT id FROM participant")
    for (participant,) in rows:
        assert await gateway.daemon.router.erasure.erase(participant) is not None


@pytest.mark.feature("SEC-08")
@pytest.mark.parametrize("away", [False, True])
async def test_who_is_erased_is_erased_there_too_as_soon_as_it_answers(tmp_path: Path, away: bool) -> None:
    async with valkey() as server, town(tmp_path, server.url) as gateway:
        Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        await visitor.say("xyzzy")
        await stands(server, visitor.session, tells("xyzzy"))
        cache = gateway.daemon.corridor.memory._cache
        kept = gateway.daemon.corridor.memory._sessions[visitor.session]
        if away:
            server.pause()
            await until(lambda: not gateway.daemon.corridor.redis.up)
        await erased(gateway)
        if away:
            server.resume()
            await up(gateway)
        found = await stands(server, visitor.session, lambda found: not found["messages"])
        assert {value for name, value in found.items() if name != "version"} == {None}
        assert cache is not None
        cache.keep(visitor.session, kept)  # by a process that has not heard of it
        cache.drop("another")
        await until(lambda: "another" not in cache._gone)
        assert "xyzzy" not in await server.everything()


@pytest.mark.feature("LIF-09")
async def test_what_has_lapsed_goes_there_too(tmp_path: Path) -> None:
    async with valkey() as server, town(tmp_path, server.url) as gateway:
        Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        await visitor.say("xyzzy")
        await stands(server, visitor.session, tells("xyzzy"))
        gateway.clock.ahead += 400 * 24 * 3600.0
        await _keeps_house(gateway)
        await stands(server, visitor.session, lambda found: not found["messages"])
        assert "xyzzy" not in await server.everything()


async def _keeps_house(gateway: Gateway) -> None:
    await Housekeeping(gateway.daemon.corridor, gateway.daemon.router.erasure).round()


async def test_off_means_that_nothing_is_kept(tmp_path: Path) -> None:
    async with valkey() as server, town(tmp_path, server.url, "cache: false") as gateway:
        Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        await visitor.say("one")
        assert await reads(gateway, visitor, "two") == 1
        assert await server.ask("DBSIZE") == 0


async def test_a_commit_does_not_wait_for_it(tmp_path: Path) -> None:
    async with valkey() as server, town(tmp_path, server.url) as gateway:
        Counting()
        await up(gateway)
        visitor = await gateway.begin("talk")
        server.pause()
        for number in range(20):
            answer = await visitor.say(f"m{number}")
            assert [one["text"] for one in answer.json["messages"]] == [f"{number + 1}: m{number}"]
        server.resume()
