"""No room, or a store that is held up: intake says 503 and why, nothing is half written, and it goes on by itself."""

import asyncio
import errno
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.disk import LOW, Disk
from gateway.errors import StorageFull, StorageSlow
from tests import postgres, uploads
from tests.doors import running
from tests.full import full, shut
from tests.keeping import kept
from tests.kit import corridor
from tests.leap import leap
from tests.operators import desk
from tests.steps import broken
from tests.store import AUDIT, CLEAN
from tests.uploads import PNG, SMALL, upload

pytestmark = pytest.mark.feature("STO-07")

LONG = "x" * 30_000


async def test_intake_says_503_and_why_and_goes_on_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        visitor = await gateway.begin()
        assert (await visitor.say("hello")).status == 200
        async with full(gateway.daemon.corridor.db):
            refused = await visitor.say(LONG, message_id="m1")
            assert (refused.status, refused.code) == (503, "storage_full")
            assert "no room" in refused.json["detail"]
            assert int(refused.headers["retry-after"]) > 0
        again = await visitor.say(LONG, message_id="m1")
        assert again.status == 200, "nobody had to do anything"
        assert (await visitor.say(LONG, message_id="m1")).json["turn_id"] == again.json["turn_id"]
        lines = (await visitor.history())["messages"]
        assert [line["role"] for line in lines] == ["user", "assistant"] * 2


async def test_nothing_is_half_written_wherever_the_room_ends(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await kit.quiet()
        refused: set[str] = set()
        for spare in range(24):
            async with full(kit.corridor.db, spare=spare):
                for part in range(2):
                    try:
                        await kit.say(f"{spare} {part} {LONG}", event=f"{spare} {part}", user=f"u{spare % 3}")
                    except StorageFull:
                        refused.add(f"{spare} {part}")
            assert await broken(kit) == []
        assert refused
        assert postgres.CHOSEN or len(refused) < 48, "some of them found room"
        for event in sorted(refused):
            assert (await kit.say(f"{event} {LONG}", event=event, user="again")).outcome == "stored"
        await kit.quiet()
        assert await broken(kit, {**AUDIT, **CLEAN}) == []
        if not postgres.CHOSEN:
            assert await kit.rows("PRAGMA integrity_check") == [("ok",)]
        answered = [text.split("x")[0].strip() for text in kit.paper.texts() if text[0].isdigit()]
        assert sorted(answered) == sorted(f"{spare} {part}" for spare in range(24) for part in range(2)), "each once"


@pytest.mark.skipif(postgres.CHOSEN, reason="a server has its own limits on how long a statement takes")
async def test_while_a_commit_hangs_nothing_more_is_promised(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        visitor = await gateway.begin()
        with shut(tmp_path):
            first = asyncio.create_task(visitor.say("one", message_id="m1"))
            await gateway.until(lambda: gateway.daemon.corridor.db._patience is not None)  # type: ignore[attr-defined]
            leap(6)
            await gateway.until(lambda: gateway.daemon.corridor.db._slow)  # type: ignore[attr-defined]
            with pytest.raises(StorageSlow):
                await gateway.daemon.corridor.db.write(lambda: iter(()))  # type: ignore[arg-type,return-value]
            assert (await first).status in (200, 503)
        answer = await visitor.say("one", message_id="m1")
        assert answer.status == 200
        assert len((await visitor.history())["messages"]) == 2


async def test_a_store_that_somebody_holds_is_said_to_be_slow(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        visitor = await gateway.begin()
        with shut(tmp_path):
            answer = await visitor.say("one", message_id="m1")
            assert (answer.status, answer.code) == (503, "storage_slow")
        assert (await visitor.say("one", message_id="m1")).status == 200


async def test_an_upload_without_room_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, SMALL) as gateway:
        visitor = await gateway.begin()
        flush = os.fsync

        def no_room(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_room)
        answer = await upload(visitor, ("a.png", PNG))
        assert (answer.status, answer.code) == (503, "storage_full")
        monkeypatch.setattr(os, "fsync", flush)
        assert uploads.kept(tmp_path / "files") == set()
        assert (await upload(visitor, ("a.png", PNG))).status == 201


async def test_operators_hear_of_it_before_there_is_none(tmp_path: Path) -> None:
    assert LOW == 500 * 1024 * 1024
    async with kept(tmp_path) as kit:
        kit.corridor.disk = Disk([tmp_path])
        free = kit.corridor.disk.spaces()[0].free
        with capture_logs() as logs:
            await kit.later(60)
            kit.corridor.disk.low = free * 2  # as if so much had been written
            for _ in range(3):
                await kit.later(60)
            kit.corridor.disk.low = 1
            await kit.later(60)
        told = [(one["event"], one["log_level"]) for one in logs if one["event"].startswith("disk.")]
        assert told == [("disk.low", "error"), ("disk.well", "info")], "once, and the all-clear"
        assert f'gateway_disk_free_bytes{{folder="{tmp_path}"}}' in kit.corridor.metrics.text().decode()


async def test_status_and_readiness_say_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        disk = here.corridor.disk
        assert all(not space["low"] and space["free"] > 0 for space in (await here.get("status"))["disk"])
        assert (await here.admin("GET", "/readyz")).status == 200
        disk.low = 1 << 62
        assert all(space["low"] for space in (await here.get("status"))["disk"])
        assert (await here.admin("GET", "/readyz")).status == 200, "low is not full"
        disk.full = 1 << 62
        answer = await here.admin("GET", "/readyz")
        assert (answer.status, answer.code) == (503, "storage_full")
        assert (await here.admin("GET", "/healthz")).status == 200
