"""A group that becomes a supergroup goes on under another id: its conversation and all that waits go with it."""

from pathlib import Path

import pytest

from tests.doors import Held
from tests.road import REMEMBERS, SCRIPTED, UNPACED
from tests.telegram_road import MODES, road

pytestmark = pytest.mark.feature("KEY-08")
both = pytest.mark.parametrize("mode", MODES)
OPEN = f"{UNPACED}, group: {{mode: open}}"
KEYS = "SELECT key FROM lane WHERE next_seq > 0 ORDER BY key"
OLD, NEW = -4001, -1_000_000_004_001


def key(chat: int, topic: int = 0) -> tuple[str]:
    where = f"topic:account=123456789,chat={chat},thread={topic}" if topic else f"group:account=123456789,chat={chat}"
    return (f"help/b/{where}",)


@both
@pytest.mark.parametrize("new_first", [False, True], ids=["old first", "new first"])
async def test_the_conversation_goes_on_whichever_chat_tells_first(new_first: bool, mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS, OPEN) as here:
        ada, group = here.server.user(7), here.server.group(OLD, kind="group")
        for text in ("one", "two"):
            ada.says(text, group)
        await here.quiet()
        moved = here.server.migrate(group, ada, new_first=new_first)
        await here.quiet()
        ada.says("three", moved)
        await here.quiet()
        assert here.server.texts(OLD) == ["one (0)", "two (2)"]
        assert here.server.texts(NEW) == ["three (4)"]
        assert await here.rows(KEYS) == [key(NEW)]
        assert await here.rows("SELECT COUNT(*), COUNT(DISTINCT lane) FROM session") == [(1, 1)]


@both
async def test_every_topic_goes_along(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS, OPEN) as here:
        ada, group = here.server.user(7), here.server.group(OLD, kind="group", forum=True)
        topics = [group.topic(name) for name in ("news", "help")]
        for topic in (0, *topics):
            ada.says(f"topic {topic}", group, topic=topic)
        await here.quiet()
        moved = here.server.migrate(group, ada)
        await here.quiet()
        for topic in (0, *topics):
            ada.says(f"topic {topic}", moved, topic=topic)
        await here.quiet()
        assert sorted(here.server.texts(NEW)) == sorted(f"topic {topic} (2)" for topic in (0, *topics))
        assert await here.rows(KEYS) == sorted([key(NEW), *(key(NEW, topic) for topic in topics)])


@both
@pytest.mark.parametrize("new_first", [False, True], ids=["old first", "new first"])
async def test_what_is_said_in_the_new_chat_before_the_news_comes_is_not_lost(
    new_first: bool, mode: str, tmp_path: Path
) -> None:
    async with road(tmp_path, mode, REMEMBERS, OPEN) as here:
        ada, group = here.server.user(7), here.server.group(OLD, kind="group")
        ada.says("one", group)
        await here.quiet()
        here.server.queue.hold()
        moved = here.server.migrate(group, ada, new_first=new_first)
        news = here.server.queue.set_aside()
        ada.says("early", moved)
        await here.quiet()
        here.server.queue.bring(news)
        await here.quiet()
        ada.says("late", moved)
        await here.quiet()
        assert here.server.texts(NEW) == ["early (0)", "late (2)"]
        assert await here.rows("SELECT state FROM session ORDER BY created_at") == [("active",), ("closed",)]
        assert key(NEW) in await here.rows(KEYS)


@pytest.mark.feature("KEY-08", "OUT-03")
@both
async def test_the_news_comes_with_the_refusal_of_a_part(mode: str, tmp_path: Path) -> None:
    """The part, those behind it and those of a topic all follow; the news that comes later changes nothing."""
    async with road(tmp_path, mode, SCRIPTED, OPEN) as here:
        slow, ada = Held(), here.server.user(7)
        group = here.server.group(OLD, kind="group")
        for text in ("one", "two"):
            ada.says(text, group)
        await here.until(lambda: slow.turns)
        here.server.queue.hold()
        moved = here.server.migrate(group, ada)
        for number in (1, 2):
            slow.write(f"answer {number}")
            slow.finish()
        await here.texts(NEW, ["answer 1", "answer 2"])
        assert here.server.texts(OLD) == []
        here.server.queue.release()
        ada.says("three", moved)
        await here.until(lambda: len(slow.turns) == 3)
        assert [line.text for line in slow.turns[2].history] == [
            "User 7: one",
            "answer 1",
            "User 7: two",
            "answer 2",
        ]
        slow.write("answer 3")
        slow.finish()
        await here.texts(NEW, ["answer 1", "answer 2", "answer 3"])
        await here.quiet()
        assert await here.rows(KEYS) == [key(NEW)]
        assert await here.rows("SELECT DISTINCT state FROM outbox") == [("sent",)]


@both
async def test_parts_that_wait_follow_the_news(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS, OPEN) as here:
        ada, group = here.server.user(7), here.server.group(OLD, kind="group")
        here.server.fail("sendMessage", 429, retry_after=30)
        ada.says("one", group)
        ada.says("two", group)
        await here.until_rows([("ready", 1), ("ready", 0)], "SELECT state, attempts FROM outbox ORDER BY id")
        here.server.migrate(group, ada)
        await here.until_rows([key(NEW)], KEYS)
        here.leap(31)
        await here.texts(NEW, ["one (0)", "two (2)"])
        assert here.server.texts(OLD) == []
        quotes = [sent.asked.get("reply_parameters", {}) for sent in here.server.sent]
        assert all(quote.get("allow_sending_without_reply") for quote in quotes)
