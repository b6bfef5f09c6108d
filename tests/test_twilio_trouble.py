"""Twilio's road in trouble: what fails costs no answer and no order, and the webhook goes where it belongs."""

import asyncio
from pathlib import Path

import pytest

from gateway.settings import load
from tests.far.twilio import NUMBER, WHATSAPP, TwilioServer
from tests.far.twilio.faults import How
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


@pytest.mark.feature("INB-01")
async def test_twilio_comes_again_when_we_could_not_write(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.person("+15550100", "Ada")
        pages = (await here.rows("PRAGMA page_count"))[0][0]
        await here.gateway.daemon.corridor.db.write(_plain, f"PRAGMA max_page_count = {pages}")
        large = ada.form("x" * 60_000)
        saying = asyncio.create_task(ada.sends(large))
        await here.until(lambda: here.server.caller.deliveries)
        assert here.server.caller.deliveries[0].status == 503
        await here.gateway.daemon.corridor.db.write(_plain, "PRAGMA max_page_count = 1000000")
        assert await saying == 200


def _plain(sql: str):  # type: ignore[no-untyped-def]  # a transaction is a generator
    yield sql, ()


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
