"""Files that the bot sends: what Telegram makes of them, and what it refuses."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.far.telegram import entities
from tests.far.telegram.params import Attached, Params
from tests.far.telegram.refusal import Refusal, bad_request

if TYPE_CHECKING:
    from tests.far.telegram.methods import Methods
    from tests.far.telegram.server import TelegramServer

KINDS = ("photo", "document", "audio", "voice", "video", "animation", "sticker")
_CAPTION = 1024
_LARGEST, _LARGEST_PHOTO = 50 << 20, 10 << 20
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")
_TOGETHER = ({"photo", "video"}, {"audio"}, {"document"})
_MOVES = {"width": 320, "height": 240, "duration": 2}
_SHAPES: dict[str, dict[str, Any]] = {
    "audio": {"duration": 2},
    "voice": {"duration": 2},
    "video": _MOVES,
    "animation": _MOVES,
    "sticker": {"width": 512, "height": 512, "type": "regular", "is_animated": False, "is_video": False},
}


class Media:
    """The methods that take files."""

    def __init__(self, server: "TelegramServer", methods: "Methods") -> None:
        self._server, self._methods = server, methods
        self._groups = 0
        self.table: dict[str, Callable[[Params], Awaitable[Any]]] = {
            **{f"send{kind}": self._sender(kind) for kind in KINDS},
            "sendmediagroup": self.send_media_group,
        }

    def _sender(self, kind: str) -> Callable[[Params], Awaitable[Any]]:
        async def send(asked: Params) -> Any:
            return self._post(asked, {**self._file(kind, asked.text(kind), asked), **_caption(asked, kind)})

        return send

    def _post(self, asked: Params, content: dict[str, Any]) -> dict[str, Any]:
        return self._methods.post(asked, content, content.get("caption", ""))

    async def send_media_group(self, asked: Params) -> Any:
        media = asked.data("media", list) or []
        if not 2 <= len(media) <= 10:
            raise bad_request("wrong number of items in the album")
        if asked.given.get("reply_markup"):
            raise bad_request("albums have no buttons")
        kinds = {item["type"] for item in media}
        if not any(kinds <= one for one in _TOGETHER):
            raise bad_request("can't use this media type in the album")
        self._groups += 1
        contents = [
            {
                **self._file(item["type"], item["media"], asked),
                **_caption(Params(item), item["type"]),
                "media_group_id": str(self._groups),
            }
            for item in media
        ]
        return [self._post(asked, content) for content in contents]

    def _file(self, kind: str, named: str, asked: Params) -> dict[str, Any]:
        given = asked.given.get(named.removeprefix("attach://"))
        if not isinstance(given, Attached):
            raise bad_request(f"wrong file identifier/HTTP URL specified: {named}")
        _check(kind, given)
        number = f"sent{len(self._server.files) + 1}"
        self._server.files[number] = given.content
        file: dict[str, Any] = {"file_id": number, "file_unique_id": f"u{number}", "file_size": len(given.content)}
        if kind == "photo":
            return {
                "photo": [{**file, "width": 90, "height": 60, "file_size": 900}, {**file, "width": 320, "height": 240}]
            }
        file |= _SHAPES.get(kind, {})
        if kind not in ("sticker",):
            file["mime_type"] = given.mime
        if kind in ("document", "audio", "video", "animation"):
            file["file_name"] = given.name
        return {kind: file, **({"document": file} if kind == "animation" else {})}


def _check(kind: str, given: Attached) -> None:
    if not given.content:
        raise bad_request("file must be non-empty")
    if len(given.content) > _LARGEST:
        raise Refusal(413, "Request Entity Too Large")
    if kind == "photo" and len(given.content) > _LARGEST_PHOTO:
        raise bad_request("too big for a photo")
    if kind == "photo" and not given.content.startswith(_PICTURES):
        raise bad_request("IMAGE_PROCESS_FAILED")


def _caption(asked: Params, kind: str) -> dict[str, Any]:
    text, marks = asked.text("caption"), asked.data("caption_entities", list) or []
    if not text or kind == "sticker":
        return {}
    if entities.units(text) > _CAPTION:
        raise bad_request("message caption is too long")
    entities.check(text, marks)
    return {"caption": text, "caption_entities": marks} if marks else {"caption": text}


def file_ids(message: dict[str, Any]) -> list[str]:
    """The file that a message shows, by its id; of a photo the largest size."""
    kind = next((kind for kind in KINDS if kind in message), "")
    if not kind:
        return []
    return [(message[kind][-1] if kind == "photo" else message[kind])["file_id"]]
