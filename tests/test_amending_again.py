"""A message is edited or deleted while it is answered once more: it stands in the history already."""

from pathlib import Path

import pytest

from gateway.amending import DELETED
from gateway.message import Turn
from tests.amended import Slow, answered, change, lines
from tests.kit import Kit, corridor

pytestmark = [pytest.mark.feature("LIF-17"), pytest.mark.store]


async def once_more(kit: Kit) -> Slow:
    """A bot that has answered `one` as message `m1`, and is asked for `two` in its place."""
    slow = await answered(kit, "zero", "one")
    slow.go.clear()
    await change(kit, "edit", "m1", "two")
    await kit.until(lambda: slow.asked == ["zero", "one", "two"])
    return slow


def told(turn: Turn) -> list[str]:
    return [line.text for line in turn.history]


async def test_an_edit_changes_the_line_and_is_answered_in_its_turn(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = await once_more(kit)
        await change(kit, "edit", "m1", "three")
        slow.go.set()
        await kit.quiet()
        assert (await lines(kit))[2:] == [("user", "three"), ("system", "re: one"), ("assistant", "re: three")]
        assert told(slow.bot.turns[-1]) == ["zero", "re: zero"]
        await change(kit, "edit", "m1", "four")
        await kit.quiet()
        assert slow.asked == ["zero", "one", "two", "three", "four"]
        assert told(slow.bot.turns[-1]) == ["zero", "re: zero"]
        assert [line for line in await lines(kit) if line[0] != "system"][2:] == [
            ("user", "four"),
            ("assistant", "re: four"),
        ]


async def test_a_deletion_blanks_the_line(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = await once_more(kit)
        await change(kit, "revoke", "m1")
        slow.go.set()
        await kit.quiet()
        assert (await lines(kit))[2:] == [("user", DELETED), ("system", "re: one")]
        await kit.say("next", ref="m2")
        await kit.quiet()
        assert told(slow.bot.turns[-1]) == ["zero", "re: zero", DELETED]
