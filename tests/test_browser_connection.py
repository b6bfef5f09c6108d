"""What the page does while the connection fails, and the gateway with it: nothing is lost, nothing said twice."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser, Visitor, expect, visit
from tests.far.talker import CONFIG
from tests.process import Gateway

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.feature("WEB-08", "INB-03")
async def test_a_lost_receipt_does_not_double_the_message(visitor: Visitor) -> None:
    """The gateway has the message, the browser never hears so: it sends it again, with the same id."""
    lost: list[str] = []

    async def lose(route: Any) -> None:
        if route.request.method == "POST" and len(lost) < 2:
            lost.append(route.request.post_data_json["message_id"])
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await visitor.page.route("**/api/chat", lose)
    await visitor.say("only once")
    await expect(visitor.answers).to_have_text("You said only once after 0 others.")
    await visitor.ask("next")
    await expect(visitor.answers.last).to_contain_text("after 1 others")
    await expect(visitor.mine).to_have_text(["only once", "next"])
    assert len(lost) == 2 or len(set(lost)) == 1


@pytest.mark.feature("WEB-08")
async def test_what_is_too_fast_is_sent_when_its_time_comes(browser: Browser, tmp_path: Path) -> None:
    config = CONFIG.replace("{messages: off}", "{messages: 1/s}")
    async with Gateway(tmp_path, config, TALKER_DIR=str(tmp_path)) as gateway, visit(browser, gateway.url) as visitor:
        for text in ("one", "two", "three"):
            await visitor.say(text)
        await expect(visitor.answers).to_have_count(3)
        await expect(visitor.mine).to_have_text(["one", "two", "three"])
        await expect(visitor.answers.last).to_have_text("You said three after 2 others.")


def streams(visitor: Visitor) -> int:
    return sum("/api/chat/events" in request.url for request in visitor.requests)


@pytest.mark.feature("WEB-03")
async def test_tab_in_the_background_gives_its_connection_back(browser: Browser, gateway: Gateway) -> None:
    """A browser has six connections to a host: a seventh tab would wait for ever."""
    async with visit(browser, "about:blank") as visitor:
        await visitor.page.clock.install()
        await visitor.page.goto(gateway.url)
        await visitor.ask("hello")
        assert streams(visitor) == 1
        async with visitor.page.expect_event("requestfailed", lambda request: "/api/chat/events" in request.url):
            await visitor.look_away()
            await visitor.page.clock.fast_forward(61_000)
        await visitor.say_elsewhere("meanwhile")
        assert streams(visitor) == 1
        await visitor.look_away(False)
        await expect(visitor.mine).to_have_text(["hello", "meanwhile"])
        assert streams(visitor) == 2


@pytest.mark.feature("WEB-03")
async def test_silent_connection_is_opened_anew(browser: Browser, gateway: Gateway) -> None:
    async with visit(browser, "about:blank") as visitor:
        await visitor.page.clock.install()
        await visitor.page.goto(gateway.url)
        await visitor.ask("hello")
        async with visitor.page.expect_request("**/api/chat/events?since=2"):
            await visitor.page.clock.fast_forward(46_000)
        await visitor.ask("again")
        await expect(visitor.bodies).to_have_count(4)


async def _own(folder: Path) -> Gateway:
    gateway = Gateway(folder, CONFIG, TALKER_DIR=str(folder))
    await gateway.start()
    return gateway


@pytest.mark.feature("WEB-08")
async def test_messages_written_offline_wait_and_are_sent_once_in_order(browser: Browser, tmp_path: Path) -> None:
    gateway = await _own(tmp_path)
    async with visit(browser, gateway.url) as visitor:
        await visitor.ask("zero")
        await gateway.stop()
        await visitor.say("one")
        await visitor.say("two")
        await expect(visitor.log.get_by_text("Waiting for a connection")).to_have_count(2)
        await expect(visitor.page.get_by_text("No connection.")).to_be_visible()
        await gateway.start()
        await expect(visitor.answers).to_have_count(3)
        await expect(visitor.mine).to_have_text(["zero", "one", "two"])
        await expect(visitor.answers.last).to_have_text("You said two after 2 others.")
        await expect(visitor.page.get_by_text("No connection.")).to_have_count(0)
        assert (await visitor.stored()).keys() == {"session"}
    await gateway.stop()


@pytest.mark.feature("LIF-19", "STR-03", "INB-01")
async def test_killed_gateway_loses_and_repeats_nothing(browser: Browser, tmp_path: Path) -> None:
    gateway = await _own(tmp_path)
    async with visit(browser, gateway.url) as visitor:
        await visitor.ask("before")
        await visitor.say("wait killed")
        await expect(visitor.draft).to_have_text("The first half,")
        await gateway.kill()
        await visitor.say("meanwhile")
        gateway.release("killed")
        await gateway.start()
        await expect(visitor.answers).to_have_count(3)
        whole = [
            "You said before after 0 others.",
            "The first half, and the second.",
            "You said meanwhile after 2 others.",
        ]
        await expect(visitor.answers).to_have_text(whole)
        await expect(visitor.mine).to_have_text(["before", "wait killed", "meanwhile"])
        await visitor.page.reload()
        await expect(visitor.answers).to_have_text(whole)
        await expect(visitor.mine).to_have_text(["before", "wait killed", "meanwhile"])
    await gateway.stop()
