"""An edited message is answered anew: our own earlier answer is edited where the platform lets us."""

from pathlib import Path
from typing import Any

import pytest

from gateway.amending import answer_of
from gateway.errors import Refused, Retry, Unknown
from gateway.message import Part
from tests.amended import Slow, Wire, change, deleting, editing
from tests.kit import corridor
from tests.leap import leap

pytestmark = pytest.mark.feature("LIF-17")


async def test_where_we_can_our_own_messages_are_edited(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        edited = editing(kit)
        slow = Slow(kit)
        slow.go.set()
        await kit.say("one/two", ref="m1")
        await kit.quiet()
        await change(kit, "edit", "m1", "eins/zwei/drei")
        await kit.quiet()
        assert edited == [("ref-1", "re: eins"), ("ref-2", "re: zwei")]
        assert kit.paper.texts() == ["re: one", "re: two", "re: drei"]
        await change(kit, "edit", "m1", "uno")
        await kit.quiet()
        assert edited[2:] == [("ref-1", "re: uno")]
        assert [turn.message.replaces for turn in slow.bot.turns[:2]] == [(), ("ref-1", "ref-2")]


async def test_what_the_new_answer_has_no_use_for_is_deleted(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        edited, deleted = editing(kit), deleting(kit)
        slow = Slow(kit)
        slow.go.set()
        await kit.say("one/two/three", ref="m1")
        await kit.quiet()
        await change(kit, "edit", "m1", "eins")
        await kit.quiet()
        assert (edited, deleted) == ([("ref-1", "re: eins")], ["ref-2", "ref-3"])
        # Nothing is deleted twice, and what stands there can be edited once more.
        await change(kit, "edit", "m1", "uno/due")
        await kit.quiet()
        assert (edited[1:], deleted[2:]) == ([("ref-1", "re: uno")], [])
        assert kit.paper.texts() == ["re: one", "re: two", "re: three", "re: due"]
        await change(kit, "edit", "m1", "silence")
        await kit.quiet()
        assert deleted[2:] == ["ref-1", "ref-4"]
        assert await kit.rows("SELECT DISTINCT state FROM outbox") == [("sent",)]


async def test_where_nothing_can_be_edited_the_old_answer_is_deleted(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        deleted = deleting(kit)
        Slow(kit).go.set()
        await kit.say("one/two", ref="m1")
        await kit.quiet()
        await change(kit, "edit", "m1", "eins")
        await kit.quiet()
        assert (kit.paper.texts(), deleted) == (["re: one", "re: two", "re: eins"], ["ref-1", "ref-2"])


async def test_what_cannot_be_deleted_any_more_stays_and_holds_up_nothing(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        editing(kit)
        deleted = deleting(kit)
        deleted.append("ref-2")
        Slow(kit).go.set()
        await kit.say("one/two", ref="m1")
        await kit.quiet()
        await change(kit, "edit", "m1", "eins")
        await kit.say("next", ref="m2")
        await kit.quiet()
        assert kit.paper.texts() == ["re: one", "re: two", "re: next"]
        assert await kit.rows("SELECT DISTINCT state FROM outbox") == [("sent",)]


async def test_what_is_on_the_wire_when_it_is_edited_is_replaced_too(tmp_path: Path) -> None:
    """The platform says its id only when the new answer is on its way."""
    async with corridor(tmp_path) as kit:
        edited, deleted, wire = editing(kit), deleting(kit), Wire(kit, "re: two")
        Slow(kit).go.set()
        await kit.say("one/two/three", ref="m1")
        await wire.meanwhile("eins/zwei")
        assert kit.paper.texts() == ["re: one", "re: two"]
        assert (edited, deleted) == ([("ref-1", "re: eins"), ("ref-2", "re: zwei")], [])
        await change(kit, "edit", "m1", "uno")
        await kit.quiet()
        assert (edited[2:], deleted) == ([("ref-1", "re: uno")], ["ref-2"])


async def test_what_is_on_the_wire_and_has_no_place_in_the_new_answer_is_deleted(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        edited, deleted, wire = editing(kit), deleting(kit), Wire(kit, "re: three")
        Slow(kit).go.set()
        await kit.say("one/two/three", ref="m1")
        await wire.meanwhile("uno")
        assert (edited, deleted) == ([("ref-1", "re: uno")], ["ref-2", "ref-3"])


@pytest.mark.parametrize("lost", [False, True])
async def test_what_replaces_something_is_on_the_wire_when_it_is_edited_again(lost: bool, tmp_path: Path) -> None:
    """Its place is the one it takes, whether it comes there or not."""
    async with corridor(tmp_path) as kit:
        edited, deleted = editing(kit), deleting(kit)
        Slow(kit).go.set()
        await kit.say("one/two", ref="m1")
        await kit.quiet()
        wire = Wire(kit, "re: eins", Refused("too_long") if lost else None)
        await change(kit, "edit", "m1", "eins/zwei")
        await wire.meanwhile("uno")
        assert kit.paper.texts() == ["re: one", "re: two"]
        assert edited == [("ref-1", "re: uno")] if lost else [("ref-1", "re: eins"), ("ref-1", "re: uno")]
        assert deleted == ["ref-2"]


async def test_what_was_on_the_wire_and_never_came_is_neither_edited_nor_deleted(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        edited, deleted = editing(kit), deleting(kit)
        wire = Wire(kit, "re: two", Refused("rejected"))
        Slow(kit).go.set()
        await kit.say("one/two", ref="m1")
        await wire.meanwhile("eins/zwei")
        assert kit.paper.texts() == ["re: one", "re: zwei"]
        assert (edited, deleted) == ([("ref-1", "re: eins")], [])


async def test_what_was_on_the_wire_and_did_not_get_through_is_not_tried_again(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        edited, deleted = editing(kit), deleting(kit)
        wire = Wire(kit, "re: two", Retry("too many", after=3600))
        Slow(kit).go.set()
        await kit.say("one/two/three", ref="m1")
        await wire.meanwhile("eins/zwei")
        assert kit.paper.texts() == ["re: one", "re: zwei"]
        assert (edited, deleted) == ([("ref-1", "re: eins")], [])
        assert await kit.rows("SELECT DISTINCT state FROM outbox ORDER BY state") == [("dropped",), ("sent",)]


async def test_what_is_answered_while_an_edit_of_it_is_taken_in_is_replaced(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        edited, slow, read = editing(kit), Slow(kit), kit.corridor.db.read

        async def reads(find: Any, *args: Any) -> Any:
            found = await read(find, *args)
            if find is answer_of:
                slow.go.set()
                await kit.quiet()
            return found

        await kit.say("one/two", ref="m1")
        await kit.until(lambda: slow.asked == ["one/two"])
        kit.corridor.db.read = reads  # type: ignore[method-assign, assignment]
        await change(kit, "edit", "m1", "eins/zwei")
        await kit.quiet()
        assert kit.paper.texts() == ["re: one", "re: two"]
        assert edited == [("ref-1", "re: eins"), ("ref-2", "re: zwei")]


@pytest.mark.parametrize(
    ("error", "texts"), [(Refused("rejected", "too old"), ["re: one", "re: two"]), (Unknown("lost"), ["re: one"])]
)
async def test_a_message_that_cannot_be_edited_is_followed_by_another(
    error: Exception, texts: list[str], tmp_path: Path
) -> None:
    async with corridor(tmp_path) as kit:
        edited = editing(kit)
        slow = Slow(kit)
        slow.go.set()
        await kit.say("one", ref="m1")
        await kit.quiet()
        again, once = kit.here.adapter.edit, [error]

        async def edit(ref: str, part: Part) -> None:
            if once:
                raise once.pop()
            await again(ref, part)

        kit.here.adapter.edit = edit  # type: ignore[method-assign]
        await change(kit, "edit", "m1", "two")
        await kit.until(lambda: not once)
        if isinstance(error, Unknown):
            await kit.stored("SELECT state FROM outbox ORDER BY id DESC LIMIT 1", ("unknown",))
            kit.clock.ahead += 600
            leap(600)
            kit.router.ring_channel("p")
        await kit.quiet()
        assert (kit.paper.texts(), edited) == (texts, [] if len(texts) == 2 else [("ref-1", "re: two")])
