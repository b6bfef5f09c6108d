"""Weighs every statement that the program runs, in steps of SQLite's machine: the same on any computer, at any load."""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

_LISTS = re.compile(r"(\(?\?\d+\)?)(, \(?\?\d+\)?)+")
_NUMBERS = re.compile(r"\?(\d+)")
_NO_TABLE = re.compile(r"SCAN (CONSTANT ROW|\d+(-ROW VALUES CLAUSE| CONSTANT ROWS))")
_BY_INDEX = re.compile(r"SCAN \w+ USING (COVERING )?INDEX (\w+)")


class Scales:
    """`steps` are the steps of every run of a statement, by its text with lists of parameters cut short."""

    def __init__(self) -> None:
        self.steps: defaultdict[str, list[int]] = defaultdict(list)
        self.statements: set[str] = set()

    def attach(self, connection: apsw.Connection) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._ran)

    def _ran(self, event: dict[str, Any]) -> None:
        sql: str = event["sql"]
        if sql.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            self.statements.add(sql)
            short = _LISTS.sub(r"\1...", " ".join(sql.split()))
            self.steps[short].append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])

    def take(self) -> dict[str, list[int]]:
        """What was weighed since the last time."""
        taken, self.steps = self.steps, defaultdict(list)
        return taken


@contextmanager
def weighing() -> Iterator[Scales]:
    """Everything that is run on connections opened in this block is weighed."""
    scales = Scales()
    apsw.connection_hooks.append(scales.attach)
    try:
        yield scales
    finally:
        apsw.connection_hooks.remove(scales.attach)


def plan(path: Path, sql: str) -> list[str]:
    """By which ways a statement goes, in SQLite's words."""
    connection = apsw.Connection(str(path))
    count = max((int(number) for number in _NUMBERS.findall(sql)), default=0)
    found = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * count)]
    connection.close()
    return found


def scans(path: Path, sql: str) -> list[str]:
    """The tables and whole indexes that a statement goes through from end to end.

    Partial indexes hold only what is to be done; what is limited and in the order of a table's own key ends soon.
    """
    connection = apsw.Connection(str(path))
    partial = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%INDEX%WHERE%'")}
    connection.close()
    found = []
    for line in plan(path, sql):
        index = _BY_INDEX.fullmatch(line)
        held = _NO_TABLE.fullmatch(line) or (index and index[2] in partial) or "ORDER BY id LIMIT" in sql
        if line.startswith("SCAN") and not held:
            found.append(line)
    return found
