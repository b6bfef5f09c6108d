"""An old backup was restored: what was answered and sent after it was made is not answered and sent a second time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.backup.restoring import Wanted
from gateway.errors import Unknown
from gateway.message import Inbound
from tests.amended import change
from tests.carried import backup, restored
from tests.kit import said
from tests.operators import Desk, dead_letters, desk, lanes_are_right

pytestmark = pytest.mark.feature("STO-08")


def heard(here: Desk, text: str, event: str, sent_at: int) -> Inbound:
    return said(here.here, text, user="ada", event=event, sent_at=sent_at)


@asynccontextmanager
async def lost(folder: Path, wanted: Wanted | None = None) -> AsyncIterator[tuple[Desk, dict[str, Any]]]:
    """A backup is made while one message waits and one answer is on its way; then both are done with, and more is
    said; then the store is lost. Returns the gateway that goes on with the backup, and what was before.
    """
    old, new = folder / "old", folder / "new"
    old.mkdir()
    async with desk(old) as here:
        await here.receive(heard(here, "first", "e1", here.clock.now()))
        await here.quiet()
        go = asyncio.Event()

        async def wait(part: object) -> None:
            await go.wait()

        here.paper.before = wait
        await here.receive(heard(here, "second", "e2", here.clock.now()))
        await here.stored("SELECT COUNT(*) FROM outbox WHERE state = 'sending'", (1,))
        here.corridor.desk.draining = True
        await here.receive(heard(here, "third", "e3", here.clock.now()))
        await backup(old, folder / "b")
        here.corridor.desk.draining = False
        go.set()
        here.router.ring_bot("b")
        await here.quiet()
        await here.receive(heard(here, "fourth", "e4", here.clock.now()))
        await here.quiet()
        assert here.paper.texts() == ["first", "second", "third", "fourth"]
        lines = await here.rows("SELECT session, MAX(seq) FROM message GROUP BY session")
        parts = await here.rows("SELECT MAX(id) FROM outbox")
        before = {"lines": dict(lines), "part": parts[0][0], "at": here.clock.now()}
    await restored(new, folder / "b", wanted or Wanted())
    async with desk(new) as here:
        yield here, before


async def test_what_waited_is_kept_back_until_somebody_wants_it(tmp_path: Path) -> None:
    async with lost(tmp_path) as (here, _):
        await here.quiet()
        assert here.paper.texts() == []
        await lanes_are_right(here)
        letters = await dead_letters(here, "?reason=restored")
        assert [(one["box"], one["state"]) for one in letters] == [("inbox", "dead"), ("outbox", "unconfirmed")]
        for one in letters:
            answer = await here.ask("POST", f"dead/{one['box']}/{one['id']}/requeue", {})
            assert answer.status == 200, answer.body
        await here.quiet()
        assert sorted(here.paper.texts()) == ["second", "third"]
        said = await here.rows("SELECT role, text FROM message WHERE text = 'third' ORDER BY seq")
        assert said == [("user", "third"), ("assistant", "third")], "what was never answered here gets its line, once"
        await lanes_are_right(here)


async def test_what_a_platform_sends_again_is_answered_when_somebody_wants_it(tmp_path: Path) -> None:
    async with lost(tmp_path) as (here, before):
        again = heard(here, "fourth", "e4", before["at"])
        assert (await here.receive(again)).outcome == "stored", "it is written down, and so acknowledged"
        assert (await here.receive(again)).outcome == "duplicate"
        held = 'gateway_dead_letters_total{box="inbox",channel="p",reason="restored"} 1.0'
        assert held in here.corridor.metrics.text().decode()
        assert (await here.get("status"))["restored"] is not None
        assert (await here.receive(heard(here, "first", "e1", before["at"]))).outcome == "duplicate"
        await here.quiet()
        assert here.paper.texts() == []
        letter = (await dead_letters(here, "?reason=restored&box=inbox"))[0]
        assert (await here.ask("POST", f"dead/inbox/{letter['id']}/requeue", {})).status == 200
        await here.quiet()
        assert here.paper.texts() == ["fourth"]


async def test_commands_are_kept_back_too(tmp_path: Path) -> None:
    async with lost(tmp_path) as (here, before):
        session = await here.rows("SELECT session FROM lane WHERE chat = 'ada'")
        await here.receive(heard(here, "/reset", "e5", before["at"]))
        assert await here.rows("SELECT session FROM lane WHERE chat = 'ada'") == session
        assert here.paper.texts() == []


async def test_what_is_said_from_now_on_is_answered(tmp_path: Path) -> None:
    async with lost(tmp_path) as (here, before):
        await here.receive(heard(here, "fifth", "e5", here.clock.now() + 1000))
        await here.receive(heard(here, "sixth", "e6", 0))  # a platform that does not say when
        await here.quiet()
        assert here.paper.texts() == ["fifth", "sixth"]
        lines = await here.rows("SELECT session, MIN(seq) FROM message WHERE text = 'fifth' GROUP BY session")
        assert all(seq > before["lines"][session] for session, seq in lines), "clients have read up to the line before"
        parts = await here.rows("SELECT MIN(id) FROM outbox WHERE state = 'sent' AND ref IS NOT NULL AND attempts = 1")
        sent = await here.rows("SELECT id FROM outbox WHERE state = 'sent' ORDER BY id DESC LIMIT 1")
        assert sent[0][0] > before["part"], "the platform may report on the parts before still"
        assert parts[0][0] < before["part"]


async def test_until_says_when_the_old_gateway_last_ran(tmp_path: Path) -> None:
    async with lost(tmp_path, Wanted(until=1_000)) as (here, before):
        await here.receive(heard(here, "while it was away", "e7", before["at"]))
        await here.receive(heard(here, "fourth", "e4", 1_000))
        await here.quiet()
        assert here.paper.texts() == ["while it was away"]


async def test_sending_that_was_in_doubt_is_not_repeated(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    async with desk(old) as here:
        here.paper.fail(lambda: Unknown("the line broke"))
        await here.receive(heard(here, "first", "e1", here.clock.now()))
        await here.stored("SELECT COUNT(*) FROM outbox WHERE state = 'unknown'", (1,))
        await backup(old, tmp_path / "b")
    await restored(tmp_path / "new", tmp_path / "b", Wanted())
    async with desk(tmp_path / "new") as here:
        await here.quiet()
        assert here.paper.texts() == []
        assert [one["state"] for one in await dead_letters(here)] == ["unconfirmed"]


async def test_an_edit_that_comes_again_only_changes_what_is_kept(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    async with desk(old) as here:
        await here.receive(said(here.here, "helo", user="ada", ref="r1", sent_at=here.clock.now()))
        await here.quiet()
        await backup(old, tmp_path / "b")
        at = here.clock.now()
    await restored(tmp_path / "new", tmp_path / "b", Wanted())
    async with desk(tmp_path / "new") as here:
        await change(here, "edit", "r1", "hello", user="ada", sent_at=at)
        await here.quiet()
        assert here.paper.texts() == []
        assert await here.rows("SELECT text FROM message WHERE role = 'user'") == [("hello",)]
        await change(here, "edit", "r1", "hello!", user="ada", sent_at=here.clock.now() + 1000)
        await here.quiet()
        assert here.paper.texts() == ["hello!"], "one from after the restore is answered anew"
