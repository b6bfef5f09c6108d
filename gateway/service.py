"""The process that runs the daemon: its signals, and what it says to whoever started it."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.clock import Clock
from gateway.daemon import Daemon
from gateway.descriptors import allow
from gateway.reloading import Origin
from gateway.settings import Settings
from gateway.supervisor import Supervisor
from gateway.tasks import Tasks

CLOSING = 20.0  # seconds that the end may take besides the drain

log = structlog.get_logger()


async def serve(
    settings: Settings,
    root: Path | None = None,
    ready: Callable[[Daemon], None] = lambda daemon: None,
    origin: Origin | None = None,
) -> None:
    """Run until SIGTERM or SIGINT; a second one ends at once. `ready` is told when the daemon serves.

    With an origin, the settings are read again when their files change, and on SIGHUP.
    """
    daemon, manager, tasks = Daemon(settings, root=root), Supervisor(), Tasks()
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            # What is on disk is whole at any moment, and whoever starts next goes on from there.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    wanted = settings.server.max_connections
    if (room := allow(wanted)) < wanted:
        log.warning("connections.limited", wanted=wanted, room=room, remedy="raise the limit of open files (ulimit -n)")
    await daemon.start()
    if origin is not None:
        reloading = daemon.follow(origin)
        loop.add_signal_handler(signal.SIGHUP, reloading.ask)
    _collect_less()
    ready(daemon)
    manager.tell("READY=1", f"STATUS=serving at {daemon.servers.public}")
    tasks.start(manager.reassure(Clock()), "signs of life")
    await asked.wait()
    drain = daemon.settings.server.drain
    log.info("daemon.stopping", drain=drain)
    manager.tell("STOPPING=1", "STATUS=draining", f"EXTEND_TIMEOUT_USEC={round((drain + CLOSING) * 1e6)}")
    await daemon.stop()
    await tasks.cancel()


def _collect_less() -> None:
    """What a message leaves behind dies by reference count. Looking for cycles as often as Python does by itself costs
    a sixth of all CPU, most of it for what has been loaded once and stays.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
