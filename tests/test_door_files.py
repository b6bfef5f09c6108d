"""Uploads: bounded while they come, named by us, seen by nobody but their session and its bot."""

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.message import File
from tests.doors import Gateway, Held, running
from tests.leap import leap
from tests.postgres import CHOSEN
from tests.uploads import PNG, SMALL, kept, upload


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, SMALL) as one:
        yield one


@pytest.mark.feature("WEB-05", "MED-01")
async def test_a_file_reaches_the_bot(gateway: Gateway, tmp_path: Path) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    answer = await upload(visitor, ("holiday.png", PNG), ("notes.txt", "höhe".encode()), note="x")
    assert answer.status == 201
    picture, notes = answer.json["files"]
    assert picture.items() >= {"name": "holiday.png", "size": len(PNG), "mime": "image/png"}.items()
    assert notes.items() >= {"name": "notes.txt", "size": 5, "mime": "text/plain"}.items()
    await visitor.say_on("look", files=[notes["id"], picture["id"]])
    await gateway.until(lambda: len(bot.turns) == 1)
    first, second = bot.turns[0].message.files
    assert (first.id, first.kind, second.id, second.kind) == (notes["id"], "document", picture["id"], "photo")
    async with gateway.http.get(second.url) as response:  # as the bot does: no token, only the signed link
        assert await response.read() == PNG
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''holiday.png"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
    bot.finish()
    await gateway.until_rows([(1,)], "SELECT count(*) FROM message")
    (line,) = (await visitor.history())["messages"]
    assert [file["name"] for file in line["files"]] == ["notes.txt", "holiday.png"]
    assert kept(tmp_path / "files") == {hashlib.sha256(data).hexdigest() for data in (PNG, "höhe".encode())}


