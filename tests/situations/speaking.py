"""What is said: long, marked up, with pictures; and what becomes of it when the platform does not take it."""

import asyncio
import re

from tests.media import PNG
from tests.situations import bot
from tests.situations.road import WAIT, Road
from tests.situations.script import LATEST, situation

SOON = 35.0  # seconds after which a part whose fate is not known is tried again


@situation("FMT-02", "OUT-03")
async def a_long_answer(road: Road) -> None:
    said = await _told(road, "story")
    assert len(said) > 2
    whole = "\n\n".join(said)
    places = [whole.index(paragraph.strip()) for paragraph in bot.PARAGRAPHS]
    assert places == sorted(places)


@situation("FMT-02", "FMT-01")
async def code_over_several_messages(road: Road) -> None:
    ada = road.person()
    said = await _told(road, "code", ada)
    assert len(said) > 1
    assert all(text.count("```") % 2 == 0 for text in road.marked(ada)), "a fence is closed and opened again"
    lines = [line for text in said for line in text.splitlines() if line.startswith("step_")]
    assert lines == bot.CODE


@situation("FMT-01")
async def a_table(road: Road) -> None:
    (said,) = await _told(road, "table")
    words = ["Port", "Depth", "Antwerp", "13.5", "Bremen", "14.2"]
    assert all(word in said for word in words)
    assert said.index("Antwerp") < said.index("13.5") < said.index("Bremen") < said.index("14.2")


@situation("FMT-01")
async def links(road: Road) -> None:
    ada = road.person()
    (said,) = await _told(road, "links", ada)
    (marked,) = road.marked(ada)
    assert "the handbook" in said
    addresses = re.findall(r"https://[^\s|>)]+", marked.replace("&amp;", "&"))
    assert addresses == ["https://example.org/book?a=1&b=2", "https://example.org/plain"]
    assert "](" not in said


@situation("FMT-02")
async def foxes_beyond_the_limit(road: Road) -> None:
    """Each counts as one letter or as two, and none is torn apart."""
    said = await _told(road, "foxes")
    assert len(said) > 1
    assert "".join(said) == bot.FOXES


async def _told(road: Road, trick: str, who: object = None) -> list[str]:
    """What is said to somebody who asks for it, each message within the limit."""
    ada = who or road.person()
    await road.say(ada, trick)
    await road.until(lambda: road.texts(ada))
    await road.quiet()
    said = road.texts(ada)
    assert all(0 < road.size(text) <= road.limit for text in said)
    return said


@situation("MED-04")
async def a_picture_sent(road: Road) -> None:
    ada = road.person()
    await road.say(ada, "picture")
    await road.until(lambda: road.texts(ada))
    await road.quiet()
    assert road.files(ada) == [PNG]
    assert "Here it is" in road.texts(ada)


@situation("OUT-02", "OUT-04")
async def too_many_messages(road: Road) -> None:
    ada, bob = road.person(), road.person()
    road.fail("throttled")
    await road.say(ada, "hello")
    await road.until_rows([("ready", 1, 0)], LATEST)
    road.leap(WAIT / 2)
    await road.say(bob, "meanwhile")
    await road.until(lambda: road.texts(bob) == ["meanwhile (0)"])
    assert (road.texts(ada), road.tries(ada)) == ([], 1)
    road.leap(WAIT / 2 + 1)
    await road.sees(ada, "hello (0)")
    assert road.tries(ada) == 2


@situation("OUT-02", "OUT-03")
async def too_many_messages_again_and_again(road: Road) -> None:
    ada = road.person()
    road.fail("throttled", 3)
    await road.say(ada, "hello")
    await road.until_rows([("ready", 1, 0)], LATEST)
    await road.say(ada, "and this")
    await road.until_rows([("ready", 0, 0)], LATEST)
    for attempt in (2, 3):
        road.leap(WAIT + 1)
        await road.until_rows([(attempt,)], "SELECT MAX(attempts) FROM outbox WHERE state = 'ready'")
    road.leap(WAIT + 1)
    await road.sees(ada, "hello (0)", "and this (2)")
    assert road.tries(ada) == 5


