"""What commands print: a table or lines for people, JSON for programs, complaints on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NoReturn

import typer

from gateway.errors import GatewayError, Problem
from gateway.masking import escaped

FINDING = 1
USAGE = 2

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def as_json(data: Any) -> None:
    """One JSON document."""
    print(json.dumps(data, ensure_ascii=not _unicode(), indent=2))


def say(text: str) -> None:
    """A line; what a user may have written in it cannot act upon the terminal."""
    print(_printable(escaped(text, lines=True)))


def complain(text: str) -> None:
    """A line on stderr."""
    print(escaped(text, lines=True), file=sys.stderr)


def give_up(text: str, code: int = FINDING) -> NoReturn:
    """Say why nothing more can be done, and end."""
    complain(text)
    raise typer.Exit(code)


def refused(problem: GatewayError) -> NoReturn:
    """The gateway would not do it. What was asked wrongly is a mistake of usage, all else a finding."""
    usage = isinstance(problem, Problem) and problem.status == 400
    give_up(f"error: {problem}", USAGE if usage else FINDING)


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], nothing: str) -> None:
    """Rows with a heading; `columns` are the keys to show and their headings."""
    if not rows:
        say(nothing)
        return
    cells = [list(columns.values())] + [[_cell(row.get(key)) for key in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print(_printable("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()))


def fields(data: Mapping[str, Any]) -> None:
    """Names and values, one a line."""
    width = max((len(name) for name in data), default=0)
    for name, value in data.items():
        say(f"{name.ljust(width)}  {_cell(value, 10_000)}")


def more(page: Mapping[str, Any]) -> None:
    """Where the next page begins, if there is one."""
    if page.get("next") is not None:
        complain(f"there is more: --cursor {page['next']}")


def _cell(value: Any, longest: int = 80) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = escaped(json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value))
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16")


def _printable(text: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether to go on. Asked only where somebody can answer; elsewhere it takes --yes."""
    if yes:
        return True
    if not sys.stdin.isatty():
        give_up(f"{question} Say --yes to go on.", USAGE)
    return typer.confirm(question)


def moments(rows: Iterable[Mapping[str, Any]], *names: str) -> list[dict[str, Any]]:
    """The rows with their times to the second, as a table has room for."""
    return [{**row, **{name: _short(row.get(name)) for name in names}} for row in rows]


def _short(moment: str | None) -> str | None:
    return moment[:19].replace("T", " ") if moment else None
