"""What the service manager that started us is told, if it wants to know: the datagrams of systemd's sd_notify(3)."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from gateway.clock import Clock

OFTENER = 2  # signs of life in the time after which we are taken for dead


class Supervisor:
    """Knows from the environment whether anybody listens. Nobody who does not is a reason to fail."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.every = _every(environment) if self._address else 0.0

    def tell(self, *said: str) -> None:
        """Say all of this in one datagram: `READY=1`, `STOPPING=1`, `WATCHDOG=1`, `STATUS=...`."""
        if not self._address:
            return
        # A name that begins with @ stands for one that is in no file system.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as here:
            here.setblocking(False)
            here.sendto("\n".join(said).encode(), address)

    async def reassure(self, clock: Clock) -> None:
        """Give a sign of life from the event loop, on which all work is done, for as long as it turns."""
        while self.every:
            self.tell("WATCHDOG=1")
            await clock.sleep(self.every)


def _every(environment: Mapping[str, str]) -> float:
    """Seconds between two signs of life; 0 when nobody waits for any, or not for ours."""
    for_us = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    patience = environment.get("WATCHDOG_USEC", "")
    return int(patience) / 1e6 / OFTENER if for_us and patience.isascii() and patience.isdigit() else 0.0
