"""What a platform says of a part later settles what was in doubt, and a status only climbs."""

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Unknown
from gateway.message import Part
from gateway.outbox import LADDER
from tests.answers import parts, policy, three, wait
from tests.kit import Kit, corridor
from tests.steps import whole

pytestmark = pytest.mark.store


async def settle(kit: Kit, part: str, status: Any) -> None:
    await kit.here.adapter.gate.settle(part, status, f"ref of {status}")


@pytest.mark.feature("OUT-05")
async def test_a_report_settles_a_doubt_and_frees_what_waits_behind(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(three)
        kit.paper.fail(lambda: Unknown("cut off"))
        await kit.say("hello")
        await kit.stored("SELECT state, out_holder FROM outbox, lane WHERE seq = 1", ("unknown", None))
        await settle(kit, "1", "failed")  # that says nothing of whether it had been sent
        assert (await parts(kit, "state, status"))[0] == ("unknown", "failed")
        await settle(kit, "1", "delivered")
        await whole(kit)  # and no time went by
        assert kit.paper.texts() == ["hello 2", "hello 3"]
        assert await parts(kit, "state, ref, unknowns") == [
            ("sent", "ref of delivered", 1),
            ("sent", "ref-1", 0),
            ("sent", "ref-2", 0),
        ]


@pytest.mark.feature("OUT-05")
async def test_a_report_while_the_part_is_on_the_wire_is_kept(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        arrived, go = asyncio.Event(), asyncio.Event()

        async def cut_off(part: Part) -> None:
            if part.text == "hello 1":
                arrived.set()
                await go.wait()
                raise Unknown("cut off")

        kit.bot(three)
        kit.paper.before = cut_off
        await kit.say("hello")
        await arrived.wait()
        await settle(kit, "1", "sent")
        assert (await parts(kit, "state, status"))[0] == ("sending", "sent")
        go.set()
        await whole(kit)
        assert kit.paper.texts() == ["hello 2", "hello 3"]
        assert (await parts(kit, "state, reason, unknowns"))[0] == ("sent", "reported", 1)


@pytest.mark.feature("OUT-05")
async def test_a_report_settles_what_was_given_up(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy(on_unknown="never")) as kit:
        kit.bot(three)
        kit.paper.fail(lambda: Unknown("cut off"))
        await kit.say("hello")
        await whole(kit)
        assert [state for (state,) in await parts(kit, "state")] == ["unconfirmed", "sent", "sent"]
        await settle(kit, "1", "read")
        await whole(kit)
        assert [state for (state,) in await parts(kit, "state")] == ["sent"] * 3
        wait(kit, 3600)
        await whole(kit)
        assert kit.paper.texts() == ["hello 2", "hello 3"]


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize("order", list(itertools.permutations(LADDER)))
async def test_a_status_only_climbs(tmp_path: Path, order: Sequence[str]) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await whole(kit)
        highest = 0
        for status in order:
            await settle(kit, "1", status)
            highest = max(highest, LADDER.index(status))
            assert await parts(kit, "status, state, ref") == [(LADDER[highest], "sent", "ref-1")]
        await whole(kit)


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize("part", ["", "0", "2", "-1", "one", "1; DROP TABLE outbox", "9" * 40, "١", "1.0"])
async def test_a_report_on_what_is_not_ours_changes_nothing(tmp_path: Path, part: str) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await whole(kit)
        before = await parts(kit, "*")
        await settle(kit, part, "read")
        assert await parts(kit, "*") == before
