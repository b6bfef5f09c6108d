"""Who is in trouble is in trouble alone: a throttled conversation, a silent platform, a channel that was shut out.

Nothing is timed: while the one still waits for what it was told to wait for, all the others have been answered.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import doors
from tests.far.slack import BOT_TOKEN, SIGNING_SECRET
from tests.far.twilio import WHATSAPP
from tests.far.whatsapp import NUMBER, SECRET
from tests.leap import leap
from tests.ports import free_port
from tests.situations import bot
from tests.situations.ground import BOT, Ground
from tests.situations.roads import ROADS
from tests.situations.script import LATEST
from tests.situations.slack import OverHttp
from tests.situations.telegram import ByWebhook
from tests.situations.twilio import Twilio
from tests.situations.whatsapp import WhatsApp

HOUR = 3600
SAID = ("one", "two", "three")
ANSWERED = ["one (0)", "two (2)", "three (4)"]
CHANNELS: dict[str, type[Ground]] = {"telegram": ByWebhook, "slack": OverHttp, "whatsapp": WhatsApp, "twilio": Twilio}


async def _talk(road: Any, people: list[Any]) -> None:
    """Everybody says three things and has them answered in order."""
    for text in SAID:
        for who in people:
            await road.say(who, text)
    for who in people:
        await road.until(lambda: len(road.texts(who)) >= len(SAID))  # noqa: B023  (waited for here)
        assert road.texts(who) == ANSWERED


@pytest.mark.feature("OUT-04", "ORD-02", "OUT-02")
@pytest.mark.parametrize("name", ROADS)
async def test_a_throttled_conversation_holds_up_nobody_else(name: str, tmp_path: Path) -> None:
    async with ROADS[name](tmp_path) as road:
        ada, others = road.person(), [road.person() for _ in range(5)]
        road.fail("throttled", wait=HOUR)
        await road.say(ada, "hello")
        await road.until_rows([("ready", 1, 0)], LATEST)
        await road.say(ada, "and this")
        await _talk(road, others)
        assert (road.texts(ada), road.tries(ada)) == ([], 1), "it waits still, and nobody has asked again"
        road.leap(HOUR + 1)
        await road.sees(ada, "hello (0)", "and this (2)")


@pytest.mark.feature("ORD-02", "OUT-05")
@pytest.mark.parametrize("name", ROADS)
async def test_a_call_that_is_not_answered_holds_up_nobody_else(name: str, tmp_path: Path) -> None:
    async with ROADS[name](tmp_path) as road:
        ada, others = road.person(), [road.person() for _ in range(5)]
        road.fail("hung")
        await road.say(ada, "hello")
        await road.until(lambda: road.texts(ada))
        await _talk(road, others)
        assert road.tries(ada) == 1


@pytest.mark.feature("ORD-02", "BOT-06")
@pytest.mark.parametrize("name", ROADS)
async def test_a_bot_that_thinks_for_one_answers_the_others(name: str, tmp_path: Path) -> None:
    async with ROADS[name](tmp_path) as road:
        ada, others, word = road.person(), [road.person() for _ in range(5)], f"isolated {name}"
        await road.say(ada, f"late {word}")
        await road.until(lambda: f"late {word}" in bot.asked)
        await _talk(road, others)
        assert road.texts(ada) == []
        bot.release(word)
        await road.sees(ada, f"late {word} (0)")


class Here:
    """One of the channels of a gateway that has several, as a road sees it."""

    def __init__(self, gateway: doors.Gateway, channel: str) -> None:
        self.gateway, self._channel = gateway, channel

    @property
    def state(self) -> str:
        return self.gateway.daemon.corridor.channels[self._channel].state

    async def until(self, seen: Callable[[], object]) -> None:
        await self.gateway.until(lambda: bool(seen()))

    async def rows(self, sql: str) -> Any:
        return await self.gateway.rows(sql)

    def leap(self, seconds: float) -> None:
        self.gateway.clock.ahead += seconds
        leap(seconds)
        self.gateway.daemon.router.ring_channel(self._channel)


@asynccontextmanager
async def four(folder: Path) -> AsyncIterator[dict[str, Any]]:
    """One gateway with a channel of each platform: the roads by their channels' names."""
    async with AsyncExitStack() as stack:
        roads: dict[str, Any] = {}
        for name, kind in CHANNELS.items():
            roads[name] = kind(await stack.enter_async_context(kind.far()), folder)
        telegram, slack, whatsapp, twilio = (road.server for road in roads.values())
        here = f"127.0.0.1:{free_port()}"
        yaml = f"""
server: {{listen: "{here}", public_url: "http://{here}"}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: sqlite:///gateway.db, files: files}}
bots: {{b: {{{BOT}}}}}
defaults: {{limits: {{send: off, messages: off}}}}
channels:
  telegram: {{platform: telegram, bot: b, mode: webhook, token: "{telegram.token}", api_base: "{telegram.url}"}}
  slack: {{platform: slack, bot: b, mode: http, bot_token: "{BOT_TOKEN}", signing_secret: "{SIGNING_SECRET}",
    api_base: "{slack.url}"}}
  whatsapp: {{platform: whatsapp, bot: b, phone_number_id: "{NUMBER}", access_token: "{whatsapp.token}",
    app_secret: "{SECRET}", verify_token: "the word", api_base: "{whatsapp.url}"}}
  twilio: {{platform: twilio, bot: b, account_sid: {twilio.account}, auth_token: "{twilio.token}",
    from: "{WHATSAPP}", api_base: "{twilio.url}"}}
"""
        gateway = await stack.enter_async_context(doors.running(folder, yaml))
        for name, road in roads.items():
            road.here = Here(gateway, name)
            await road.until(lambda: road.state == "up")  # noqa: B023  (waited for here)
        await slack.pusher.start(f"http://{here}/c/slack")
        assert await whatsapp.subscribe(f"http://{here}/c/whatsapp", "the word") == 200
        yield roads
        await slack.pusher.stop()


@pytest.mark.feature("CH-22", "ORD-02", "OUT-06")
@pytest.mark.parametrize("name", CHANNELS)
async def test_a_channel_that_was_shut_out_holds_up_no_other(name: str, tmp_path: Path) -> None:
    async with four(tmp_path) as roads:
        shut = roads.pop(name)
        ada = shut.person()
        shut.revoke()
        await shut.say(ada, "hello")
        await shut.until(lambda: shut.state == "auth")
        await asyncio.gather(*(_talk(road, [road.person() for _ in range(3)]) for road in roads.values()))
        assert shut.texts(ada) == []
        assert shut.state == "auth"
        assert {road.state for road in roads.values()} == {"up"}
        shut.restore()
        shut.leap(HOUR / 3)
        await shut.until(lambda: shut.texts(ada) == ["hello (0)"])


@pytest.mark.feature("OUT-04", "ORD-02")
@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("how", ["throttled", "hung"])
async def test_a_platform_that_takes_nothing_holds_up_no_other(how: Any, name: str, tmp_path: Path) -> None:
    """Everybody on it waits, and none of those on the other platforms."""
    async with four(tmp_path) as roads:
        ill = roads.pop(name)
        people = [ill.person() for _ in range(5)]
        ill.fail(how, len(people), wait=HOUR)
        for who in people:
            await ill.say(who, "hello")
        await ill.until(lambda: all(ill.tries(who) for who in people))
        await asyncio.gather(*(_talk(road, [road.person() for _ in range(3)]) for road in roads.values()))
        assert [ill.tries(who) for who in people] == [1] * len(people)
