"""What we say in a group conversation: lines of words, and files that Twilio's store of media was given before."""

from collections.abc import Sequence

import msgspec

from adapters.twilio.api import Api, segment
from adapters.twilio.begun import Begun
from adapters.twilio.media import STORE
from adapters.twilio.parts import MB, OF_FILES, carried, with_choices, with_links
from adapters.twilio.receipts import mark
from gateway.adapter import Gate
from gateway.errors import Refused
from gateway.message import File, Part

_LARGEST = 16 * MB


class _Sid(msgspec.Struct, frozen=True):
    sid: str


class _Conversation(msgspec.Struct, frozen=True):
    """`chat_service_sid` is the service that it belongs to, and whose store its files are in."""

    chat_service_sid: str


class Lines:
    """The lines of one sender of a kind, under the bot's name."""

    def __init__(self, gate: Gate, api: Api, kind: str, name: str) -> None:
        self._gate, self._api, self._kind, self._name = gate, api, kind, name
        self._begun = Begun()

    async def say(self, part: Part) -> str:
        """Add a part to its conversation; the id of its last line. Raises `Retry`, `Refused` or `Unknown`."""
        chat, lines = part.address.chat, _lines(part, self._kind)
        with self._begun.of(part.id, len(lines)) as refs:
            for line in lines[len(refs) :]:
                last = len(refs) == len(lines) - 1  # what becomes of it is what becomes of the part
                refs.append(await self._say(chat, line, part.id if last else "", first=not refs))
        return refs[-1]

    async def _say(self, chat: str, line: str | File, part: str, *, first: bool) -> str:
        if isinstance(line, str):
            return await self._add(chat, "Body", line, part)
        try:
            return await self._add(chat, "MediaSid", await self._upload(chat, line), part)
        except Refused as refused:
            if first or refused.reason not in OF_FILES:
                raise
        # The words before are out already, and are not to be said once more.
        return await self._add(chat, "Body", with_links([line]), part)

    async def _add(self, chat: str, what: str, said: str, part: str) -> str:
        url = self._api.at("conversations", f"/v1/Conversations/{segment(chat)}/Messages")
        form = [("Author", self._name), (what, said), *([("Attributes", mark(part))] if part else ())]
        return (await self._api.post("conversation", url, form, _Sid)).sid

    async def _upload(self, chat: str, file: File) -> str:
        """The id of a file in the store of the conversation's service. Nobody sees it yet."""
        content = bytearray()
        async for piece in self._gate.content(file):
            content += piece
            if len(content) > _LARGEST:
                raise Refused("unsupported", "a file larger than conversations take")
        home = self._api.at("conversations", f"/v1/Conversations/{segment(chat)}")
        found = await self._api.get("conversation", home, (), _Conversation)
        store = self._api.at(STORE, f"/v1/Services/{segment(found.chat_service_sid)}/Media")
        return (await self._api.upload("file", store, bytes(content), file.mime, _Sid)).sid


def _lines(part: Part, kind: str) -> Sequence[str | File]:
    """What is said, in order: a line carries words or one file. Choices stand below the words, and those last.

    Raises `Refused` for files that people alone with us would not get either: then links go out in their place.
    """
    for file in part.files:
        carried(file, kind)
    words = with_choices(part.text, part.buttons)
    if not part.files:
        return [words]
    said = [words] if words else []
    return [*part.files, *said] if part.buttons else [*said, *part.files]
