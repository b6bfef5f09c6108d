"""A reload whose new credentials a platform refuses: the channel goes on with the configuration that it had."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.operations import channels
from gateway.operations.office import Office
from tests import telegram_road
from tests.editor import Editor
from tests.far.telegram import TOKEN, TelegramServer

BAD = TOKEN[:-3] + "bad"


class Changed(Editor):
    """An operator who edits the channel `help` of a gateway on Telegram."""

    def __init__(self, road: telegram_road.Road, folder: Path) -> None:
        super().__init__(road.gateway, folder)
        self.road, self.text = road, self.file.read_text()

    @property
    def channel(self) -> Any:
        return self.gateway.daemon.corridor.channels["help"]

    @property
    def rolled_back(self) -> float:
        counted: float = self.gateway.daemon.corridor.metrics.applied.labels("rolled_back")._value.get()
        return counted

    async def status(self) -> Any:
        daemon = self.gateway.daemon
        office = Office(daemon.corridor, daemon.router, daemon.settings, running=True)
        (found,) = await channels.health(office)
        return found


@asynccontextmanager
async def edited(folder: Path, server: TelegramServer, mode: str = "polling") -> AsyncIterator[Changed]:
    async with telegram_road.gateway(server, folder, mode) as road:
        await road.until(lambda: road.state == "up")
        yield Changed(road, folder)


@pytest.mark.feature("CFG-05")
@pytest.mark.parametrize("mode", telegram_road.MODES)
async def test_refused_credentials_leave_the_channel_as_it_was(tmp_path: Path, mode: str) -> None:
    async with TelegramServer() as server, edited(tmp_path, server, mode) as editor:
        server.user(7).says("before")
        await editor.road.texts(7, ["before"])
        with capture_logs() as logs:
            assert (await editor.reload(editor.text.replace(TOKEN, BAD))).outcome == "applied"
            await editor.road.until(lambda: editor.channel.kept_because)
            await editor.road.until(lambda: editor.channel.state == "up")
        assert editor.channel.settings.options.token.get_secret_value() == TOKEN
        server.user(7).says("after")
        await editor.road.texts(7, ["before", "after"])
        told = [line for line in logs if line["event"] == "channel.rolled_back"]
        assert [(line["log_level"], line["channel"]) for line in told] == [("error", "help")]
        assert BAD not in str(logs)
        assert editor.rolled_back == 1
        status = await editor.status()
        assert (status["state"], status["rolled_back"]) == ("up", told[0]["reason"])
        assert "goes on as before" in status["detail"]
        assert "Unauthorized" in status["rolled_back"]


@pytest.mark.feature("CFG-05")
async def test_the_next_reload_tries_again(tmp_path: Path) -> None:
    async with TelegramServer() as server, edited(tmp_path, server) as editor:
        for times in (1, 2):
            await editor.reload(editor.text.replace(TOKEN, BAD))
            await editor.road.until(lambda times=times: editor.rolled_back == times)  # type: ignore[misc]
            await editor.road.until(lambda: editor.channel.state == "up")
        server.token = BAD  # it has become good
        await editor.reload(editor.text.replace(TOKEN, BAD))
        await editor.road.until(lambda: editor.channel.state == "up")
        status = await editor.status()
        assert (status["rolled_back"], status["detail"]) == (None, "")
        assert editor.channel.settings.options.token.get_secret_value() == BAD
        assert editor.rolled_back == 2


@pytest.mark.feature("CFG-05")
async def test_an_edit_that_comes_first_is_the_one_that_counts(tmp_path: Path) -> None:
    """Going back must not undo what the operator has written since."""
    async with TelegramServer() as server, edited(tmp_path, server) as editor:
        await editor.reload(editor.text.replace(TOKEN, BAD))
        await editor.reload(editor.text)
        await editor.road.until(lambda: editor.channel.state == "up" and not editor.channel.kept_because)
        server.user(7).says("hello")
        await editor.road.texts(7, ["hello"])


@pytest.mark.feature("CFG-05")
async def test_where_nothing_was_well_before_nothing_is_gone_back_to(tmp_path: Path) -> None:
    async with TelegramServer() as server, telegram_road.gateway(server, tmp_path) as road:
        await road.until(lambda: road.state == "up")
        server.revoked = True
        editor = Changed(road, tmp_path)
        worse = BAD[:-3] + "lie"
        editor.channel.health("auth", "the token was revoked")
        await editor.reload(editor.text.replace(TOKEN, worse))
        await road.until(lambda: road.state == "auth")
        assert editor.channel.settings.options.token.get_secret_value() == worse
        assert editor.rolled_back == 0
