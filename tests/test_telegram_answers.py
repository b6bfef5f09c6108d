"""What people see of an answer: its parts and their formatting, that it is coming, and the pace it comes at."""

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.message import Turn
from tests.doors import Held
from tests.far.telegram import TelegramServer
from tests.far.telegram.entities import units
from tests.far.telegram.server import Sent
from tests.road import SCRIPTED
from tests.telegram_road import MODES, Road, gateway, road

both = pytest.mark.parametrize("mode", MODES)
WRITES = "kind: python, call: 'tests.test_telegram_answers:writes'"

CODE = "\n".join(f"    total_{number} = total_{number - 1} + {number}  # 😀" for number in range(1, 401))
LONG = f"""# A report

{" ".join(f"Word{number} **bold{number}** and 👩‍👩‍👧‍👦." for number in range(400))}

```python
{CODE}
```

> A quote with a [link](https://example.org/a_(b)) and `code`.

- one
- _two_

The end: 1 < 2 & *done*.
"""


async def writes(turn: Turn) -> str:
    return LONG


@pytest.mark.feature("FMT-01", "FMT-02", "OUT-03", "DEV-03")
@both
async def test_a_long_answer_comes_in_parts_that_lose_nothing(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, WRITES) as here:
        here.server.user(7).says("write")
        await here.quiet()
        parts = here.server.sent
        assert len(parts) > 5
        assert all(units(part.text) <= 4096 for part in parts)
        text = "\n".join(part.text for part in parts)
        assert [int(n) for n in re.findall(r"\bWord(\d+) bold\1 and 👩‍👩‍👧‍👦", text)] == list(range(400))
        assert [int(n) for n in re.findall(r"total_(\d+) = ", text)] == list(range(1, 401))
        assert text.endswith("The end: 1 < 2 & done.")
        assert "**" not in text
        assert "```" not in text
        code = [(part, mark) for part in parts for mark in marks(part) if mark["type"] == "pre"]
        assert len(code) > 2, "the fence goes over several parts"
        assert {mark["language"] for _, mark in code} == {"python"}
        assert "\n".join(cut(part, mark) for part, mark in code) == CODE
        bold = [cut(part, mark) for part in parts for mark in marks(part) if mark["type"] == "bold"]
        assert [word for word in bold if word.startswith("bold")] == [f"bold{number}" for number in range(400)]
        linked = [(part, mark) for part in parts for mark in marks(part) if mark["type"] == "text_link"]
        assert [(cut(part, mark), mark["url"]) for part, mark in linked] == [("link", "https://example.org/a_(b)")]
        assert {mark["type"] for mark in marks(parts[-1])} >= {"blockquote", "text_link", "code", "italic"}


def marks(part: Sent) -> list[dict[str, Any]]:
    return list(part.asked.get("entities", ()))


def cut(part: Sent, mark: dict[str, Any]) -> str:
    start, end = 2 * mark["offset"], 2 * (mark["offset"] + mark["length"])
    return part.text.encode("utf-16-le")[start:end].decode("utf-16-le")


