"""Telegram in trouble: nothing is lost, nothing is said twice unless it cannot be known, and all of it heals."""

from pathlib import Path

import aiohttp
import pytest

from tests.doors import Held
from tests.far.telegram import TelegramServer
from tests.full import shut
from tests.ports import free_port
from tests.road import REMEMBERS, SCRIPTED
from tests.telegram_road import MODES, Road, gateway, road

both = pytest.mark.parametrize("mode", MODES)
SENT = "SELECT state, unknowns FROM outbox ORDER BY id"


def calls(here: Road, wanted: str) -> int:
    return [method for method, _ in here.server.calls].count(wanted)


@pytest.mark.feature("OUT-02", "OUT-04")
@both
async def test_too_many_is_waited_out_by_the_chat_that_was_told_so(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode) as here:
        here.server.fail("sendMessage", 429, retry_after=5, chat=7)
        for text in ("one", "two"):
            here.server.user(7).says(text)
        await here.until_rows([("ready", 1), ("ready", 0)], "SELECT state, attempts FROM outbox ORDER BY id")
        here.server.user(8).says("hello")
        await here.texts(8, ["hello"])
        here.leap(4)
        await here.gateway.until_rows([(1,)], "SELECT COUNT(*) FROM outbox WHERE state = 'sent'")
        assert (here.server.texts(7), calls(here, "sendMessage")) == ([], 2)
        here.leap(1)
        await here.texts(7, ["one", "two"])
        assert calls(here, "sendMessage") == 4


@pytest.mark.feature("OUT-02", "OUT-06")
async def test_tries_end_with_a_dead_letter_and_what_is_behind_it_goes_out(tmp_path: Path) -> None:
    async with road(tmp_path, channel="limits: {send: off}, delivery: {attempts: 3}") as here:
        here.server.fail("sendMessage", 500, times=3)
        for text in ("never", "after it"):
            here.server.user(7).says(text)
        for attempt in (1, 2):
            await here.until_rows([(attempt,)], "SELECT attempts FROM outbox WHERE state = 'ready' AND attempts > 0")
            here.leap(10)
        await here.texts(7, ["after it"])
        await here.quiet()
        assert await here.rows("SELECT state, reason FROM outbox ORDER BY id") == [("dead", "attempts"), ("sent", None)]


@pytest.mark.feature("OUT-05")
@both
@pytest.mark.parametrize("how", ["accept_then_reset", "accept_then_cut", "accept_then_hang", "html"])
async def test_in_doubt_it_is_said_once_more_and_flagged(how: str, mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode) as here:
        here.server.fail("sendMessage", how)  # type: ignore[arg-type]
        here.server.user(7).says("hello")
        await here.until(lambda: calls(here, "sendMessage"))
        if how == "accept_then_hang":
            await here.until(lambda: here.server.sent)
            here.leap(31)
        await here.until_rows([("unknown", 1)], SENT)
        here.leap(10)
        await here.until_rows([("sent", 1)], SENT)
        assert here.server.texts(7) == ["hello"] * (1 if how == "html" else 2)


@pytest.mark.feature("OUT-05", "OUT-03")
@both
async def test_in_doubt_twice_it_is_left_to_people_and_the_next_part_goes_out(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode) as here:
        here.server.fail("sendMessage", "accept_then_reset", times=2)
        for text in ("hello", "again"):
            here.server.user(7).says(text)
        await here.until_rows([("unknown", 1), ("ready", 0)], SENT)
        here.leap(10)
        await here.until_rows([("unconfirmed", 2), ("sent", 0)], SENT)
        assert here.server.texts(7) == ["hello", "hello", "again"]


@pytest.mark.feature("OUT-05")
async def test_where_nothing_may_be_said_twice_it_is_not(tmp_path: Path) -> None:
    async with road(tmp_path, channel="limits: {send: off}, delivery: {on_unknown: never}") as here:
        here.server.fail("sendMessage", "accept_then_reset")
        for text in ("hello", "again"):
            here.server.user(7).says(text)
        await here.until_rows([("unconfirmed", 1), ("sent", 0)], SENT)
        assert here.server.texts(7) == ["hello", "again"]


