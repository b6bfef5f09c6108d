"""The listeners: the public door, the admin door, and the control socket beside the database."""

import asyncio
import fcntl
import logging
import os
import socket
from pathlib import Path
from weakref import WeakSet

import structlog
from aiohttp import web

from gateway.admin.door import AdminDoor
from gateway.corridor import Corridor
from gateway.door.door import Door, Handler, told
from gateway.door.express import Express
from gateway.door.hooks import Hooks
from gateway.door.house import House
from gateway.errors import Problem
from gateway.ingress import problems
from gateway.probes import PATHS, Intake, Probes
from gateway.reloading import Reloading
from gateway.router import Router
from gateway.settings import Settings
from gateway.settings.process import Listen

IDLE = 75.0  # seconds that a connection without a request is kept, and that a request's head may take
LINGER = 2.0  # seconds in which the rest of a refused body is let go by
GRACE = 5.0  # seconds that requests in flight get when the process stops
BACKLOG = 4096
LONGEST_SOCKET = 100  # bytes of the path of a Unix socket, which has little room in the kernel

log = structlog.get_logger()


class Connection(web.RequestHandler):
    """Answers what is no HTTP like everything else."""

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionResetError("the answer had begun")
        if status >= 500 and not isinstance(exc, ConnectionError):  # who hangs up in the middle is no fault of ours
            log.error("http.failed", exc_info=exc)
        detail = "this is not HTTP as it should be" if status < 500 else "something went wrong here"
        answer = problems.answer(Problem(status, "malformed_request" if status < 500 else "internal", detail))
        answer.force_close()
        return answer


class Listening(web.Server):
    """Tells the house when a connection is lost: a handler that only waits would not notice."""

    def __init__(self, house: House, handler: Handler) -> None:
        super().__init__(handler)
        self._house, self._logger = house, _quiet()

    def __call__(self) -> web.RequestHandler:
        return Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]
            logger=self._logger,
            keepalive_timeout=IDLE,
            lingering_time=LINGER,
            auto_decompress=False,
        )

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._house.lost(handler)


class Entrance(Listening):
    """The public listener: every connection begins with the express, which leaves to us what it does not know."""

    def __init__(self, house: House, handler: Handler, hooks: Hooks) -> None:
        super().__init__(house, handler)
        self._hooks = hooks
        self._express = WeakSet[Express]()
        self._closing = False

    def __call__(self) -> Express:  # type: ignore[override]
        express = Express(self._house, self._hooks, super().__call__, IDLE)
        express.closing = self._closing
        self._express.add(express)
        return express

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the name is the library's
        self._closing = True
        await asyncio.gather(*(express.shut(timeout or 0) for express in list(self._express)))
        await super().shutdown(timeout)


class Servers:
    """All that listens. `listen`, `open`; then `shut` (nothing is taken in any more) and `close`."""

    def __init__(self, corridor: Corridor, router: Router, settings: Settings, root: Path | None = None) -> None:
        base = root or Path()
        self._settings, self._live = settings, corridor.live
        self.intake = Intake()
        self.house = House(corridor, router, settings, self.intake)
        self.door = Door(self.house)
        self._admin = AdminDoor(corridor, router, settings)
        self._probes = Probes(corridor.db, self.intake, corridor.disk, self.house.spooled, corridor.redis)
        self._control = base / settings.storage.home / "gateway.sock"
        self._lock: int | None = None  # of the control socket
        self._runners: list[web.ServerRunner] = []
        self.public = self.admin = ""
        self._tidying: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        """Begin to listen; requests are answered 503 until `open`. Raises `OSError` when an address is taken."""
        entrance = Entrance(self.house, self.door.handle, self.door.hooks)
        self.public = await self._tcp(entrance, self._settings.server.listen)
        self.admin = await self._tcp(Listening(self.house, self._from_network), self._settings.admin.listen)
        self.house.corridor.files.url = self._settings.server.public_url or self.public
        await self._unix()

    def apply(self, settings: Settings) -> None:
        """Other settings are in force from now on; where we listen stays as it is."""
        self._settings = self.house.settings = settings
        self.house.corridor.files.url = settings.server.public_url or self.public or settings.server.address
        self._admin.apply(settings)

    def reloads(self, reloading: Reloading) -> None:
        """Operators may ask for another reading of the configuration."""
        self._admin.reloads(reloading)

    def open(self) -> None:
        """Everything has started: take events in."""
        self.intake.started = self.intake.open = True
        self._tidying = self.house.corridor.tasks.start(self.door.uploads.tidy(), "files")

    def shut(self) -> None:
        """Take nothing in any more; answers that are still made are still given."""
        self.intake.open = False

    async def close(self) -> None:
        """Stop listening; live connections end, and their clients come back to whoever is here then."""
        self.intake.open = False
        self._live.stop()
        if self._tidying is not None:
            self._tidying.cancel()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        if self._lock is not None:
            self._control.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    async def _tcp(self, server: Listening, listen: Listen) -> str:
        runner = await self._runner(server)
        site = web.TCPSite(runner, listen.host, listen.port, backlog=BACKLOG)
        await site.start()
        host, port = runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def _unix(self) -> None:
        """The control socket: whoever may open it (its owner) needs no key."""
        path = self._control.resolve()
        if len(os.fsencode(path)) > LONGEST_SOCKET:
            log.warning("control.unavailable", path=str(path), reason="the path is too long for a Unix socket")
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._locked(path):
            reason = "another gateway has it: name a folder of this one's own as storage.local"
            log.warning("control.unavailable", path=str(path), reason=reason)
            return
        path.unlink(missing_ok=True)  # left by a process that was killed
        control = socket.socket(socket.AF_UNIX)
        os.fchmod(control.fileno(), 0o600)  # before it has a name, so that there is no moment in which others get in
        control.bind(str(path))
        path.chmod(0o600)
        await web.SockSite(await self._runner(Listening(self.house, self._from_here)), control).start()

    def _locked(self, path: Path) -> bool:
        """Whether the control socket is ours: no other process answers there, or will."""
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    async def _runner(self, server: Listening) -> web.ServerRunner:
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=GRACE)
        await runner.setup()
        self._runners.append(runner)
        return runner

    async def _from_network(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._operate(request, trusted=False)

    async def _from_here(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._operate(request, trusted=True)

    async def _operate(self, request: web.BaseRequest, *, trusted: bool) -> web.StreamResponse:
        try:
            if request.path in PATHS:
                return await self._probes.handle(request)
            return await self._admin.handle(request, trusted=trusted)
        except Exception as error:
            return told(request, error)


def _quiet() -> logging.Logger:
    """For the HTTP library: what strangers send to an open port is answered with 400, not written down."""
    logger = logging.getLogger("gateway.http")
    logger.setLevel(logging.CRITICAL)
    return logger
