"""`gateway run` with Slack, as a process of its own that is killed again and again: nothing is lost or said twice."""

from pathlib import Path

import pytest

from tests.far.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer
from tests.process import Gateway
from tests.slack_road import MODES

pytestmark = pytest.mark.feature("INB-01", "INB-02", "CH-06", "CH-07", "STR-04", "DEV-03")


def _config(server: SlackServer, mode: str) -> str:
    own = f'app_token: "{APP_TOKEN}"' if mode == "socket" else f'signing_secret: "{SIGNING_SECRET}"'
    return f"""
bots: {{b: {{kind: echo}}}}
channels:
  help:
    platform: slack
    bot: b
    mode: {mode}
    bot_token: "{BOT_TOKEN}"
    {own}
    api_base: "{server.url}"
    limits: {{send: off, messages: off}}
"""


@pytest.mark.parametrize("mode", MODES)
async def test_what_was_said_before_during_and_after_a_crash_is_answered_once(mode: str, tmp_path: Path) -> None:
    async with SlackServer(pace=0.01) as server:
        server.recognises = True  # so that what is sent twice, being in doubt, is to be seen once
        ada = server.user("U7", "Ada")
        gateway = Gateway(tmp_path, _config(server, mode))
        said: list[str] = []
        for round in range(3):
            said += [f"{round} while it was away"]
            ada.says(said[-1])
            async with gateway:
                if mode == "http":
                    await server.pusher.start(f"{gateway.url}/c/help")
                for number in range(10):
                    said += [f"{round} {number}"]
                    ada.says(said[-1])
                await server.until(lambda: f"{round} 3" in server.visible("DU7"), 60)  # noqa: B023
                await gateway.kill()
                if mode == "http":
                    await server.pusher.stop()
        async with gateway:
            if mode == "http":
                await server.pusher.start(f"{gateway.url}/c/help")
            await server.until(lambda: len(server.visible("DU7")) >= len(said) and not server.feed.pending, 60)
            assert sorted(server.visible("DU7")) == sorted(said)
            assert BOT_TOKEN not in gateway.log
            assert SIGNING_SECRET not in gateway.log
