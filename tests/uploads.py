"""Uploading files as a visitor's browser does."""

from pathlib import Path

import aiohttp

from tests.doors import YAML, Answer, Visitor
from tests.postgres import CHOSEN

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
SMALL = YAML.replace("limits: {messages: off}", "limits: {messages: off, file: 100KB}")


async def upload(visitor: Visitor, *files: tuple[str, bytes], **fields: str) -> Answer:
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value)
    for name, content in files:
        form.add_field("file", content, filename=name, content_type="text/html")
    return await visitor.ask("POST", "/api/chat/files", data=form)


def kept(folder: Path) -> set[str]:
    """What was sent, and whatever else is left; beside it several gateways keep what they know each other by."""
    ours = {".identity", ".lock", "gateway.sock.lock"} if CHOSEN else set()
    return {path.name for path in folder.rglob("*") if path.is_file()} - ours
