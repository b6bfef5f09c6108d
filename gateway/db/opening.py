"""Opening the store that `storage.url` names."""

from pathlib import Path

from gateway.db import Database
from gateway.db.sqlite import Sqlite

SERVERS = ("postgresql", "postgres")


async def open_database(url: str, root: Path | None = None, connections: int = 8) -> Database:
    """Open the store named by `storage.url` and bring its schema up to date. `connections` are those to a server."""
    scheme, _, rest = url.partition("://")
    if scheme in SERVERS:
        from gateway.db.postgres import Postgres  # its driver is for those who have a server

        return await Postgres.open(url, connections)
    if scheme != "sqlite":
        raise ValueError(f"storage.url: {scheme}:// is not known; it is sqlite:///path/to/file.db or postgresql://...")
    path = Path(rest[1:] if rest.startswith("/") else rest)
    return await Sqlite.open(path if path.is_absolute() or root is None else root / path)
