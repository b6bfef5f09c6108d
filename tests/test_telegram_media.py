"""Files that go out: as what they are shown, with their captions, as albums; read while they are sent."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web
from msgspec.structs import replace

from adapters.telegram import Adapter
from gateway.errors import Refused, Retry, Unknown
from gateway.message import Button, Entity, File
from tests.far.place import close
from tests.far.telegram import TelegramServer
from tests.far.telegram.keyboards import labels
from tests.recording_gate import RecordingGate
from tests.telegram_channel import Channel, opened, part

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
OGG, MP4, PDF = b"OggS" + b"\0" * 500, b"\0\0\0\x18ftypisom" + b"\1" * 500, b"%PDF-1.7" + b"\2" * 500


def file(gate: RecordingGate, content: bytes, kind: str, mime: str, name: str = "file.bin") -> File:
    """A file of ours that goes out."""
    number = f"f{len(gate.contents)}"
    gate.contents[number] = content
    return File(id=number, name=name, mime=mime, size=len(content), kind=kind, url=f"https://gateway.example/{number}")


def kinds(message: dict[str, Any]) -> list[str]:
    return [
        name for name in ("photo", "animation", "audio", "voice", "video", "sticker", "document") if name in message
    ]


def seen(server: TelegramServer, chat: int = 7) -> list[dict[str, Any]]:
    """The bot's messages in a chat; each is what aiogram reads as one."""
    from adapters.telegram.sdk import Message

    ours = [one for one in server.world.chats[chat].messages.values() if one["from"]["id"] == server.world.bot.id]
    for one in ours:
        assert not Message.model_validate_json(orjson.dumps(one)).model_extra
    return ours


def content(server: TelegramServer, message: dict[str, Any]) -> bytes:
    kind = kinds(message)[0]
    held = message[kind][-1] if kind == "photo" else message[kind]
    return server.files[held["file_id"]]


SHOWN = [
    ("photo", "image/jpeg", JPEG, "photo"),
    ("photo", "image/gif", b"GIF89a" + b"\0" * 99, "animation"),
    ("photo", "image/svg+xml", b"<svg/>", "document"),
    ("audio", "audio/mpeg", b"ID3" + b"\0" * 99, "audio"),
    ("audio", "audio/wav", b"RIFF0000WAVE", "document"),
    ("voice", "audio/ogg", OGG, "voice"),
    ("voice", "audio/ogg; codecs=opus", OGG, "voice"),
    ("video", "video/mp4", MP4, "video"),
    ("video", "video/webm", b"\x1a\x45\xdf\xa3", "document"),
    ("sticker", "image/webp", b"RIFF0000WEBP", "sticker"),
    ("document", "image/jpeg", JPEG, "document"),
    ("document", "application/pdf", PDF, "document"),
    ("hologram", "", b"?", "document"),
]


@pytest.mark.feature("MED-04")
@pytest.mark.parametrize(("kind", "mime", "data", "shown"), SHOWN, ids=[f"{a} {b}" for a, b, _, _ in SHOWN])
async def test_a_file_is_shown_as_what_it_is(kind: str, mime: str, data: bytes, shown: str) -> None:
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        server.user(7).says("hi")
        ref = await adapter.send(part(7, "", files=(file(gate, data, kind, mime),)))
        (message,) = seen(server)
        assert kinds(message)[0] == shown
        assert content(server, message) == data
        assert ref == str(message["message_id"])


@pytest.mark.feature("MED-04", "FMT-02", "FMT-04", "GRP-08", "KEY-07")
async def test_caption_formatting_quote_topic_and_buttons_go_along_in_one_call() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        forum = server.group(-100123, forum=True)
        roses = forum.topic("Roses")
        asked = server.user(7).says("which?", forum, topic=roses)
        bold = Entity(type="bold", offset=0, length=5)
        picture = file(gate, JPEG, "photo", "image/jpeg")
        where = {"thread": str(roses), "place": "topic", "reply_to": str(asked)}
        await adapter.send(
            part(-100123, "These ones 🌹", bold, files=(picture,), buttons=(Button(text="Buy", value="buy"),), **where)
        )
        (message,) = seen(server, -100123)
        assert (message["caption"], message["caption_entities"]) == (
            "These ones 🌹",
            [{"type": "bold", "offset": 0, "length": 5}],
        )
        assert (message["message_thread_id"], message["reply_to_message"]["message_id"]) == (roses, asked)
        assert labels(message) == ["Buy"]


@pytest.mark.feature("MED-04")
async def test_a_name_arrives_as_it_is() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        server.user(7).says("hi")
        names = ["Übersicht 100% (2).pdf", 'a "quoted" name.pdf', "日本語.pdf", "two\r\nlines: x.pdf", ""]
        for name in names:
            await adapter.send(part(7, "", files=(file(gate, PDF, "document", "application/pdf", name),)))
        wanted = [names[0], "a 'quoted' name.pdf", names[2], "twolines: x.pdf", "file"]
        assert [message["document"]["file_name"] for message in seen(server)] == wanted


@pytest.mark.feature("MED-04")
async def test_several_files_are_one_album() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        server.user(7).says("hi")
        pictures = [file(gate, JPEG + bytes([n]), "photo", "image/jpeg") for n in range(9)]
        film = file(gate, MP4, "video", "video/mp4")
        ref = await adapter.send(part(7, "The garden", files=(*pictures, film)))
        album = seen(server)
        assert len({message["media_group_id"] for message in album}) == 1
        assert [kinds(message)[0] for message in album] == ["photo"] * 9 + ["video"]
        assert [content(server, message) for message in album] == [gate.contents[f"f{n}"] for n in range(10)]
        assert [message.get("caption") for message in album] == ["The garden"] + [None] * 9
        assert ref == str(album[-1]["message_id"])


