"""How often things happened, as Prometheus counters. The client library's own take a lock for each one."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Count:
    """What was counted under one set of labels. It is written by the event loop alone."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self) -> None:
        self.value += 1


class Counts(Collector):
    """A counter; called with the values of its labels it gives the `Count` under them."""

    def __init__(self, name: str, help: str, labels: tuple[str, ...], registry: CollectorRegistry) -> None:
        self._name, self._help, self._labels = name, help, labels
        self._found: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def __call__(self, *values: str) -> Count:
        count = self._found.get(values)
        if count is None:
            count = self._found[values] = Count()
        return count

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self._name, self._help, labels=self._labels)
        for values, count in list(self._found.items()):
            family.add_metric(values, count.value)
        yield family
