"""What PromQL expressions name: metrics of ours with their label matchers, and the labels they are grouped by."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_SELECTOR = re.compile(r"\b(gateway_\w+)\s*(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
SCRAPED = {"instance", "job"}  # labels that Prometheus adds


class Selector(NamedTuple):
    """One metric in an expression, and what is asked of its labels: (label, operator, value)."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


def selectors(expression: str) -> list[Selector]:
    """The metrics of ours that an expression names."""
    found = []
    for match in _SELECTOR.finditer(expression):
        matchers = tuple(_MATCHER.findall(match[2] or ""))
        assert len(matchers) == (match[2] or "").count('"') // 2, expression
        found.append(Selector(match[1], matchers))
    return found


def strangers(expression: str, labels: Mapping[str, Iterable[str]]) -> list[str]:
    """Names in an expression that are not among the metrics and their labels."""
    found, known = [], set(SCRAPED)
    for one in selectors(expression):
        if one.metric not in labels:
            found.append(one.metric)
            continue
        own = {*labels[one.metric], *SCRAPED}
        known |= own
        found += [f"{one.metric}{{{label}}}" for label, _, _ in one.matchers if label not in own]
    for grouping in _GROUPING.findall(expression):
        found += [f"by {label}" for label in re.split(r"[\s,]+", grouping.strip()) if label not in known]
    return found
