"""Opening the store that `storage.url` names."""

from pathlib import Path

from gateway.db import Database
from gateway.db.sqlite import Sqlite


async def open_database(url: str, root: Path | None = None) -> Database:
    """Open the store named by `storage.url` and bring its schema up to date."""
    scheme, _, rest = url.partition("://")
    if scheme != "sqlite":
        raise ValueError(f"storage.url: {scheme}:// is not known; this release stores in sqlite:///path/to/file.db")
    path = Path(rest[1:] if rest.startswith("/") else rest)
    return await Sqlite.open(path if path.is_absolute() or root is None else root / path)
