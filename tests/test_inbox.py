"""The inbox: each event once, nothing lost, nothing in the way for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Piece, Say
from gateway.errors import StorageDown
from gateway.message import Inbound, Outbound, Turn
from gateway.router import BATCH
from tests.full import fill, full, shut
from tests.kit import YAML, Kit, corridor, echoes, said
from tests.steps import away, whole

pytestmark = pytest.mark.store


def event(kit: Kit, *ids: str) -> Inbound:
    inbound = said(kit.here, "-".join(ids))
    return Inbound(**{field: getattr(inbound, field) for field in inbound.__struct_fields__} | {"ids": ids})


@pytest.mark.feature("INB-03")
async def test_an_event_counts_once_by_whichever_of_its_ids(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        outcomes = [
            (await kit.receive(event(kit, *ids))).outcome
            for ids in (("a", "b"), ("a",), ("b",), ("b", "c"), ("c",), ("d", "d"), ("d",), ("e", "a"), ("f",))
        ]
        new, again = "stored", "duplicate"
        assert outcomes == [new, again, again, again, again, new, again, again, new]
        await whole(kit)
        assert [turn.message.text for turn in bot.turns] == ["a-b", "d-d", "f"]
    async with corridor(tmp_path) as kit:
        assert [(await kit.receive(event(kit, one))).outcome for one in "abcdef"] == [again] * 6
        assert (await kit.receive(event(kit, "g"))).outcome == new


@pytest.mark.feature("INB-03")
async def test_fifty_copies_at_once_are_one(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        for number in range(5):
            one = event(kit, f"{number}", f"{number}'")
            taken = await asyncio.gather(*(kit.receive(one) for _ in range(50)))
            assert sorted(accepted.outcome for accepted in taken) == ["duplicate"] * 49 + ["stored"]
            assert len({accepted.turn for accepted in taken}) == 1
        await whole(kit)
        assert len(bot.turns) == 5
        assert len(kit.paper.sent) == 5


@pytest.mark.feature("INB-01")
async def test_what_could_not_be_written_is_not_acknowledged(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await kit.quiet()
        long = "x" * 200_000
        async with full(kit.corridor.db):
            with pytest.raises(StorageDown):
                await kit.say(long, event="long")
            assert kit.corridor.desk.taken == 0
        assert (await kit.say(long, event="long")).outcome == "stored"
        await whole(kit)


@pytest.mark.feature("INB-02", "OUT-01")
async def test_an_answer_that_cannot_be_written_yet_is_kept_until_it_can(tmp_path: Path) -> None:
    async def long(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text="y" * 200_000))

    whole_in_parts = YAML.replace("bot: b,", "bot: b, format: {max_parts: 100},")
    async with corridor(tmp_path, whole_in_parts) as kit:
        await kit.say("hello")
        await kit.quiet()
        bot = kit.bot(long)
        async with full(kit.corridor.db, spare=3):
            await kit.say("tell me")
            await kit.until(lambda: bot.turns != [])
            with pytest.raises(StorageDown):
                await fill(kit.corridor.db)
            assert await kit.rows("SELECT state FROM inbox ORDER BY id") == [("done",), ("waiting",)]
        await whole(kit)
        assert len(bot.turns) == 1
        assert sum(len(text) for text in kit.paper.texts()[1:]) == 200_000


@pytest.mark.feature("STO-06", "INB-02", "LIF-19")
async def test_a_drain_puts_work_back_uncounted(tmp_path: Path) -> None:
    async def never(turn: Turn) -> AsyncIterator[Piece]:
        await asyncio.Event().wait()
        yield Say(Outbound())

    for restart in range(5):
        async with corridor(tmp_path) as kit:
            bot = kit.bot(never)
            for user in ("ada", "bob"):
                await kit.say(f"{restart}", user=user)
            await kit.until(lambda bot=bot: len(bot.turns) == 2)  # type: ignore[misc]
            await kit.router.drain(0)
            await kit.stored("SELECT SUM(attempts), COUNT(in_holder) FROM inbox, lane", (0, 0))
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await whole(kit)
        for user in ("ada", "bob"):
            assert kit.paper.texts(user) == ["0", "1", "2", "3", "4"]
        assert {turn.attempt for turn in bot.turns} == {1}


@pytest.mark.feature("STO-06")
async def test_what_is_claimed_as_it_comes_is_a_turn_before_intake_is_cut_off(tmp_path: Path) -> None:
    """Cut off in its claim, a receiver would leave a lease behind under which nobody works, and a counted attempt."""

    async def never(turn: Turn) -> AsyncIterator[Piece]:
        await asyncio.Event().wait()
        yield Say(Outbound())

    async with corridor(tmp_path) as kit:
        kit.bot(never)
        with shut(tmp_path):
            saying = asyncio.ensure_future(kit.say("one"))
            await kit.until(lambda: kit.corridor.desk.taken % BATCH == 1)  # and perhaps a look at what waits
            closing = asyncio.ensure_future(kit.router.close())
            await asyncio.sleep(0.05)
            assert not closing.done()
        await closing
        assert len(kit.router.turns.running) == 1
        await saying
        assert (await kit.say("two", user="bob")).envelope is None
        await kit.router.drain(0)
        await kit.stored("SELECT SUM(attempts), COUNT(in_holder) FROM inbox, lane", (0, 0))


@pytest.mark.feature("STO-06")
async def test_a_drain_waits_for_what_ends_in_time(tmp_path: Path) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        begun.set()
        await go.wait()
        async for piece in echoes(turn):
            yield piece

    async with corridor(tmp_path) as kit:
        kit.bot(slow)
        await kit.say("one")
        await kit.say("two")
        await begun.wait()
        draining = asyncio.ensure_future(kit.router.drain(20))
        await asyncio.sleep(0)
        assert (await kit.say("three")).outcome == "stored"
        go.set()
        await draining
        assert await kit.rows("SELECT state, attempts FROM inbox ORDER BY id") == [
            ("done", 1),
            ("waiting", 0),
            ("waiting", 0),
        ]
        assert await kit.rows("SELECT in_holder, out_holder FROM lane") == [(None, None)]
    async with corridor(tmp_path) as kit:
        await whole(kit)
        assert kit.paper.texts() == ["one", "two", "three"]


@pytest.mark.feature("INB-06")
async def test_a_backlog_is_answered_oldest_first(tmp_path: Path) -> None:
    users = [f"user-{(7 * number) % 20}" for number in range(20)]
    async with corridor(tmp_path) as kit:
        away(kit)
        for user in users:
            await kit.say("hello", user=user)
            kit.clock.ahead += 1
    yaml = """
