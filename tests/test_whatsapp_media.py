"""Files by the Graph API: fetched with the token from Meta alone, and uploaded before they are sent."""

from typing import Any

import pytest

from adapters.whatsapp.api import Api
from gateway.errors import Refused, Retry, SendError
from gateway.message import File
from tests.far.whatsapp import WhatsAppServer
from tests.far.whatsapp.faults import How
from tests.recording_gate import RecordingGate
from tests.whatsapp_channel import opened, part

TRUSTED = (
    "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
    "https://scontent.xx.fbcdn.net/v/t45.1",
    "https://graph.facebook.com/v24.0/1",
    "https://mmg.whatsapp.net/x",
    "http://127.0.0.1:9/media/1",
)
FOREIGN = (
    *("http://lookaside.fbsbx.com/x", "https://evil.example/x", "https://fbsbx.com.evil.example/", "", "x"),
    *("https://evilfbsbx.com/", "https://lookaside.fbsbx.com:8443/", "https://user@lookaside.fbsbx.com/"),
    *("http://127.0.0.1:10/media/1", "https://127.0.0.1:9/", "file:///etc/passwd", "https://[::1", "//fbsbx.com/"),
    "https://lookaside.fbsbx.com@evil.example/",
)


@pytest.mark.feature("MED-01", "SEC-04")
@pytest.mark.parametrize(("url", "good"), [*((url, True) for url in TRUSTED), *((url, False) for url in FOREIGN)])
def test_the_token_goes_to_meta_alone(url: str, good: bool) -> None:
    gate: Any = None
    assert Api(gate, "http://127.0.0.1:9", "v24.0", "token").trusted(url) == good


@pytest.mark.feature("MED-01", "SEC-04")
async def test_a_file_elsewhere_is_not_fetched() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        file = File(ref=server.keep(b"content", "image/png"))
        server.media_host = server.url.replace("127.0.0.1", "localhost")
        with pytest.raises(Refused, match="not Meta's"):
            [piece async for piece in adapter.fetch(file)]
        assert server.downloads == []


@pytest.mark.feature("MED-01")
async def test_files_are_fetched_and_failures_told_apart() -> None:
    content = bytes(range(256)) * 1000
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        file = File(ref=server.keep(content, "image/png"))
        assert b"".join([piece async for piece in adapter.fetch(file)]) == content
        assert server.downloads[-1]["Authorization"] == f"Bearer {server.token}"
        faults: list[tuple[int | How, type[SendError]]] = [
            *((131000, Retry), ("html", Retry), ("reset", Retry), (190, Refused), (100, Refused)),
        ]
        for how, kind in faults:
            server.fail("", how, 2 if how == "reset" else 1)  # what is only read is asked for twice
            with pytest.raises(kind):
                [piece async for piece in adapter.fetch(file)]
        for ref in ("", "../1/messages", "a?b=c", "\ud800", "x" * 9999):
            with pytest.raises(SendError):
                [piece async for piece in adapter.fetch(File(ref=ref))]
        assert not [edge for edge, _ in server.calls if edge == "messages"]


def kept(gate: RecordingGate, mime: str, kind: str = "document", name: str = "a.bin", size: int = 100) -> File:
    gate.contents["f1"] = b"x" * size
    return File(id="f1", name=name, mime=mime, kind=kind, size=size, url="https://here.example/files/f1")


@pytest.mark.feature("MED-04")
@pytest.mark.parametrize(
    ("mime", "kind", "size", "sent_as"),
    [
        ("image/jpeg", "photo", 100, "image"),
        ("image/png", "photo", 100, "image"),
        ("image/png", "photo", 5 * 1024 * 1024 + 1, "document"),
        ("image/gif", "photo", 100, "document"),
        ("image/png", "document", 100, "document"),
        ("image/webp", "sticker", 100, "sticker"),
        ("video/mp4", "video", 100, "video"),
        ("video/webm", "video", 100, "document"),
        ("audio/mpeg", "audio", 100, "audio"),
        ("audio/ogg; codecs=opus", "voice", 100, "audio"),
        ("application/pdf", "document", 100, "document"),
        ("", "document", 100, "document"),
    ],
)
async def test_files_are_shown_as_what_whatsapp_takes(mime: str, kind: str, size: int, sent_as: str) -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, gate):
        ada = server.user(7)
        ada.says("hi")
        file = kept(gate, mime, kind, "my file.bin", size)
        await adapter.send(part(ada, files=(file,)))
        ((identity, _, _, content),) = server.uploads
        sent = server.sent[-1].asked
        assert (sent["type"], sent[sent_as]["id"]) == (sent_as, identity)
        assert content == gate.contents["f1"]
        assert sent[sent_as].get("filename") == ("my file.bin" if sent_as == "document" else None)
        assert sent[sent_as].get("voice", False) == (kind == "voice")


@pytest.mark.feature("MED-04", "FMT-02")
async def test_words_stand_below_a_file_where_they_fit() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, gate):
        ada = server.user(7)
        ada.says("hi")
        picture = kept(gate, "image/png", "photo")
        await adapter.send(part(ada, "x" * 1024, files=(picture,)))
        assert [sent.asked["type"] for sent in server.sent] == ["image"]
        await adapter.send(part(ada, "x" * 1025, files=(picture,)))
        await adapter.send(part(ada, "hear", files=(kept(gate, "audio/mpeg", "audio"),)))
        await adapter.send(part(ada, "see", files=(picture, picture)))
        types = [sent.asked["type"] for sent in server.sent[1:]]
        assert types == ["text", "image", "text", "audio", "text", "image", "image"]


@pytest.mark.feature("MED-04", "OUT-02")
async def test_a_file_is_uploaded_once_however_often_its_part_is_tried() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, gate):
        ada = server.user(7)
        ada.says("hi")
        one = part(ada, "look", files=(kept(gate, "image/png", "photo"),))
        for how in ("html", "reset", 131000):
            server.fail("media", how)
            with pytest.raises(Retry):
                await adapter.send(one)
        for _ in range(3):
            server.fail("messages", 131000)
            with pytest.raises(Retry):
                await adapter.send(one)
        await adapter.send(one)
        assert (len(server.uploads), server.texts()) == (1, ["look"])


@pytest.mark.feature("MED-04")
async def test_a_file_that_is_gone_is_refused() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        with pytest.raises(Refused):
            await adapter.send(part(server.user(7), "look", files=(File(id="gone", name="x"),)))
        assert not server.sent
