"""`gateway run`: serving, and what to say when that cannot be."""

import asyncio
import errno
import os
import sys
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config import ConfigErrors
from gateway import service
from gateway.cli import configured
from gateway.cli.shown import complain, give_up, say
from gateway.clock import Clock
from gateway.daemon import Daemon
from gateway.errors import StorageDown
from gateway.log import configure
from gateway.options import PageOptions
from gateway.reloading import Origin
from gateway.settings import Settings, kept, load


def serve(file: Path, *, strict: bool) -> None:
    """Serve until asked to stop, as the file wants it now and whenever it changes.

    With a file that cannot be used: as it wanted it when it last could be, unless this is to be strict.
    """
    settings, problems = _begin(file, strict=strict)
    configure(settings.log, settings.secrets())

    def read() -> Settings:
        found = load(file, os.environ)
        configure(found.log, found.secrets() | settings.secrets())
        return found

    origin = Origin(read, lambda found: kept.keep(file, found, Clock().now()), problems)
    try:
        run(service.serve(settings, ready=_welcome, origin=origin))
    except StorageDown as error:
        give_up(f"error: storage.url: {error}")
    except OSError as error:
        give_up(f"error: {_advice(error, settings)}")


def _begin(file: Path, *, strict: bool) -> tuple[Settings, Sequence[str]]:
    """What to begin with, and what is wrong with the file. Ends the command when there is nothing to begin with."""
    try:
        return load(file, os.environ), ()
    except ConfigErrors as errors:
        worked = None if strict else kept.find(file)
        if worked is None:
            configured.unusable(file, errors)
        problems = [str(problem) for problem in errors.problems]
        for problem in problems:
            complain(problem)
        complain(f"beginning with what last worked, of {datetime.fromtimestamp(worked.at // 1000, UTC)}")
    try:
        return worked.settings(os.environ), problems
    except ConfigErrors as errors:
        configured.unusable(file, errors)


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
