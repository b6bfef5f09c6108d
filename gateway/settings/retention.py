"""How long things are kept."""

from gateway.options import DurationOrForever, Options, key


class Retention(Options):
    """How long things are kept, by channel; they are put away once a day. What waits is never put away."""

    messages: DurationOrForever = key("forever", "What was said; before that, its copies in inbox and outbox too.")
    raw_events: DurationOrForever = key("30d", "What platforms sent, and what was sent, once it is done with.")
    files: DurationOrForever = key("30d", "Files that came in or went out.")
    traces: DurationOrForever = key("7d", "What was let go, by id and reason: `gateway inbox dropped`.")
    dead: DurationOrForever = key("30d", "Dead letters.")
