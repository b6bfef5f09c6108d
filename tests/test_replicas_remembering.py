"""What another gateway has answered is read as far as it is new, and as it is: also when old words have changed."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.blanking import blank
from gateway.bot import Change, Piece, Say
from gateway.memory import NOTHING, Held, Remembered, load, load_at_once
from gateway.message import Outbound, Turn
from gateway.whereabouts import Line, Whom
from tests.amended import change
from tests.kit import Kit
from tests.patience import PATIENCE
from tests.several import Several, several

pytestmark = pytest.mark.feature("STO-05", "MEM-02", "MEM-04")

YAML = """
bots: {b: {kind: echo}}
channels:
  p:
    platform: tests.paper
    bot: b
    sheet: "SHEET"
    limits: {send: off, messages: off}
    history: {max_messages: MOST, keep: 4}
"""
LIMIT = 50


async def answer(turn: Turn) -> AsyncIterator[Piece]:
    yield Change(variables={"last": turn.message.text}, participant_set={"age": len(turn.history)})
    yield Say(Outbound(text=f"re: {turn.message.text}"))


async def where(kit: Kit) -> tuple[str, int]:
    ((session, version),) = await kit.rows("SELECT session, version FROM lane")
    return session, version


def content(copy: Remembered) -> list[Any]:
    return [copy.window, copy.summary, copy.summary_upto, copy.message_count, copy.variables]


async def as_stored(kit: Kit) -> None:
    """Its copy is as what is stored; a summary may still be on its way there."""
    session, version = await where(kit)
    async with asyncio.timeout(PATIENCE):
        while True:
            copy = content(await kit.corridor.memory.session(session, version, LIMIT))
            if copy == content(Remembered(version, *(await kit.corridor.db.read(load, session, LIMIT)), LIMIT)):
                return
            session, version = await where(kit)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_each_remembers_what_is_stored(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with several(tmp_path, YAML.replace("MOST", "12"), 2) as here:
        bots = [kit.bot(answer) for kit in here]
        for number in range(40):
            kit = chance.choice(here)
            if number > 2 and chance.random() < 0.3:
                ref = f"m{chance.randint(max(0, number - 8), number - 1)}"
                await change(kit, chance.choice(["edit", "revoke"]), ref, f"not {ref}")
            else:
                await kit.say(f"say {number}", ref=f"m{number}")
            for one in here:
                await one.quiet()
            for one in chance.sample(here, chance.randint(0, 2)):
                await as_stored(one)
        assert all(bot.turns for bot in bots)


async def talk(here: Several, texts: Sequence[str]) -> Held:
    """Said to the first one. Returns what it holds of it."""
    for text in texts:
        await here[0].say(text, ref=text)
        await here[0].quiet()
    session, version = await where(here[0])
    return (await here[0].corridor.memory.session(session, version, LIMIT)).held


async def came(kit: Kit, held: Held) -> tuple[bool, list[str]]:
    """What is read by somebody who holds so much."""
    session, _ = await where(kit)
    read = await kit.corridor.db.read(load_at_once, session, LIMIT, "", held)
    return read.goes_on, [message.text for message in read.messages]


async def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    async with several(tmp_path, YAML.replace("MOST", "40"), 2) as here:
        for kit in here:
            kit.bot(answer)
        held = await talk(here, ["one", "two"])
        assert await came(here[1], held) == (True, [])
        await here[1].say("three")
        await here[1].quiet()
        assert await came(here[0], held) == (True, ["three", "re: three"])
        assert (await came(here[0], NOTHING))[1] == ["one", "re: one", "two", "re: two", "three", "re: three"]


@pytest.mark.parametrize("what", ["edit", "revoke", "erase"])
async def test_whoever_holds_what_has_changed_reads_all(tmp_path: Path, what: str) -> None:
    async with several(tmp_path, YAML.replace("MOST", "40"), 2) as here:
        for kit in here:
            kit.bot(answer)
        held = await talk(here, ["one", "two"])
        if what == "erase":
            session, _ = await where(here[1])
            await here[1].corridor.db.write(blank, Whom("p", "", "ada", frozenset(), ()), [Line(session, 1)])
        else:
            await change(here[1], "edit" if what == "edit" else "revoke", "one", "uno")
        goes_on, texts = await came(here[0], held)
        assert not goes_on
        assert len(texts) == 4
        assert "one" not in texts


async def test_whoever_is_to_tell_more_than_they_hold_reads_all(tmp_path: Path) -> None:
    """`history` may be changed while it is held, and the other one has answered meanwhile, or has not."""
    async with several(tmp_path, YAML.replace("MOST", "40"), 2) as here:
        for kit in here:
            kit.bot(answer)
        await talk(here, ["one", "two"])
        memory = here[0].corridor.memory
        memory.clear()
        session, version = await where(here[0])
        assert len((await memory.session(session, version, 2)).window) == 2
        assert len((await memory.session(session, version, 4)).window) == 4
        memory.clear()
        await memory.session(session, version, 2)
        await here[1].say("three")
        await here[1].quiet()
        session, version = await where(here[0])
        assert len((await memory.session(session, version, LIMIT)).window) == 6


async def test_who_has_folded_what_the_store_has_not_reads_all_that_it_has(tmp_path: Path) -> None:
    async with several(tmp_path, YAML.replace("MOST", "40"), 2) as here:
        for kit in here:
            kit.bot(answer)
        held = await talk(here, ["one", "two"])
        goes_on, texts = await came(here[0], held._replace(summary_upto=2))
        assert not goes_on
        assert texts == ["one", "re: one", "two", "re: two"]
