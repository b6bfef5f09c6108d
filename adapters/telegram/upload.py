"""The body of a call that carries files: read while it is sent, so that no file is ever whole in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from aiohttp import MultipartWriter
from aiohttp.payload import AsyncIterablePayload, StringPayload

from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError
from gateway.message import File

_SLOWEST = 50_000  # bytes a second


class Upload:
    """One body. `failure` is what went wrong with reading a file, if anything: then Telegram has not got it whole."""

    def __init__(self, gate: Gate, asked: dict[str, Any], files: Sequence[tuple[str, File]]) -> None:
        self._gate, self._asked, self._files = gate, asked, files
        self.failure: SendError | None = None

    @property
    def seconds(self) -> float:
        """How long to wait for it at most."""
        return 60 + sum(file.size for _, file in self._files) / _SLOWEST

    def body(self) -> MultipartWriter:
        """The form: plain arguments as they are, others as JSON, and the files."""
        form = MultipartWriter("form-data")
        for name, value in self._asked.items():
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            field = StringPayload(text)
            field.set_content_disposition("form-data", name=name)
            form.append_payload(field)
        for name, file in self._files:
            content = AsyncIterablePayload(self._read(file), content_type=file.mime or "application/octet-stream")
            # Telegram shows the name as it stands here: it is not to be percent-encoded
            content.set_content_disposition("form-data", quote_fields=False, name=name, filename=_name(file))
            form.append_payload(content)
        return form

    async def _read(self, file: File) -> AsyncIterator[bytes]:
        try:
            async for piece in self._gate.content(file):
                yield piece
        except Retry as failure:
            self.failure = failure
            raise
        except Refused as refused:  # it is the file that is gone or too large, not the chat
            self.failure = Refused("rejected", f"a file cannot be read: {refused}")
            raise


def _name(file: File) -> str:
    name = "".join(letter for letter in file.name if letter.isprintable()).replace('"', "'")
    return name.encode("utf-8", "replace").decode() or "file"
