"""Alerts and the dashboard name only what a running gateway exports, and the alerts go off when they should."""

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import ConfigErrors
from gateway.bot import Piece, Say
from gateway.errors import BotBroken
from gateway.message import Outbound, Turn
from gateway.reloading import Origin
from gateway.settings import load
from tests.deployment import DEPLOY, checked, document, program
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
        for family in text_string_to_metric_families(answer.body.decode()):
            for sample in family.samples:
                found[sample.name]  # even one without labels
                for label, value in sample.labels.items():
                    found[sample.name][label].add(value)
        return found


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


def alerts() -> list[dict[str, Any]]:
    (group,) = document("prometheus/alerts.yaml")["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboard.json").read_text("utf-8"))
    return found


def expressions() -> Iterator[str]:
    for alert in alerts():
        yield alert["expr"]
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
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


GIVEN_UP = 'gateway_dead_letters_total{box="inbox", channel="site", reason="bot_failed"}'
# Series as Prometheus would have scraped them, one value a minute, and which alerts are on at which minute.
STORIES: list[tuple[str, str, int, list[str]]] = [
    ('up{job="chat-gateway"}', "1 1 0x9", 8, ["GatewayDown"]),
    ('up{job="chat-gateway"}', "1x10", 8, []),
    ('gateway_oldest_seconds{box="inbox", channel="site"}', "0 30 90x9", 8, ["GatewayAnswersLate"]),
    ('gateway_oldest_seconds{box="inbox", channel="site"}', "0 59x10", 8, []),
    ('gateway_oldest_seconds{box="outbox", channel="site"}', "400x12", 10, ["GatewayDeliveryLate"]),
    ('gateway_channel_up{channel="site"}', "1 0x12", 10, ["GatewayChannelDown"]),
    ('gateway_bot_up{bot="demo"}', "1 0x12", 10, ["GatewayBotDown"]),
    (GIVEN_UP, "_x20 1x9", 24, ["GatewayDeadLetters"]),
    (GIVEN_UP, "1x20 2x9", 24, ["GatewayDeadLetters"]),
    (GIVEN_UP, "1x50", 40, []),
    (GIVEN_UP.replace("bot_failed", "reported"), "_x20 1x9", 24, ["GatewayFailedAfterSent"]),
    (GIVEN_UP.replace("bot_failed", "reported"), "1x20 2x9", 24, ["GatewayFailedAfterSent"]),
    ('gateway_dead_letters_total{box="outbox", channel="site", reason="blocked"}', "0+1x40", 30, []),
    ('gateway_sends_total{channel="site", result="ready"}', "0+6x40", 30, ["GatewaySendsFail"]),
    ('gateway_sends_total{channel="site", result="sent"}', "0+6x40", 30, []),
    ('gateway_forged_total{channel="site"}', "0+3x40", 30, ["GatewayForged"]),
    ('gateway_accept_seconds_bucket{channel="site", le="+Inf"}', "0+9x40", 30, []),
    ('gateway_disk_free_bytes{folder="data"}', "600000000 500000000x9", 8, ["GatewayDiskLow"]),
    ('gateway_disk_free_bytes{folder="data"}', "530000000x9", 8, []),
    ('gateway_config_applied_total{result="rejected"}', "_x20 1x9", 24, ["GatewayConfigRejected"]),
    ('gateway_config_applied_total{result="ok"}', "_x20 1x9", 24, []),
]  # fmt: skip


@pytest.mark.feature("STO-09")
def test_alerts_go_off_when_they_should(tmp_path: Path) -> None:
    promtool = program("promtool", "prometheus")
    checked(promtool, "check", "rules", DEPLOY / "prometheus/alerts.yaml")
    checked(promtool, "check", "config", "--syntax-only", DEPLOY / "prometheus/prometheus.yaml")
    stories = [
        {
            "interval": "1m",
            "input_series": [{"series": series, "values": values}],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": f"{minute}m",
                    "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in on],
                }
            ],
        }
        for series, values, minute, on in STORIES
    ]
    rules = str(DEPLOY / "prometheus/alerts.yaml")
    told = {"rule_files": [rules], "evaluation_interval": "1m", "tests": stories}
    file = tmp_path / "stories.json"  # JSON is YAML
    file.write_text(json.dumps(told), "utf-8")
    checked(promtool, "test", "rules", file)
    silent = {alert["alert"] for alert in alerts()} - {name for *_, on in STORIES for name in on}
    assert silent == {"GatewayAcceptSlow"}, "it takes a whole histogram"
