"""Files that came in: fetched by us, kept, given to the bot by a link of ours; one that is amiss stops no turn."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.message import File
from tests.far.backend import Reply, fails
from tests.media import OGG, PDF, PNG, Far, hall, sent_in
from tests.uploads import kept

pytestmark = pytest.mark.feature("MED-01")
DAY = 24 * 3600


async def test_the_bot_gets_a_link_of_ours(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        one.far.pages["/store/photo-1"] = PNG
        await one.say("look", sent_in("photo-1", name="../holi\nday.png"))
        (turn,) = one.far.turns
        (file,) = turn["message"]["files"]
        assert (file["name"], file["mime"], file["size"]) == ("holi day.png", "image/png", len(PNG))
        assert turn["message"]["text"] == "look"
        assert urlsplit(file["url"]).netloc == urlsplit(one.gateway.url).netloc
        assert "t0ken" not in str(turn)
        assert await one.read(file["url"]) == PNG
        assert one.far.asked("/store/photo-1")[0].headers["authorization"] == "Bearer t0ken"
        assert await one.lines() == [("user", "look"), ("assistant", "well")]
        one.gateway.clock.ahead += DAY - 60
        assert await one.read(file["url"]) == PNG
        one.gateway.clock.ahead += 120
        async with one.gateway.http.get(file["url"]) as response:
            assert response.status == 404


async def test_it_is_tried_again(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        one.far.pages["/store/a"] = [fails(503), Reply([b"x"], end="cut"), PNG]
        await one.say("look", sent_in("a"))
        assert len(one.far.asked("/store/a")) == 3
        assert len(one.far.turns[0]["message"]["files"]) == 1


@pytest.mark.parametrize(("page", "tries"), [(fails(404), 1), (fails(500), 3)])
async def test_one_that_cannot_be_had_is_named_and_the_turn_goes_on(tmp_path: Path, page: Reply, tries: int) -> None:
    async with hall(tmp_path) as one:
        one.far.pages |= {"/store/a": page, "/store/b": PDF}
        await one.say("both", sent_in("a", name="a.png"), sent_in("b", "application/pdf", kind="document"))
        message = one.far.turns[0]["message"]
        assert message["text"] == "both\n[file unavailable: a.png]"
        assert [file["mime"] for file in message["files"]] == ["application/pdf"]
        assert len(one.far.asked("/store/a")) == tries
        assert [part.text for part in one.sent] == ["well"]


async def test_a_file_alone_that_cannot_be_had_is_a_turn_all_the_same(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        await one.say("", sent_in("a"))
        assert one.far.turns[0]["message"]["text"] == "[file unavailable: photo]"


@pytest.mark.feature("MED-02")
async def test_too_large_is_said_and_the_words_are_answered(tmp_path: Path) -> None:
    async with hall(tmp_path, "limits: {file: 1KB, send: off}") as one:
        one.far.pages["/store/a"] = Reply([PNG, bytes(2000)], length=False)  # no header tells how large it is
        await one.say("look", sent_in("a"))
        assert [part.text for part in one.sent] == ["The file is too large: at most 1 KB can be sent.", "well"]
        assert one.far.turns[0]["message"]["files"] == []
        assert one.far.turns[0]["message"]["text"] == "look"
        assert [role for role, _ in await one.lines()] == ["user", "system", "assistant"]
        assert kept(tmp_path / "files") == set()


@pytest.mark.feature("MED-02")
async def test_the_lower_limit_counts_and_nothing_is_fetched_in_vain(tmp_path: Path) -> None:
    async with hall(tmp_path, "limits: {file: 20MB, send: off}") as one:
        one.far.pages["/store/a"] = PNG + bytes(60_000)
        await one.say("look", sent_in("a"), sent_in("b", size=60_001))
        assert one.sent[0].text == "The file is too large: at most 58.6 KB can be sent."
        assert len(one.sent) == 2
        assert one.far.asked("/store/b") == []


@pytest.mark.feature("MED-02")
async def test_with_nothing_left_to_answer_no_bot_is_asked(tmp_path: Path) -> None:
    async with hall(tmp_path, "limits: {file: 1KB, send: off}") as one:
        one.far.pages["/store/a"] = bytes(2000)
        await one.say("", sent_in("a", name="a.png"))
        assert one.far.turns == []
        notice = "The file is too large: at most 1 KB can be sent."
        assert [part.text for part in one.sent] == [notice]
        assert await one.lines() == [("user", "[file not accepted: a.png]"), ("system", notice)]


@pytest.mark.feature("MED-03")
@pytest.mark.parametrize(
    ("content", "file"),
    [
        (b"MZ\x90\x00", File(ref="a", name="a.png")),
        (b"#!/bin/sh\n", File(ref="a", name="a.txt")),
        (b"PK\x03\x04" + bytes(26) + b"META-INF/", File(ref="a", name="a.docx")),
        (b"hello", File(ref="a", name="a.png")),
        (b"hello", File(ref="a", mime="image/png")),
        (PNG, File(ref="a", name="a.pdf")),
        (PNG, File(ref="a", mime="video/mp4")),
        (b"\x00\x01\x02", File(ref="a", name="a.bin")),
    ],
)
async def test_what_is_not_what_it_claims_or_not_wanted_is_refused(tmp_path: Path, content: bytes, file: File) -> None:
    async with hall(tmp_path) as one:
        one.far.pages["/store/a"] = content
        await one.say("look", file)
        assert [part.text for part in one.sent] == ["This kind of file is not accepted.", "well"]
        assert one.far.turns[0]["message"]["files"] == []
        assert kept(tmp_path / "files") == set()


@pytest.mark.feature("MED-03")
@pytest.mark.parametrize(
    ("content", "file", "mime"),
    [
        (OGG, File(ref="a", name="voice.oga", mime="audio/ogg; codecs=opus", kind="audio"), "audio/ogg"),
        (b"\x00\x00\x00\x20ftypisom", File(ref="a", mime="audio/mp4", kind="audio"), "video/mp4"),
        (b"a;b\n1;2", File(ref="a", name="a.csv", mime="application/octet-stream"), "text/csv"),
        (b"\x1f\x8b\x08\x00", File(ref="a", name="x.tgs", mime="application/x-tgsticker", kind="sticker"),
         "application/x-tgsticker"),
        (b"#!AMR\n<", File(ref="a", mime="audio/amr", kind="audio"), "audio/amr"),
    ],
)  # fmt: skip
async def test_what_is_well_comes_in(tmp_path: Path, content: bytes, file: File, mime: str) -> None:
    async with hall(tmp_path) as one:
        one.far.pages["/store/a"] = content
        await one.say("look", file)
        assert [part.text for part in one.sent] == ["well"]
        assert [given["mime"] for given in one.far.turns[0]["message"]["files"]] == [mime]


@pytest.mark.feature("MED-03")
async def test_the_operator_says_what_comes_in(tmp_path: Path) -> None:
    async with hall(tmp_path, "media: {allow: [image/png]}") as one:
        one.far.pages |= {"/store/a": PNG, "/store/b": PDF}
        await one.say("look", sent_in("a"), sent_in("b", "application/pdf"))
        assert [file["mime"] for file in one.far.turns[0]["message"]["files"]] == ["image/png"]
        assert one.sent[0].text == "This kind of file is not accepted."


async def test_it_is_fetched_once_however_often_the_turn_is_run(tmp_path: Path) -> None:
    async with Far() as far:
        async with hall(tmp_path, far=far) as one:
            far.pages["/store/a"], far.said = PNG, Reply(end="hang")
            await one.hand_in("look", sent_in("a"))
            await one.gateway.until(lambda: len(far.turns) == 1)
        far.pages.clear()  # the process was stopped; what it had fetched is there
        far.said = {"text": "well"}
        async with hall(tmp_path, far=far) as one:
            await one.quiet()
            first, second = far.turns
            assert second["message"]["files"][0]["id"] == first["message"]["files"][0]["id"]
            assert second["message"]["text"] == "look"
            assert await one.read(second["message"]["files"][0]["url"]) == PNG
        assert len(far.asked("/store/a")) == 1


async def test_a_stop_ends_a_fetch(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        one.far.pages["/store/a"] = Reply(end="hang")
        await one.hand_in("look", sent_in("a"))
        await one.gateway.until(lambda: bool(one.far.asked("/store/a")))
        await one.hand_in("/stop")
        await one.quiet()
        assert one.far.turns == []
        assert [part.text for part in one.sent] == ["Stopped."]
        await asyncio.wait_for(one.far.aborted.wait(), 10)
