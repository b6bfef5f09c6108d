"""Voice messages: text in place of the recording, which is kept; what cannot be made out is said, and stops no turn."""

from pathlib import Path

import pytest

from gateway.message import File
from tests.far.backend import Reply, as_json, as_text, fails
from tests.media import PNG, Far, Hall, hall, sent_in
from tests.sound import opus, wav
from tests.uploads import kept

pytestmark = pytest.mark.feature("MED-07")
HEAR = "voice: {transcribe: FAR/v1, key: k3y}"
ECHO = "voice: {transcribe: FAR/v1, echo: true}"
ROUTE = "/v1/audio/transcriptions"
FAILED = "Sorry, I could not understand the voice message. Please write instead."


def recorded(one: Hall, content: bytes | None = None, said: object = "where is my parcel") -> File:
    one.far.pages |= {
        "/store/v": content or opus(3),
        ROUTE: said if isinstance(said, Reply) else as_json({"text": said}),
    }
    return File(ref="v", kind="voice", mime="audio/ogg", name="voice.oga")


async def test_the_bot_gets_the_words_and_the_recording_is_kept(tmp_path: Path) -> None:
    async with hall(tmp_path, HEAR) as one:
        await one.say("", recorded(one, said=" Where\r\nis it?\x00 "))
        (call,) = one.far.asked(ROUTE)
        assert call.headers["authorization"] == "Bearer k3y"
        assert b'filename="voice.ogg"' in call.raw
        assert b"whisper-1" in call.raw
        assert opus(3) in call.raw
        message = one.far.turns[0]["message"]
        assert message["text"] == "Where\nis it?"
        assert message["extra"]["transcribed"] is True
        assert await one.read(message["files"][0]["url"]) == opus(3)
        assert [part.text for part in one.sent] == ["well"]
        assert await one.lines() == [("user", "Where\nis it?"), ("assistant", "well")]


async def test_what_was_heard_can_be_said_first(tmp_path: Path) -> None:
    async with hall(tmp_path, ECHO) as one:
        await one.say("", recorded(one))
        assert [part.text for part in one.sent] == ["I heard: where is my parcel", "well"]
        assert [role for role, _ in await one.lines()] == ["user", "system", "assistant"]


async def test_words_beside_the_recording_are_kept(tmp_path: Path) -> None:
    async with hall(tmp_path, HEAR) as one:
        await one.say("listen", recorded(one))
        assert one.far.turns[0]["message"]["text"] == "where is my parcel\nlisten"


