"""The server of a PostgreSQL store: what it must promise, how our schema gets there, what its errors mean to us."""

from typing import Any

import asyncpg  # type: ignore[import-untyped]

from gateway.db import migrations
from gateway.db.postgres_dialect import schema
from gateway.db.postgres_lineage import Lineage
from gateway.errors import StorageDown, StorageFull, StorageSlow
from gateway.failpoint import failpoint

OLDEST = 14  # of the server's versions those that are still cared for
REACH = 2.0  # seconds for a connection to be made; some platforms wait three for our answer, then the event is lost
PATIENCE = 10.0  # seconds for one statement, after which the connection is given up
SESSION = {
    "application_name": "chat-gateway",
    "statement_timeout": "8000",  # ms, as all of these
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "10000",
    "jit": "off",  # it pays for long statements, and ours are short
}
_MIGRATING = 0x67_77_6D_69_67  # the number of our advisory lock
VERSION = "schema.version"
# Of processes that ended without a word; one that is only idle makes its row anew.
_TIDY = "DELETE FROM writer WHERE at < EXTRACT(EPOCH FROM now() - interval '7 days') * 1000"

_FACTS = """SELECT current_setting('server_version_num')::int, pg_is_in_recovery(), current_setting('fsync'),
    current_setting('full_page_writes'), current_setting('server_encoding'), current_setting('synchronous_commit'),
    current_setting('transaction_read_only') = 'on'"""

_lost = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)
_again = (
    asyncpg.TransactionRollbackError,  # two transactions were in each other's way
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
# Another transaction made or took away the same at the same time: this one will see it when it is run again.
_raced = (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError)
_refused = (
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
)


def lost(error: BaseException) -> bool:
    """Whether nothing more can be asked on the connection that said so."""
    if isinstance(error, asyncpg.DataError | asyncpg.OutdatedSchemaCacheError | asyncpg.QueryCanceledError):
        return False
    return isinstance(error, _lost)


def again(error: BaseException) -> bool:
    """Whether the same may go well when it is tried once more."""
    return isinstance(error, _again + _raced) or lost(error)


def meaning(error: BaseException) -> BaseException:
    """An error of the server's as its caller should see it."""
    if isinstance(error, asyncpg.DiskFullError):
        return StorageFull(str(error))
    if isinstance(error, asyncpg.QueryCanceledError | asyncpg.LockNotAvailableError | TimeoutError):
        return StorageSlow(f"{type(error).__name__}: {error}")
    down = isinstance(error, _refused + _again) or lost(error)
    return StorageDown(f"{type(error).__name__}: {error}") if down else error


def place(url: str) -> str:
    """The address of a database without the password."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


async def connect(
    url: str,
    *,
    read_only: bool = False,
    reach: float = REACH,
    settings: dict[str, str] | None = None,
    lineage: Lineage | None = None,
) -> Any:
    """A connection to a server that keeps what it says it has kept. Raises `StorageDown` with what to do."""
    session = {**SESSION, **(settings or {})}
    if read_only:
        session["default_transaction_read_only"] = "on"
    try:
        connection = await asyncpg.connect(
            url,
            timeout=reach,
            command_timeout=PATIENCE,
            statement_cache_size=500,
            max_cached_statement_lifetime=0,
            server_settings=session,
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise StorageDown(f"{place(url)}: {_why(error, reach)}") from None
    try:
        await _check(connection, url, read_only=read_only)
        if lineage is not None:
            await lineage.check(connection, place(url))
    except BaseException as error:
        connection.terminate()
        if isinstance(error, StorageDown) or not isinstance(error, Exception):  # who is cancelled is to know it
            raise
        raise StorageDown(f"{place(url)}: {_why(error)}") from None
    return connection


def _why(error: BaseException, reach: float = PATIENCE) -> str:
    return str(error) or f"no answer within {reach:g} s"


async def _check(connection: Any, url: str, *, read_only: bool) -> None:
    version, standby, fsync, pages, encoding, synchronous, refuses = await connection.fetchrow(_FACTS)
    faults = (
        (version < OLDEST * 10_000, f"is PostgreSQL {version // 10_000}; {OLDEST} or newer is needed"),
        (standby, "is a standby that only reads; name the primary, or add ?target_session_attrs=primary"),
        (refuses and not read_only, "takes no writes: default_transaction_read_only is on; set it off for our role"),
        (fsync != "on", "runs with fsync = off and may lose what it has confirmed; turn it on"),
        (pages != "on", "runs with full_page_writes = off and may be torn by a power loss; turn it on"),
        (encoding != "UTF8", f"keeps text as {encoding}; create the database with ENCODING 'UTF8'"),
    )
    for wrong, said in faults:
        if wrong:
            raise StorageDown(f"{place(url)}: the server {said}")
    # A role or a database may be set to less; it is ours to say for our sessions.
    if synchronous not in ("on", "remote_apply"):
        await connection.execute("SET synchronous_commit = on")


async def prepare(url: str) -> None:
    """Bring the schema up to date, one process at a time. Raises `StorageDown` with what to do."""
    connection = await connect(url, reach=PATIENCE, settings={"lock_timeout": "0", "statement_timeout": "0"})
    try:
        await connection.execute(f"SELECT pg_advisory_lock({_MIGRATING})", timeout=600)
        await _migrate(connection, url)
        await connection.execute(_TIDY)
    except asyncpg.InsufficientPrivilegeError as error:
        said = f"{place(url)}: {error}; let the user own the database, or GRANT CREATE ON SCHEMA public"
        raise StorageDown(said) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise StorageDown(f"{place(url)}: {_why(error)}") from None
    finally:
        connection.terminate()


async def _migrate(connection: Any, url: str) -> None:
    steps, newest = migrations(), migrations()[-1][0]
    if await connection.fetchval("SELECT to_regclass('meta')") is None:
        await connection.execute(schema("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"))
    current = int(await connection.fetchval("SELECT value FROM meta WHERE name = $1", VERSION) or 0)
    if current > newest:
        raise StorageDown(
            f"{place(url)}: its schema is version {current}, this program knows up to {newest}; "
            "run the newer program, or restore the backup made before the upgrade"
        )
    for number, sql in steps:
        if number > current:
            async with connection.transaction():
                await connection.execute(schema(sql), timeout=3600)
                failpoint("migration.step")
                await connection.execute(
                    "INSERT INTO meta VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    VERSION,
                    str(number),
                )
