"""`gateway run`: serving, and what to say when that cannot be."""

import asyncio
import errno
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from gateway import daemon
from gateway.cli.shown import give_up, say
from gateway.daemon import Daemon
from gateway.errors import StorageDown
from gateway.log import configure
from gateway.options import PageOptions
from gateway.settings import Settings, load


def serve(settings: Settings, file: Path) -> None:
    """Serve until asked to stop, as the file wants it now and whenever it changes."""
    configure(settings.log, settings.secrets())

    def read() -> Settings:
        found = load(file, os.environ)
        configure(found.log, found.secrets() | settings.secrets())
        return found

    try:
        run(daemon.serve(settings, ready=_welcome, read=read))
    except StorageDown as error:
        give_up(f"error: storage.url: {error}")
    except OSError as error:
        give_up(f"error: {_advice(error, settings)}")


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run on the quicker event loop where there is one."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)


def _welcome(running: Daemon) -> None:
    """One line for whoever started us by hand: where to go."""
    if not sys.stdout.isatty():
        return
    settings = running.settings
    begin = settings.server.public_url or running.servers.public
    pages = [
        begin + channel.options.path.rstrip("/")
        for channel in settings.channels.values()
        if isinstance(channel.options, PageOptions) and channel.options.path
    ]
    say(f"Open {' or '.join(pages)}" if pages else f"Running: {', '.join(settings.channels) or 'no channels'}")


def _advice(error: OSError, settings: Settings) -> str:
    listens = f"server.listen is {settings.server.listen}, admin.listen is {settings.admin.listen}"
    if error.errno == errno.EADDRINUSE:
        return f"{error.strerror}: another program, perhaps another gateway, listens there already; {listens}"
    if error.errno in (errno.EACCES, errno.EPERM) and error.filename is None:
        return f"{error.strerror}: ports below 1024 need more rights; {listens}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{error.strerror}: this machine has no such address; {listens}"
    return str(error)
