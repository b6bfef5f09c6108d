"""The line to whoever has the store: the running gateway, by its control socket, or else this process itself."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from gateway.cli import configured
from gateway.cli.shown import USAGE, give_up, refused
from gateway.errors import GatewayError, Problem

if TYPE_CHECKING:
    from gateway.db import Database
    from gateway.operations.office import Office
    from gateway.settings import Settings

SOCKET = "gateway.sock"
SECONDS = 60.0  # for one answer


class Line:
    """Asks what an operator may ask: a method, the steps of a path below /admin/api, and what goes with them."""

    def ask(self, method: str, *steps: str, **given: Any) -> Any:
        """The answer: JSON data, or text. Values of None and "" are not sent. Raises `Problem`."""
        raise NotImplementedError

    def close(self) -> None: ...


@contextmanager
def line(config: str, *, create: bool = False) -> Iterator[Line]:
    """The line to the store that the configuration names; where there is no store yet, only `create` makes one."""
    settings = configured.settings(config)
    opened = _daemon(settings) or _own(settings, create=create)
    try:
        yield opened
    except GatewayError as problem:
        refused(problem)
    finally:
        opened.close()


class _Daemon(Line):
    """The running gateway, by HTTP over its socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, method: str, *steps: str, **given: Any) -> Any:
        sent = {name: str(value) for name, value in given.items() if value not in (None, "")}
        path = "/admin/api/" + "/".join(quote(step, safe="") for step in steps)
        headers, body = {"Host": "gateway"}, None
        if method == "GET":
            path += f"?{urlencode(sent)}" if sent else ""
        else:
            body, headers["Content-Type"] = json.dumps(sent), "application/json"
        connection = _Connection(self._path)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return _read(response, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise Problem(503, "no_answer", f"the running gateway did not answer: {error}") from None
        finally:
            connection.close()


def _read(response: http.client.HTTPResponse, content: bytes) -> Any:
    kind = response.headers.get_content_type()
    if response.status >= 400:
        told = json.loads(content) if kind.endswith("json") else {}
        raise Problem(response.status, told.get("code", "refused"), told.get("detail", response.reason))
    if "attachment" in response.headers.get("Content-Disposition", ""):
        return content.decode("utf-8", "replace")
    return json.loads(content)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("gateway", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = _connected(self._path)


def _connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(SECONDS)
    try:
        made.connect(_short(path))
    except BaseException:
        made.close()
        raise
    return made


def _short(path: Path) -> str:
    """The path of a socket may have 107 bytes; one that is relative to here is often shorter."""
    here = os.path.relpath(path)
    return min(str(path), here, key=lambda text: len(os.fsencode(text)))


def _daemon(settings: Settings) -> Line | None:
    path = settings.storage.home.absolute() / SOCKET
    try:
        _connected(path).close()
    except OSError:
        return None
    return _Daemon(path)


class _Own(Line):
    """The store itself, opened for as long as this command runs."""

    def __init__(self, runner: asyncio.Runner, office: Office) -> None:
        self._runner, self._office = runner, office

    def ask(self, method: str, *steps: str, **given: Any) -> Any:
        return self._runner.run(self._asked(method, steps, given))

    async def _asked(self, method: str, steps: tuple[str, ...], given: Mapping[str, Any]) -> Any:
        from gateway.admin import routes

        sent = {name: str(value) for name, value in given.items() if value not in (None, "")}
        route, names = routes.match(method, steps)
        done = await routes.answer(self._office, route, names, sent)
        return done.text if isinstance(done, routes.Document) else done

    def close(self) -> None:
        self._runner.run(self._office.corridor.shared.close())
        self._runner.run(self._office.corridor.db.close())
        self._runner.close()


def _own(settings: Settings, *, create: bool) -> Line:
    file = settings.storage.database
    if file is not None and not create and not file.exists():
        said = f"there is no store at {file.absolute()}, and no gateway runs there: was it started in another folder?"
        give_up(said, USAGE)
    runner = asyncio.Runner()
    try:
        office = runner.run(_office(settings))
    except GatewayError as error:
        runner.close()
        give_up(f"error: {error}{_hint(error)}")
    return _Own(runner, office)


def _hint(error: GatewayError) -> str:
    running = "another gateway" in str(error)
    return f"; its control socket {SOCKET} beside the store does not answer" if running else ""


async def _office(settings: Settings) -> Office:
    from gateway.db.opening import open_database
    from gateway.foundation import lay
    from gateway.operations.office import Office
    from gateway.tasks import Tasks

    db: Database = await open_database(settings.storage.url, connections=2)
    corridor, router = await lay(settings, db, db.clock, Tasks())
    await corridor.shared.open()
    return Office(corridor, router, settings, running=False)
