"""Alerts and the dashboard name only what a running gateway exports."""

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import ConfigErrors
from gateway.bot import Piece, Say
from gateway.errors import BotBroken
from gateway.message import Outbound, Turn
from gateway.reloading import Origin
from gateway.settings import load
from tests import telegram_road
from tests.deployment import DEPLOY, alerts, dashboard, document
from tests.editor import Editor
from tests.far.telegram import TOKEN, TelegramServer
from tests.operators import Desk, desk
from tests.promql import SCRAPED, selectors, strangers

# A channel with webhooks; that its platform cannot be reached keeps nobody from knocking.
COURIER = """
  courier:
    {platform: tests.plugins.courier, bot: b, account: a1, key: k, signing_secret: s, api_base: "http://127.0.0.1:9"}
"""
Exported = dict[str, dict[str, set[str]]]  # the samples of a scrape, with the values of their labels


async def exported(folder: Path) -> Exported:
    """What a gateway exports to which a bit of everything has happened."""
    async with desk(folder) as here:
        await busy(here)
        answer = await here.admin("GET", "/metrics")
    found: Exported = defaultdict(lambda: defaultdict(set))
    for text in (answer.body, await refused(folder / "refused")):
        for family in text_string_to_metric_families(text.decode()):
            for sample in family.samples:
                found[sample.name]  # even one without labels
                for label, value in sample.labels.items():
                    found[sample.name][label].add(value)
    return found


async def refused(folder: Path) -> bytes:
    """What a gateway exports whose platform refused a channel's new settings."""
    folder.mkdir()
    async with TelegramServer() as server, telegram_road.gateway(server, folder) as road:
        await road.until(lambda: road.state == "up")
        editor = Editor(road.gateway, folder)
        await editor.reload(editor.file.read_text("utf-8").replace(TOKEN, TOKEN[:-3] + "bad"))
        await road.until(lambda: road.gateway.daemon.corridor.channels["help"].kept_because)
        await road.until(lambda: road.state == "up")
        return road.gateway.daemon.corridor.metrics.text()


async def busy(here: Desk) -> None:
    """An answer that fails later, a message given up, a wrong key, a sign of life, a configuration with a mistake."""

    async def moody(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "break":
            raise BotBroken("no")
        yield Say(Outbound(text="fine"))

    here.bot(moody)
    await here.say("hello")
    await here.say("break", user="another")
    await here.quiet()
    await here.here.adapter.gate.settle("1", "failed")
    here.here.heard()
    file = here.folder / "gateway.yaml"
    reloading = here.gateway.daemon.follow(Origin(lambda: load(file, {})))
    file.write_text(file.read_text("utf-8") + COURIER, "utf-8")
    assert (await reloading.reload()).outcome == "applied"
    assert (await here.gateway.ask("POST", "/c/courier", {"text": "I am the courier, believe me"})).status == 401
    file.write_text("channels: [", "utf-8")
    with pytest.raises(ConfigErrors):
        load(file, {})
    assert (await reloading.reload()).outcome == "rejected"


def expressions() -> Iterator[str]:
    for alert in alerts():
        yield alert["expr"]
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for rule in document("prometheus/adapter.yaml")["externalRules"]:
        yield rule["seriesQuery"]
    for variable in dashboard()["templating"]["list"]:
        yield variable.get("definition", "")


@pytest.mark.feature("STO-09", "OBS-02")
async def test_alerts_and_dashboard_name_what_is_exported(tmp_path: Path) -> None:
    found = await exported(tmp_path)
    named = [one for expression in expressions() for one in selectors(expression)]
    assert len(named) > 20
    for expression in expressions():
        assert not strangers(expression, found), expression
    # A value that is asked for by its name is one that was seen; what is only left out may never have come.
    for metric, matchers in named:
        for label, operator, value in matchers:
            if operator == "=" and label not in SCRAPED:
                assert value in found[metric][label], (metric, label, value)


@pytest.mark.feature("STO-09", "OBS-02")
def test_strangers_are_seen() -> None:
    labels = {"gateway_sends_total": ["channel", "result"]}
    assert not strangers('sum by (channel, job) (rate(gateway_sends_total{result!="sent"}[5m]))', labels)
    assert strangers("gateway_send_total > 0", labels) == ["gateway_send_total"]
    assert strangers('gateway_sends_total{reason="x"}', labels) == ["gateway_sends_total{reason}"]
    assert strangers("sum by (user) (gateway_sends_total)", labels) == ["by user"]


@pytest.mark.feature("STO-09")
def test_alerts_say_what_to_do() -> None:
    assert len({alert["alert"] for alert in alerts()}) == len(alerts())
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["description"]
    explained = re.findall(
        r"`(Gateway\w+)`", (DEPLOY / "README.md").read_text("utf-8").partition("What the alerts mean")[2]
    )
    assert set(explained) == {alert["alert"] for alert in alerts()}
    jobs = {one["job_name"] for one in document("prometheus/prometheus.yaml")["scrape_configs"]}
    asked = {job for alert in alerts() for job in re.findall(r'job="([^"]+)"', alert["expr"])}
    assert asked == jobs


@pytest.mark.feature("STO-09")
def test_prometheus_scrapes_the_admin_listener() -> None:
    config = document("prometheus/prometheus.yaml")
    (scrape,) = config["scrape_configs"]
    listens = str(load(DEPLOY / "etc/gateway.yaml", {}).admin.listen)
    assert scrape["static_configs"] == [{"targets": [listens]}]
    assert scrape.get("metrics_path", "/metrics") == "/metrics"
    assert all((DEPLOY / "prometheus" / file).is_file() for file in config["rule_files"])


@pytest.mark.feature("STO-09")
def test_the_dashboard_is_whole() -> None:
    panels = dashboard()["panels"]
    assert sorted(panel["id"] for panel in panels) == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        x, y, w, h = (panel["gridPos"][side] for side in "xywh")
        place = {(column, row) for column in range(x, x + w) for row in range(y, y + h)}
        assert x + w <= 24
        assert not place & taken, panel["title"]
        taken |= place
    known = {f"${variable['name']}" for variable in dashboard()["templating"]["list"]}
    known |= {"$__rate_interval", "$__range", "$__all", "${datasource}"}
    text = json.dumps(dashboard())
    assert set(re.findall(r"\$\w+|\$\{\w+\}", text)) <= known
    assert "legendFormat" in text
