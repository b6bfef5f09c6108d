"""Nothing stands behind an echo."""

from tests.contract import backend


class Backend(backend.Backend):
    """An echo answers by itself."""
