"""Files that go out: each is uploaded, which nobody sees, and then all are shared at once with the text above them."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

from adapters.slack import parts
from adapters.slack.sdk import Sdk
from adapters.slack.workspace import Workspace
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown
from gateway.message import File, Part

LARGEST = 1024 * 1024 * 1024
ALBUM = 10
_SLOWEST = 50_000  # bytes a second
_PREFIX = "file:"


def is_file(ref: str) -> bool:
    """Whether an id is not that of a message: what files are shared in, Slack makes later and does not name."""
    return ref.startswith(_PREFIX)


class Uploads:
    """Uploads over the gateway's shared HTTP session; a file is never whole in memory, unless its size is not known."""

    def __init__(self, gate: Gate, sdk: Sdk) -> None:
        self._gate, self._sdk = gate, sdk

    async def send(self, home: Workspace, part: Part) -> str:
        """Raises `Retry`, `Refused` or `Unknown`. Before all are uploaded nothing is to be seen."""
        words = parts.words(part)
        if parts.private(part.address):
            raise Refused("unsupported", "Slack has no files that only one user of a channel sees")
        uploaded = [await self._upload(home, file) for file in part.files]
        asked: dict[str, Any] = {"channel_id": part.address.chat, "files": uploaded}
        if part.address.thread:
            asked["thread_ts"] = part.address.thread
        if "blocks" in words:
            asked["blocks"] = orjson.dumps(words["blocks"]).decode()
        elif part.text:
            asked["initial_comment"] = part.text
        await self._sdk.ask(
            home.token,
            "files.completeUploadExternal",
            lambda client: client.files_completeUploadExternal(**asked),
            30,
        )
        return f"{_PREFIX}{uploaded[0]['id']}"

    async def _upload(self, home: Workspace, file: File) -> dict[str, Any]:
        """One file's id and title, once Slack has its content."""
        try:
            return await self._put(home, file)
        except Unknown as error:  # whether it has the content or not: nobody sees it yet
            raise Retry(str(error)) from None

    async def _put(self, home: Workspace, file: File) -> dict[str, Any]:
        name = _name(file)
        whole = b"".join([piece async for piece in self._gate.content(file)]) if file.size <= 0 else None
        size = file.size if whole is None else len(whole)
        found = await self._sdk.ask(
            home.token,
            "files.getUploadURLExternal",
            lambda client: client.files_getUploadURLExternal(filename=name, length=size),
        )
        where, number = found.text("upload_url"), found.text("file_id")
        if not where or not number:
            raise Retry("files.getUploadURLExternal: an answer without an address")
        await self._post(where, file, size, whole)
        return {"id": number, "title": name}

    async def _post(self, where: str, file: File, size: int, whole: bytes | None) -> None:
        failure: SendError | None = None
        broken: list[SendError] = []
        body = whole if whole is not None else self._read(file, broken)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        limit = aiohttp.ClientTimeout(total=60 + size / _SLOWEST, sock_connect=10)
        try:
            async with self._gate.http.post(
                where, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                if response.status in (429, *range(500, 600)):
                    failure = Retry(f"upload: HTTP {response.status}")
                elif response.status != 200:
                    failure = Refused("rejected", f"upload: HTTP {response.status}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, SendError) as error:
            failure = Retry(f"upload: {type(error).__name__}")
        if broken:
            raise broken[0]
        if failure is not None:
            raise failure

    async def _read(self, file: File, broken: list[SendError]) -> AsyncIterator[bytes]:
        try:
            async for piece in self._gate.content(file):
                yield piece
        except Refused as refused:  # it is the file that is gone or too large, not the chat
            broken.append(Refused("rejected", f"a file cannot be read: {refused}"))
            raise
        except SendError as error:
            broken.append(error)
            raise


def _name(file: File) -> str:
    name = "".join(letter for letter in file.name if letter.isprintable())[:200]
    return name.encode("utf-8", "replace").decode() or "file"
