"""After an outage: what the platform's own list has and we have not is taken in, in its order and once."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.catching_up import EVERY, NAME
from gateway.db import Rows
from gateway.message import Turn
from tests import slack_road, twilio_road
from tests.far.slack import SlackServer
from tests.far.slack.server import SCOPES
from tests.far.twilio import TwilioServer
from tests.full import shut
from tests.road import UNPACED

ON = f"{UNPACED}, catch_up: true"
READS = "channels:read,groups:read,im:read,mpim:read"


async def looks(road: slack_road.Road | twilio_road.Road, seen: Callable[[], Awaitable[bool]]) -> None:
    """Time goes by, look after look, until something is so."""
    for _ in range(200):
        for _ in range(20):
            if await seen():
                return
            await asyncio.sleep(0.005)
        road.leap(EVERY)
    raise AssertionError(f"it never came to this: {road.server.texts()}")


async def well(road: slack_road.Road | twilio_road.Road) -> None:
    """Up to now all is known to be well."""

    async def kept() -> Rows:
        found: Rows = await road.rows("SELECT value FROM meta WHERE name = $1", f"kept:{road.channel}/{NAME}")
        return found

    before = await kept()

    async def renewed() -> bool:
        return await kept() not in ([], before)

    await looks(road, renewed)


async def texts(road: slack_road.Road | twilio_road.Road, wanted: list[str]) -> None:
    """Just these were sent, in whatever order."""

    async def seen() -> bool:
        assert len(road.server.texts()) <= len(wanted), road.server.texts()
        return sorted(road.server.texts()) == sorted(wanted)

    await looks(road, seen)


@pytest.mark.feature("INB-11", "INB-03")
async def test_twilio_what_came_while_no_process_was_there(tmp_path: Path) -> None:
    async with TwilioServer() as server:
        ada, bob = server.person("+4915100000001", "Ada"), server.person("+4915100000002", "Bob")
        async with twilio_road.gateway(server, tmp_path, channel=ON) as road:
            await ada.says("before")
            await texts(road, ["before"])
            await well(road)
        server.page = 2
        for person, text in ((ada, "one"), (bob, "two"), (ada, "three"), (ada, "four"), (bob, "five")):
            person.form(text)  # nobody answered when Twilio called
            person.window = True
        async with twilio_road.gateway(server, tmp_path, channel=ON) as road:
            await texts(road, ["before", "one", "two", "three", "four", "five"])
            await ada.says("six")
            await road.goes_by_until("six")
            assert server.texts(ada.address) == ["before", "one", "three", "four", "six"]
            assert server.texts(bob.address) == ["two", "five"]
            names = await road.rows("SELECT name FROM participant WHERE person = $1", "+4915100000001")
            assert names == [("Ada",)]  # of which the list says nothing


@pytest.mark.feature("INB-11")
async def test_twilio_what_came_while_the_store_was_away(tmp_path: Path) -> None:
    async with twilio_road.road(tmp_path, channel=ON) as road:
        ada = road.server.person("+4915100000001", "Ada")
        await ada.says("before")
        await well(road)
        with shut(tmp_path), capture_logs() as logs:
            assert await ada.says("lost") == 503
            assert "channel.caught_up" not in str(logs)
        await texts(road, ["before", "lost"])
        await ada.says("after")
        await texts(road, ["before", "lost", "after"])


@pytest.mark.feature("INB-11", "MED-01")
async def test_twilio_with_its_files(tmp_path: Path) -> None:
    async with TwilioServer() as server:
        ada = server.person("+4915100000001", "Ada")
        async with twilio_road.gateway(server, tmp_path, channel=ON) as road:
            await well(road)
        url = server.keep(b"a word", "text/plain")
        ada.form("look", MediaUrl0=url, MediaContentType0="text/plain", NumMedia="1")
        async with twilio_road.gateway(server, tmp_path, bot=FILES, channel=ON) as road:
            await texts(road, ["look: text/plain of 6"])


FILES = "kind: python, call: 'tests.test_catching_up:shown'"


async def shown(turn: Turn) -> str:
    """What came with a message."""
    return f"{turn.message.text}: {', '.join(f'{file.mime} of {file.size}' for file in turn.message.files)}"


@pytest.mark.feature("INB-11")
async def test_a_list_that_cannot_be_had_is_asked_for_again(tmp_path: Path) -> None:
    async with TwilioServer() as server:
        ada = server.person("+4915100000001", "Ada")
        async with twilio_road.gateway(server, tmp_path, channel=ON) as road:
            await well(road)
        ada.form("missed")
        server.fail("list", 503, times=2)
        with capture_logs() as logs:
            async with twilio_road.gateway(server, tmp_path, channel=ON) as road:
                await texts(road, ["missed"])
        assert [line["event"] for line in logs if line["event"].startswith("channel.behind")] == ["channel.behind"] * 2


@pytest.mark.feature("INB-11")
async def test_only_where_the_operator_wants_it(tmp_path: Path) -> None:
    async with TwilioServer() as server:
        ada = server.person("+4915100000001", "Ada")
        for _ in range(2):
            async with twilio_road.gateway(server, tmp_path) as road:
                await ada.says("hello")
                await road.goes_by_until("hello")
                ada.form("missed")
        assert server.texts() == ["hello", "hello"]
        assert not [call for call in server.calls if call[0] == "list" and "DateSent>" in call[1]]


def slack_server() -> SlackServer:
    server = SlackServer()
    server.scopes = f"{SCOPES},{READS}"
    return server


@pytest.mark.feature("INB-11", "INB-03")
@pytest.mark.parametrize("mode", slack_road.MODES)
async def test_slack_what_was_said_meanwhile_in_all_its_places(tmp_path: Path, mode: str) -> None:
    async with slack_server() as server:
        ada, room = server.user("U1", "Ada"), server.room()
        async with slack_road.gateway(server, tmp_path, mode, channel=ON) as road:
            begun = ada.says("hello")
            await road.texts(ada.direct.id, ["hello"])
            await well(road)
        server.page = 2
        server.feed.hold()
        ada.says("in the thread", thread=begun)
        ada.says("another one")
        thread = ada.says("@far_bot in the channel", room)
        ada.says("@far_bot below it", room, thread=thread)
        ada.says("nothing for us", room)
        server.feed.pending.clear()  # Slack has given up
        server.feed._held = None
        async with slack_road.gateway(server, tmp_path, mode, channel=ON) as road:
            await texts(road, ["hello", "in the thread", "another one", "in the channel", "below it"])
            ada.says("last")
            await road.until(lambda: "last" in server.texts())
            assert sorted(server.texts(ada.direct.id)) == ["another one", "hello", "in the thread", "last"]
            assert server.texts(room.channel.id) == ["in the channel", "below it"]


@pytest.mark.feature("INB-11")
async def test_slack_without_the_scopes_says_so_once(tmp_path: Path) -> None:
    async with SlackServer() as server:
        async with slack_road.gateway(server, tmp_path, channel=ON) as road:
            await well(road)
        with capture_logs() as logs:
            async with slack_road.gateway(server, tmp_path, channel=ON) as road:
                await well(road)
                await well(road)
        told = [line for line in logs if line["event"] == "channel.behind"]
        assert len(told) == 1
        assert "channels:read" in told[0]["error"]


@pytest.mark.feature("INB-11")
async def test_slack_slower_when_it_has_enough(tmp_path: Path) -> None:
    async with slack_server() as server:
        ada = server.user("U1", "Ada")
        async with slack_road.gateway(server, tmp_path, channel=ON) as road:
            await well(road)
        server.feed.hold()
        ada.says("missed")
        server.feed.pending.clear()
        server.feed._held = None
        server.fail("conversations.history", 429, times=2, retry_after=30)
        async with slack_road.gateway(server, tmp_path, channel=ON) as road:
            await texts(road, ["missed"])
