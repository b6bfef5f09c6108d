"""Files of answers: fetched without harm, kept before the answer counts, sent natively or as links of ours."""

import base64
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Refused
from gateway.message import Part
from tests.far.backend import Backend, Reply, fails
from tests.media import PDF, PNG, Hall, hall, sent_in
from tests.uploads import kept

pytestmark = pytest.mark.feature("MED-04")
WEEK = 7 * 24 * 3600


def offers(one: Hall, *paths: str, **more: Any) -> None:
    """The bot answers with files that it offers itself."""
    one.far.pages |= {path: PNG for path in paths if path not in one.far.pages}
    one.far.said = {"messages": [{"files": [{"url": one.far.base + path} for path in paths], **more}]}


def shape(parts: list[Part]) -> list[tuple[str, list[str]]]:
    return [(part.text, [file.name for file in part.files]) for part in parts]


def link(part: Part) -> tuple[str, str]:
    """The words of a part, and the address that its last line leads to."""
    words, _, url = part.text.removesuffix(")").rpartition(" (")
    return words, url


@pytest.mark.feature("SEC-04")
async def test_a_file_of_the_bots_own_host_goes_out_with_its_caption(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        offers(one, "/files/cat.png?size=1", text="**A cat**")
        await one.say("show")
        (part,) = one.sent
        (file,) = part.files
        assert (part.text, file.name, file.mime, file.size, file.kind) == (
            "A cat",
            "cat.png",
            "image/png",
            len(PNG),
            "photo",
        )
        assert [entity.type for entity in part.entities] == ["bold"]
        assert one.hung == {"cat.png": PNG}
        assert await one.read(file.url) == PNG
        one.gateway.clock.ahead += WEEK - 60
        assert await one.read(file.url) == PNG


@pytest.mark.parametrize(
    ("count", "text", "buttons", "shaped"),
    [
        (5, "some", False, ["some+3", "+2"]),
        (5, "some", True, ["+3", "+2", "some"]),
        (1, "some", True, ["some+1"]),
        (2, "x" * 101, False, ["x" * 101 + "+0", "+2"]),
        (2, "", True, ["+2"]),
        (4, "y" * 400 + " z", False, ["y" * 400 + "+0", "z+0", "+3", "+1"]),
    ],
)
async def test_albums_captions_and_buttons(
    tmp_path: Path, count: int, text: str, buttons: bool, shaped: list[str]
) -> None:
    async with hall(tmp_path) as one:
        more = {"buttons": [{"text": "Yes"}]} if buttons else {}
        offers(one, *(f"/files/{number}.png" for number in range(count)), text=text, **more)
        await one.say("show")
        found = [f"{part.text}+{len(part.files)}" for part in one.sent]
        assert [one.removesuffix("+0") for one in found] == [one.removesuffix("+0") for one in shaped]
        assert [bool(part.buttons) for part in one.sent] == [False] * (len(shaped) - 1) + [buttons]
        assert [file.name for part in one.sent for file in part.files] == [f"{n}.png" for n in range(count)]


async def test_too_large_for_the_platform_is_a_link(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        one.far.pages["/files/large_map.png"] = PNG + bytes(40_000)
        offers(one, "/files/large_map.png", "/files/small.png", text="Maps")
        await one.say("show")
        words, files = one.sent
        assert [file.name for file in files.files] == ["small.png"]
        text, url = link(words)
        assert text == "Maps\n\nlarge_map.png"
        assert len(await one.read(url)) == 40_000 + len(PNG)
        one.gateway.clock.ahead += WEEK - 60
        await one.read(url)
        one.gateway.clock.ahead += 120
        async with one.gateway.http.get(url) as response:
            assert response.status == 404


async def test_a_platform_without_files_gets_links(tmp_path: Path) -> None:
    async with hall(tmp_path, platform="paper") as one:
        offers(one, "/files/a.png")
        await one.say("show")
        (part,) = one.sent
        assert part.files == ()
        text, url = link(part)
        assert (text, await one.read(url)) == ("a.png", PNG)


@pytest.mark.feature("MED-02")
async def test_larger_than_the_limit_is_not_kept(tmp_path: Path) -> None:
    async with hall(tmp_path, "limits: {file: 1KB, send: off}") as one:
        one.far.pages["/files/a.png"] = Reply([PNG, bytes(2000)], length=False)
        offers(one, "/files/a.png", text="see")
        await one.say("show")
        assert shape(one.sent) == [("see\n\nThe file is too large: at most 1 KB can be sent.", [])]
        assert kept(tmp_path / "files") == set()


@pytest.mark.feature("SEC-04")
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/files/a.png",
        "http://127.0.0.1/a.png",
        "http://169.254.169.254/latest",
        "http://[::1]/x",
    ],
)
async def test_private_hosts_are_not_fetched_from(tmp_path: Path, url: str) -> None:
    async with hall(tmp_path) as one, Backend(lambda call: "secret") as other:
        port = other.url.rpartition(":")[2].removesuffix("/chat")
        one.far.said = {"messages": [{"text": "see", "files": [{"url": url.format(port=port), "name": "a.png"}]}]}
        await one.say("show")
        assert shape(one.sent) == [("see\n\n[file unavailable: a.png]", [])]
        assert other.calls == []