@pytest.mark.feature("MED-04")
async def test_what_cannot_stand_together_goes_out_as_documents() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        server.user(7).says("hi")
        files = (file(gate, JPEG, "photo", "image/jpeg"), file(gate, PDF, "document", "application/pdf"))
        await adapter.send(part(7, "Both", files=files))
        assert [kinds(message)[0] for message in seen(server)] == ["document", "document"]
        assert [message.get("caption") for message in seen(server)] == [None, "Both"]


@pytest.mark.feature("MED-04")
@pytest.mark.parametrize("count", [1, 2])
async def test_a_picture_that_is_none_goes_out_as_a_document(count: int) -> None:
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        server.user(7).says("hi")
        broken = [file(gate, b"not a picture at all" + bytes([n]), "photo", "image/png") for n in range(count)]
        await adapter.send(part(7, "Look", files=tuple(broken)))
        assert [kinds(message)[0] for message in seen(server)] == ["document"] * count
        assert [message.get("caption") for message in seen(server)][-1] == "Look"


@pytest.mark.feature("MED-04", "FMT-02")
@pytest.mark.parametrize(("text", "count"), [("x" * 1025, 1), ("😀" * 513, 1), ("x", 2)])
async def test_what_does_not_fit_one_call_takes_two_and_is_not_begun_anew(text: str, count: int) -> None:
    """A text longer than a caption, and buttons below an album."""
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        asked = server.user(7).says("hi")
        pictures = tuple(file(gate, JPEG, "photo", "image/jpeg") for _ in range(count))
        one = part(7, text, files=pictures, buttons=(Button(text="Yes"),), reply_to=str(asked))
        server.fail("sendMessage", 500)
        with pytest.raises(Retry):
            await adapter.send(one)
        assert len(seen(server)) == count
        ref = await adapter.send(one)
        *files, words = seen(server)
        assert [kinds(message) for message in files] == [["photo"]] * count
        assert (words["text"], labels(words), ref) == (text, ["Yes"], str(words["message_id"]))
        assert "reply_to_message" in files[0]
        await adapter.send(replace(one, id="2"))
        assert len(seen(server)) == 2 * (count + 1)


@pytest.mark.feature("MED-04", "OUT-05")
async def test_a_file_that_cannot_be_read_was_not_sent() -> None:
    async with TelegramServer() as server, opened(server) as channel:
        server.user(7).says("hi")
        sound, gone = file(channel.gate, PDF, "document", "application/pdf"), File(id="gone", name="a.pdf")
        with pytest.raises(Refused) as refused:
            await channel.adapter.send(part(7, "both", files=(sound, gone)))
        assert refused.value.reason == "rejected"  # the file is gone, not the chat
        with pytest.raises(Retry):
            await _halting(channel).send(part(7, "", files=(sound,)))
        assert server.sent == []


def _halting(channel: Channel) -> Adapter:
    """The same channel, while our own store halts in the middle of a file."""

    class Halting(RecordingGate):
        async def content(self, file: File) -> Any:
            yield b"%PDF"
            raise Retry("the store is away")

    options = channel.adapter.options
    return Adapter("help", options, Halting(channel.gate.http))


@pytest.mark.feature("OUT-02", "MED-04")
@pytest.mark.parametrize(
    ("how", "error"), [(500, Retry), (429, Retry), (413, Refused), ("accept_then_reset", Unknown), ("reset", Unknown)]
)
async def test_failures_of_an_upload_are_told_as_those_of_a_text(how: Any, error: type[Exception]) -> None:
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        server.user(7).says("hi")
        server.fail("sendDocument", how, retry_after=5)
        with pytest.raises(error) as raised:
            await adapter.send(part(7, "", files=(file(gate, PDF, "document", "application/pdf"),)))
        assert server.token.partition(":")[2] not in f"{raised.value} {raised.value.__context__!r}"


@pytest.mark.feature("MED-04", "STO-10")
async def test_a_large_file_is_never_whole_in_memory() -> None:
    """What has been read and not arrived yet stays small, however large the file."""
    pieces, size, taken, ahead = 640, 64 * 1024, 0, 0

    class Measuring(RecordingGate):
        async def content(self, file: File) -> Any:
            nonlocal ahead
            for number in range(pieces):
                ahead = max(ahead, number * size - taken)
                yield bytes(size)

    async def takes(request: web.BaseRequest) -> web.Response:
        nonlocal taken
        async for piece in request.content.iter_any():
            taken += len(piece)
        return web.json_response({"ok": True, "result": {"message_id": 5}})

    async with _serving(takes) as url, TelegramServer() as server, opened(server) as (_, gate):
        options = Adapter.Options.model_validate({"token": server.token, "api_base": url})
        measured = Adapter("help", options, Measuring(gate.http))
        large = File(id="x", name="a.bin", mime="application/zip", size=pieces * size)
        assert await measured.send(part(7, "", files=(large,))) == "5"
        assert taken > pieces * size
        assert ahead < 12 * 1024 * 1024


@asynccontextmanager
async def _serving(answer: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await close(runner)
