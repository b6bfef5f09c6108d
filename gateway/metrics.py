"""Every metric by name, in one list. Labels come from closed sets and the operator's own names, never from users."""

from collections.abc import Iterator
from itertools import groupby

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.samples import Sample

from gateway.counts import Counts
from gateway.timings import Timings

MOST_SERIES = 2_000  # told at once, however many channels and bots there are


class Metrics:
    """One set for one daemon, served as text by `text`."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()

        def counter(name: str, help: str, *labels: str) -> Counter:
            return Counter(f"gateway_{name}", help, labels, registry=registry)

        def gauge(name: str, help: str, *labels: str) -> Gauge:
            return Gauge(f"gateway_{name}", help, labels, registry=registry)

        def counts(name: str, help: str, *labels: str) -> Counts:
            return Counts(f"gateway_{name}", help, labels, registry)

        def timings(name: str, help: str, label: str) -> Timings:
            return Timings(f"gateway_{name}", help, label, registry)

        self.accepted = counts("inbound", "Events taken in, by what became of them.", "channel", "outcome")
        self.forged = counter("forged", "Requests refused for a bad signature or secret.", "channel")
        self.answered = counts("turns", "Turns ended, by how.", "bot", "outcome")
        self.sent = counts("sends", "Tries to send a part, by result.", "channel", "result")
        self.retries = counter("retries", "Tries that failed and are made again later, by box.", "box", "channel")
        self.dead = counter("dead_letters", "Entries given up.", "box", "channel", "reason")
        self.accept_seconds = timings("accept_seconds", "From the door to the disk.", "channel")
        self.bot_seconds = timings("bot_seconds", "From asking a bot to its last word.", "bot")
        self.turn_seconds = timings("turn_seconds", "From the door to the committed answer.", "channel")
        self.send_seconds = timings("send_seconds", "One try to send a part.", "channel")
        self.waiting = gauge("waiting", "Entries that wait, by box.", "box", "channel")
        self.oldest = gauge("oldest_seconds", "Age of the oldest entry that waits, by box.", "box", "channel")
        self.storage_up = gauge("storage_up", "1 while the store answers, looked at once a minute.")
        self.storage_up.set(1)  # nobody gets as far as to tell it without one
        self.journal_rows = gauge("journal_rows", "Events that wait in the journal for the store.")
        self.bot_up = gauge("bot_up", "1 while a bot's circuit is closed.", "bot")
        self.channel_up = gauge("channel_up", "1 while a channel's connection does well.", "channel")
        self.deaf_seconds = gauge("deaf_seconds", "Time since a channel's last completed receive.", "channel")
        self.disk_free = gauge("disk_free_bytes", "Room that is left where a folder of ours is.", "folder")
        self.redis_up = gauge("redis_up", "1 while Redis answers; 0 also where none is configured.")
        self.applied = counter("config_applied", "Configurations applied, by result.", "result")

    def text(self) -> bytes:
        """All of it in the Prometheus text format, at most `MOST_SERIES` series."""
        return generate_latest(_Bounded(self.registry))


class _Bounded:
    """A registry that tells only so much. Timings go first: each is many series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        room, left = MOST_SERIES - 1, 0
        for family in sorted(self._registry.collect(), key=lambda family: family.type == "histogram"):
            kept: list[Sample] = []
            for _, samples in groupby(family.samples, _whose):
                series = list(samples)
                fits = len(series) <= room
                kept += series if fits else []
                room, left = (room - len(series), left) if fits else (room, left + len(series))
            family.samples = kept
            yield family
        yield GaugeMetricFamily("gateway_series_left_out", "Series for which there is no room here.", left)


def _whose(sample: Sample) -> list[tuple[str, str]]:
    """What a sample is of: all buckets of one histogram are told, or none."""
    return [label for label in sample.labels.items() if label[0] != "le"]
