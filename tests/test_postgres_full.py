"""The server's disk is really full: nothing is promised that is not kept, and all goes on once there is room again."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest
from structlog.testing import capture_logs

from tests.doors import YAML, Gateway, Visitor, running
from tests.patience import PATIENCE
from tests.postgres import FILE, Server
from tests.small_disk import small_disk
from tests.store import AUDIT, CLEAN, faults

MEGABYTES = 256


class Talker:
    """Somebody who says long things, and each again until it is taken."""

    def __init__(self, visitor: Visitor, chance: random.Random) -> None:
        self._visitor, self._chance = visitor, chance
        self.taken: list[str] = []
        self._next = self._long()

    def _long(self) -> str:
        return self._chance.randbytes(15_000).hex()  # which nothing makes shorter

    async def say(self) -> str:
        """Say something; "" when it is taken, else why it was not."""
        prefer, number = {"Prefer": "respond-async"}, f"m{len(self.taken)}"
        answer = await self._visitor.say(self._next, message_id=number, headers=prefer)
        if answer.status in (429, 503):
            return answer.code
        assert answer.status == 202, answer.body
        self.taken.append(self._next)
        self._next = self._long()
        return ""

    async def is_answered(self) -> bool:
        """Whether all that was taken was, in order; nothing stands there twice, or without having been taken."""
        told = [line["text"] for line in (await self._visitor.history("?limit=1000"))["messages"]]
        wanted = [line for text in self.taken for line in (text, f"echo: {text}")]
        assert told == wanted[: len(told)]
        return len(told) == len(wanted)


async def say_until(talkers: Sequence[Talker], enough: Callable[[str], bool]) -> None:
    """All of them talk, until each has been told what is enough."""

    async def talk(one: Talker) -> None:
        while not enough(await one.say()):
            await asyncio.sleep(0.01)

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(talk(one) for one in talkers))


def is_taken(why: str) -> bool:
    return not why


def is_full(why: str) -> bool:
    return why == "storage_full"


def is_down(why: str) -> bool:
    return why == "storage_down"


async def answered(gateway: Gateway, talkers: Sequence[Talker]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not all([await one.is_answered() for one in talkers]):
            await asyncio.sleep(0.05)


def use_up(server: Server) -> None:
    """Have the server write its log, where there is no room for more of it, until it ends."""
    while not server.is_gone:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            server.ask("SELECT pg_logical_emit_message(true, '', ''), pg_switch_wal()")


@pytest.mark.feature("STO-07", "STO-01", "INB-01", "INB-03")
async def test_a_servers_disk_that_is_full_to_the_last_byte_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """At first its tables cannot grow; then its log cannot, and it ends. Each time somebody makes room."""
    chance = random.Random(1)
    with small_disk(MEGABYTES) as disk, capture_logs() as logs:
        server = await asyncio.to_thread(Server, disk.folder)
        try:
            url = await asyncio.to_thread(server.database, tmp_path)
            async with running(tmp_path, YAML.replace(FILE, url)) as gateway:
                talkers = [Talker(await gateway.begin(), chance) for _ in range(5)]
                await say_until(talkers, is_taken)
                disk.fill()
                await say_until(talkers, is_full)
                disk.clear()
                await say_until(talkers, is_taken)  # by itself
                await answered(gateway, talkers)
                disk.fill()
                await asyncio.gather(asyncio.to_thread(use_up, server), say_until(talkers, is_down))
                await asyncio.to_thread(server.stop)
                disk.clear()
                await asyncio.to_thread(server.start)
                await say_until(talkers, is_taken)
                await answered(gateway, talkers)
                found = faults(lambda sql: [tuple(row) for row in server.ask(sql, tmp_path)], {**AUDIT, **CLEAN})
                assert found == []
            assert [line for line in logs if "exc_info" in line] == [], "all of it was foreseen"
        finally:
            await asyncio.to_thread(server.stop)
