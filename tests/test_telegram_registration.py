"""Telling Telegram where to call, and taking that back: only what is ours, and never in the way of a reload."""

from pathlib import Path
from typing import Any

import pytest

from gateway.settings import load
from tests.far.telegram import TelegramServer
from tests.telegram_channel import called, opened
from tests.telegram_road import gateway


@pytest.mark.feature("CH-20")
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_webhook_is_taken_back_unless_it_points_to_somebody_else_by_then(elsewhere: bool) -> None:
    async with TelegramServer() as server, called(server) as (adapter, _):
        if elsewhere:
            await server.pusher.start("http://127.0.0.1:9/elsewhere", "")
        server.user(7).says("this stays there")
        server.calls.clear()
        await adapter.withdraw()
        assert server.pusher.url == ("http://127.0.0.1:9/elsewhere" if elsewhere else "")
        asked = [dict(asked) for method, asked in server.calls if method == "deleteWebhook"]
        assert asked == ([] if elsewhere else [{"drop_pending_updates": False}])


@pytest.mark.feature("CH-20")
@pytest.mark.parametrize("keys", [{"register_webhook": False}, {"mode": "polling"}], ids=str)
async def test_a_webhook_that_is_not_our_business_is_left_alone(keys: dict[str, Any]) -> None:
    async with TelegramServer() as server:
        wanted: dict[str, Any] = {"mode": "webhook", "public_url": "http://127.0.0.1:9", **keys}
        async with opened(server, **wanted) as (adapter, _):
            await server.pusher.start("http://127.0.0.1:9/c/help", "")  # set by hand
            await adapter.withdraw()
            assert server.pusher.url == "http://127.0.0.1:9/c/help"
            assert "setWebhook" not in [method for method, _ in server.calls]


@pytest.mark.feature("CH-20", "LIF-18")
async def test_the_gateway_sets_webhooks_at_start_and_reload_and_takes_back_those_of_removed_channels(
    tmp_path: Path,
) -> None:
    async with TelegramServer() as server:
        async with gateway(server, tmp_path, "webhook") as here:
            daemon, file = here.gateway.daemon, tmp_path / "gateway.yaml"
            await here.until(lambda: server.pusher.url.endswith("/c/help"))
            before = file.read_text("utf-8")
            file.write_text(before.replace("  help:", "  other:"), "utf-8")
            await daemon.apply(load(file, {}))
            await here.until(lambda: server.pusher.url.endswith("/c/other"))
            server.user(7).says("to the other one")
            await here.texts(7, ["to the other one"])
            file.write_text(before[: before.index("channels:")] + "channels: {site: {platform: web, bot: b}}", "utf-8")
            server.fail("getWebhookInfo", 500)
            await daemon.apply(load(file, {}))
            assert server.pusher.url.endswith("/c/other"), "Telegram did not say whose it is; the reload goes on"
            assert set(daemon.corridor.channels) == {"site"}
            file.write_text(before, "utf-8")
            server.fail("setWebhook", 500)
            await daemon.apply(load(file, {}))
            await here.until(lambda: here.state == "retrying")
            assert "webhook not registered" in daemon.corridor.channels["help"].detail
            here.leap(61)
            await here.until(lambda: here.state == "up" and server.pusher.url.endswith("/c/help"))
            file.write_text(before[: before.index("channels:")] + "channels: {site: {platform: web, bot: b}}", "utf-8")
            await daemon.apply(load(file, {}))
            assert server.pusher.url == ""
            file.write_text(before, "utf-8")
            await daemon.apply(load(file, {}))
            await here.until(lambda: server.pusher.url.endswith("/c/help"))
        assert server.pusher.url.endswith("/c/help"), "what waits while we are away is called here when we are back"