@pytest.mark.feature("WEB-05")
async def test_a_file_alone_is_a_message(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    (file,) = (await upload(visitor, ("holiday.png", PNG))).json["files"]
    answer = await visitor.ask("POST", "/api/chat", {"files": [file["id"]], "message_id": "m"})
    assert answer.status == 200
    again = await visitor.ask("POST", "/api/chat", {"files": [file["id"]], "message_id": "m"})
    assert again.json == answer.json
    assert (await visitor.ask("POST", "/api/chat", {"message": "x", "message_id": "m"})).status == 409


@pytest.mark.feature("WEB-05", "ID-05")
async def test_files_of_others_are_not_there(gateway: Gateway) -> None:
    one, two = await gateway.begin(), await gateway.begin()
    (file,) = (await upload(one, ("a.txt", b"mine"))).json["files"]
    for ids in ([file["id"]], ["made up"], [""], ["'; DROP TABLE file; --"]):
        answer = await two.ask("POST", "/api/chat", {"message": "give", "files": ids})
        assert (answer.status, answer.code) == (404, "unknown_file")
    answer = await one.ask("POST", "/api/chat", {"message": "x", "files": [file["id"], "made up"]})
    assert answer.status == 404
    assert await gateway.rows("SELECT attached FROM file") == [(0,)]
    assert await gateway.rows("SELECT 1 FROM inbox") == []


@pytest.mark.feature("WEB-05", "MED-02", "INB-10")
async def test_too_large_and_too_many(gateway: Gateway, tmp_path: Path) -> None:
    visitor = await gateway.begin()
    assert (await upload(visitor, ("fits", b"x" * 100 * 1024))).status == 201
    answer = await upload(visitor, ("fits.txt", b"x"), ("large.txt", b"x" * (100 * 1024 + 1)))
    assert (answer.status, answer.code) == (413, "file_too_large")
    answer = await upload(visitor, *((f"{number}", b"%d" % number) for number in range(11)))
    assert (answer.status, answer.code) == (413, "too_many_files")
    answer = await upload(visitor, ("a", b"x"), field="x" * 100_000)
    assert (answer.status, answer.code) == (413, "too_large")
    assert len(kept(tmp_path / "files")) == 1  # nothing is left of what was refused
    answer = await visitor.ask("POST", "/api/chat", {"message": "x", "files": [f"{number}" for number in range(11)]})
    assert (answer.status, answer.code) == (413, "too_many_files")


@pytest.mark.feature("WEB-05", "INB-10")
async def test_too_large_is_found_while_it_comes(gateway: Gateway) -> None:
    """No length is announced, and the part never ends."""
    visitor = await gateway.begin()

    async def endless() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        while True:
            yield b"x" * 65536

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        answer = await visitor.ask("POST", "/api/chat/files", data=endless(), headers=headers)
    except aiohttp.ClientError:
        return  # we have hung up before the client had read the answer
    assert answer.status == 413


@pytest.mark.feature("WEB-05")
async def test_a_session_has_room_for_so_many(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    for _ in range(5):
        assert (await upload(visitor, *((f"{number}", b"%d" % number) for number in range(10)))).status == 201
    answer = await upload(visitor, ("one more", b"x"))
    assert (answer.status, answer.code) == (429, "too_many_files")


@pytest.mark.feature("WEB-05", "ID-03")
async def test_who_may_upload(gateway: Gateway) -> None:
    visitor = await gateway.begin()
    answer = await gateway.ask("POST", "/api/chat/files", data=aiohttp.FormData({"a": "b"}))
    assert (answer.status, answer.code) == (401, "token_missing")
    answer = await visitor.ask("POST", "/api/chat/files", {"file": "x"})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.feature("WEB-05", "MED-03")
async def test_what_nobody_uses_is_deleted_after_a_day(gateway: Gateway, tmp_path: Path) -> None:
    visitor, other = await gateway.begin(), await gateway.begin()
    used, _ = (await upload(visitor, ("used", b"used"), ("loose", b"loose"))).json["files"]
    await upload(other, ("the same", b"used"))
    await visitor.say("look", files=[used["id"]])
    gateway.clock.ahead += 23 * 3600
    assert await gateway.daemon.corridor.files.lapse() == 0
    assert len(kept(tmp_path / "files")) == 2
    gateway.clock.ahead += 2 * 3600
    assert await gateway.daemon.corridor.files.lapse() == 2
    assert await gateway.rows("SELECT name FROM file") == [("used",)]
    assert kept(tmp_path / "files") == {hashlib.sha256(b"used").hexdigest()}


@pytest.mark.feature("SEC-10", "WEB-05")
async def test_within_ten_minutes_of_its_day_it_is_gone(gateway: Gateway, tmp_path: Path) -> None:
    await upload(await gateway.begin(), ("loose", b"loose"))
    gateway.clock.ahead += 24 * 3600 + 1
    assert len(kept(tmp_path / "files")) == 1
    leap(600)  # nobody asks for it
    await gateway.until_rows([], "SELECT name FROM file")
    await gateway.until(lambda: kept(tmp_path / "files") == set())


@pytest.mark.feature("WEB-05")
async def test_drafts_of_a_killed_process_go(tmp_path: Path) -> None:
    incoming = tmp_path / "files" / "incoming"
    incoming.mkdir(parents=True)
    (incoming / "draft").write_bytes(b"half")
    if CHOSEN:  # where several share the folder, a fresh one may be another gateway's
        os.utime(incoming / "draft", (0, 0))
    async with running(tmp_path):
        assert kept(tmp_path / "files") == set()


@pytest.mark.feature("MED-01")
async def test_links_cannot_be_made_up(gateway: Gateway, tmp_path: Path) -> None:
    bot, visitor = Held(), await gateway.begin("talk")
    (file,) = (await upload(visitor, ("a.txt", b"hello"))).json["files"]
    await visitor.say_on("look", files=[file["id"]])
    await gateway.until(lambda: len(bot.turns) == 1)
    link: File = bot.turns[0].message.files[0]
    path, _, query = link.url.removeprefix(gateway.url).partition("?")
    until, signature = (part.partition("=")[2] for part in query.split("&"))
    for wrong in (
        path,
        f"{path}?until={until}",
        f"{path}?until={int(until) + 1}&signature={signature}",
        f"{path}?until={until}&signature={signature[:-1]}{int(signature[-1], 16) ^ 1:x}",
        f"{path}?until={until}&signature=%C3%BC",
        f"{path}?until=%D9%A3&signature={signature}",
        f"/files/other/a.txt?until={until}&signature={signature}",
        f"/files/?until={until}&signature={signature}",
        f"/files/{'x' * 3000}",
    ):
        answer = await gateway.ask("GET", wrong)
        assert (answer.status, answer.code) == (404, "not_found")
    assert (await gateway.ask("POST", path)).status == 405
    good = f"{path}?{query}"
    assert (await gateway.ask("GET", good)).body == b"hello"
    assert (await gateway.ask("GET", good, headers={"Range": "bytes=1-2"})).body == b"el"
    assert (await gateway.ask("GET", good, headers={"Range": "bytes=x-" + "9" * 500})).status in (200, 416)
    gateway.clock.ahead += 25 * 3600
    assert (await gateway.ask("GET", good)).status == 404


@pytest.mark.feature("MED-01")
async def test_links_outlive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, SMALL) as gateway:
        bot, visitor = Held(), await gateway.begin("talk")
        (file,) = (await upload(visitor, ("a.txt", b"hello"))).json["files"]
        await visitor.say_on("look", files=[file["id"]])
        await gateway.until(lambda: len(bot.turns) == 1)
        path: Any = bot.turns[0].message.files[0].url.removeprefix(gateway.url)
        bot.finish()
    async with running(tmp_path, SMALL) as gateway:
        assert (await gateway.ask("GET", path)).body == b"hello"