@pytest.mark.feature("FMT-01")
async def test_markup_that_is_refused_goes_out_once_more_as_plain_text(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        here.server.fail("sendMessage", 400, description="Bad Request: can't parse entities: unexpected end")
        here.server.user(7).says("**bold** & [a link](https://example.org)")
        await here.until(lambda: here.server.sent)
        assert "bold" in here.server.sent[0].text
        assert "https://example.org" in here.server.sent[0].text
        assert marks(here.server.sent[0]) == []


@pytest.mark.feature("OUT-03", "OUT-02")
@both
@pytest.mark.parametrize("how", [429, 500, 503])
async def test_a_part_that_fails_is_gone_on_with_and_none_is_repeated(how: int, mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, WRITES) as here:
        here.server.fail("sendMessage", how, times=2, retry_after=9, after=2)
        here.server.user(7).says("write")
        for failures in (1, 2):
            failed = [("ready", failures)]
            await here.until_rows(failed, "SELECT state, attempts FROM outbox WHERE attempts > 0 AND state = 'ready'")
            assert len(here.server.sent) == 2
            here.leap(10)
        await here.quiet()
        texts = here.server.texts(7)
        assert tries(here) == len(texts) + 2
        assert len(set(texts)) == len(texts)
        assert "\n".join(texts).endswith("The end: 1 < 2 & done.")


def tries(here: Road) -> int:
    return [method for method, _ in here.server.calls].count("sendMessage")


async def nothing_more_is_shown(here: Road) -> None:
    """What was on its way may still arrive; after that nothing does, however long one waits."""
    counts = []
    for _ in range(2):
        here.leap(9)
        await here.quiet()
        await here.server_answers()
        counts.append((len(here.server.actions), len(here.server.drafts), len(here.server.sent)))
    assert counts[0] == counts[1]


@pytest.mark.feature("STR-01")
@both
async def test_a_slow_answer_shows_typing_and_drafts_and_then_itself(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, SCRIPTED) as here:
        server, slow = here.server, Held()
        server.user(7).says("think")
        await here.until(lambda: server.actions)
        assert server.actions == [(7, "typing")]
        slow.write("Let me **th")
        await here.until(lambda: server.drafts)
        here.leap(4.5)  # typing lapses, and so does the wait between two drafts
        await here.until(lambda: len(server.actions) >= 2)
        slow.write("ink** about it.")
        here.leap(1.5)
        await here.until(lambda: len(server.drafts) == 2)
        slow.finish()
        await here.texts(7, ["Let me think about it."])
        first, second = ((chat, text, marks) for chat, _, _, text, marks in server.drafts)
        assert first[:2] == (7, "Let me th")
        assert [mark["type"] for mark in first[2]] == ["bold"]
        assert second[:2] == (7, "Let me think about it.")
        assert len({draft for _, _, draft, _, _ in server.drafts}) == 1
        await nothing_more_is_shown(here)


@pytest.mark.feature("STR-01")
@pytest.mark.parametrize("outcome", ["answered", "fails", "/reset", "/stop"])
async def test_typing_stops_on_every_outcome_and_its_failures_do_not_matter(outcome: str, tmp_path: Path) -> None:
    async with road(tmp_path, "polling", SCRIPTED) as here:
        server, slow = here.server, Held()
        forum = server.group(-1001, forum=True)
        topic = forum.topic("news")
        server.admins[-1001, 7] = "administrator"  # who may reset what belongs to all
        server.fail("sendChatAction", 500)
        server.user(7).says("@far_bot think", forum, topic=topic)
        server.user(8).says("think")
        await here.until(lambda: len(slow.turns) == 2)
        await here.until(lambda: len(server.actions) == 1)
        here.leap(4.5)
        typing_in = {-1001, 8}  # a failure is no reason to stop showing it
        await here.until(lambda: {chat for chat, _ in server.actions} == typing_in)
        slow.write("words")
        if outcome in ("answered", "fails"):
            for _ in range(2):
                slow.pieces.put_nowait(None if outcome == "answered" else 7)  # type: ignore[arg-type]
        else:
            server.user(7).says(outcome, forum, topic=topic)
            server.user(8).says(outcome)
        await here.until(lambda: not here.gateway.daemon.router.turns.running)
        await nothing_more_is_shown(here)
        assert [method for method, asked in server.calls if method == "sendMessageDraft" and asked["chat_id"] < 0] == []
        said = [asked for method, asked in server.calls if asked.get("chat_id") == -1001 and method.startswith("send")]
        threads = {asked.get("message_thread_id") for asked in said}
        assert threads == {topic}


@pytest.mark.feature("OUT-04")
@both
async def test_a_chat_is_written_to_once_a_second_and_no_chat_waits_for_another(mode: str, tmp_path: Path) -> None:
    async with TelegramServer() as server, gateway(server, tmp_path, mode, channel="limits: {messages: off}") as here:
        await here.until(lambda: here.state == "up")
        here.leap(1)  # the account's own bucket is empty right after the start
        server.pace.now = here.gateway.clock.tick
        server.pace.account, server.pace.chat, server.pace.group = (30, 1.0), (1, 0.95), (20, 60.0)
        for number in range(4):
            server.user(7).says(str(number))
        await here.until(lambda: server.texts(7))
        for user in range(8, 16):
            server.user(user).says("hello")
        await here.until(lambda: len(server.sent) == 9)
        assert server.texts(7) == ["0"]
        for number in range(1, 4):
            here.leap(1)
            await here.until(lambda number=number: len(server.texts(7)) > number)  # type: ignore[misc]
        assert server.texts(7) == ["0", "1", "2", "3"]
        assert tries(here) == len(server.sent), "Telegram never had to say: too many"
