"""Messages that belong together as one turn: albums, texts in pieces, quick succession; the platform's own order."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway import history
from gateway.bot import Piece, Say
from gateway.message import File, Outbound, Turn, encode
from tests.kit import YAML, Kit, Scripted, corridor
from tests.leap import leap

pytestmark = pytest.mark.store

QUIET = YAML.replace("bot: b,", "bot: b, coalesce: {quiet: 3s, max_wait: 8s, max_messages: 4},")


async def later(kit: Kit, seconds: float) -> None:
    """So many seconds pass at once."""
    kit.clock.ahead += seconds
    leap(seconds)
    kit.router.ring_bot("b")
    await kit.until(lambda: not kit.router.turns.running)


async def settled(kit: Kit, bot: Scripted, count: int) -> list[str]:
    """What the bot was asked once it has had so many turns and nothing waits."""
    await kit.until(lambda: len(bot.turns) >= count)
    await kit.quiet()
    return [turn.message.text for turn in bot.turns]


async def photo(kit: Kit, number: int, album: str = "a", text: str = "", **how: Any) -> None:
    file = File(id=f"f{number}", name=f"{number}.jpg", kind="photo", mime="image/jpeg")
    more: dict[str, Any] = {"files": (file,), "extra": {"album": album} if album else {}, "ref": f"m{number}"}
    accepted = await kit.say(text, **{**more, **how})
    assert accepted.outcome == "stored"


def names(turn: Turn) -> list[str]:
    return [file.name for file in turn.message.files]


@pytest.mark.feature("ORD-06")
async def test_the_photos_of_an_album_are_one_turn(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        for number in range(10):
            await photo(kit, number, text="The garden" if number == 4 else "")
        await later(kit, 1.9)
        assert bot.turns == []
        await later(kit, 0.2)
        assert await settled(kit, bot, 1) == ["The garden"]
        (turn,) = bot.turns
        assert names(turn) == [f"{number}.jpg" for number in range(10)]
        assert [part["id"] for part in turn.message.extra["parts"]] == [f"m{number}" for number in range(10)]
        assert await kit.rows("SELECT role, text FROM message ORDER BY seq") == [
            *(("user", "The garden"), ("assistant", "The garden"))
        ]


@pytest.mark.feature("ORD-06")
async def test_every_photo_prolongs_the_wait_to_ten_seconds_at_most(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        for number in range(6):
            await photo(kit, number)
            await later(kit, 1.8)
            if number < 5:
                assert bot.turns == []
        await later(kit, 2.5)
        await settled(kit, bot, 1)
        assert len(bot.turns[0].message.files) == 6


@pytest.mark.feature("ORD-06")
async def test_late_photos_are_a_turn_of_their_own_and_none_is_lost(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await photo(kit, 1, text="one")
        await later(kit, 2.1)
        await kit.until(lambda: len(bot.turns) == 1)
        await photo(kit, 2)
        await photo(kit, 3, album="b", text="three")
        await photo(kit, 4)
        await later(kit, 2.1)
        await settled(kit, bot, 3)
        assert [names(turn) for turn in bot.turns] == [["1.jpg"], ["2.jpg", "4.jpg"], ["3.jpg"]]


@pytest.mark.feature("ORD-06", "ORD-01")
async def test_what_is_said_after_an_album_is_answered_after_it(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await photo(kit, 1, text="look")
        await kit.say("what is this?")
        await photo(kit, 2)
        await photo(kit, 9, album="", text="alone")
        await later(kit, 2.1)
        assert await settled(kit, bot, 3) == ["look", "what is this?", "alone"]
        assert [names(turn) for turn in bot.turns] == [["1.jpg", "2.jpg"], [], ["9.jpg"]]


@pytest.mark.feature("ORD-06", "ORD-05")
async def test_what_waits_survives_a_restart(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await photo(kit, 1, text="look")
        await photo(kit, 2)
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await later(kit, 2.1)
        assert await settled(kit, bot, 1) == ["look"]
        assert names(bot.turns[0]) == ["1.jpg", "2.jpg"]


@pytest.mark.feature("ORD-06", "CMD-04")
async def test_a_reset_discards_an_album_that_waits(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await photo(kit, 1)
        await kit.say("/reset")
        await photo(kit, 2, text="new")
        await later(kit, 2.1)
        assert await settled(kit, bot, 1) == ["new"]
        assert names(bot.turns[0]) == ["2.jpg"]


@pytest.mark.feature("ORD-06")
async def test_an_album_behind_a_running_turn_is_gathered_too(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        go = asyncio.Event()

        async def slow(turn: Turn) -> AsyncIterator[Piece]:
            if turn.message.text == "first":
                await go.wait()
            yield Say(Outbound(text="well"))

        bot = kit.bot(slow)
        await kit.say("first")
        for number in range(3):
            await photo(kit, number)
        go.set()
        await kit.until(lambda: not kit.router.turns.running)
        assert len(bot.turns) == 1
        await later(kit, 2.1)
        await settled(kit, bot, 2)
        assert names(bot.turns[1]) == ["0.jpg", "1.jpg", "2.jpg"]


@pytest.mark.feature("ORD-05")
async def test_what_one_person_says_in_quick_succession_is_one_turn(tmp_path: Path) -> None:
    async with corridor(tmp_path, QUIET) as kit:
        bot = kit.bot()
        for number, text in enumerate(("hello", "I have", "a question")):
            await kit.say(text, ref=f"m{number}")
            await later(kit, 1)
        assert bot.turns == []
        await later(kit, 2.1)
        assert await settled(kit, bot, 1) == ["hello\nI have\na question"]
        parts = bot.turns[0].message.extra["parts"]
        assert [(part["id"], part["text"]) for part in parts] == [
            *(("m0", "hello"), ("m1", "I have"), ("m2", "a question"))
        ]
        ((session,),) = await kit.rows("SELECT id FROM session")
        lines = await kit.corridor.db.read(history.newest, session, 50)
        assert [(line.role, line.text, line.ref) for line in lines] == [
            *(("user", "hello", "m0"), ("user", "I have", "m1"), ("user", "a question", "m2")),
            ("assistant", "hello\nI have\na question", ""),
        ]
        await kit.say("and another")
        await later(kit, 3.1)
        assert (await settled(kit, bot, 2))[1] == "and another"
        assert "parts" not in bot.turns[1].message.extra


@pytest.mark.feature("ORD-05")
async def test_nobody_waits_longer_than_max_wait_or_for_more_than_max_messages(tmp_path: Path) -> None:
    async with corridor(tmp_path, QUIET) as kit:
        bot = kit.bot()
        for number in range(4):
            await kit.say(f"many {number}")
        kit.router.ring_bot("b")
        assert await settled(kit, bot, 1) == ["many 0\nmany 1\nmany 2\nmany 3"]
        for number in range(3):
            await kit.say(f"slow {number}")
            await later(kit, 2.9)
        assert (await settled(kit, bot, 2))[1] == "slow 0\nslow 1\nslow 2"


@pytest.mark.feature("ORD-05")
async def test_people_are_never_merged_and_each_conversation_is_apart(tmp_path: Path) -> None:
    async with corridor(tmp_path, QUIET) as kit:
        bot = kit.bot()
        for user, text in (("ada", "1"), ("ada", "2"), ("bob", "3"), ("ada", "4"), ("bob", "5")):
            await kit.say(text, user=user, chat="g", place="group")
        await kit.say("6", user="ada")
        for thread in ("x", "y"):
            await kit.say(thread, user="ada", chat="g", place="topic", thread=thread)
        for _ in range(5):
            await later(kit, 3.1)
        await settled(kit, bot, 7)
        texts = [turn.message.text for turn in bot.turns if turn.message.address.place == "group"]
        assert texts == ["1\n2", "3", "4", "5"]
        assert sorted(turn.message.text for turn in bot.turns if turn.message.address.place != "group") == [
            "6",
            "x",
            "y",
        ]


@pytest.mark.feature("ORD-05", "CMD-04")
async def test_commands_and_presses_do_not_wait(tmp_path: Path) -> None:
    async with corridor(tmp_path, QUIET) as kit:
        kit.bot()
        await kit.say("hello")
        await kit.say("/help")
        await kit.until(lambda: len(kit.paper.sent) == 1)
        assert kit.paper.texts()[0].startswith("Commands")


@pytest.mark.feature("ORD-05")
async def test_a_text_that_was_cut_by_its_writers_client_is_joined_without_a_seam(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.here.adapter.limits = replace(kit.here.limits, splits=100)  # type: ignore[misc]
        bot = kit.bot()
        long = "".join(chr(97 + n % 26) for n in range(250))
        for piece in (long[:100], long[100:200], long[200:], "something else"):
            await kit.say(piece)
        await later(kit, 1.4)
        assert bot.turns == []
        await later(kit, 0.2)
        assert await settled(kit, bot, 2) == [long, "something else"]
        await kit.say("x" * 100)
        await photo(kit, 1, album="", text="a picture is no piece of it")
        await later(kit, 1.6)
        assert (await settled(kit, bot, 4))[2:] == ["x" * 100, "a picture is no piece of it"]


@pytest.mark.feature("ORD-05")
async def test_ordinary_messages_do_not_wait_at_all(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        accepted = await kit.say("hello", order=7)
        assert accepted.envelope is not None, "it was taken as it was written"
        await settled(kit, bot, 1)
        assert "joins" not in encode(bot.turns[0].message)


@pytest.mark.feature("ORD-04")
async def test_what_waits_together_is_taken_in_the_platforms_order(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        go = asyncio.Event()

        async def slow(turn: Turn) -> AsyncIterator[Piece]:
            await go.wait()
            yield Say(Outbound(text=turn.message.text))

        bot = kit.bot(slow)
        await kit.say("running", order=50)
        for order in (13, 11, 12):
            await kit.say(str(order), order=order)
        await kit.say("no order of its own")
        kit.clock.ahead += 0.4
        for order in (15, 10, 14):
            await kit.say(str(order), order=order)
        await kit.say("/help")
        go.set()
        assert await settled(kit, bot, 8) == [*("running", "11", "12", "13", "no order of its own", "10", "14", "15")]
        rows = await kit.rows("SELECT seq FROM inbox ORDER BY seq")
        assert rows == [(n,) for n in range(1, 10)]
