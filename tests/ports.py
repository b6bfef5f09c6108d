"""Ports for programs that are told theirs, and begin to listen some time later."""

import os
import socket
from itertools import count

# Below those that the system gives to connections: one of these would be taken now and then before it is listened on.
_FIRST, _COUNT = 15_000, 16_000
_next = count(os.getpid() * 997)  # processes of a test run begin far from each other


def free_port() -> int:
    """A port on which nobody listens, and which nobody else here is told."""
    while True:
        port = _FIRST + next(_next) % _COUNT
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
