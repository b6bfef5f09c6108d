"""Many people at once: nothing is lost, nothing is said twice, and every chat is answered in its order.

`GW_LOAD` says how many messages, ten for each chat.
"""

import os
from collections import defaultdict
from pathlib import Path

import pytest

from tests.far.telegram import TelegramServer
from tests.telegram_road import MODES, Road, gateway

LOAD = int(os.environ.get("GW_LOAD", "1000"))
ROUNDS = 10
CHATS = max(1, LOAD // ROUNDS)
PATIENCE = 60 + LOAD / 20  # seconds, an upper bound only
MANY = "limits: {send: off, messages: off}"

pytestmark = [
    pytest.mark.feature("ORD-01", "ORD-02", "INB-02", "INB-03", "OUT-03", "CH-03", "CH-04", "DEV-03"),
    pytest.mark.timeout(2 * PATIENCE),
    pytest.mark.parametrize("mode", MODES),
]


def everybody_talks(server: TelegramServer, rounds: range) -> None:
    """Everybody says something in every round; some of it comes twice."""
    for round in rounds:
        server.queue.copies = 1 + (round % 4 == 3)
        for chat in range(1, CHATS + 1):
            server.user(chat).says(f"{chat}/{round}")


def wrong(server: TelegramServer) -> dict[int, list[str]]:
    """The chats that did not get just their own answers, in their order."""
    answers: defaultdict[int, list[str]] = defaultdict(list)
    for sent in server.sent:
        answers[sent.chat].append(sent.text)
    wanted = {chat: [f"{chat}/{round}" for round in range(ROUNDS)] for chat in range(1, CHATS + 1)}
    return {chat: answers[chat] for chat in wanted.keys() | answers.keys() if answers[chat] != wanted.get(chat)}


async def all_is_done(here: Road) -> None:
    await here.server.until(lambda: len(here.server.sent) >= CHATS * ROUNDS, PATIENCE)
    await here.quiet()
    assert await here.rows("SELECT COUNT(*) FROM session") == [(CHATS,)]
    assert await here.rows("SELECT state, COUNT(*) FROM inbox GROUP BY state") == [("done", CHATS * ROUNDS)]


async def test_nothing_is_lost_doubled_or_out_of_order(mode: str, tmp_path: Path) -> None:
    async with TelegramServer(lean=True) as server, gateway(server, tmp_path, mode, channel=MANY) as here:
        await here.until(lambda: here.state == "up")
        server.fail("sendMessage", 429, times=CHATS // 10, after=CHATS)
        everybody_talks(server, range(ROUNDS))
        await all_is_done(here)
        assert not wrong(server)
        assert await here.rows("SELECT COUNT(*) FROM outbox WHERE attempts > 1") != [(0,)]


async def test_nor_when_it_is_stopped_and_started_in_between(mode: str, tmp_path: Path) -> None:
    async with TelegramServer(lean=True) as server:
        for start in range(0, ROUNDS, 2):
            async with gateway(server, tmp_path, mode, channel=MANY) as here:
                everybody_talks(server, range(start, start + 2))
                half_way = CHATS * (start + 1)
                await server.until(lambda half_way=half_way: len(server.sent) >= half_way, PATIENCE)  # type: ignore[misc]
        async with gateway(server, tmp_path, mode, channel=MANY) as here:
            await all_is_done(here)
            # A send that was cut off is in doubt, and so said once more; nothing else is.
            ((doubts,),) = await here.rows("SELECT COUNT(*) FROM outbox WHERE unknowns > 0")
        assert len(server.sent) <= CHATS * ROUNDS + doubts
        assert doubts or not wrong(server)