async def test_without_the_setting_the_bot_gets_the_recording(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        await one.say("", recorded(one))
        message = one.far.turns[0]["message"]
        assert (message["text"], message["files"][0]["mime"]) == ("", "audio/ogg")
        assert one.far.asked(ROUTE) == []


async def test_other_files_are_not_listened_to(tmp_path: Path) -> None:
    async with hall(tmp_path, HEAR) as one:
        recorded(one)
        await one.say("", File(ref="v", kind="audio", mime="audio/ogg"))
        assert one.far.asked(ROUTE) == []


@pytest.mark.parametrize(
    ("reply", "calls"),
    [
        (fails(500), 2),
        (fails(401), 1),
        (as_text("<html>"), 1),
        (as_json({"text": 7}), 1),
        (as_json({"text": " \n"}), 1),
        (Reply([b'{"text'], end="cut"), 2),
        (Reply([b" " * 70_000] * 16), 1),
        (Reply(status=302, headers={"Location": "/chat"}), 1),
    ],
)
async def test_what_cannot_be_made_out_is_said(tmp_path: Path, reply: Reply, calls: int) -> None:
    async with hall(tmp_path, HEAR) as one:
        await one.say("", recorded(one, said=reply))
        assert len(one.far.asked(ROUTE)) == calls
        assert one.far.turns == []
        assert [part.text for part in one.sent] == [FAILED]
        assert await one.lines() == [("user", "[voice: voice.oga]"), ("system", FAILED)]
        await one.say("I write then")
        assert one.far.turns[0]["message"]["text"] == "I write then"


async def test_a_second_try_may_do(tmp_path: Path) -> None:
    async with hall(tmp_path, HEAR) as one:
        file = recorded(one)
        one.far.pages[ROUTE] = [fails(503), as_json({"text": "hello"})]
        await one.say("", file)
        assert one.far.turns[0]["message"]["text"] == "hello"


async def test_what_else_was_said_is_answered_all_the_same(tmp_path: Path) -> None:
    async with hall(tmp_path, HEAR) as one:
        file = recorded(one, said=fails(400))
        one.far.pages["/store/a"] = PNG
        await one.say("look", file, sent_in("a"))
        assert [part.text for part in one.sent] == [FAILED, "well"]
        assert one.far.turns[0]["message"]["text"] == "look"


@pytest.mark.parametrize(("content", "heard"), [(opus(600), True), (opus(601), False), (wav(601), False)])
async def test_over_ten_minutes_is_not_listened_to(tmp_path: Path, content: bytes, heard: bool) -> None:
    async with hall(tmp_path, HEAR) as one:
        await one.say("", recorded(one, content))
        assert bool(one.far.asked(ROUTE)) is heard
        assert [part.text for part in one.sent] == (["well"] if heard else [FAILED])


async def test_a_recording_that_cannot_be_had_counts_as_not_understood(tmp_path: Path) -> None:
    async with hall(tmp_path, HEAR) as one:
        await one.say("", File(ref="gone", kind="voice", mime="audio/ogg"))
        assert [part.text for part in one.sent] == [FAILED]


async def test_it_is_heard_once_however_often_the_turn_is_run(tmp_path: Path) -> None:
    async with Far() as far:
        async with hall(tmp_path, HEAR, far=far) as one:
            far.said = Reply(end="hang")
            await one.hand_in("", recorded(one))
            await one.gateway.until(lambda: len(far.turns) == 1)
        far.pages.clear()
        far.said = {"text": "well"}
        async with hall(tmp_path, HEAR, far=far) as one:
            await one.quiet()
        assert [turn["message"]["text"] for turn in far.turns] == ["where is my parcel"] * 2
        assert len(far.asked(ROUTE)) == 1


async def test_a_model_bot_brings_its_address_and_key(tmp_path: Path) -> None:
    bots = "ears: {kind: openai, base_url: FAR/v1, model: m, key: its-own}"
    async with hall(tmp_path, "voice: {transcribe: ears, model: large}", bots) as one:
        await one.say("", recorded(one))
        (call,) = one.far.asked(ROUTE)
        assert call.headers["authorization"] == "Bearer its-own"
        assert b"large" in call.raw
        assert one.far.turns[0]["message"]["text"] == "where is my parcel"


async def test_any_bot_may_be_asked_for_the_words(tmp_path: Path) -> None:
    bots = "ears: {kind: http, url: FAR/ears}"
    async with hall(tmp_path, "voice: {transcribe: ears}", bots) as one:
        file = recorded(one)
        one.far.pages["/ears"] = as_json({"text": "from the bot"})
        await one.say("", file)
        (asked,) = [call.document for call in one.far.asked("/ears")]
        assert asked["type"] == "transcribe"
        assert await one.read(asked["message"]["files"][0]["url"]) == opus(3)
        assert asked["turn"]["id"] != one.far.turns[0]["turn"]["id"]
        assert one.far.turns[0]["message"]["text"] == "from the bot"


async def test_a_bot_that_fails_has_not_understood(tmp_path: Path) -> None:
    async with hall(tmp_path, "voice: {transcribe: ears}", "ears: {kind: http, url: FAR/ears}") as one:
        await one.say("", recorded(one))
        assert [part.text for part in one.sent] == [FAILED]


@pytest.mark.feature("GRP-01", "GRP-02")
@pytest.mark.parametrize(
    ("said", "blocks", "answered"),
    [
        ("Hey PaperBot, where is it?", "", True),
        ("ask the robot where it is", 'group: {mention_patterns: ["\\\\brobot\\\\b"]}', True),
        ("see you at noon", "", False),
        ("see you at noon", "group: {mode: open}", True),
    ],
)
async def test_in_groups_the_words_decide_whom_it_addresses(
    tmp_path: Path, said: str, blocks: str, answered: bool
) -> None:
    async with hall(tmp_path, f"{HEAR}\n    {blocks}") as one:
        await one.say("", recorded(one, said=said), place="group", chat="g", addressed=False)
        assert [part.text for part in one.sent] == (["well"] if answered else [])
        assert [turn["message"]["text"] for turn in one.far.turns] == ([said] if answered else [])


@pytest.mark.feature("GRP-01")
@pytest.mark.parametrize("reply", [as_json({"text": "see you at noon"}), fails(400)])
async def test_of_what_was_not_for_us_nothing_is_kept(tmp_path: Path, reply: Reply) -> None:
    async with hall(tmp_path, HEAR) as one:
        await one.say("", recorded(one, said=reply), place="group", chat="g", addressed=False)
        assert (one.sent, one.far.turns, await one.lines()) == ([], [], [])
        assert kept(tmp_path / "files") == set()
        rows = await one.gateway.rows("SELECT state, reason, body, raw FROM inbox")
        assert rows == [("dropped", "not_addressed", None, None)]
        await one.say("hello", place="group", chat="g")
        assert [part.text for part in one.sent] == ["well"]


@pytest.mark.feature("GRP-01")
@pytest.mark.parametrize("blocks", ["group: {mode: listen}", "group: {mode: 'off'}", "group: {allow: [other]}"])
async def test_where_the_bot_does_not_answer_nobody_listens(tmp_path: Path, blocks: str) -> None:
    async with hall(tmp_path, f"{HEAR}\n    {blocks}") as one:
        await one.say("", recorded(one, said="paperbot"), place="group", chat="g", addressed=False)
        assert one.far.asked("/store/v") == []
        assert await one.gateway.rows("SELECT 1 FROM inbox") == []
