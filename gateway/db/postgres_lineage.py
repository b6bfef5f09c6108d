"""Which history of a database has answered, so that nothing is written to an older one that is back."""

from typing import Any

import asyncpg  # type: ignore[import-untyped]

from gateway.errors import StorageDown

# A standby that takes over begins a new timeline; whoever was primary before it stays on the old one.
_WHERE = """SELECT (SELECT system_identifier FROM pg_control_system()),
    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"""
_untold = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedFunctionError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)


class Lineage:
    """The newest timeline that each server we spoke with was on."""

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}

    async def check(self, connection: Any, place: str) -> None:
        """Raises `StorageDown` for a server that others have left behind. Some do not tell, and are believed."""
        try:
            system, timeline = await connection.fetchrow(_WHERE)
        except _untold:
            return
        newest = self._newest.get(system, 0)
        if timeline < newest:
            raise StorageDown(
                f"{place}: the server is on timeline {timeline} of a database that went on to {newest} elsewhere: "
                "it was primary once, and lacks what has been written since; stop it, or make it a standby"
            )
        self._newest[system] = timeline
