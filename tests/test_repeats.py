"""Messages that nobody has named: a repeat is known by what it says, and an intended second one counts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.bot import Piece, Say
from gateway.intake import Accepted
from gateway.message import File, Inbound, Outbound, Turn
from tests import doors
from tests.doors import Held
from tests.kit import YAML, Kit, corridor, said

pytestmark = [pytest.mark.feature("INB-04"), pytest.mark.store]

NEVER = YAML.replace("messages: off}", "messages: off}, dedupe: {window: off}")


def bare(kit: Kit, text: str, at: int = 0, **more: Any) -> Inbound:
    """A message without an id of its own."""
    return replace(said(kit.here, text, **more), ids=(), sent_at=at)


class Slow:
    """A bot that answers when it is told to."""

    def __init__(self, kit: Kit) -> None:
        self.free = asyncio.Event()
        self.bot = kit.bot(self._answer)

    async def _answer(self, turn: Turn) -> AsyncIterator[Piece]:
        await self.free.wait()
        yield Say(Outbound(text=f"you said {turn.message.text}"))

    @property
    def asked(self) -> list[str]:
        return [turn.message.text for turn in self.bot.turns]


async def test_with_a_time_of_the_platforms_the_same_is_the_same_for_good(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        first = await kit.receive(bare(kit, "yes", 1_000))
        await kit.quiet()
        kit.clock.ahead = 3600
        again = await kit.receive(bare(kit, "yes", 1_000))
        assert (first.outcome, again.outcome, again.turn) == ("stored", "duplicate", first.turn)
        others = [
            bare(kit, "yes", 2_000),
            bare(kit, "no", 1_000),
            bare(kit, "yes", 1_000, user="bob"),
            replace(bare(kit, "yes", 1_000), files=(File(ref="f1"),)),
        ]
        assert [(await kit.receive(other)).outcome for other in others] == ["stored"] * 4
    async with corridor(tmp_path) as kit:
        assert (await kit.receive(bare(kit, "yes", 1_000))).outcome == "duplicate"


async def test_the_same_words_are_one_message_until_they_are_answered(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        first, again, third = [await kit.receive(bare(kit, "yes")) for _ in range(3)]
        assert [one.outcome for one in (first, again, third)] == ["stored", "duplicate", "duplicate"]
        assert again.turn == third.turn == first.turn
        slow.free.set()
        await kit.quiet()
        meant = await kit.receive(bare(kit, "yes"))
        await kit.quiet()
        assert (meant.outcome, meant.turn != first.turn) == ("stored", True)
        assert slow.asked == ["yes", "yes"]
        assert kit.paper.texts() == ["you said yes"] * 2


async def test_other_words_people_and_places_are_no_repeat(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        said_once = [
            bare(kit, "yes"),
            bare(kit, "Yes"),
            bare(kit, "yes", user="bob"),
            bare(kit, "yes", user="ada", chat="elsewhere"),
            replace(bare(kit, "yes"), files=(File(ref="f1"),)),
            replace(bare(kit, "yes"), files=(File(ref="f2"),)),
        ]
        assert {(await kit.receive(one)).outcome for one in said_once} == {"stored"}
        assert {(await kit.receive(one)).outcome for one in said_once} == {"duplicate"}
        slow.free.set()
        await kit.quiet()
        assert len(slow.asked) == len(said_once)


async def test_the_window_ends_also_while_the_answer_is_awaited(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        outcomes = []
        for ahead in (0, 9, 11, 18, 30):
            kit.clock.ahead = ahead
            outcomes.append((await kit.receive(bare(kit, "yes"))).outcome)
        assert outcomes == ["stored", "duplicate", "stored", "duplicate", "stored"]
        slow.free.set()
        await kit.quiet()


async def test_without_a_window_everything_counts(tmp_path: Path) -> None:
    async with corridor(tmp_path, NEVER) as kit:
        slow = Slow(kit)
        assert [(await kit.receive(bare(kit, "yes"))).outcome for _ in range(2)] == ["stored"] * 2
        slow.free.set()
        await kit.quiet()


async def test_fifty_copies_at_once_are_one(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        accepted: list[Accepted] = await asyncio.gather(*(kit.receive(bare(kit, "hello")) for _ in range(50)))
        assert sorted(one.outcome for one in accepted) == ["duplicate"] * 49 + ["stored"]
        assert len({one.turn for one in accepted}) == 1
        slow.free.set()
        await kit.quiet()
        assert slow.asked == ["hello"]


async def test_what_has_an_id_is_never_compared(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        outcomes = [(await kit.receive(said(kit.here, "yes", event=event))).outcome for event in ("1", "2", "1")]
        assert outcomes == ["stored", "stored", "duplicate"]
        assert (await kit.receive(bare(kit, "yes"))).outcome == "duplicate"  # but it may be the one that has none
        slow.free.set()
        await kit.quiet()


async def test_events_without_ids_that_are_no_messages_are_taken(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await kit.quiet()
        for _ in range(2):
            assert (await kit.receive(replace(bare(kit, ""), kind="blocked"))).outcome == "service"
        assert await kit.rows("SELECT silenced FROM lane") == [("blocked",)]


async def test_a_visitor_who_sends_twice_without_an_id_has_one_turn(tmp_path: Path) -> None:
    async with doors.running(tmp_path) as gateway:
        held = Held()
        ada = await gateway.begin("talk")
        first, again = await ada.say_on("yes"), await ada.say_on("yes")
        assert first == again
        held.write("really?")
        held.finish()
        await gateway.until_rows([("done",)], "SELECT state FROM inbox")
        sure = Held()
        second = await ada.say_on("yes")
        assert second != first
        sure.write("fine")
        sure.finish()
        await gateway.until_rows([("done",), ("done",)], "SELECT state FROM inbox")
        assert [line["text"] for line in (await ada.history())["messages"]] == ["yes", "really?", "yes", "fine"]
