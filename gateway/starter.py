"""`gateway init`: a commented configuration to begin with."""

import os
from importlib import resources
from pathlib import Path

from gateway.errors import GatewayError


class NotWritten(GatewayError):
    """The starter could not be written; says why."""


def starter() -> str:
    """The commented configuration that runs as it is."""
    return resources.files("config").joinpath("gateway.yaml").read_text("utf-8")


def write_starter(path: Path) -> None:
    """Write the starter, making the folder it goes to. Never overwrites. Raises `NotWritten`."""
    if os.path.lexists(path):
        raise NotWritten(f"{path} is already there, and stays as it is")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(starter())
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror}") from None
