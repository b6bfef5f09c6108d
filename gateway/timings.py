"""How long things took, as Prometheus histograms. The client library's own take a lock for each bucket they look at."""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

STAGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # seconds
_BOUNDS = (*map(str, map(float, STAGES)), "+Inf")


class Timing:
    """What was measured under one label. It is written by the event loop alone."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts, self.total = [0] * len(_BOUNDS), 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(STAGES, seconds)] += 1
        self.total += seconds


class Timings(Collector):
    """A histogram with one label. `timings[value]` is what is measured under a value of it."""

    def __init__(self, name: str, help: str, label: str, registry: CollectorRegistry) -> None:
        self._name, self._help, self._label = name, help, label
        self._found: dict[str, Timing] = {}
        registry.register(self)

    def __getitem__(self, value: str) -> Timing:
        timing = self._found.get(value)
        if timing is None:
            timing = self._found[value] = Timing()
        return timing

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._help, labels=[self._label])
        for value, timing in list(self._found.items()):
            so_far, buckets = 0, []
            for bound, count in zip(_BOUNDS, list(timing.counts), strict=True):
                so_far += count
                buckets.append((bound, float(so_far)))
            family.add_metric([value], buckets, timing.total)
        yield family
