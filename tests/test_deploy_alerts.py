"""The alerts go off when they should, and the autoscaler hears what waits: as Prometheus itself reckons."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.deployment import DEPLOY, alerts, checked, dashboard, document, manifests, program
from tests.promql import selectors

UP = 'up{job="chat-gateway", instance="a:8081"}'
FIRING = 'ALERTS{alertstate="firing"}'
GIVEN_UP = 'gateway_dead_letters_total{box="inbox", channel="site", reason="bot_failed"}'
# Series as Prometheus would have scraped them, one value a minute, and which alerts are on at which minute. One gateway
# answers, if nothing else is said of it.
STORIES: list[tuple[str, str, int, list[str]]] = [
    (UP, "1 1 0x30", 20, ["GatewayDown"]),
    (UP, "1 1 _x30", 20, ["GatewayDown"]),
    (UP, "1x10", 8, []),
    (UP.replace("a:", "b:"), "1 0x30", 20, ["GatewayReplicasMissing"]),
    (UP.replace("a:", "b:"), "1x30", 20, []),
    ('gateway_storage_up{instance="b:8081"}', "1 0x9", 5, ["GatewayStoreAway"]),
    ('gateway_storage_up{instance="b:8081"}', "1 0 1x9", 5, []),
    ("gateway_redis_up", "1 0x30", 20, ["GatewayRedisAway"]),
    ("gateway_redis_up", "0x30", 20, []),
    ("gateway_journal_rows", "0 5+2x20", 10, ["GatewayJournalGrows"]),
    ("gateway_journal_rows", "0 5x20", 10, ["GatewayJournalGrows"]),
    ("gateway_journal_rows", "90-3x20", 10, []),
    ("gateway_journal_rows", "0 5 0x20", 10, []),
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
    ('gateway_config_applied_total{result="rolled_back"}', "_x20 1x9", 24, ["GatewayRolledBack"]),
    ('gateway_config_applied_total{result="rolled_back"}', "1x50", 40, []),
    ('gateway_config_applied_total{result="ok"}', "_x20 1x9", 24, []),
]  # fmt: skip


def story(series: dict[str, str], minute: int, **expected: Any) -> dict[str, Any]:
    """What promtool is to expect of series at a minute."""
    return {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in ({UP: "1x60"} | series).items()],
        "promql_expr_test": [{"eval_time": f"{minute}m", **expected}],
    }


def goes_off(series: str, values: str, minute: int, on: list[str]) -> dict[str, Any]:
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in on]
    return story({series: values}, minute, expr=f"count by (alertname) ({FIRING})", exp_samples=samples)


def fewer_than_wanted() -> dict[str, Any]:
    """Kubernetes has two of three here, and one of three of something else."""
    series = {}
    for namespace, there in (("chat", 2), ("another", 1)):
        labels = f'{{namespace="{namespace}", deployment="gateway"}}'
        series[f"kube_deployment_spec_replicas{labels}"] = "3x30"
        series[f"kube_deployment_status_replicas_available{labels}"] = f"{there}x30"
    expected = [{"labels": '{alertname="GatewayReplicasMissing", namespace="chat"}', "value": 1}]
    return story(series, 20, expr=f"count by (alertname, namespace) ({FIRING})", exp_samples=expected)


def queue_age(matchers: str) -> dict[str, Any]:
    """What prometheus-adapter asks for the autoscaler: the longest wait that anybody tells of, in the inbox alone."""
    (rule,) = document("prometheus/adapter.yaml")["externalRules"]
    (asked,) = selectors(rule["seriesQuery"])
    query = rule["metricsQuery"].replace("<<.Series>>", asked.metric).replace("<<.LabelMatchers>>", matchers)
    series = {
        f'{asked.metric}{{channel="x", box="{box}", instance="{instance}"}}': f"{age}x9"
        for box, instance, age in (("inbox", "a", 40), ("inbox", "b", 70), ("outbox", "a", 900))
    }
    return story(series, 5, expr=query, exp_samples=[{"labels": "{}", "value": 70}])


@pytest.mark.feature("STO-09")
def test_alerts_go_off_when_they_should(tmp_path: Path) -> None:
    promtool = program("promtool", "prometheus")
    checked(promtool, "check", "rules", DEPLOY / "prometheus/alerts.yaml")
    checked(promtool, "check", "config", "--syntax-only", DEPLOY / "prometheus/prometheus.yaml")
    stories = [*(goes_off(*one) for one in STORIES), fewer_than_wanted(), queue_age(""), queue_age('channel="x"')]
    rules = str(DEPLOY / "prometheus/alerts.yaml")
    told = {"rule_files": [rules], "evaluation_interval": "1m", "tests": stories}
    file = tmp_path / "stories.json"  # JSON is YAML
    file.write_text(json.dumps(told), "utf-8")
    checked(promtool, "test", "rules", file)
    silent = {alert["alert"] for alert in alerts()} - {name for *_, on in STORIES for name in on}
    assert silent == {"GatewayAcceptSlow"}, "it takes a whole histogram"


@pytest.mark.feature("STO-09")
def test_the_dashboard_asks_what_prometheus_understands(tmp_path: Path) -> None:
    promtool = program("promtool", "prometheus")
    asked = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    plain = [re.sub(r"\$__(rate_interval|range)", "5m", expression) for expression in asked]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(plain)]
    file = tmp_path / "panels.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    assert f"{len(rules)} rules found" in checked(promtool, "check", "rules", "--lint=none", file)


@pytest.mark.feature("STO-09", "STO-05")
def test_the_autoscaler_asks_for_what_the_adapter_tells() -> None:
    (rule,) = document("prometheus/adapter.yaml")["externalRules"]
    metrics = manifests()["HorizontalPodAutoscaler", "gateway"]["spec"]["metrics"]
    (external,) = [one["external"] for one in metrics if one["type"] == "External"]
    assert external["metric"] == {"name": rule["name"]["as"]}
    assert external["target"]["type"] == "Value", "the age is that of all gateways, and no sum over them"
