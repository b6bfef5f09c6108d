"""The configuration a command works with: `-c FILE`, `$GATEWAY_CONFIG`, or `config/gateway.yaml`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gateway.cli.shown import USAGE, complain

if TYPE_CHECKING:
    from config import ConfigErrors
    from gateway.settings import Settings

USUAL = "config/gateway.yaml"

Config = Annotated[
    str, typer.Option("--config", "-c", metavar="FILE", help=f"The configuration ($GATEWAY_CONFIG, else {USUAL}).")
]


_before: list[str] = []


def named_before(file: str) -> None:
    """The file was named in front of the command: `gateway -c FILE run`."""
    _before[:] = [file]


def path(given: str = "") -> Path:
    """The file to read: named by this command, before it, or by the environment."""
    return Path(given or "".join(_before) or os.environ.get("GATEWAY_CONFIG", "") or USUAL)


def settings(given: str = "") -> Settings:
    """The settings; with a configuration that cannot be used the command ends here, naming every mistake."""
    from config import ConfigErrors
    from gateway.settings import load

    file = path(given)
    try:
        return load(file, os.environ)
    except ConfigErrors as errors:
        unusable(file, errors)


def unusable(file: Path, errors: ConfigErrors) -> NoReturn:
    """End the command, naming every mistake."""
    for problem in errors.problems:
        complain(str(problem))
    if not file.exists():
        complain(f"`gateway init` writes a configuration to begin with to {USUAL}")
    raise typer.Exit(USAGE) from None
