"""What strangers upload: names, programs, bodies that are no form. Nothing of it becomes a path or a page."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.files import sniff
from tests.doors import Gateway, running
from tests.uploads import PNG, SMALL, kept, upload


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, SMALL) as one:
        yield one


ZIP = b"PK\x03\x04" + bytes(26)
NAMES = {
    "../../../etc/passwd": "passwd",
    "..\\\\..\\\\boot.ini": "boot.ini",
    "C:\\\\Users\\\\ada\\\\a b.txt": "a b.txt",
    "/absolute": "absolute",
    "line%0D%0Abreak.txt": "line break.txt",
    "a%22b%2F.txt": 'a"b%2F.txt',
    "\u202etxt.exe.md": "txt.exe.md",
    "..": "..",
    ".hidden": ".hidden",
    "x" * 500 + ".json": "x" * 64 + ".json",
    "a.tar.gz": "a.tar.gz",
    "\u200f": "file",
    "ü.Ö": "ü.Ö",
    "a.<b>": "a.<b>",
}


@pytest.mark.feature("WEB-05")
@pytest.mark.parametrize("given", NAMES)
async def test_names_are_only_names(gateway: Gateway, tmp_path: Path, given: str) -> None:
    visitor = await gateway.begin()
    before = {path for path in tmp_path.rglob("*") if "gateway.db" not in path.name}
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{given}"\r\n\r\n'
    body = head.encode() + b"content\r\n--b--\r\n"  # as a browser writes it
    answer = await visitor.ask("POST", "/api/chat/files", data=body, headers={"Content-Type": MULTIPART})
    assert answer.json["files"][0]["name"] == NAMES[given]
    sha = hashlib.sha256(b"content").hexdigest()
    new = {path for path in tmp_path.rglob("*") if path.is_file() and "gateway.db" not in path.name} - before
    assert new == {tmp_path / "files" / sha[:2] / sha}


@pytest.mark.feature("WEB-05", "MED-03")
@pytest.mark.parametrize("name", ["a.exe", "a.BAT", "a.pdf.scr", "a.png", "a.pdf", "a.mp4"])
async def test_names_that_promise_something_else_are_refused(gateway: Gateway, tmp_path: Path, name: str) -> None:
    answer = await upload(await gateway.begin(), (name, b"start calc"))
    assert (answer.status, answer.code) == (415, "file_refused")
    assert kept(tmp_path / "files") == set()


@pytest.mark.feature("WEB-05", "MED-03")
async def test_an_archive_is_not_taken_unless_the_operator_says_so(gateway: Gateway) -> None:
    answer = await upload(await gateway.begin(), ("a.zip", ZIP))
    assert (answer.status, answer.code) == (415, "file_refused")


@pytest.mark.feature("WEB-05", "MED-03")
@pytest.mark.parametrize("head", [b"MZ\x90", b"\x7fELF", b"#!/bin/sh\n", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe"])
async def test_programs_are_refused(gateway: Gateway, tmp_path: Path, head: bytes) -> None:
    visitor = await gateway.begin()
    answer = await upload(visitor, ("fine.txt", b"x"), ("holiday.png", head + bytes(50)))
    assert (answer.status, answer.code) == (415, "file_refused")
    assert kept(tmp_path / "files") == set()


@pytest.mark.feature("MED-03", "WEB-05")
@pytest.mark.parametrize(
    ("head", "name", "type"),
    [
        (PNG, "x.txt", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "x", "image/webp"),
        (b"\x00\x00\x00\x20ftypisom", "x", "video/mp4"),
        (b"\x00\x00\x00\x20ftypavif", "x", "image/avif"),
        (ZIP + b"mimetypeapplication/vnd", "a.ODT", "application/vnd.oasis.opendocument.text"),
        (ZIP + b"mimetypeapplication/vnd", "a.png", "application/zip"),
        (ZIP + b"META-INF/MANIFEST.MF", "a.docx", "application/zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xls", "application/vnd.ms-excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.msi", "application/x-ole-storage"),
        (b"\xff\xf3\x84\xc4", "x", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "x", "audio/aac"),
        (b"#!AMR\n\x3c", "x", "audio/amr"),
        (b"OggS" + bytes(24) + b"\x01\x1eOpusHead", "x", "audio/ogg"),
        (b"OggS" + bytes(24) + b"\x01\x2a\x80theora", "x", "video/ogg"),
        ("Übergröße;1".encode("cp1252"), "x.csv", "text/csv"),
        ("hello".encode("utf-16"), "x.txt", "text/plain"),
        (b"<html><script>alert(1)</script>", "x.html", "text/plain"),
        (b"<svg onload=alert(1)>", "x.svg", "text/plain"),
        ("ü".encode() * 2047 + b"x" + "ü".encode()[:1], "x", "text/plain"),
        (b"a\x00b", "x.txt", "application/octet-stream"),
        (b"\xff\xfe\xfd", "x.txt", "application/octet-stream"),
        (b"", "empty.txt", "text/plain"),
    ],
)
def test_types_are_read_from_the_content(head: bytes, name: str, type: str) -> None:
    assert sniff.mime(head, name) == type


MULTIPART = 'multipart/form-data; boundary="b"'
FILE = b"Content-Disposition: form-data; filename=f\r\n\r\nab\r\n--b--\r\n"
BAD: dict[str, tuple[str, bytes]] = {
    "no boundary": ("multipart/form-data", b"--b\r\n\r\n"),
    "empty boundary": ("multipart/form-data; boundary=", b"--b\r\n\r\n"),
    "long boundary": ("multipart/form-data; boundary=" + "b" * 500, b""),
    "odd boundary": ("multipart/form-data; boundary=\xfc", b""),
    "nothing": (MULTIPART, b""),
    "no parts": (MULTIPART, b"--b--\r\n"),
    "never begun": (MULTIPART, b"garbage" * 1000),
    "cut off": (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nabc'),
    "no disposition": (MULTIPART, b"--b\r\n\r\nabc\r\n--b--\r\n"),
    "odd disposition": (MULTIPART, b'--b\r\nContent-Disposition: form-data; filename="\xff\r\n\r\nabc\r\n--b--\r\n'),
    "odd filename": (MULTIPART, b"--b\r\nContent-Disposition: form-data; filename*=x''%ff\r\n\r\nabc\r\n--b--\r\n"),
    "long header": (MULTIPART, b"--b\r\nA: " + b"x" * 100_000 + b"\r\n\r\nabc\r\n--b--\r\n"),
    "many headers": (MULTIPART, b"--b\r\n" + b"A: b\r\n" * 10_000 + b"\r\nabc\r\n--b--\r\n"),
    "no colon": (MULTIPART, b"--b\r\nabc\r\n\r\nabc\r\n--b--\r\n"),
    "nested": (MULTIPART, b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n"),
    "odd length": (MULTIPART, b"--b\r\nContent-Length: x\r\n" + FILE),
    "long length": (MULTIPART, b"--b\r\nContent-Length: 99\r\n" + FILE),
    "packed": (MULTIPART, b"--b\r\nContent-Encoding: gzip\r\n" + FILE),
    "base64": (MULTIPART, b"--b\r\nContent-Transfer-Encoding: base64\r\n" + FILE),
    "charset": (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\nbogus\r\n--b\r\n' + FILE),
}


@pytest.mark.feature("WEB-05", "INB-10")
@pytest.mark.parametrize(("type", "body"), BAD.values(), ids=BAD)
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionParam")
async def test_what_is_no_upload(gateway: Gateway, type: str, body: bytes) -> None:
    visitor = await gateway.begin()
    for data in (body, body[: len(body) // 2]):
        answer = await visitor.ask("POST", "/api/chat/files", data=data, headers={"Content-Type": type})
        assert answer.status in (201, 400, 413)
