"""The configuration a command works with: `-c FILE`, `$GATEWAY_CONFIG`, or `config/gateway.yaml`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from gateway.cli.shown import USAGE, complain

if TYPE_CHECKING:
    from gateway.settings import Settings

USUAL = "config/gateway.yaml"

Config = Annotated[
    str, typer.Option("--config", "-c", metavar="FILE", help=f"The configuration ($GATEWAY_CONFIG, else {USUAL}).")
]


def path(given: str = "") -> Path:
    """The file to read: named by this command, before it, or by the environment."""
    before = click.get_current_context().find_root().params.get("config", "")
    return Path(given or before or os.environ.get("GATEWAY_CONFIG", "") or USUAL)


def settings(given: str = "") -> Settings:
    """The settings; with a configuration that cannot be used the command ends here, naming every mistake."""
    from config import ConfigErrors
    from gateway.settings import load

    file = path(given)
    try:
        return load(file, os.environ)
    except ConfigErrors as errors:
        for problem in errors.problems:
            complain(str(problem))
        if not file.exists():
            complain(f"`gateway init` writes a configuration to begin with to {USUAL}")
        raise typer.Exit(USAGE) from None
