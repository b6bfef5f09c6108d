"""What one gateway lets go is in no other one's memory: what erased people said, and by which ids they went."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.bot import Piece, Say
from gateway.message import Outbound, Turn
from gateway.shared import LOOK
from gateway.shared.postgres import FORGOTTEN, Postgres
from tests.groups import hear
from tests.kit import Kit, Ticking, said
from tests.postgres import server
from tests.several import Several, several
from tests.test_bell import until

pytestmark = pytest.mark.feature("SEC-08", "STO-05")

YAML = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paper, bot: b, sheet: "SHEET", limits: {send: off, messages: off}}}
"""


async def well(turn: Turn) -> AsyncIterator[Piece]:
    yield Say(Outbound(text="well"))


async def talk(here: Several) -> str:
    """Ada speaks to each, alone and in a group, and each remembers it. Returns her participant."""
    for kit in here:
        kit.bot(well)
    for kit in here:
        await kit.say("xyzzy", user="ada")
        await kit.quiet()
        for user, text in (("ada", "xyzzy too"), ("bob", "hello")):
            await hear(kit, text, user)
            await kit.quiet()
    assert [len(remembered(kit)) for kit in here] == [2] * len(here)
    ((participant,),) = await here[0].rows("SELECT id FROM participant WHERE person = 'ada'")
    return str(participant)


def remembered(kit: Kit) -> list[str]:
    """The sessions in whose copies here she still speaks."""
    kept = kit.corridor.memory._sessions.items()
    return [session for session, one in kept if "xyzzy" in str([message.text for message in one.window])]


async def test_what_they_said_is_in_nobodys_memory(tmp_path: Path) -> None:
    async with several(tmp_path, YAML, 3) as here:
        ada = await talk(here)
        counts = await here[0].router.erasure.erase(ada)
        assert counts is not None
        await until(lambda: not any(remembered(kit) for kit in here))
        assert await here[1].rows("SELECT COUNT(*) FROM message WHERE text = 'hello'") == [(3,)]


async def test_a_chat_that_is_known_no_more_is_unknown_to_all(tmp_path: Path) -> None:
    async with several(tmp_path, YAML) as here:
        one, other = here
        for kit in here:
            kit.bot(well)
        for user in ("ada", "bob"):
            await one.say("hello", user=user)
            moves = said(one.here, "", user=user)
            await one.receive(replace(moves, kind="migrate", extra={"from": user, "to": f"{user} today"}))
        await one.quiet()
        await until(lambda: len(other.corridor.aliases) == 2)
        ((participant,),) = await one.rows("SELECT id FROM participant WHERE person = 'ada today'")
        await one.router.erasure.erase(participant)
        await until(lambda: [*other.corridor.aliases.values()] == ["bob today"])
        assert other.corridor.aliases == one.corridor.aliases


async def test_what_could_not_be_told_is_gone_once_the_bell_rings_again(tmp_path: Path) -> None:
    async with several(tmp_path, YAML) as here:
        await talk(here)
        bell = here[0].corridor.shared
        assert isinstance(bell, Postgres)
        bell._cut()
        for session in remembered(here[0]):
            here[0].corridor.memory.forget_words(session)
        assert remembered(here[1])
        bell._news.set()  # it notices
        await until(lambda: not remembered(here[1]))


class Swift(Ticking):
    """Pauses are short."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))


async def test_of_whoever_died_it_is_not_known_what_they_had_to_tell(tmp_path: Path) -> None:
    clock, heard = Swift(), list[str]()
    one, other = (Postgres(server().database(tmp_path), name, clock) for name in ("one", "other"))
    for end in (one, other):
        await end.open()
        end.subscribe("sessions", heard.append)
    await until(lambda: one.followed("sessions") and other.followed("sessions"))
    await other._tasks.cancel()
    other._cut()
    heard.clear()
    clock.ahead += FORGOTTEN + 1
    await until(lambda: not one.followed("sessions"))
    assert heard == [LOOK]
    await one.close()


async def test_what_is_being_read_while_it_goes_is_not_kept(tmp_path: Path) -> None:
    async with several(tmp_path, YAML) as here:
        await talk(here)
        one, other = (kit.corridor.memory for kit in here)
        ((session, version),) = await here[0].rows("SELECT session, version FROM lane WHERE scope = 'dm'")
        other.clear()
        go_on, real, before = asyncio.Event(), other._db.read, other._blankings

        async def slow(tx: Any, *args: Any) -> Any:
            found = await real(tx, *args)
            await go_on.wait()
            return found

        other._db.read = slow  # type: ignore[assignment,method-assign]
        try:
            reading = asyncio.ensure_future(other.session(session, version, 50))
            one.forget_words(session)
            await until(lambda: other._blankings > before)
            go_on.set()
            await reading
        finally:
            other._db.read = real  # type: ignore[method-assign]
        assert session not in other._sessions
        assert await other.session(session, version, 50) is other._sessions[session]
