"""`python -m tests.bench.stored [--chats N] [--turns N]`: what a session and a turn take on disk, by table.

A turn is a message and its answer. What is kept for good (sessions, people, lines) and what goes after a while (what
came in verbatim, what was sent, ids against repeats) are told apart, since a store that has run for long holds all of
the former and the last weeks of the latter.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw

from tests.bench.contest import Contestant, gateways
from tests.bench.far import Ledger, serve
from tests.postgres import Server

PASSING = ("inbox", "outbox", "dedupe", "dropped")
_FILE = """SELECT COALESCE(m.tbl_name, s.name), SUM(s.pgsize) FROM dbstat s LEFT JOIN sqlite_master m
    ON m.name = s.name GROUP BY 1"""
_SERVER = "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"

Sizes = Mapping[str, int]


def _sizes(rows: Iterable[Sequence[Any]]) -> Sizes:
    return {str(table): int(size) for table, size in rows}


async def on_file(ledger: Ledger, far: int, folder: Path, chats: int, turns: int) -> list[Sizes]:
    async def look() -> Sizes:
        file = apsw.Connection(str(folder / "gateway.db"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return _sizes(file.execute(_FILE).fetchall())
        finally:
            file.close()

    async with gateways(1, f"sqlite:///{folder}/gateway.db", far, folder) as (pids, ports):
        return await _filled(Contestant("", pids, ports, chats), ledger, chats, turns, look)


async def on_server(ledger: Ledger, far: int, folder: Path, chats: int, turns: int) -> list[Sizes]:
    server = await asyncio.to_thread(Server, Path(tempfile.gettempdir()))
    url = await asyncio.to_thread(server.database, folder)

    async def look() -> Sizes:
        return _sizes(await asyncio.to_thread(server.ask, _SERVER, folder))

    try:
        async with gateways(1, url, far, folder) as (pids, ports):
            return await _filled(Contestant("", pids, ports, chats), ledger, chats, turns, look)
    finally:
        await asyncio.to_thread(server.stop)


async def _filled(
    one: Contestant, ledger: Ledger, chats: int, turns: int, look: Callable[[], Awaitable[Sizes]]
) -> list[Sizes]:
    """The sizes after one turn in each chat, and after as many more."""
    await one.flat_out(ledger, chats)
    first = await look()
    await one.flat_out(ledger, chats * turns)
    return [first, await look()]


def told(name: str, found: list[Sizes], chats: int, turns: int) -> str:
    first, last = found
    lines, sums = [f"{name}: bytes", f"{'':14}{'a session':>12}{'a turn':>12}"], {True: [0.0, 0.0], False: [0.0, 0.0]}
    for table in sorted(last, key=lambda table: -last[table]):
        turn = (last[table] - first.get(table, 0)) / (chats * turns)
        session = first.get(table, 0) / chats - turn
        sums[table in PASSING][0] += session
        sums[table in PASSING][1] += turn
        if max(session, turn) >= 1:
            lines.append(f"{table:14}{session:12.0f}{turn:12.0f}{'   for a while' if table in PASSING else ''}")
    lines += [
        f"{kind:14}{session:12.0f}{turn:12.0f}"
        for kind, (session, turn) in (("for good", sums[False]), ("for a while", sums[True]))
    ]
    return "\n".join(lines)


async def run(chats: int, turns: int) -> None:
    ledger = Ledger()
    server, far = await serve(ledger)
    for name, fill in (("SQLite", on_file), ("PostgreSQL", on_server)):
        with tempfile.TemporaryDirectory() as folder:
            print(told(name, await fill(ledger, far, Path(folder), chats, turns), chats, turns))
    server.close()


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.stored", description=__doc__)
    arguments.add_argument("--chats", type=int, default=1_000)
    arguments.add_argument("--turns", type=int, default=5)
    wanted = arguments.parse_args()
    asyncio.run(run(wanted.chats, wanted.turns))


if __name__ == "__main__":
    main()