@pytest.mark.feature("OUT-06")
@both
async def test_who_blocks_the_bot_is_left_in_peace_until_they_write_again(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, SCRIPTED) as here:
        slow, ada = Held(), here.server.user(7)
        for text in ("one", "two"):
            ada.says(text)
        await here.until(lambda: slow.turns)
        here.server.world.private(ada.person).shut = "bot was blocked by the user"  # and the news has not come yet
        for _ in range(2):
            slow.write("an answer")
            slow.finish()
        await here.until_rows([("dead", "blocked")] * 2, "SELECT state, reason FROM outbox ORDER BY id")
        assert calls(here, "sendMessage") == 1
        ada.unblocks()
        ada.says("I am back")
        slow.write("welcome")
        slow.finish()
        await here.texts(7, ["welcome"])


@pytest.mark.feature("OUT-06")
@both
async def test_the_news_of_being_blocked_is_heard(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, SCRIPTED) as here:
        slow, ada = Held(), here.server.user(7)
        for text in ("one", "two"):
            ada.says(text)
        await here.until(lambda: slow.turns)
        ada.blocks()
        await here.until_rows([("blocked",)], "SELECT silenced FROM lane")
        for count in (1, 2):
            slow.write("an answer")
            slow.finish()
            await here.until_rows([("dead", "blocked")] * count, "SELECT state, reason FROM outbox")
        assert calls(here, "sendMessage") == 0
        ada.unblocks()
        ada.says("three")
        slow.write("welcome")
        slow.finish()
        await here.texts(7, ["welcome"])


@pytest.mark.feature("CH-22", "OUT-06")
@both
async def test_a_revoked_token_stops_the_channel_and_keeps_what_is_to_be_sent(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, SCRIPTED) as here:
        slow = Held()
        here.server.user(7).says("one")
        here.server.user(8).says("two")
        await here.until(lambda: len(slow.turns) == 2)
        here.server.revoked = True
        for _ in range(2):
            slow.write("an answer")
            slow.finish()
        await here.until(lambda: here.state == "auth")
        await here.until_rows([("ready",)] * 2, "SELECT state FROM outbox")
        before = len(here.server.calls)
        here.leap(120)
        assert here.server.texts() == []
        here.server.revoked = False
        here.leap(800)
        await here.until(lambda: here.state == "up")
        await here.until(lambda: len(here.server.sent) == 2)
        assert sorted(sent.chat for sent in here.server.sent) == [7, 8]
        here.server.user(7).says("three")
        slow.write("well again")
        slow.finish()
        await here.until(lambda: here.server.texts(7)[-1] == "well again")
        assert len(here.server.calls) - before < 20


@pytest.mark.feature("CH-22")
@both
async def test_a_token_refused_for_once_while_speaking_heals_too(mode: str, tmp_path: Path) -> None:
    """Only the sending is refused: what is heard goes on all the while."""
    async with road(tmp_path, mode) as here:
        here.server.fail("sendMessage", 401)
        here.server.user(7).says("one")
        await here.until(lambda: here.state == "auth")
        here.server.user(7).says("two")
        await here.until_rows([("ready",)] * 2, "SELECT state FROM outbox")
        assert calls(here, "sendMessage") == 1
        await here.goes_by(910)
        await here.texts(7, ["one", "two"])
        await here.until(lambda: here.state == "up")


@pytest.mark.feature("CH-22", "CH-04")
async def test_a_second_poller_is_a_conflict_that_ends(tmp_path: Path) -> None:
    async with road(tmp_path) as here, aiohttp.ClientSession() as other:
        await here.until(lambda: here.server.queue.polled)
        async with other.get(f"{here.server.url}/bot{here.server.token}/getUpdates") as response:
            assert response.status == 200
        await here.until(lambda: here.state == "conflict")
        here.server.user(7).says("hello")
        before = calls(here, "getUpdates")
        here.leap(3)
        assert calls(here, "getUpdates") == before
        here.leap(3)
        await here.texts(7, ["hello"])
        await here.until(lambda: here.state == "up")


