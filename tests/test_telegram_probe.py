"""What `doctor` and the start are told about a bot's account."""

import pytest

from gateway.adapter import Finding
from tests.far.telegram import TelegramServer
from tests.telegram_channel import called, closed, opened


def bad(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if not finding.ok]


@pytest.mark.feature("CH-20", "CH-03")
async def test_all_is_well() -> None:
    async with TelegramServer() as server, opened(server) as polling, called(server) as webhook:
        await server.pusher.stop()
        assert bad(await polling.adapter.probe()) == []
        await webhook.adapter.open()
        findings = await webhook.adapter.probe()
        assert bad(findings) == []
        assert findings[0].text == "the token belongs to @far_bot (123456789)"


@pytest.mark.feature("GRP-02")
@pytest.mark.parametrize("privacy", [True, False])
async def test_privacy_mode_is_told(privacy: bool) -> None:
    async with TelegramServer(privacy=privacy) as server, opened(server) as (adapter, _):
        finding = (await adapter.probe())[1]
        assert finding.ok  # it suits the default group mode
        assert ("privacy mode is on" in finding.text) == privacy
        assert ("/setprivacy" in finding.remedy) == privacy


@pytest.mark.feature("CH-20", "SEC-01")
async def test_a_webhook_elsewhere_is_told_without_its_path() -> None:
    async with TelegramServer() as server, closed(server) as polling, called(server) as webhook:
        await server.pusher.start("https://elsewhere.example/secret-path", "")
        for adapter, _ in (polling, webhook):
            [text] = bad(await adapter.probe())
            assert "https://elsewhere.example" in text
            assert "secret-path" not in text


@pytest.mark.feature("CH-20")
async def test_a_webhook_without_address_or_not_set_is_told() -> None:
    async with TelegramServer() as server:
        async with closed(server, mode="webhook") as (adapter, _):
            assert "public_url" in bad(await adapter.probe())[0]
        async with closed(server, mode="webhook", public_url="https://chat.example.org") as (adapter, _):
            assert bad(await adapter.probe()) == ["the webhook is not set, not to https://chat.example.org/c/help"]


@pytest.mark.feature("CH-20", "CH-05")
async def test_a_webhook_that_fails_or_asks_for_other_updates_is_told() -> None:
    async with TelegramServer() as server, opened(server, mode="webhook", public_url="http://127.0.0.1:1") as channel:
        server.user(7).says("nobody hears this")
        await server.until(lambda: server.pusher.last_error)
        server.queue.allowed = {"message"}
        texts = bad(await channel.adapter.probe())
        assert texts[0] == "the webhook asks for other kinds of updates"
        assert texts[1].startswith("Telegram's last call failed: ")


@pytest.mark.feature("CH-22")
async def test_a_wrong_token_and_an_unreachable_server_are_told() -> None:
    async with TelegramServer() as server, closed(server) as (adapter, _):
        server.revoked = True
        [finding] = await adapter.probe()
        assert (finding.ok, "@BotFather" in finding.remedy) == (False, True)
    async with closed(server) as (adapter, _):
        [finding] = await adapter.probe()
        assert (finding.ok, "api_base" in finding.remedy) == (False, True)
        assert server.token not in finding.text
