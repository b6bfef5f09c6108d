"""The window in which a platform lets us speak freely: kept by what users write, across resets and restarts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.far.whatsapp import NUMBER, WhatsAppServer
from tests.far.whatsapp.graph import DAY
from tests.far.whatsapp.server import SECOND
from tests.postgres import member
from tests.road import SCRIPTED
from tests.whatsapp_road import Road, gateway, road

pytestmark = [pytest.mark.feature("OUT-08"), pytest.mark.store]

STATES = "SELECT state, status FROM outbox ORDER BY id"
TEMPLATE: dict[str, Any] = {"delivery": {"template": "follow_up:en"}}


async def late(here: Road, text: str = "late answer", account: str = NUMBER) -> None:
    """The bot has something to say that nobody has just asked for."""
    await here.gateway.rows("SELECT 1")
    await here.say(text, account)


@asynccontextmanager
async def talked(folder: Path, **more: Any) -> AsyncIterator[Road]:
    """Ada has written and been answered; then a day went by."""
    async with road(folder, **more) as here:
        here.server.templates = {("follow_up", "en")}
        here.server.user(7).says("hello")
        await here.quiet()
        assert here.server.texts() == ["hello"]
        here.leap(DAY + 60)
        yield here


async def test_outside_the_window_a_part_waits_for_the_user(tmp_path: Path) -> None:
    async with talked(tmp_path) as here:
        await late(here, "one")
        await late(here, "two")
        await here.until_rows([("sent", None), ("ready", "window_closed"), ("ready", "window_closed")], STATES)
        assert here.server.texts() == ["hello"], "nothing was even tried"
        here.server.user(7).says("back again")
        await here.texts(here.server.user(7).id, ["hello", "one", "two", "back again"])


async def test_a_configured_template_goes_out_instead_and_never_within_the_window(tmp_path: Path) -> None:
    async with talked(tmp_path, **TEMPLATE) as here:
        await late(here)
        await here.texts(here.server.user(7).id, ["hello", "follow_up: late answer"])
        here.server.user(7).says("back again")
        await late(here, "free of charge")
        await here.quiet()
        assert [sent.asked["type"] for sent in here.server.sent] == ["text", "template", "text", "text"]


async def test_within_the_window_it_matters_neither_how_late_nor_that_all_was_reset(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        here.server.user(7).says("hello")
        here.server.user(7).says("/reset")
        await here.quiet()
        sent = len(here.server.sent)
        here.leap(DAY - 120)
        await late(here)
        await here.until(lambda: len(here.server.sent) == sent + 1)
        assert here.server.texts()[-1] == "late answer"


async def test_it_is_kept_over_a_restart_and_by_number(tmp_path: Path) -> None:
    async with WhatsAppServer() as server:
        numbers: dict[str, Any] = {"numbers": [NUMBER, SECOND]}
        async with gateway(server, tmp_path, **numbers) as here:
            server.user(7).says("hello")
            await here.quiet()
            here.leap(DAY + 60)
            server.user(7).at(SECOND).says("hello")
            await here.quiet()
        ahead = server.ahead
        async with gateway(server, tmp_path, **numbers) as here:
            here.gateway.clock.ahead = ahead
            await late(here, "to the first")
            await late(here, "to the second", SECOND)
            await here.until(lambda: len(server.sent) == 3)
            assert (server.sent[-1].number, server.sent[-1].text) == (SECOND, "to the second")
            await here.until_rows([("to the first",)], _WAITING)


_WAITING = f"SELECT {member('body', 'text')} FROM outbox WHERE status = 'window_closed'"


async def test_after_a_week_of_waiting_it_is_given_up_visibly(tmp_path: Path) -> None:
    async with talked(tmp_path) as here:
        await late(here)
        await here.until_rows([("sent", None), ("ready", "window_closed")], STATES)
        here.leap(6 * DAY)
        await here.until_rows([("ready",)], "SELECT state FROM outbox WHERE id = 2")
        here.leap(DAY + 60)
        await here.until_rows([("dead", "expired")], "SELECT state, reason FROM outbox WHERE id = 2")
        assert here.server.texts() == ["hello"]


@pytest.mark.parametrize("reported", [False, True], ids=["refused", "reported"])
async def test_the_platforms_word_counts_for_more_than_ours(reported: bool, tmp_path: Path) -> None:
    """It refuses, or takes the message and reports later that it failed."""
    async with road(tmp_path) as here:
        here.server.late = reported
        here.server.user(7).says("hello")
        await here.quiet()
        here.server.people[here.server.user(7).id].wrote_at[NUMBER] -= 2 * DAY
        await late(here)
        await here.until_rows([("sent", None), ("ready", "window_closed")], STATES)
        assert here.server.texts() == ["hello", *["late answer"] * reported]
        here.server.user(7).says("back again")
        await here.texts(here.server.user(7).id, ["hello", *["late answer"] * reported, "late answer", "back again"])


async def test_a_message_told_late_opens_it_only_from_when_it_was_written(tmp_path: Path) -> None:
    async with road(tmp_path, SCRIPTED) as here:
        here.server.pusher.hold()
        here.server.user(7).says("hello")
        here.leap(DAY + 60)
        here.server.pusher.release()
        await here.told()
        assert await here.rows("SELECT COUNT(*) FROM heard WHERE at > $1", here.gateway.clock.now() - DAY * 1000) == [
            (0,)
        ]


async def test_what_is_let_go_opens_it_too(tmp_path: Path) -> None:
    """Whoever is told to slow down has written."""
    async with road(tmp_path, limits={"messages": "1/h", "send": "off"}) as here:
        for text in ("one", "two"):
            here.server.user(7).says(text)
        await here.quiet()
        assert len(here.server.sent) == 2
        here.leap(DAY - 60)
        here.server.user(7).says("three")
        here.server.user(7).says("four")
        await here.told()
        await here.quiet()
        here.leap(3600)
        await late(here)
        await here.until(lambda: here.server.texts()[-1] == "late answer")


@pytest.mark.feature("OUT-04", "OUT-07")
@pytest.mark.parametrize("state", ["sending", "unknown", "sent"])
async def test_a_report_that_it_bounced_counts_whenever_it_comes_and_once(state: str, tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.user(7)
        ada.says("hello")
        await here.quiet()
        assert here.gateway.daemon.corridor.channels["help"].limits.window
        gate = here.gateway.daemon.corridor.channels["help"].adapter.gate
        here.server.people[ada.id].wrote_at[NUMBER] -= 2 * DAY
        here.server.late = True
        if state != "sent":
            here.server.fail("messages", "accept_then_hang" if state == "sending" else "accept_then_reset")
        here.server.pusher.hold()
        await here.say("late answer")
        await here.until_rows([(state,)], "SELECT state FROM outbox WHERE id = 2")
        await here.until(lambda: len(here.server.sent) == 2)
        for _ in range(2):
            await gate.settle("2", "window", here.server.sent[-1].message_id)
        if state == "sending":
            here.leap(60)  # no answer came, so that it is in doubt
        await here.until_rows([("ready", "window_closed")], "SELECT state, status FROM outbox WHERE id = 2")
        ada.says("back again")
        here.server.pusher.release()
        await here.texts(ada.id, ["hello", "late answer", "late answer", "back again"])
        await gate.settle("2", "window", here.server.sent[1].message_id)  # old news
        await here.quiet()
        assert await here.rows("SELECT DISTINCT state FROM outbox") == [("sent",)]
        assert await here.rows("SELECT DISTINCT pending FROM lane") == [(0,)]
