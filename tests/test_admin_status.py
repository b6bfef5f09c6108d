"""What the admin listener tells of how the gateway does: status, channels, bots, metrics."""

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.bot import Piece, Say
from gateway.errors import BotBroken, BotUnavailable, Retry
from gateway.housekeeping import measure
from gateway.message import Outbound, Turn
from gateway.metrics import MOST_SERIES, Metrics
from gateway.reloading import Origin
from gateway.settings import load
from tests.kit import configure
from tests.operators import YAML, Desk, desk


async def _channel(here: Desk, name: str) -> dict[str, object]:
    found: list[dict[str, object]] = (await here.get("status"))["channels"]
    return next(channel for channel in found if channel["name"] == name)


@pytest.mark.feature("OBS-03")
async def test_status_tells_of_each_channel_how_it_does(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        begun.set()
        await go_on.wait()
        yield Say(Outbound(text="done"))

    async with desk(tmp_path) as here:
        here.bot(slow)
        await here.say("hello")
        await asyncio.wait_for(begun.wait(), 20)
        here.clock.ahead += 60
        status = await here.get("status")
        assert (status["state"], status["version"]) == ("running", version("chat-gateway"))
        assert status["turns"]["running"] == 1
        busy = await _channel(here, "p")
        assert busy["waiting"] == {"inbox": 1, "outbox": 0}
        assert 60 <= busy["oldest_seconds"]["inbox"] < 120  # type: ignore[index]
        assert (busy["state"], busy["last_send"]) == ("up", None)
        go_on.set()
        await here.quiet()
        here.here.heard()
        here.here.health("auth", "the token was refused")
        calm = await _channel(here, "p")
        assert (calm["state"], calm["detail"]) == ("auth", "the token was refused")
        assert calm["waiting"] == {"inbox": 0, "outbox": 0}
        assert calm["oldest_seconds"] == {"inbox": None, "outbox": None}
        assert calm["last_send"] is not None
        assert str(calm["last_receive"]).endswith("Z")
        assert calm["deaf_seconds"] < 30  # type: ignore[operator]


@pytest.mark.feature("OBS-03", "OBS-02")
async def test_status_and_metrics_show_a_bot_that_is_away(tmp_path: Path) -> None:
    async def away(turn: Turn) -> AsyncIterator[Piece]:
        if turn.attempt:
            raise BotUnavailable("connection refused")
        yield Say(Outbound(text="never"))

    async with desk(tmp_path) as here:
        here.bot(away)
        for n in range(5):
            await here.say("hello", user=f"user{n}")
        await here.until(lambda: here.corridor.desk.seats("b").breaker.open)
        await here.stored("SELECT COUNT(*) FROM inbox WHERE failures > 0 OR state = 'dead'", (5,))
        await here.until(lambda: not here.router.turns.running)
        (bot,) = (await here.get("bots"))["bots"]
        assert (bot["name"], bot["state"], bot["running"]) == ("b", "open", 0)
        assert bot["retry_in"] > 0
        assert (await here.get("status"))["dead"] == {"inbox": 4, "outbox": 0}  # the last one waits
        assert (await _metrics(here))["gateway_bot_up", "b"] == 0


async def _metrics(here: Desk) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    answer = await here.admin("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.body.decode())
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.feature("OBS-02")
async def test_metrics_count_what_happened_and_name_nobody(tmp_path: Path) -> None:
    async def moody(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "break":
            raise BotBroken("no")
        yield Say(Outbound(text="fine"))

    async with desk(tmp_path) as here:
        here.bot(moody)
        await here.say("hello", user="user-4711", event="same")
        await here.say("hello", user="user-4711", event="same")
        await here.say("break", user="user-4712")
        await here.say("hello", user="user-4713", place="group", addressed=False)
        await here.quiet()
        here.here.heard()
        found = await _metrics(here)
        assert found["gateway_inbound_total", "p", "stored"] == 2
        assert found["gateway_inbound_total", "p", "duplicate"] == 1
        assert found["gateway_inbound_total", "p", "not_addressed"] == 1
        assert found["gateway_turns_total", "b", "done"] == 1
        assert found["gateway_sends_total", "p", "sent"] == 2
        assert found["gateway_dead_letters_total", "inbox", "p", "bot_failed"] == 1
        assert found["gateway_waiting", "inbox", "p"] == 0
        assert found["gateway_deaf_seconds", "p"] < 30
        assert found["gateway_channel_up", "p"] == 1
        for timing in ("accept_seconds", "turn_seconds", "send_seconds"):
            assert found[f"gateway_{timing}_count", "p"] >= 2, timing
        assert found["gateway_bot_seconds_count", "b"] == 2
        assert not any("471" in label for name in found for label in name)


@pytest.mark.feature("OBS-02")
async def test_retries_are_counted_by_box(tmp_path: Path) -> None:
    async def moody(turn: Turn) -> AsyncIterator[Piece]:
        if turn.attempt < 3:
            raise BotUnavailable("not yet", after=0)
        yield Say(Outbound(text="fine"))

    async with desk(tmp_path, YAML.replace("retries: 0", "retries: 4")) as here:
        here.bot(moody)
        here.paper.fail(lambda: Retry("not now", after=0), times=3)
        await here.say("hello")
        await here.quiet()
        found = await _metrics(here)
        assert found["gateway_retries_total", "inbox", "p"] == 2
        assert found["gateway_retries_total", "outbox", "p"] == 3
        assert found["gateway_turns_total", "b", "done"] == 1
        assert found["gateway_sends_total", "p", "sent"] == 1


@pytest.mark.feature("OBS-02")
def test_however_many_channels_there_are_the_series_are_bounded() -> None:
    metrics = Metrics()

    def told(channels: int) -> tuple[dict[str, int], float]:
        for number in range(channels):
            name = f"channel-{number}"
            metrics.accepted(name, "stored").inc()
            metrics.waiting.labels("inbox", name).set(number)
            for timings in (metrics.accept_seconds, metrics.turn_seconds, metrics.send_seconds):
                timings[name].observe(0.2)
        found: dict[str, int] = {}
        left = 0.0
        for family in text_string_to_metric_families(metrics.text().decode()):
            found[family.name] = len(family.samples)
            if family.name == "gateway_series_left_out":
                left = family.samples[0].value
        return found, left

    few, left = told(10)
    assert (few["gateway_turn_seconds"], few["gateway_waiting"], left) == (180, 10, 0)
    many, left = told(200)
    assert 1_900 < sum(many.values()) <= MOST_SERIES == 2_000
    assert (many["gateway_waiting"], many["gateway_accept_seconds"] % 18) == (200, 0)
    assert left == 3 * 18 * 200 - sum(count for name, count in many.items() if name.endswith("_seconds"))


@pytest.mark.feature("OBS-02")
async def test_many_users_make_no_more_series(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.say("hello", user="first")
        await here.quiet()
        few = set(await _metrics(here))
        for n in range(30):
            await here.say("hello", user=f"user{n}", chat=f"chat{n}")
        await here.quiet()
        assert set(await _metrics(here)) == few
        assert len(few) < 2_000


@pytest.mark.feature("OBS-02", "ADM-01")
async def test_metrics_are_open_to_this_machine_alone(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        assert (await here.admin("GET", "/metrics")).status == 200
        for header in ({"X-Forwarded-For": "192.0.2.1"}, {"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            assert (await here.admin("GET", "/metrics", headers=header)).code == "admin_shut"
        key = await here.key("viewer")
        passed_on = {"X-Forwarded-For": "192.0.2.1"}
        assert (await here.admin("GET", "/metrics", headers=passed_on)).code == "key_missing"
        assert (await here.admin("GET", "/metrics", key=key, headers=passed_on)).status == 200
    elsewhere = YAML.replace('admin: {listen: "127.0.0.1:0"}', 'admin: {listen: "0.0.0.0:0"}')
    (tmp_path / "other").mkdir()
    async with desk(tmp_path / "other", elsewhere) as here:
        assert (await here.admin("GET", "/metrics")).code == "admin_shut"


@pytest.mark.feature("OBS-02")
async def test_gauges_follow_what_waits(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.here.health("auth")
        for text in ("one", "two"):
            await here.say(text)
        await here.until(lambda: not here.router.turns.running)
        await here.stored("SELECT COUNT(*) FROM outbox WHERE state = 'ready'", (2,))
        here.clock.ahead += 100
        await measure(here.corridor)
        found = await _metrics(here)
        assert found["gateway_waiting", "outbox", "p"] == 2
        assert found["gateway_oldest_seconds", "outbox", "p"] >= 100
        assert found["gateway_waiting", "outbox", "q"] == 0


@pytest.mark.feature("CH-25", "ADM-01")
async def test_channels_say_what_their_platforms_can_do(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        found = {channel["name"]: channel for channel in (await here.get("channels"))["channels"]}
        assert list(found) == ["p", "q", "site", "partners"]
        declared = here.here.limits
        assert found["p"]["can"]["text"] == declared.text
        assert found["p"]["can"]["places"] == dict(here.here.adapter.boundary)
        assert found["p"]["can"]["draft"] is True
        assert found["p"]["can"]["edit"] is False
        assert found["site"]["can"]["many_sessions"] is True


@pytest.mark.feature("OBS-03")
async def test_probes_answer_on_both_listeners(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        for probe in ("/healthz", "/startupz", "/readyz"):
            assert (await here.admin("GET", probe)).status == 200
            assert (await here.gateway.ask("GET", probe)).status == 200
        here.gateway.daemon.servers.shut()
        assert (await here.admin("GET", "/readyz")).status == 503
        assert (await here.gateway.ask("GET", "/readyz")).status == 503
        assert (await here.admin("GET", "/healthz")).status == 200


@pytest.mark.feature("OBS-02", "OBS-03")
async def test_other_settings_are_seen_as_soon_as_they_are_applied(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        changed = configure(tmp_path, YAML.replace("SHEET", str(tmp_path)).replace("  partners:", "  more:"))
        await here.gateway.daemon.apply(changed)
        listed = [channel["name"] for channel in (await here.get("status"))["channels"]]
        assert listed == ["p", "q", "site", "more"]
        assert (await _metrics(here))["gateway_config_applied_total", "ok"] == 2


@pytest.mark.feature("CFG-04", "CFG-05", "OBS-03")
async def test_operators_ask_for_another_reading(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        answer = await here.ask("POST", "reload")
        assert (answer.status, answer.code) == (409, "not_running")
        file = tmp_path / "gateway.yaml"
        here.gateway.daemon.follow(Origin(lambda: load(file, {})))
        assert (await here.get("status"))["config"]["outcome"] == "applied"
        text = file.read_text()
        file.write_text(text.replace("{kind: echo, retries: 0}", "{kind: echo, retries: 1}"))
        answer = await here.admin("POST", "reload", key=await here.key("operator"))
        assert (answer.status, answer.json["changed"]) == (200, ["bots.b"])
        file.write_text(text.replace("kind: echo", "kind: ecko"))
        answer = await here.admin("POST", "reload", key=await here.key("operator"))
        assert (answer.status, answer.code) == (409, "config_rejected")
        assert f"{file}:5:" in answer.json["detail"]
        assert (await here.get("status"))["config"]["problems"] == answer.json["detail"].split("\n")
        assert (await here.admin("POST", "reload", key=await here.key("viewer"))).status == 403
