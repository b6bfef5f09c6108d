"""Twilio's road in trouble: what fails costs no answer and no order, and the webhook goes where it belongs."""

import asyncio
import json
from pathlib import Path

import pytest

from gateway.settings import load
from tests.doors import Held
from tests.far.twilio import NUMBER, WHATSAPP, TwilioServer
from tests.far.twilio.faults import How
from tests.full import full
from tests.road import SCRIPTED, UNPACED
from tests.twilio_road import gateway, road


@pytest.mark.feature("OUT-07", "OUT-05")
async def test_reports_in_any_order_only_climb_and_settle_what_is_in_doubt(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        here.server.reports = ()
        ada = here.server.person("+15550100", "Ada")
        await ada.says("one")
        await here.quiet()
        for status in ("read", "sent", "delivered", "queued"):
            assert await here.server.report(here.server.sent[0], status) == 200
        assert await here.rows("SELECT state, status FROM outbox") == [("sent", "read")]
        here.server.fail("messages", "accept_then_reset")
        await ada.says("two")
        await here.gateway.until_rows([("sent",), ("unknown",)], "SELECT state FROM outbox ORDER BY id")
        here.gateway.clock.ahead += 29  # it is waited for a report before anybody sees a second copy
        here.gateway.daemon.router.ring_channel("help")
        assert await here.server.report(here.server.sent[1], "delivered") == 200
        await here.quiet()
        assert here.server.texts() == ["one", "two"]
        assert (await here.rows("SELECT state, ref FROM outbox ORDER BY id"))[1] == ("sent", here.server.sent[1].sid)


@pytest.mark.feature("OUT-02", "OUT-05", "OUT-06")
async def test_trouble_of_every_kind_costs_no_answer_and_no_order(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.person("+15550100", "Ada")
        hows: tuple[int | How, ...] = (429, 503, 500, "reset", "html", "accept_then_reset")
        for number, how in enumerate(hows):
            here.server.fail("messages", how, retry_after=2 if how == 429 else 0)
            await ada.says(f"{number}")
            await here.goes_by_until(f"{number}")
        texts = here.server.texts()
        assert list(dict.fromkeys(texts)) == [f"{number}" for number in range(6)]
        assert len(texts) <= 7, "only what was in doubt may be seen twice"


@pytest.mark.feature("OUT-06", "CH-22")
async def test_who_has_said_stop_hears_nothing_until_they_write_again(tmp_path: Path) -> None:
    async with road(tmp_path, sender=NUMBER) as here:
        ada = here.server.person("+15550100", "Ada", NUMBER)
        await ada.says("hello")
        await here.quiet()
        await ada.stops()
        ada.stopped = False
        await here.quiet()
        assert here.server.texts() == ["hello"]
        assert await here.rows("SELECT silenced FROM lane") == [("blocked",)]
        await ada.starts()
        await ada.says("I am back")
        await here.quiet()
        assert here.server.texts() == ["hello", "I am back"]


@pytest.mark.feature("OUT-08")
async def test_what_twilio_gives_back_for_the_window_waits_until_the_user_writes(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.person("+15550100", "Ada")
        form = ada.form("hello")
        assert await here.server.caller.call(here.server.webhooks[WHATSAPP], form) == 200  # the window stays shut
        status = "SELECT state, status FROM outbox ORDER BY id"
        await here.gateway.until_rows([("ready", "window_closed")], status)
        await here.until(lambda: not here.server.reporting)
        here.gateway.clock.ahead += 25 * 3600
        await ada.says("are you there?")
        await here.gateway.until_rows([("sent", "delivered")] * 2, status)
        assert [(sent.body, sent.error) for sent in here.server.sent] == [
            ("hello", 63016),
            ("hello", 0),
            ("are you there?", 0),
        ]


@pytest.mark.feature("OUT-08")
async def test_outside_the_window_a_template_speaks_and_inside_it_never(tmp_path: Path) -> None:
    template = "HX" + "7e" * 16
    channel = f"delivery: {{template: {template}}}, stream: {{typing: false}}, {UNPACED}"
    async with road(tmp_path, SCRIPTED, channel) as here:
        here.server.contents[template] = {"types": {"twilio/text": {"body": "There is news: {{1}}"}}}
        ada = here.server.person("+15550100", "Ada")
        for hours, text in ((0, "soon"), (25, "late")):
            held = Held()
            await ada.says("tell me")
            await here.until(lambda: held.turns)  # noqa: B023  (waited for here)
            here.gateway.clock.ahead += hours * 3600
            ada.window = not hours
            held.write(text)
            held.finish()
            await here.quiet()
        assert here.server.texts() == ["soon", "There is news: Sorry for the late answer. late"]
        assert {sent.error for sent in here.server.sent} == {0}


@pytest.mark.feature("CH-22")
async def test_a_token_that_was_renewed_stops_the_channel_and_keeps_its_answers(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.person("+15550100", "Ada")
        here.server.token = "the-new-token"  # webhooks in flight are still signed with the old one
        await ada.says("hello")
        await here.until(lambda: here.state == "auth")
        assert here.server.sent == []
        here.server.token = here.server.caller.token
        here.leap(901)
        await here.until(lambda: here.server.sent)
        await here.quiet()
        assert (here.server.texts(), here.state) == (["hello"], "up")


@pytest.mark.feature("INB-01", "STO-07")
async def test_twilio_comes_again_when_we_could_not_write(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.person("+15550100", "Ada")
        async with full(here.gateway.daemon.corridor.db):
            large = ada.form("x" * 60_000)
            here.server.caller.again.clear()
            saying = asyncio.create_task(ada.sends(large))
            await here.until(lambda: here.server.caller.deliveries)
            assert here.server.caller.deliveries[0].status == 503
            assert json.loads(here.server.caller.deliveries[0].answer)["code"] == "storage_full"
        here.server.caller.again.set()
        assert await saying == 200
        await here.quiet()
        assert [delivery.status for delivery in here.server.caller.deliveries[:2]] == [503, 200]
        assert await here.rows("SELECT state FROM inbox") == [("done",)]


@pytest.mark.feature("CH-20")
async def test_a_channel_that_is_removed_takes_its_webhook_back_and_one_that_stops_does_not(tmp_path: Path) -> None:
    async with TwilioServer() as server:
        async with gateway(server, tmp_path) as here:
            daemon = here.gateway.daemon
            assert server.webhooks[WHATSAPP]
            moved = here.yaml.replace("platform: twilio", "enabled: true, platform: twilio")
            (tmp_path / "gateway.yaml").write_text(moved)
            await daemon.apply(load(tmp_path / "gateway.yaml", {}))
            assert server.webhooks[WHATSAPP], "another setting is no farewell"
            (tmp_path / "gateway.yaml").write_text(here.yaml.replace("  help:", "  other:"))
            await daemon.apply(load(tmp_path / "gateway.yaml", {}))
            await here.until(lambda: "/c/other" in server.webhooks[WHATSAPP])
            (tmp_path / "gateway.yaml").write_text(here.yaml.replace(WHATSAPP, NUMBER))
            await daemon.apply(load(tmp_path / "gateway.yaml", {}))
            await here.until(lambda: "/c/help" in server.webhooks[NUMBER])
            assert server.webhooks[WHATSAPP] == ""
        assert server.webhooks[NUMBER], "what waits while we are away is called here when we are back"
