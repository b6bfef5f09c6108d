"""Every metric by name, in one list. Labels come from closed sets and the operator's own names, never from users."""

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

STAGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """One set for one daemon, served as text by `text`."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()

        def counter(name: str, help: str, *labels: str) -> Counter:
            return Counter(f"gateway_{name}", help, labels, registry=registry)

        def gauge(name: str, help: str, *labels: str) -> Gauge:
            return Gauge(f"gateway_{name}", help, labels, registry=registry)

        def timing(name: str, help: str, *labels: str) -> Histogram:
            return Histogram(f"gateway_{name}", help, labels, buckets=STAGES, registry=registry)

        self.inbound = counter("inbound", "Events taken in, by what became of them.", "channel", "outcome")
        self.forged = counter("forged", "Requests refused for a bad signature or secret.", "channel")
        self.turns = counter("turns", "Turns ended, by how.", "bot", "outcome")
        self.sends = counter("sends", "Tries to send a part, by result.", "channel", "result")
        self.dead = counter("dead_letters", "Entries given up.", "box", "channel", "reason")
        self.accept_seconds = timing("accept_seconds", "From the door to the disk.", "channel")
        self.bot_seconds = timing("bot_seconds", "From asking a bot to its last word.", "bot")
        self.turn_seconds = timing("turn_seconds", "From the door to the committed answer.", "channel")
        self.send_seconds = timing("send_seconds", "One try to send a part.", "channel")
        self.waiting = gauge("waiting", "Entries that wait, by box.", "box", "channel")
        self.oldest = gauge("oldest_seconds", "Age of the oldest entry that waits, by box.", "box", "channel")
        self.bot_up = gauge("bot_up", "1 while a bot's circuit is closed.", "bot")
        self.channel_up = gauge("channel_up", "1 while a channel's connection does well.", "channel")
        self.deaf_seconds = gauge("deaf_seconds", "Time since a channel's last completed receive.", "channel")
        self.applied = counter("config_applied", "Configurations applied, by result.", "result")

        # A label lookup costs more than the increment; the hot path keeps its children.
        self.accepted = lru_cache(maxsize=512)(self.inbound.labels)
        self.answered = lru_cache(maxsize=512)(self.turns.labels)
        self.sent = lru_cache(maxsize=512)(self.sends.labels)
        self.accepting = lru_cache(maxsize=512)(self.accept_seconds.labels)
        self.asking = lru_cache(maxsize=512)(self.bot_seconds.labels)
        self.answering = lru_cache(maxsize=512)(self.turn_seconds.labels)
        self.sending = lru_cache(maxsize=512)(self.send_seconds.labels)

    def text(self) -> bytes:
        """All of it in the Prometheus text format."""
        return generate_latest(self.registry)
