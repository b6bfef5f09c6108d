"""Telegram from end to end: what people write comes to the bot once and in order, and its answers come back."""

import random
from pathlib import Path

import pytest

from tests.doors import Held
from tests.far.telegram import TelegramServer
from tests.road import REMEMBERS, SCRIPTED
from tests.telegram_road import MODES, gateway, road

both = pytest.mark.parametrize("mode", MODES)


@pytest.mark.feature("CH-03", "CH-04", "KEY-03", "KEY-05", "DEV-03")
@both
async def test_direct_messages_are_answered_each_person_in_their_own_conversation(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        people = [here.server.user(number, f"User {number}") for number in range(7, 12)]
        for round in range(3):
            for person in people:
                person.says(f"{person.id}: {round}")
        await here.quiet()
        for person in people:
            assert here.server.texts(person.id) == [f"{person.id}: {round} ({2 * round})" for round in range(3)]
        assert all("reply_parameters" not in sent.asked for sent in here.server.sent)
        keys = await here.rows("SELECT key FROM session WHERE state = 'active' ORDER BY key")
        assert keys == sorted((f"help/b/dm:account=123456789,user={person.id}",) for person in people)
        assert await here.rows("SELECT DISTINCT state FROM inbox") == [("done",)]
        assert here.state == "up"


@pytest.mark.feature("INB-03", "KEY-05")
@both
async def test_duplicates_are_answered_once_also_by_the_next_process(mode: str, tmp_path: Path) -> None:
    async with TelegramServer() as server:
        async with gateway(server, tmp_path, mode) as here:
            server.queue.copies = 5
            for number in range(4):
                server.user(7).says(str(number))
            await here.quiet()
            await here.texts(7, ["0", "1", "2", "3"])
            assert await here.rows("SELECT COUNT(*) FROM session") == [(1,)]
            again = {update.id: update for update in list(server.queue.pending.values())}
        assert not again
        server.queue.copies = 1
        bodies = [server.world.chats[7].messages[number] for number in (2, 4)]
        async with gateway(server, tmp_path, mode) as here:
            for number, message in enumerate(bodies):  # whatever number the update has: the message is known
                server.queue.push("message", 7 + number, message)
            server.user(7).says("new")
            await here.quiet()
            await here.texts(7, ["0", "1", "2", "3", "new"])


@pytest.mark.feature("CH-04", "CH-03", "INB-02")
@both
async def test_what_was_written_while_we_were_down_is_answered_all_of_it(mode: str, tmp_path: Path) -> None:
    async with TelegramServer() as server:
        for number in range(250):
            server.user(7 + number % 5).says(str(number))
        async with gateway(server, tmp_path, mode) as here:
            await here.quiet()
            for user in range(5):
                assert server.texts(7 + user) == [str(number) for number in range(250) if number % 5 == user]


@pytest.mark.feature("CH-04", "INB-02", "ORD-01")
@both
async def test_updates_in_any_order_are_each_answered_once(mode: str, tmp_path: Path) -> None:
    """Numbers say nothing about order: after a week of silence they begin anywhere."""
    async with road(tmp_path, mode) as here:
        here.server.queue.hold()
        for number in range(60):
            here.server.user(7 + number % 3).says(str(number))
        here.server.queue.release(random.Random(3))
        here.server.queue.next_id = 1000
        await here.quiet()
        for user in (7, 8, 9):
            assert sorted(map(int, here.server.texts(user))) == list(range(user - 7, 60, 3))
        here.server.user(7).says("after a week")
        await here.until(lambda: here.server.texts(7)[-1] == "after a week")


@pytest.mark.feature("ORD-01", "ORD-02")
@both
async def test_a_slow_answer_holds_up_its_own_conversation_only(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, SCRIPTED) as here:
        slow = Held()
        here.server.user(7).says("first")
        here.server.user(7).says("second")
        await here.until(lambda: slow.turns)
        quick = Held()
        here.server.user(8).says("hello")
        await here.until(lambda: quick.turns)
        assert [turn.message.text for turn in slow.turns] == ["first"]
        quick.write("hi")
        quick.finish()
        await here.texts(8, ["hi"])
        slow.write("one")
        slow.finish()
        await here.until(lambda: len(quick.turns) == 2)
        quick.write("two")
        quick.finish()
        await here.texts(7, ["one", "two"])


@pytest.mark.feature("GRP-01", "GRP-02", "GRP-08", "KEY-03", "CH-24")
@both
async def test_in_a_group_only_those_who_call_the_bot_are_answered(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        server, group = here.server, here.server.group(-1001)
        members = [server.user(7 + number, f"Member {number}") for number in range(20)]
        for member in members:
            member.says("private words", group)
        asked = [
            members[0].says("@far_bot what is it?", group),
            members[1].says("and @FAR_BOT, what is that?", group),
        ]
        await here.quiet()
        members[2].says("I agree", group, reply_to=server.sent[0].message_id)
        for aside in ("@other_bot hello", "@far_botany is a word", "@everyone come", "mail me: a@far_bot.example"):
            members[3].says(aside, group)
        members[4].says("no answer to this", group, reply_to=asked[0])
        server.user(99, "Robot", is_bot=True).says("@far_bot hello, colleague", group)
        await here.quiet()
        await here.texts(-1001, ["what is it? (0)", "and @FAR_BOT, what is that? (2)", "I agree (4)"])
        quotes = [sent.asked["reply_parameters"]["message_id"] for sent in server.sent]
        assert quotes[:2] == asked
        assert await here.rows("SELECT reason, COUNT(*) FROM dropped GROUP BY reason ORDER BY reason") == [
            ("not_addressed", 25),
            ("other_bot", 1),
        ]
        assert await here.rows("SELECT COUNT(*) FROM inbox") == [(3,)]
        assert not await here.rows("SELECT 1 FROM message WHERE text LIKE '%private%'")
        assert await here.rows("SELECT key FROM session") == [("help/b/group:account=123456789,chat=-1001",)]


@pytest.mark.feature("GRP-01")
@both
@pytest.mark.parametrize(("group_mode", "answered"), [("open", 2), ("mention", 1), ("listen", 0), ("off", 0)])
async def test_group_modes(group_mode: str, answered: int, mode: str, tmp_path: Path) -> None:
    keys = f"limits: {{send: off}}, group: {{mode: {group_mode}, quote: false}}"
    async with road(tmp_path, mode, channel=keys) as here:
        group = here.server.group(-1001)
        here.server.user(7).says("hello all", group)
        here.server.user(7).says("hello @far_bot", group)
        await here.quiet()
        assert len(here.server.sent) == answered
        assert all("reply_parameters" not in sent.asked for sent in here.server.sent)


@pytest.mark.feature("KEY-07", "KEY-03", "GRP-08")
@both
async def test_topics_are_conversations_and_reply_chains_are_not(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS, "limits: {send: off}, group: {mode: open}") as here:
        server, forum, plain = here.server, here.server.group(-1001, forum=True), here.server.group(-1002)
        ada, news, help = server.user(7), forum.topic("news"), forum.topic("help")
        for topic in (news, help, 0, news, 1, help):
            ada.says(f"topic {topic}", forum, topic=topic)
        await here.quiet()
        # A chain of replies has a thread's number too in a plain group; it is the same conversation all the same.
        first = ada.says("a", plain)
        ada.says("b", plain, reply_to=first, message_thread_id=first)
        ada.says("c", plain)
        await here.quiet()
        said = [(sent.text, sent.asked.get("message_thread_id")) for sent in server.sent if sent.chat == -1001]
        assert sorted(said, key=str) == sorted(
            [
                *((f"topic {news} ({number})", news) for number in (0, 2)),
                *((f"topic {help} ({number})", help) for number in (0, 2)),
                ("topic 0 (0)", None),
                ("topic 1 (2)", None),
            ],
            key=str,
        )
        assert server.texts(-1002) == ["a (0)", "b (2)", "c (4)"]
        assert all("message_thread_id" not in sent.asked for sent in server.sent if sent.chat == -1002)
        assert await here.rows("SELECT COUNT(*) FROM session") == [(4,)]


@pytest.mark.feature("CMD-01", "LIF-10")
@both
async def test_reset_in_its_spellings(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        ada = here.server.user(7)
        told = []
        for spelling in ("/reset", "/Reset@Far_Bot", " /reset now please ", "/ｒｅｓｅｔ"):
            ada.says("hello")
            ada.says("again")
            await here.quiet()  # a reset overtakes what waits
            ada.says(spelling)
            await here.quiet()
            told += ["hello (0)", "again (2)", "Conversation reset."]
        for text in ("/reset@other_bot", "please /reset", "/resettle", "hello"):
            ada.says(text)
        await here.quiet()
        await here.texts(7, [*told, "please /reset (0)", "/resettle (2)", "hello (4)"])
        assert await here.rows("SELECT COUNT(*) FROM session WHERE state = 'active'") == [(1,)]
        commands = "SELECT text FROM message WHERE role = 'user' AND text LIKE '/%'"
        assert await here.rows(commands) == [("/resettle",)]  # which is none


@pytest.mark.feature("CMD-01", "LIF-10", "GRP-02", "GRP-09")
@both
async def test_reset_in_a_group_is_for_whom_it_names(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        ada, group = here.server.user(7), here.server.group(-1001)
        here.server.admins[-1001, 7] = "administrator"
        for text in ("@far_bot hi", "/reset@other_bot", "@far_bot hi", "/reset@far_bot", "@far_bot hi", "/reset"):
            ada.says(text, group)
            await here.quiet()
        ada.says("please /reset", group)
        await here.quiet()
        await here.texts(-1001, ["hi (0)", "hi (2)", "Conversation reset.", "hi (0)", "Conversation reset."])


@pytest.mark.feature("LIF-10", "LIF-11")
@both
async def test_a_reset_overtakes_the_answer_being_made(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, SCRIPTED) as here:
        slow = Held()
        ada = here.server.user(7)
        ada.says("think hard")
        ada.says("and this too")
        await here.until(lambda: slow.turns)
        slow.write("never to be seen ")
        ada.says("/reset")
        await here.texts(7, ["Conversation reset."])
        slow.finish()
        quick = Held()
        quick.write("fresh")
        quick.finish()
        ada.says("hello")
        await here.texts(7, ["Conversation reset.", "fresh"])
        await here.quiet()
        assert [turn.message.text for turn in quick.turns] == ["hello"]
        assert quick.turns[0].history == ()
        assert here.server.texts(7) == ["Conversation reset.", "fresh"]
