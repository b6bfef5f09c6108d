"""`gateway backup` and `gateway restore`."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import configured
from gateway.cli.configured import Config
from gateway.cli.shown import USAGE, Json, as_json, complain, fields, give_up, refused, say
from gateway.errors import GatewayError

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the backup.")]


def backup(
    file: File,
    config: Config = "",
    json: Json = False,
    files: Annotated[bool, typer.Option("--files/--no-files", help="Hold what people sent and were sent.")] = True,
) -> None:
    """Write all that the store holds into one file, also while a gateway runs. Nothing is overwritten."""
    from gateway.backup.making import make
    from gateway.clock import Clock

    storage = configured.settings(config).storage
    if file.exists():
        give_up(f"error: {file} is there already; nothing is overwritten", USAGE)
    with _Bar() as bar:
        facts = _done(make(storage, file, Clock(), bar.show, files=files))
    if json:
        as_json({"file": str(file), **_facts(facts)})
        return
    say(f"{file}: {sum(facts.rows.values())} rows, {facts.files} files")
    if facts.missing:
        complain(f"{facts.missing} files were gone before they could be copied")
    if not files:
        complain(f"without the files: keep a copy of {storage.files} beside it")


def restore(
    file: File,
    config: Config = "",
    json: Json = False,
    moved: Annotated[
        bool, typer.Option("--moved", help="The old gateway was stopped before the backup, and has not run since.")
    ] = False,
    until: Annotated[
        str, typer.Option(metavar="TIME", help="When the old gateway last ran, such as 2026-03-01T12:00Z; else now.")
    ] = "",
    erased: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A later backup or store: who was erased there is erased here.")
    ] = None,
) -> None:
    """Fill an empty store from a backup. One that was cut off is gone on with by the same command.

    What the old gateway may have answered or sent since is not answered or sent again: it is listed by `gateway dead
    list --reason restored`, and requeued from there. With --moved everything goes on where it was.
    """
    from gateway.backup.restoring import Wanted, restore, tombstones
    from gateway.clock import Clock

    storage = configured.settings(config).storage
    if not file.exists():
        give_up(f"error: there is no {file}", USAGE)
    if moved and until:
        give_up("error: give --moved or --until", USAGE)
    with _Bar() as bar:
        try:
            wanted = Wanted(moved, _moment(until), tombstones(erased) if erased else frozenset())
        except GatewayError as error:
            refused(error)
        done = _done(restore(storage, file, Clock(), bar.show, wanted))
    if json:
        as_json({**_facts(done.facts), "files": done.files, "missing": done.missing, "erased": done.erased})
        return
    say(f"restored: {sum(done.rows.values())} rows, {done.files} files")
    fields({table: number for table, number in done.rows.items() if number})
    if done.missing:
        complain(f"{done.missing} files are not in {storage.files}: copy them there from the old machine")
    if done.erased:
        complain(f"{done.erased} people are erased again as soon as a gateway runs")
    if done.until:
        complain("what may have been answered already is held back: gateway dead list --reason restored")


def _done(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except GatewayError as error:
        refused(error)


def _facts(facts: Any) -> dict[str, Any]:
    made = datetime.fromtimestamp(facts.made_at / 1000, UTC).isoformat(timespec="seconds")
    return {
        "made_at": made,
        "version": facts.version,
        "schema": facts.schema,
        "rows": facts.rows,
        "files": facts.files,
        "missing": facts.missing,
    }


def _moment(text: str) -> int:
    if not text:
        return 0
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        give_up(f"error: --until {text}: expected a time such as 2026-03-01T12:00Z", USAGE)
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


class _Bar:
    """How far it has come, for people at a terminal."""

    def __init__(self) -> None:
        self._stack, self._what, self._shown = ExitStack(), "", 0
        self._bar: Any = None

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def show(self, what: str, done: int, whole: int) -> None:
        if not sys.stderr.isatty():
            return
        if what != self._what:
            self._stack.close()
            self._what, self._shown = what, 0
            self._bar = self._stack.enter_context(typer.progressbar(length=whole, label=what, file=sys.stderr))
        self._bar.update(done - self._shown)
        self._shown = done
