"""Whoever edits the files of a running gateway."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.reloading import Origin, Reloaded, Reloading
from gateway.settings import load
from tests.aid import aided
from tests.doors import Gateway
from tests.postgres import stored


class Editor:
    """An operator with the file open. With `problems` the gateway began with what last worked, not with the file."""

    def __init__(self, gateway: Gateway, folder: Path, problems: Sequence[str] = ()) -> None:
        self.gateway, self.folder, self.file = gateway, folder, folder / "gateway.yaml"
        origin = Origin(lambda: load(self.file, {}), problems=problems)
        self.reloading: Reloading = gateway.daemon.follow(origin)

    async def begun(self) -> "Editor":
        """Return when the file has been read for the first time: what is written now is an edit."""
        assert (await self.reloading.reload()).outcome == "unchanged"
        return self

    def write(self, text: str) -> None:
        self.put(self.file.name, aided(stored(text, self.folder), self.folder))

    def put(self, name: str, text: str) -> None:
        """As editors do: another file takes the place of the old one."""
        beside = (self.folder / name).with_suffix(".new")
        beside.write_text(text, "utf-8")
        beside.replace(self.folder / name)

    async def reload(self, text: str) -> Reloaded:
        self.write(text)
        return await self.reloading.reload()

    def adapter(self, channel: str) -> Any:
        return self.gateway.daemon.corridor.channels[channel].adapter
