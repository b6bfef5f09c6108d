"""A user who goes on under another id keeps the conversation, whatever waits in it, and what is remembered of them."""

from pathlib import Path
from typing import Any

import pytest

from tests.doors import Held
from tests.far.whatsapp import NUMBER
from tests.far.whatsapp.graph import DAY
from tests.far.whatsapp.people import User
from tests.far.whatsapp.server import SECOND
from tests.road import REMEMBERS, SCRIPTED
from tests.whatsapp_road import Road, road

pytestmark = pytest.mark.feature("KEY-09")

NEW = "US.9990000000000007"
PEOPLE = "SELECT person FROM participant ORDER BY first_seen"
LANES = "SELECT key FROM lane WHERE next_seq > 0 AND key NOT LIKE '%merged%' ORDER BY key"


def key(user: str, account: str = NUMBER) -> tuple[str]:
    return (f"help/b/dm:account={account},user={user}",)


async def one_conversation(here: Road, user: str) -> None:
    """There is one lane, one session, and one person, all under that id."""
    await here.quiet()
    assert await here.rows(LANES) == [key(user)]
    assert await here.rows("SELECT key FROM session WHERE state = 'active'") == [key(user)]
    assert await here.rows(PEOPLE) == [(user,)]


def renames(user: User) -> None:
    user.changes_id(NEW)


def renumbers(user: User) -> None:
    user.changes_number("15559990007", NEW)


@pytest.mark.parametrize("how", [renames, renumbers])
async def test_the_conversation_goes_on_under_the_new_id(how: Any, tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS) as here:
        ada = here.server.user(7, "Ada")
        old = ada.id
        for text in ("one", "two"):
            ada.says(text)
        await here.quiet()
        how(ada)
        await here.told()
        ada.says("three")
        await here.quiet()
        assert here.server.texts(old) == ["one (0)", "two (2)"]
        assert here.server.texts(NEW) == ["three (4)"]
        await one_conversation(here, NEW)


async def test_a_user_first_seen_by_number_is_found_again_by_user_id(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS) as here:
        old = here.server.user(7, "Ada", old=True)
        phone = old.person.phone
        old.says("one")
        await here.quiet()
        old.person.user_id = NEW
        old.says("two")
        await here.quiet()
        assert here.server.texts() == ["one (0)", "two (2)"]
        await one_conversation(here, NEW)
        old.person.user_id = ""
        old.says("three")  # a webhook without the user id once more
        old.person.user_id = NEW
        await here.until(lambda: len(here.server.sent) == 3)
        assert [sent.text for sent in here.server.sent][-1] == "three (4)"
        await one_conversation(here, NEW)
        profile = await here.rows("SELECT profile FROM participant")
        assert f"+{phone}" in profile[0][0]


async def test_what_is_said_under_the_new_id_before_the_news_comes_is_not_lost(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS) as here:
        ada = here.server.user(7, username="ada")
        old = ada.id
        ada.says("one")
        await here.quiet()
        here.server.pusher.hold()
        ada.changes_id(NEW)
        news = list(here.server.pusher._held or [])
        here.server.pusher._held = []
        here.server.pusher.release()
        ada.says("early")
        await here.quiet()
        for change in news:
            here.server.pusher.push(change)
        await here.told()
        ada.says("two")
        await here.quiet()
        assert here.server.texts(NEW) == ["early (0)", "two (2)"]
        assert here.server.texts(old) == ["one (0)"]
        await one_conversation(here, NEW)
        closed = await here.rows("SELECT reason FROM session WHERE state = 'closed'")
        assert closed == [("merged",)]


async def test_what_waits_for_an_answer_or_to_be_sent_goes_along(tmp_path: Path) -> None:
    async with road(tmp_path, SCRIPTED) as here:
        ada = here.server.user(7, username="ada")
        held = Held()
        for text in ("first", "second"):
            ada.says(text)
        await here.until(lambda: held.turns)
        ada.changes_id(NEW)
        await here.told()
        for answer in ("one", "two"):
            held.write(answer)
            held.finish()
        await here.texts(NEW, ["one", "two"])
        await one_conversation(here, NEW)


async def test_the_window_goes_along(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.user(7, username="ada")
        ada.says("hello")
        await here.quiet()
        ada.changes_id(NEW)
        await here.told()
        here.leap(DAY - 60)
        await here.say("in time")
        await here.texts(NEW, ["in time"])
        assert await here.rows("SELECT chat FROM heard") == [(NEW,)]


async def test_both_of_our_numbers_follow(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS, numbers=[NUMBER, SECOND]) as here:
        ada = here.server.user(7, username="ada")
        for number in (NUMBER, SECOND):
            ada.at(number).says("one")
        await here.quiet()
        ada.changes_id(NEW)
        await here.told()
        for number in (NUMBER, SECOND):
            ada.at(number).says("two")
        await here.quiet()
        assert here.server.texts(NEW) == ["two (2)", "two (2)"]
        assert await here.rows(LANES) == [key(NEW, NUMBER), key(NEW, SECOND)]


async def test_a_number_that_somebody_else_has_now_leads_to_nobody_else(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS) as here:
        first = here.server.user(7, "Ada", old=True)
        phone = first.person.phone
        first.says("mine")
        await here.quiet()
        first.person.user_id = "US.1"
        first.says("mine too")
        await here.quiet()
        second = here.server.user(8, "Bo")
        second.person.phone = phone
        second.says("whose?")
        await here.quiet()
        assert here.server.texts(second.id) == ["whose? (0)"]
        assert await here.rows("SELECT new_chat FROM chat_alias WHERE old_chat = $1", phone) == [(second.id,)]
        assert await here.rows(LANES) == sorted([key("US.1"), key(second.id)])


async def test_news_of_somebody_whom_nobody_knows_leave_nothing_behind(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        here.server.user(7, "Ada").says("hello")  # with number and user id, as everybody's first message
        here.server.user(8, username="bo").changes_id(NEW)
        await here.quiet()
        assert await here.rows("SELECT COUNT(*) FROM chat_alias") == [(0,)]
        assert await here.rows("SELECT COUNT(*) FROM dropped") == [(0,)]
        assert here.server.texts() == ["hello"]


async def test_a_repeated_change_changes_nothing_more(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS) as here:
        ada = here.server.user(7, username="ada")
        ada.says("one")
        await here.quiet()
        here.server.pusher.copies = 3
        ada.changes_id(NEW)
        await here.told()
        here.server.pusher.copies = 1
        ada.says("two")
        await here.quiet()
        assert here.server.texts(NEW) == ["two (2)"]
        await one_conversation(here, NEW)
