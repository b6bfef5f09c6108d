"""Sending parts: files are uploaded first, and a part of several messages goes on where a failed try ended."""

from collections import OrderedDict
from typing import Any, NamedTuple

import msgspec

from adapters.whatsapp import media, parts
from adapters.whatsapp.api import Api, segment
from gateway.adapter import Gate
from gateway.errors import Refused, Unknown
from gateway.message import File, Part

UNFINISHED = 1_000  # parts whose progress is remembered


class _Message(msgspec.Struct, frozen=True):
    id: str


class _Sent(msgspec.Struct, frozen=True):
    messages: tuple[_Message, ...]


class _Uploaded(msgspec.Struct, frozen=True):
    id: str


class _Upload(NamedTuple):
    type: str
    id: str


class _Progress:
    """How far a part has come: the messages that Meta has, and the files it has been given."""

    def __init__(self) -> None:
        self.refs: list[str] = []
        self.files: dict[int, _Upload] = {}


class Sending:
    """Speaks for one channel."""

    def __init__(self, api: Api, gate: Gate, channel: str) -> None:
        self._api, self._gate = api, gate
        self._prefix = f"{channel}/"
        self._unfinished: OrderedDict[str, _Progress] = OrderedDict()

    def part(self, mark: str) -> str:
        """The part that a mark was given for; "" when it is not ours."""
        return mark.removeprefix(self._prefix) if mark.startswith(self._prefix) else ""

    async def send(self, account: str, part: Part) -> str:
        """The id of the last message. Raises only `Retry`, `Refused`, `Unknown`."""
        asked = parts.messages(part)
        progress = self._unfinished.pop(part.id, None) or _Progress()
        try:
            for index, message in enumerate(asked):
                if index >= len(progress.refs):
                    if message.file is not None:
                        message = await self._uploaded(account, index, message, message.file, progress)
                    # What is reported of the last one is said of the whole part.
                    mark = f"{self._prefix}{part.id}" if index == len(asked) - 1 else ""
                    payload = parts.payload(part, message, mark, first=index == 0)
                    progress.refs.append(await self._post(account, payload))
        finally:
            begun = progress.refs or progress.files
            if begun and len(progress.refs) < len(asked):
                self._remember(part.id, progress)
        return progress.refs[-1]

    def _remember(self, part: str, progress: _Progress) -> None:
        self._unfinished[part] = progress
        if len(self._unfinished) > UNFINISHED:
            self._unfinished.popitem(last=False)

    async def _post(self, account: str, payload: dict[str, Any]) -> str:
        sent = await self._api.post(f"{segment(account)}/messages", payload, _Sent)
        if not sent.messages:
            raise Unknown("messages: an answer without a message")
        return sent.messages[0].id

    async def _uploaded(
        self, account: str, index: int, message: parts.Outgoing, file: File, progress: _Progress
    ) -> parts.Outgoing:
        upload = progress.files.get(index)
        if upload is None:
            upload = progress.files[index] = await self._upload(account, file)
        content = {"id": upload.id, **message.content}
        if upload.type == "document":
            content["filename"] = file.name or "file"
        if upload.type == "audio" and file.kind == "voice" and media.bare(file) == "audio/ogg":
            content["voice"] = True
        return message._replace(type=upload.type, content=content)

    async def _upload(self, account: str, file: File) -> _Upload:
        content = bytearray()
        async for piece in self._gate.content(file):
            content += piece
            if len(content) > media.LARGEST:
                raise Refused("unsupported", "a file larger than WhatsApp takes")
        name, path = file.name or "file", f"{segment(account)}/media"
        uploaded = await self._api.upload(path, bytes(content), media.bare(file), name, _Uploaded)
        return _Upload(media.form(file, len(content)), uploaded.id)
