"""Several processes on one database keep the promises of one: what comes to all of them is answered once, in order."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.far.backend import Call, Reply, as_json
from tests.process import Gateway
from tests.replicas import BUSY, CONFIG, LEASE, NOW, SECRET, TAKEN, Replicas, pause, replicas, resume, stands


def numbers(texts: list[str]) -> list[str]:
    return [text.rpartition(" ")[2] for text in texts]


def attempts(here: Replicas) -> Counter[tuple[str, int]]:
    """How often the bot was asked for each turn, by its key and attempt."""
    return Counter((call.headers["idempotency-key"], call.document["turn"]["attempt"]) for call in here.bot.calls)


def held(go_on: asyncio.Event, document: Any) -> Reply:
    """An answer that takes as long as we like."""
    return as_json(document, before=lambda _: go_on.wait())


@pytest.mark.feature("STO-05", "INB-03", "ORD-01")
async def test_an_event_that_reaches_all_at_once_is_answered_once(tmp_path: Path) -> None:
    async with replicas(tmp_path, 3) as here:
        for number in range(12):
            for user in range(201, 204):
                update = here.say(user, f"message {number}")
                assert await here.push(update, *here, *here) == [200] * 6
        await here.done()
        for user in range(201, 204):
            assert numbers(here.platform.texts(user)) == [str(number) for number in range(12)]
        assert set(attempts(here).values()) == {1}
        assert len(here.bot.calls) == 36
        assert here.rows("SELECT COUNT(*) FROM inbox") == [(36,)]


@pytest.mark.feature("KEY-05", "STO-05")
async def test_two_first_messages_to_two_processes_open_one_session(tmp_path: Path) -> None:
    async with replicas(tmp_path, 2) as here:
        for user in range(301, 321):
            one, other = here.say(user, "message 1"), here.say(user, "message 2")
            both = await asyncio.gather(here.push(one, here[0]), here.push(other, here[1]))
            assert list(both) == [[200], [200]]
        await here.done()
        assert here.rows("SELECT COUNT(*) FROM lane") == [(20,)]
        assert here.rows("SELECT COUNT(*) FROM session") == [(20,)]
        assert here.rows("SELECT COUNT(DISTINCT session) FROM message") == [(20,)]
        for user in range(301, 321):
            assert sorted(numbers(here.platform.texts(user))) == ["1", "2"]


@pytest.mark.feature("STO-05", "ORD-03", "LIF-19", "ORD-01")
async def test_the_sessions_of_a_process_that_was_killed_go_on_in_time(tmp_path: Path) -> None:
    never = asyncio.Event()
    async with replicas(tmp_path, 2) as here:
        first, second = here
        here.bot.plan(held(never, {}))
        await here.asked_by(first, here.say(401, "message 1"))
        assert await here.push(here.say(401, "message 2"), second) == [200]
        await first.kill()
        await here.taken_over()
        await here.done()
        assert numbers(here.platform.texts(401)) == ["1", "2"]
        asked = [(call.document["message"]["text"], call.document["turn"]["attempt"]) for call in here.bot.calls]
        assert asked == [("message 1", 1), ("message 1", 2), ("message 2", 1)]
        assert len({call.headers["idempotency-key"] for call in here.bot.calls}) == 2
        never.set()


@pytest.mark.feature("STO-05", "ORD-03")
async def test_clocks_that_differ_take_nothing_early_and_keep_nothing_late(tmp_path: Path) -> None:
    go_on, never = asyncio.Event(), asyncio.Event()
    async with replicas(tmp_path, 3, clocks=(0, 3600, -3600)) as here:
        here.bot.plan(*(held(go_on, {"text": f"slow {number}"}) for number in range(3)))
        for user, gateway in enumerate(here, 501):
            assert await here.push(here.say(user, "message 1"), gateway) == [200]
        await asyncio.sleep(2 * LEASE)  # whoever would take something early, by another's clock, has had the time
        go_on.set()
        await here.done()
        assert set(attempts(here).values()) == {1}
        for gateway in (here[1], here[2]):
            here.bot.plan(held(never, {}))
            await here.asked_by(gateway, here.say(501, "message 2"))
            await gateway.kill()
            await here.taken_over()
            await here.done()
        never.set()


SPOKEN = """SELECT COUNT(*) FROM message
    WHERE role = 'assistant' AND session IN (SELECT session FROM lane WHERE chat = '601')"""
HEARS = "SELECT holder, until FROM tenure WHERE name LIKE 'telegram/%'"
PLACES = ["turn.claimed:1", "bot.after:1", "turn.before:1", "turn.after:1", "send.intended:1"]
PLACES += ["send.before:1", "send.before:2", "send.noted:1"]


@pytest.mark.feature("STO-05", "ORD-03", "OUT-03", "LIF-11")
@pytest.mark.parametrize("place", PLACES)
async def test_a_process_that_stood_still_neither_commits_nor_sends(tmp_path: Path, place: str) -> None:
    """It wakes long after its leases have run out, and others have gone on."""

    def answer(call: Call) -> Any:
        number = call.document["turn"]["attempt"], call.document["message"]["text"]
        return {"messages": [{"text": f"{number} part {part}"} for part in (1, 2, 3)]}

    # Who is busy for a second must not lose what it is to stand still with.
    async with replicas(tmp_path, 2, lease=4, GW_FAILPOINT=f"{place}:STOP") as here:
        here.bot.answer = answer
        first, second = here
        pause(second)  # which would serve what the first one has no place for at this moment
        pushing = asyncio.ensure_future(here.push(here.say(601, "message 1"), first))
        await here.until(lambda: stands(first))
        resume(second)
        again = here.say(601, "message 2")
        while await here.push(again, second) == [503]:
            # Who stands still may do so in a transaction: what it holds the server takes from it, some time.
            await asyncio.sleep(0.05)
        await here.done()
        before = here.platform.texts()
        resume(first)
        await pushing
        await _awake(here, first)
        assert here.platform.texts(601) == before
        said = [text.partition(" part ")[0] for text in before]
        assert numbers(before) == ["1", "2", "3"] * 2
        assert len(set(said)) == 2  # both answers are of one attempt each
        assert here.rows(SPOKEN) == [(6,)]
        ((doubtful,),) = here.rows("SELECT COUNT(*) FROM outbox WHERE unknowns > 0")
        assert doubtful == int(place.startswith(("turn.after", "send.intended", "send.before")))
        calls = [call.document for call in here.bot.calls]
        asked = [call["turn"]["attempt"] for call in calls if call["message"]["text"] == "message 1"]
        assert asked == sorted(asked), "who may have lost a turn does not ask about it"


WAITS = "another process hears this account"


@pytest.mark.feature("CH-21", "STO-05")
@pytest.mark.parametrize("end", ["stopped", "killed", "stands still"])
async def test_one_process_polls_and_another_goes_on_when_it_is_gone(tmp_path: Path, end: str) -> None:
    config = CONFIG.replace("level: warning", "level: info")
    async with replicas(tmp_path, 3, mode="polling", config=config) as here:
        await here.until(lambda: here.platform.queue.polled and sum(WAITS in one.log for one in here) == 2)
        here.platform.user(801).says("message 1")
        await here.until(lambda: here.platform.texts(801))
        await here.done()  # else the answer is in doubt when its sender is killed, and said once more
        (polls,) = [gateway for gateway in here if WAITS not in gateway.log]
        ((holder, ends),) = here.rows(HEARS)
        if end == "stopped":
            await polls.stop()
        elif end == "killed":
            await polls.kill()
        else:
            await here.until(lambda: here.platform.queue.polled)  # its poll is answered while it stands still
            pause(polls)
            await here.until(lambda: stands(polls))
        here.platform.user(801).says("message 2")
        await here.until(lambda: here.rows(HEARS) and here.rows(HEARS)[0][0] != holder)
        ((now,),) = here.rows(NOW)
        assert now <= ends + (LEASE + TAKEN + BUSY) * 1000
        await here.until(lambda: len(here.platform.texts(801)) == 2)
        if end == "stands still":
            resume(polls)
            await here.until(lambda: "channel.handed_over" in polls.log)
            here.platform.user(801).says("message 3")
            await here.until(lambda: len(here.platform.texts(801)) == 3)
        await here.done()
        assert numbers(here.platform.texts(801)) == ["1", "2", "3"][: len(here.bot.calls)]
        assert not any("conflict" in one.log for one in here), "no two have ever polled at once"


@pytest.mark.feature("CH-21", "STO-05")
async def test_who_stood_still_between_two_polls_does_not_poll_beside_another(tmp_path: Path) -> None:
    """It wakes with a batch that is written down, and its next step would be the next poll."""
    config = CONFIG.replace("level: warning", "level: info")
    async with replicas(tmp_path, 2, mode="polling", config=config, GW_FAILPOINT="receive.after:1:STOP") as here:
        first, second = here
        await second.stop()
        await here.until(lambda: here.rows(HEARS) and here.platform.queue.polled)  # who stops leaves it to others
        await second.start()
        here.platform.user(801).says("message 1")
        await here.until(lambda: stands(first))
        await here.until(lambda: here.platform.texts(801) and here.platform.queue.polled)
        resume(first)
        await here.until(lambda: "channel.handed_over" in first.log)
        here.platform.user(801).says("message 2")
        await here.until(lambda: len(here.platform.texts(801)) == 2)
        await here.done()
        assert numbers(here.platform.texts(801)) == ["1", "2"]
        assert not any("conflict" in one.log for one in here), "no two have ever polled at once"


@pytest.mark.feature("STO-05", "STO-06", "ORD-01", "OUT-03")
async def test_restarted_one_after_another_under_load_nothing_is_lost_doubled_or_disordered(tmp_path: Path) -> None:
    users, numbered = range(901, 909), Counter[int]()
    async with replicas(tmp_path, 3, lease=15) as here:  # a machine that is busy for seconds is not what is tried here
        await here.platform.pusher.start(*hooks(here))
        talking = asyncio.ensure_future(_talk(here, users, numbered))
        for gateway in here:
            await _goes_on(here)
            await gateway.stop()
            await gateway.start()
        await _goes_on(here)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await here.until(lambda: not here.platform.queue.pending)
        await here.done()
        for user in users:
            assert numbers(here.platform.texts(user)) == [str(number) for number in range(1, numbered[user] + 1)]
        assert set(attempts(here).values()) == {1}
        assert here.rows("SELECT COUNT(*) FROM outbox WHERE unknowns > 0") == [(0,)]
        assert {one.status for one in here.platform.pusher.deliveries} <= {200, 503, 0}


def hooks(here: Replicas) -> tuple[str, ...]:
    """Where the platform pushes to: the address of the first, the secret, and the addresses of the others."""
    first, *others = (f"{gateway.url}/c/t" for gateway in here)
    return first, SECRET, *others


async def _goes_on(here: Replicas) -> None:
    """Wait until some more has been answered."""
    before = len(here.platform.sent)
    await here.until(lambda: len(here.platform.sent) > before + 20)


async def _talk(here: Replicas, users: range, numbered: Counter[int]) -> None:
    while True:
        for user in users:
            numbered[user] += 1
            here.platform.user(user).says(f"message {numbered[user]}")
        await asyncio.sleep(0.05)
        while len(here.platform.queue.pending) > 20:
            await asyncio.sleep(0.05)


async def _awake(here: Replicas, gateway: Gateway) -> None:
    """A process does its work again: what it had left to do before, it has done or let be."""
    for user in range(700, 705):
        assert await here.push(here.say(user, "message 9"), gateway) == [200]
    await here.done()
    await asyncio.sleep(LEASE / 3)
    await here.done()
