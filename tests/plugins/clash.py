"""An adapter that calls one of its options by a name of the gateway's."""

from gateway import adapter, options


class ClashOptions(options.Options):
    history: str = options.key("", "A name that is taken.")


class Adapter(adapter.Adapter):
    Options = ClashOptions