@pytest.mark.feature("CH-22", "INB-02")
@both
async def test_telegram_is_away_at_the_start(mode: str, tmp_path: Path) -> None:
    server = TelegramServer(port=free_port())
    server.user(7).says("are you there?")
    async with gateway(server, tmp_path, mode) as here:
        await here.until(lambda: here.state == "retrying")
        async with server:
            here.leap(5)
            await here.texts(7, ["are you there?"])
            assert here.state == "up"


@pytest.mark.feature("INB-01", "INB-02", "CH-03", "CH-04")
@both
async def test_what_cannot_be_stored_is_not_acknowledged_and_answered_once_it_can(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode) as here:
        with shut(tmp_path):
            for number in range(3):
                here.server.user(7).says(str(number))
            if mode == "webhook":
                await here.server.until(lambda: here.server.pusher.deliveries)
                assert {delivery.status for delivery in here.server.pusher.deliveries} == {503}
            else:
                await here.until(lambda: here.state == "retrying")
            assert len(here.server.queue.pending) == 3
            assert here.server.sent == []
        here.leap(2)
        await here.texts(7, ["0", "1", "2"])
        await here.quiet()
        assert here.server.texts(7) == ["0", "1", "2"]


FORGED = {
    "no secret": {},
    "wrong": {"X-Telegram-Bot-Api-Secret-Token": "wrong"},
    "non-ASCII": {"X-Telegram-Bot-Api-Secret-Token": "é"},
    "from Telegram, it says": {"X-Forwarded-For": "149.154.167.220"},
}


@pytest.mark.feature("SEC-01", "CH-03")
async def test_forged_calls_are_refused_counted_and_kept_nowhere(tmp_path: Path) -> None:
    async with road(tmp_path, "webhook") as here:
        here.server.user(7).says("hello")
        await here.quiet()
        body = here.server.world.chats[7].messages[2]
        update = {"update_id": 5, "message": {**body, "message_id": 99}}
        for headers in FORGED.values():
            answer = await here.gateway.ask("POST", "/c/help", update, headers=headers)
            assert (answer.status, answer.body) == (401, b"")
        right = {"X-Telegram-Bot-Api-Secret-Token": here.server.pusher.secret}
        assert (await here.gateway.ask("POST", "/c/help", update, headers=right)).status == 200
        await here.texts(7, ["hello", "hello"])
        assert await here.rows("SELECT COUNT(*) FROM inbox") == [(2,)]
        assert await here.rows("SELECT COUNT(*) FROM dropped") == [(0,)]
        forged = here.gateway.daemon.corridor.metrics.forged.labels("help")
        assert forged._value.get() == len(FORGED)


@pytest.mark.feature("LIF-19", "INB-03", "CH-04", "ORD-01")
@both
async def test_a_restart_in_the_middle_of_it_all(mode: str, tmp_path: Path) -> None:
    async with TelegramServer() as server:
        async with gateway(server, tmp_path, mode, SCRIPTED) as here:
            await here.until(lambda: here.state == "up")
            slow = Held()
            slow.write("answer to one")
            slow.finish()
            server.fail("sendMessage", 429, retry_after=60, after=1)
            if mode == "polling":
                await here.until(lambda: server.queue.polled)
                server.fail("getUpdates", "hang", times=1000)  # what is heard now is confirmed by nobody
            for text in ("one", "two", "three"):
                server.user(7).says(text)
            await here.texts(7, ["answer to one"])
            slow.write("answer to two")
            slow.finish()
            await here.until_rows([("sent",), ("ready",)], "SELECT state FROM outbox ORDER BY id")
            await here.until(lambda: len(slow.turns) == 3)
            slow.write("half an answer to thr")
            assert len(server.queue.pending) == (3 if mode == "polling" else 0)
        server.script.clear()
        server.user(7).says("four")
        async with gateway(server, tmp_path, mode, REMEMBERS) as here:
            here.leap(60)
            await here.texts(7, ["answer to one", "answer to two", "three (4)", "four (6)"])
            await here.quiet()
            assert server.texts(7) == ["answer to one", "answer to two", "three (4)", "four (6)"]
            assert await here.rows("SELECT COUNT(*) FROM session") == [(1,)]