@pytest.mark.feature("SEC-04")
async def test_a_redirect_to_another_private_host_is_not_followed(tmp_path: Path) -> None:
    async with hall(tmp_path) as one, Backend(lambda call: "secret") as other:
        one.far.pages["/files/a.png"] = Reply(status=302, headers={"Location": other.url})
        offers(one, "/files/a.png", text="see")
        await one.say("show")
        assert shape(one.sent) == [("see\n\n[file unavailable: document]", [])]
        assert other.calls == []


@pytest.mark.feature("SEC-04")
async def test_hosts_that_the_operator_names_may_be_private(tmp_path: Path) -> None:
    async with Backend(lambda call: Reply([PDF], "text/html")) as other:
        host = other.url.removeprefix("http://").removesuffix("/chat")
        async with hall(tmp_path, f'media: {{hosts: ["{host}"]}}') as one:
            one.far.said = {"messages": [{"files": [{"url": other.url}]}]}
            await one.say("show")
            (part,) = one.sent
            assert (part.files[0].name, part.files[0].mime) == ("chat.pdf", "application/pdf")


async def test_one_that_cannot_be_had_is_tried_again_and_then_named(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        one.far.pages |= {"/files/a.png": [fails(503), fails(503), PNG], "/files/b.png": fails(500)}
        offers(one, "/files/a.png", "/files/b.png")
        await one.say("show")
        assert shape(one.sent) == [("[file unavailable: document]", ["a.png"])]
        assert len(one.far.asked("/files/b.png")) == 3


async def test_content_in_the_answer_itself(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        inline = "data:image/png;base64," + base64.b64encode(PNG).decode()
        files = [{"url": inline}, {"url": "data:,a%20b", "name": "note"}, {"url": "data:;base64,%%%", "name": "c"}]
        one.far.said = {"messages": [{"text": "see", "files": files}]}
        await one.say("show")
        assert shape(one.sent) == [("see\n\n[file unavailable: c]", ["photo.png", "note.txt"])]
        assert one.hung == {"photo.png": PNG, "note.txt": b"a b"}
        assert "base64" not in str(await one.gateway.rows("SELECT extra FROM message WHERE role = 'assistant'"))


async def test_a_file_that_came_in_goes_out_again(tmp_path: Path) -> None:
    def back(turn: Any) -> Any:
        (file,) = turn["message"]["files"]
        return {
            "messages": [{"files": [{"id": file["id"]}]}, {"files": [{"url": file["url"]}]}, {"files": [{"id": "x"}]}]
        }

    async with hall(tmp_path) as one:
        one.far.pages["/store/a"] = PNG
        one.far.said = back
        await one.say("back", sent_in("a", name="a.png"))
        assert shape(one.sent) == [("", ["a.png"]), ("", ["a.png"]), ("[file unavailable: document]", [])]
        assert len(kept(tmp_path / "files")) == 1


async def test_a_file_of_another_conversation_does_not(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        one.far.pages["/store/a"] = PNG
        await one.say("mine", sent_in("a"))
        one.far.said = {"messages": [{"files": [{"id": one.far.turns[0]["message"]["files"][0]["id"]}]}]}
        await one.say("give", user="bob")
        assert one.sent[-1].text == "[file unavailable: document]"


@pytest.mark.parametrize("reason", ["unsupported", "rejected", "too_long"])
async def test_what_the_platform_refuses_becomes_a_link(tmp_path: Path, reason: Any) -> None:
    async with hall(tmp_path) as one:
        one.paper.fail(lambda: Refused(reason))
        offers(one, "/files/a.png", text="*A cat*")
        await one.say("show")
        (part,) = one.sent
        assert (part.files, part.entities) == ((), ())
        text, url = link(part)
        assert (text, await one.read(url)) == ("A cat\n\na.png", PNG)


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize(("platform", "limit"), [("gallery", 400), ("paper", 4096)])
async def test_an_answer_of_too_many_messages_is_one_and_a_file(tmp_path: Path, platform: str, limit: int) -> None:
    text = "\n\n".join(f"**{number}** " + "word " * (limit // 6) + "." for number in range(9))
    async with hall(tmp_path, "format: {max_parts: 4}", platform=platform) as one:
        one.far.said = {"text": text}
        await one.say("tell")
        first, second = one.sent
        assert first.text.startswith("0 word")
        if platform == "gallery":
            assert [file.name for file in second.files] == ["answer.md"]
            content = one.hung["answer.md"]
        else:
            name, url = link(second)
            assert name == "answer.md"
            content = await one.read(url)
        assert content.decode() == text
        assert await one.lines() == [("user", "tell"), ("assistant", text)]


@pytest.mark.feature("FMT-02")
async def test_as_many_messages_as_allowed_are_sent(tmp_path: Path) -> None:
    text = "\n\n".join(str(number) + "x" * 390 for number in range(8))
    async with hall(tmp_path) as one:
        one.far.said = {"text": text}
        await one.say("tell")
        assert "\n\n".join(part.text for part in one.sent) == text
        assert len(one.sent) == 8


@pytest.mark.feature("MED-04", "MEM-01")
async def test_history_holds_the_files_of_answers(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        offers(one, "/files/a.png", text="see")
        await one.say("show")
        ((extra,),) = await one.gateway.rows("SELECT extra FROM message WHERE role = 'assistant'")
        assert '"name":"a.png"' in extra
        assert await one.gateway.rows("SELECT attached FROM file") == [(1,)]
