"""Whoever edits the file of a running gateway."""

from pathlib import Path
from typing import Any

from gateway.reloading import Origin, Reloaded, Reloading
from gateway.settings import load
from tests.doors import Gateway
from tests.postgres import stored


class Editor:
    """An operator with the file open."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.gateway, self.file = gateway, folder / "gateway.yaml"
        self.reloading: Reloading = gateway.daemon.follow(Origin(lambda: load(self.file, {})))

    def write(self, text: str) -> None:
        """As editors do: another file takes the place of the old one."""
        beside = self.file.with_suffix(".new")
        beside.write_text(stored(text, self.file.parent), "utf-8")
        beside.replace(self.file)

    async def reload(self, text: str) -> Reloaded:
        self.write(text)
        return await self.reloading.reload()

    def adapter(self, channel: str) -> Any:
        return self.gateway.daemon.corridor.channels[channel].adapter