bots: {b: {kind: echo, concurrency: 1}}
channels: {p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}}}
"""
    async with corridor(tmp_path, yaml) as kit:
        kit.clock.ahead = 60
        bot = kit.bot()
        await whole(kit)
        assert [turn.message.address.user for turn in bot.turns] == users


@pytest.mark.feature("INB-06")
@pytest.mark.parametrize("drop", [False, True])
async def test_what_waited_for_a_day_is_answered_with_an_excuse_or_dropped(tmp_path: Path, drop: bool) -> None:
    yaml = f"""
bots: {{b: {{kind: echo}}}}
channels: {{p: {{platform: tests.paper, bot: b, limits: {{send: off, messages: off}}}}}}
inbox: {{drop_stale: {str(drop).lower()}}}
"""
    async with corridor(tmp_path, yaml) as kit:
        bot = kit.bot()
        away(kit)
        await kit.say("old")
        kit.clock.ahead += 24 * 3600
        await kit.say("new", user="bob")
        kit.clock.ahead += 1
        away(kit, draining=False)
        await whole(kit)
        late = kit.here.say("en")("late")
        assert kit.paper.texts("bob") == ["new"]
        assert kit.paper.texts("ada") == ([] if drop else [f"{late}\n\nold"])
        assert len(bot.turns) == (1 if drop else 2)
        old = ("dead", "stale") if drop else ("done", None)
        assert await kit.rows("SELECT state, reason FROM inbox ORDER BY id") == [old, ("done", None)]
