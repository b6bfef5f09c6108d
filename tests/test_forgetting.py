"""/forget: whoever says so twice within five minutes is erased, and told how much has gone."""

from pathlib import Path

import pytest

from gateway.errors import Retry
from tests.doors import running
from tests.groups import hear
from tests.keeping import kept
from tests.kit import said
from tests.test_erasing import IS, NEEDLES, YAML, town, traces

pytestmark = pytest.mark.feature("CMD-10", "SEC-08")

ASKS = "This deletes everything that is known of you here, for good. Send /forget yes within five minutes to go on."


async def test_who_says_yes_is_erased_and_told_how_much(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, _):
        await kit.say("/forget", user=IS)
        await kit.quiet()
        assert kit.paper.texts()[-1] == ASKS
        assert (await traces(kit, NEEDLES))["message"] > 0, "nothing has gone yet"
        sent = len(kit.paper.sent)
        await kit.say("/forget yes", user=IS)
        await kit.until(lambda: len(kit.paper.sent) > sent)
        ((counts,),) = await kit.rows("SELECT counts FROM erased WHERE participant IS NULL")
        told = kit.paper.sent[-1]
        assert told.address.chat == IS
        assert told.text.startswith("Deleted: messages: 10, ")
        assert '"messages":10' in counts
        assert {table: rows for table, rows in (await traces(kit, NEEDLES)).items() if rows} == {}
        assert (await traces(kit, ("800300400", "bobbing")))["message"] > 0, "and nobody else's"


async def test_a_yes_without_a_question_or_too_late_asks(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await kit.say("/forget yes", user="ada")
        await kit.quiet()
        assert kit.paper.texts() == [ASKS]
        kit.clock.ahead += 301
        await kit.say("/forget yes", user="ada")
        await kit.quiet()
        assert kit.paper.texts() == [ASKS, ASKS]
        await kit.say("/forget no", user="ada")
        await kit.quiet()
        assert await kit.rows("SELECT COUNT(*) FROM participant") == [(1,)]
        kit.clock.ahead += 299
        await kit.say("/forget YES.", user="ada")
        await kit.until(lambda: len(kit.paper.sent) == 4)
        assert await kit.rows("SELECT COUNT(*) FROM participant") == [(0,)]


async def test_nobody_says_yes_for_another(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await hear(kit, "/forget", "ada")
        await hear(kit, "/forget yes", "bob")
        await kit.quiet()
        assert kit.paper.texts() == [ASKS, ASKS]
        assert await kit.rows("SELECT COUNT(*) FROM erased") == [(0,)]


async def test_in_a_group_their_own_words_are_blanked(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await hear(kit, "hello", "ada")
        await hear(kit, "hello too", "bob")
        await kit.quiet()
        await hear(kit, "/forget", "ada")
        await hear(kit, "/forget yes", "ada")
        await kit.until(lambda: kit.paper.texts()[-1].startswith("Deleted: "))
        assert kit.paper.sent[-1].address.chat == "g1"
        lines = await kit.rows("SELECT sender, text FROM message WHERE role = 'user' ORDER BY seq")
        assert lines == [("", "[erased]"), ("bob", "hello too")]


async def test_the_same_event_again_does_nothing_more(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await kit.say("/forget", user="ada")
        again = said(kit.here, "/forget yes", user="ada", event="yes")
        await kit.receive(again)
        await kit.until(lambda: len(kit.paper.sent) == 2)
        assert (await kit.receive(again)).outcome == "duplicate"
        await kit.quiet()
        assert len(kit.paper.sent) == 2


async def test_a_platform_that_is_busy_is_told_again(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await kit.say("/forget", user="ada")
        await kit.quiet()
        kit.paper.fail(lambda: Retry("busy", after=0.01), times=2)
        await kit.say("/forget yes", user="ada")
        await kit.until(lambda: len(kit.paper.sent) == 2)


async def test_what_was_begun_is_finished_by_the_next_process(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, _):
        await kit.say("/forget", user=IS)
        await kit.quiet()
        await kit.router.erasure._alone.acquire()  # somebody else is being erased when the process ends
        await kit.say("/forget yes", user=IS)
    async with kept(tmp_path, YAML) as kit:
        assert (await traces(kit, NEEDLES))["message"] > 0
        await kit.later(60)
        assert {table: rows for table, rows in (await traces(kit, NEEDLES)).items() if rows} == {}


async def test_a_visitor_of_the_page_is_told_in_the_same_breath(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        visitor = await gateway.begin()
        await visitor.say("remember me")
        asked = await visitor.say("/forget")
        assert asked.json["messages"][0]["text"] == ASKS
        done = await visitor.say("/forget yes")
        assert done.status == 200, done.body
        assert done.json["messages"][0]["text"].startswith("Deleted: ")
        assert (await visitor.say("hello?")).status == 401, "the token has gone with the rest"
