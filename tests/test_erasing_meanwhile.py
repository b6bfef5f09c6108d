"""What goes on while somebody is erased: what waits and runs is given up, and what they still say goes too."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.bot import Piece, Say
from gateway.message import Outbound, Turn
from tests.groups import hear
from tests.test_erasing import IS, NEEDLES, answers, town, traces

pytestmark = [pytest.mark.feature("SEC-08"), pytest.mark.store]


async def test_what_waits_and_what_runs_is_given_up(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        running, before = asyncio.Event(), len(kit.paper.sent)

        async def slow(turn: Turn) -> AsyncIterator[Piece]:
            running.set()
            await asyncio.Event().wait()
            yield Say(Outbound(text="never"))

        slowly = kit.bot(slow)
        await hear(kit, "xyzzy first", IS)
        await running.wait()
        await hear(kit, "xyzzy second", IS)
        await hear(kit, "bobbing third", "800300400")
        await kit.say("xyzzy alone", user=IS)
        await kit.until(lambda: len(slowly.turns) == 2)
        kit.bot(answers)
        await kit.router.erasure.erase(ada)
        await kit.quiet()
        assert {table: rows for table, rows in (await traces(kit, NEEDLES)).items() if rows} == {}
        assert [(part.address.user, part.text) for part in kit.paper.sent[before:]] == [("800300400", "well")]
        lanes = "SELECT COUNT(*) FROM lane WHERE waiting > 0 OR pending > 0 OR in_due_at IS NOT NULL"
        assert await kit.rows(lanes) == [(0,)]


@pytest.mark.parametrize("where", [{"place": "group", "chat": "own"}, {}])
async def test_what_they_say_meanwhile_goes_too(tmp_path: Path, where: dict[str, Any]) -> None:
    async with town(tmp_path) as (kit, ada):
        erasure, again = kit.router.erasure, [True]
        removed = erasure._remove

        async def remove(*args: Any) -> None:
            await removed(*args)
            lanes = await kit.rows("SELECT COUNT(*) FROM lane WHERE key LIKE '%user=700%'")
            if lanes == [(0,)] and again.pop():
                await kit.say("xyzzy meanwhile", user=IS, **where)
                await kit.quiet()
                again.append(False)

        erasure._remove = remove  # type: ignore[method-assign, assignment]
        await erasure.erase(ada)
        assert again == []
        assert {table: rows for table, rows in (await traces(kit, NEEDLES)).items() if rows} == {}


async def test_a_part_that_waits_for_a_group_is_not_sent(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        kit.here.health("auth")
        await hear(kit, "xyzzy waits", IS)
        await kit.stored("SELECT COUNT(*) FROM outbox WHERE state = 'ready'", (1,))
        sent = len(kit.paper.sent)
        await kit.router.erasure.erase(ada)
        kit.here.health("up")
        kit.router.ring_channel("p")
        await kit.quiet()
        assert len(kit.paper.sent) == sent
        assert await kit.rows("SELECT reason FROM outbox WHERE state = 'dropped'") == [("erased",)]
