"""Spoken answers: when they are wanted, what is spoken and what is written, and text whenever speech will not do."""

from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.message import File
from gateway.voice.wording import Wording, wording
from tests.doors import YAML, running
from tests.far.backend import Reply, as_json, as_text, fails
from tests.media import PNG, Far, Hall, hall
from tests.sound import opus

pytestmark = pytest.mark.feature("MED-08")
ALWAYS = "voice: {reply: always, speech: FAR/v1, speaker: nova}"
KIND = "voice: {reply: reciprocal, transcribe: FAR/v1}"
ROUTE = "/v1/audio/speech"


def speaks(one: Hall, text: str, *more: object) -> None:
    one.far.pages[ROUTE] = Reply([opus(1)], "audio/ogg")
    one.far.said = {"text": text}


def shape(one: Hall) -> list[tuple[str, list[str]]]:
    return [(part.text, [file.kind for file in part.files]) for part in one.sent]


async def test_an_answer_is_spoken(tmp_path: Path) -> None:
    async with hall(tmp_path, ALWAYS) as one:
        speaks(one, "It is **here**.")
        await one.say("where?")
        (call,) = one.far.asked(ROUTE)
        assert call.document == {"model": "tts-1", "voice": "nova", "input": "It is here.", "response_format": "opus"}
        assert shape(one) == [("", ["voice"])]
        assert one.hung == {"answer.ogg": opus(1)}
        assert await one.lines() == [("user", "where?"), ("assistant", "It is **here**.")]


async def test_in_kind_is_to_voice_only(tmp_path: Path) -> None:
    async with hall(tmp_path, KIND) as one:
        speaks(one, "It is here.")
        one.far.pages |= {"/store/v": opus(2), "/v1/audio/transcriptions": as_json({"text": "where?"})}
        await one.say("", File(ref="v", kind="voice", mime="audio/ogg"))
        await one.say("and now?")
        assert shape(one) == [("", ["voice"]), ("It is here.", [])]


async def test_never_is_the_default(tmp_path: Path) -> None:
    async with hall(tmp_path, "voice: {speech: FAR/v1}") as one:
        speaks(one, "It is here.")
        await one.say("where?")
        assert shape(one) == [("It is here.", [])]


@pytest.mark.parametrize(
    ("text", "spoken", "written"),
    [
        ("Hi **you** 👍🏽!", "Hi you!", "👍🏽"),
        ("See [the page](https://x.org/a_b) now", "See the page now", "[the page](https://x.org/a_b)"),
        ("Go to https://x.org/a.", "Go to.", "https://x.org/a"),
        ("Run `make all`:\n\n```sh\nmake\n```\n\nDone", "Run:\nDone", "`make all`\n\n```sh\nmake\n```"),
        ("- one\n- two", "one\ntwo", ""),
        ("```\nx\n```", "", "```\nx\n```"),
        ("❤️ 🇩🇪 1️⃣", "", "❤️ 🇩🇪 1️⃣"),
        ("5 * 3 = 15 © 2024 #1", "5 * 3 = 15 © 2024 #1", ""),
        ("", "", ""),
    ],
)
def test_links_code_and_emoji_are_for_the_eye(text: str, spoken: str, written: str) -> None:
    assert wording(text) == Wording(spoken, written)


async def test_what_is_for_the_eye_is_sent_as_text(tmp_path: Path) -> None:
    async with hall(tmp_path, ALWAYS) as one:
        speaks(one, "Run `make` 👍")
        await one.say("how?")
        assert shape(one) == [("", ["voice"]), ("make\n\n👍", [])]


async def test_what_cannot_be_spoken_at_all_is_text(tmp_path: Path) -> None:
    async with hall(tmp_path, ALWAYS) as one:
        speaks(one, "`make`")
        await one.say("how?")
        assert one.far.asked(ROUTE) == []
        assert shape(one) == [("make", [])]


@pytest.mark.parametrize(
    "reply",
    [
        fails(500),
        fails(400),
        as_text("no sound"),
        Reply([opus(1)[:50]], end="cut"),
        Reply([bytes(70_000)] * 3),
        Reply(),
    ],
)
async def test_any_failure_is_text(tmp_path: Path, reply: Reply) -> None:
    async with hall(tmp_path, ALWAYS) as one:
        speaks(one, "It is *here* `now` https://x.org/")
        one.far.pages[ROUTE] = reply
        await one.say("where?")
        assert shape(one) == [("It is here now https://x.org/", [])]


async def test_a_refused_recording_is_text(tmp_path: Path) -> None:
    async with hall(tmp_path, ALWAYS) as one:
        speaks(one, "It is here: `x`")
        one.paper.fail(lambda: Refused("rejected"))
        await one.say("where?")
        assert shape(one) == [("It is here:", []), ("x", [])]


async def test_more_than_one_message_would_take_is_text(tmp_path: Path) -> None:
    async with hall(tmp_path, ALWAYS) as one:
        speaks(one, "word " * 100)
        await one.say("tell")
        assert one.far.asked(ROUTE) == []
        assert len(one.sent) == 2


async def test_a_platform_without_voice_messages_gets_text(tmp_path: Path) -> None:
    async with hall(tmp_path, ALWAYS, platform="paper") as one:
        speaks(one, "It is here.")
        await one.say("where?")
        assert one.far.asked(ROUTE) == []
        assert [part.text for part in one.sent] == ["It is here."]


async def test_files_of_a_spoken_answer_follow_it(tmp_path: Path) -> None:
    async with hall(tmp_path, ALWAYS) as one:
        speaks(one, "")
        one.far.pages["/files/a.png"] = PNG
        one.far.said = {"messages": [{"text": "A cat", "files": [{"url": f"{one.far.base}/files/a.png"}]}]}
        await one.say("show")
        assert shape(one) == [("", ["voice"]), ("", ["photo"])]


async def test_the_page_shows_the_words_and_offers_the_recording(tmp_path: Path) -> None:
    async with Far() as far:
        far.pages[ROUTE] = Reply([opus(1)], "audio/ogg")
        voice = f'voice: {{reply: always, speech: "{far.base}/v1"}}'
        async with running(tmp_path, YAML.replace("default: true,", f"default: true, {voice},")) as gateway:
            visitor = await gateway.begin("site")
            (said,) = (await visitor.say("hello")).json["messages"]
            assert said["text"] == "echo: hello"
            (file,) = said["files"]
            assert (file["kind"], file["mime"]) == ("voice", "audio/ogg")
            async with gateway.http.get(file["url"]) as response:
                assert await response.read() == opus(1)
