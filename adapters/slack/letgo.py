"""What a reader of events raises for those that are let go."""


class Letgo(Exception):
    """The event is authentic and is let go; the message is one of the gateway's reasons."""