@situation("OUT-02")
async def the_platform_is_broken(road: Road) -> None:
    ada = road.person()
    road.fail("broken")
    await road.say(ada, "hello")
    await road.until_rows([("ready", 1, 0)], LATEST)
    road.leap(SOON)
    await road.sees(ada, "hello (0)")
    assert road.tries(ada) == 2


@situation("OUT-05")
async def something_else_answers_for_the_platform(road: Road) -> None:
    await _in_doubt(road, "proxy", [1])


@situation("OUT-05")
async def the_connection_is_cut_before_it_is_sent(road: Road) -> None:
    await _in_doubt(road, "cut", [1])


@situation("OUT-05")
async def the_connection_is_cut_after_it_was_sent(road: Road) -> None:
    await _in_doubt(road, "lost", [1, 2])


@situation("OUT-05")
async def no_answer_after_it_was_sent(road: Road) -> None:
    await _in_doubt(road, "hung", [1, 2])


async def _in_doubt(road: Road, how: str, copies: list[int]) -> None:
    """Whatever became of it: it arrives, at most once too often, on record as doubtful or else confirmed."""
    ada = road.person()
    road.fail(how)  # type: ignore[arg-type]  # one of the faults
    await road.say(ada, "hello")
    await road.until(lambda: road.tries(ada))
    if how == "hung":
        await road.until(lambda: road.texts(ada))
        road.leap(31)
    await road.until_rows([(1,)], f"SELECT state != 'sending' FROM ({LATEST})")
    road.leap(SOON)
    await road.until_rows([("sent",)], f"SELECT state FROM ({LATEST})")
    await road.quiet()
    said = road.texts(ada)
    assert set(said) == {"hello (0)"}
    assert len(said) in copies
    ((unknowns, status),) = await road.rows("SELECT unknowns, status FROM outbox ORDER BY id DESC LIMIT 1")
    assert unknowns == 1 or status in ("sent", "delivered")
    await road.say(ada, "again")
    await road.sees(ada, *said, "again (2)")


@situation("OUT-06")
async def a_message_refused_for_good(road: Road) -> None:
    ada = road.person()
    road.fail("refused")
    await road.say(ada, "hello")
    await road.until_rows([("dead", 1, 0)], LATEST)
    await road.say(ada, "again")
    await road.sees(ada, "again (2)")
    assert road.tries(ada) == 2


@situation("FMT-01")
async def formatting_refused(road: Road) -> None:
    ada = road.person()
    road.fail("markup")
    await road.say(ada, "bold")
    await road.sees(ada, "It is fine.")
    assert road.tries(ada) == 2
    assert await road.rows("SELECT plain FROM outbox ORDER BY id DESC LIMIT 1") == [(1,)]


@situation("OUT-06")
async def somebody_who_wants_nothing_from_us(road: Road) -> None:
    """No more is tried until they write again."""
    ada = road.person()
    road.fail("blocked")
    await road.say(ada, "hello")
    await road.until_rows([("dead", 1, 0)], LATEST)
    assert await road.rows("SELECT reason FROM outbox ORDER BY id DESC LIMIT 1") == [("blocked",)]
    await road.say(ada, "I am back")
    await road.sees(ada, "I am back (2)")


@situation("CH-22", "OUT-06", alone=True)
async def the_token_is_revoked(road: Road) -> None:
    ada, bob, name = road.person(), road.person(), f"revoked {road.name}"
    for who in (ada, bob):
        await road.say(who, f"late {name}")
    await road.until(lambda: bot.asked.count(f"late {name}") == 2)
    road.revoke()
    bot.release(name)
    await road.until(lambda: road.state == "auth")
    await road.until_rows([(2,)], "SELECT COUNT(*) FROM outbox WHERE state = 'ready'")
    tries = road.tries(ada) + road.tries(bob)
    road.leap(300)
    await road.rows("SELECT 1")
    assert (road.texts(ada), road.texts(bob)) == ([], [])
    assert road.tries(ada) + road.tries(bob) - tries <= 1
    road.restore()
    for _ in range(40):  # a try that was on its way may meet the old answer, and the next is a while off
        if road.state != "up":
            road.leap(1000)
            await asyncio.sleep(0.5)
    assert road.state == "up"
    for who in (ada, bob):
        await road.sees(who, f"late {name} (0)")
