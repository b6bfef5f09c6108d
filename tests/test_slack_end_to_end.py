"""Slack from end to end: what people write comes to the bot once and in order, and its answers come back."""

from pathlib import Path

import pytest

from tests.doors import Held
from tests.far.slack import BOT_TOKEN, SlackServer
from tests.road import REMEMBERS, SCRIPTED, UNPACED
from tests.slack_road import MODES, gateway, road

both = pytest.mark.parametrize("mode", MODES)


@pytest.mark.feature("CH-06", "CH-07", "CH-08", "KEY-03", "KEY-05", "KEY-09", "DEV-03")
@both
async def test_direct_messages_are_answered_each_person_in_their_own_conversation(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        people = [here.server.user(f"U{number}", f"User{number}") for number in range(7, 11)]
        for round in range(3):
            for person in people:
                person.says(f"{person.id}: {round}")
            await here.quiet()
        for person in people:
            await here.texts(f"D{person.id}", [f"{person.id}: {round} ({2 * round})" for round in range(3)])
        keys = await here.rows("SELECT key FROM session WHERE state = 'active' ORDER BY key")
        assert keys == sorted((f"help/b/dm:account=T1,user={person.id}",) for person in people)
        assert await here.rows("SELECT DISTINCT state FROM inbox") == [("done",)]
        assert {row[0] for row in await here.rows("SELECT reason FROM dropped")} == {"own_echo"}
        assert here.state == "up"


@pytest.mark.feature("CH-08", "CH-09", "GRP-01", "GRP-02", "GRP-08", "INB-03", "KEY-03")
@pytest.mark.parametrize("mention_first", [False, True])
@both
async def test_a_mention_is_one_turn_and_is_answered_in_its_thread(
    mode: str, mention_first: bool, tmp_path: Path
) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        server = here.server
        server.told.mention_first = mention_first
        ada, bob = server.user("U7", "Ada"), server.user("U8", "Bob")
        room = server.room("C1")
        ada.says("nobody in particular", room)
        first = ada.says("@far_bot what is it?", room)
        await here.quiet()
        second = bob.says("and @far_bot, what is that?", room)
        await here.quiet()
        assert server.visible("C1", first) == ["what is it? (0)"]
        assert server.visible("C1", second) == ["and @far_bot, what is that? (0)"]
        assert server.visible("C1", "") == []
        assert await here.rows("SELECT COUNT(*) FROM inbox") == [(2,)]
        assert not await here.rows("SELECT 1 FROM message WHERE text LIKE '%particular%'")


@pytest.mark.feature("CH-08", "GRP-02", "KEY-03")
@both
async def test_a_thread_goes_on_without_a_mention_and_others_do_not(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        server = here.server
        ada, bob, room = server.user("U7", "Ada"), server.user("U8", "Bob"), server.room("C1")
        aside = ada.says("lunch?", room)
        begun = ada.says("@far_bot help", room)
        await here.quiet()
        bob.says("yes!", room, thread=aside)
        bob.says("me too", room, thread=begun)
        ada.says("a new line", room)
        await here.quiet()
        bob.says("@far_bot and here?", room, thread=aside)
        await here.quiet()
        assert server.visible("C1", begun) == ["help (0)", "me too (2)"]
        assert server.visible("C1", aside) == ["and here? (0)"]
        assert len(server.visible("C1")) == 3
        keys = {row[0] for row in await here.rows("SELECT key FROM session")}
        assert keys == {f"help/b/thread:account=T1,chat=C1,thread={ts}" for ts in (begun, aside)}


@pytest.mark.feature("KEY-04", "CH-08", "GRP-02")
@both
async def test_with_one_conversation_for_a_channel_every_line_needs_a_mention(mode: str, tmp_path: Path) -> None:
    scoped = f"session: {{scope: {{thread: chat}}}}, {UNPACED}"
    async with road(tmp_path, mode, REMEMBERS, scoped) as here:
        ada, room = here.server.user("U7", "Ada"), here.server.room("C1")
        first = ada.says("@far_bot one", room)
        await here.quiet()
        ada.says("not for the bot", room)
        ada.says("nor this", room, thread=first)
        second = ada.says("@far_bot two", room)
        await here.quiet()
        assert here.server.visible("C1", first) == ["one (0)"]
        assert here.server.visible("C1", second) == ["two (2)"]
        assert await here.rows("SELECT key FROM session") == [("help/b/group:account=T1,chat=C1",)]


@pytest.mark.feature("KEY-03")
async def test_in_direct_messages_each_thread_is_a_conversation_beside_the_top_level_one(tmp_path: Path) -> None:
    async with road(tmp_path, "socket", REMEMBERS) as here:
        ada = here.server.user("U7", "Ada")
        top = ada.says("top")
        await here.quiet()
        ada.says("below", thread=top)
        await here.quiet()
        ada.says("top again")
        ada.says("below again", thread=top)
        await here.quiet()
        assert here.server.visible("DU7", "") == ["top (0)", "top again (2)"]
        assert here.server.visible("DU7", top) == ["below (0)", "below again (2)"]


@pytest.mark.feature("KEY-04", "KEY-06")
async def test_each_member_of_a_thread_may_have_a_conversation_and_a_direct_message_only_one(tmp_path: Path) -> None:
    scoped = f"session: {{scope: {{thread: thread_user, dm: user}}}}, {UNPACED}"
    async with road(tmp_path, "socket", REMEMBERS, scoped) as here:
        ada, bob, room = here.server.user("U7", "Ada"), here.server.user("U8", "Bob"), here.server.room("C1")
        begun = ada.says("@far_bot one", room)
        top = ada.says("top")
        await here.quiet()
        for person in (bob, ada):
            person.says(f"@far_bot {person.id}", room, thread=begun)
            await here.quiet()
        ada.says("below", thread=top)
        await here.quiet()
        assert here.server.visible("C1", begun) == ["one (0)", "U8 (0)", "U7 (2)"]
        assert here.server.visible("DU7") == ["top (0)", "below (2)"]


@pytest.mark.feature("INB-03", "CH-06", "CH-07")
@both
async def test_duplicates_are_answered_once_also_by_the_next_process(mode: str, tmp_path: Path) -> None:
    async with SlackServer() as server:
        async with gateway(server, tmp_path, mode) as here:
            server.feed.copies = 5
            ada = server.user("U7")
            for number in range(4):
                ada.says(str(number))
                await here.quiet()
            await here.texts("DU7", ["0", "1", "2", "3"])
            server.feed.copies = 1
            again = [dict(message) for message in ada.direct.messages.values() if message["user"] == "U7"]
        async with gateway(server, tmp_path, mode) as here:
            for message in again:  # whatever event it comes in: the message is known
                server.told.message(ada.team, ada.direct, message)
            ada.says("new")
            await here.quiet()
            await here.texts("DU7", ["0", "1", "2", "3", "new"])


@pytest.mark.feature("CMD-01", "CMD-06", "LIF-10")
@both
async def test_reset_as_a_text_command_in_a_thread(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        server = here.server
        ada, bob, room = server.user("U7", "Ada", admin=True), server.user("U8", "Bob"), server.room("C1")
        elsewhere = ada.says("just people here", room)
        begun = ada.says("@far_bot hello", room)
        await here.quiet()
        for text in ("again", "!reset", "fresh", "please !reset", "@far_bot !Reset now", "fresh again"):
            ada.says(text, room, thread=begun)
            await here.quiet()
        ada.says("!reset", room, thread=elsewhere)
        bob.says("!reset", room, thread=begun)
        await here.quiet()
        told = ["hello (0)", "again (2)", "Conversation reset.", "fresh (0)", "please !reset (2)"]
        assert server.visible("C1", begun) == [
            *told,
            "Conversation reset.",
            "fresh again (0)",
            "You are not allowed to do that.",
        ]
        assert server.visible("C1", elsewhere) == []
        assert not await here.rows("SELECT 1 FROM message WHERE role = 'user' AND text LIKE '!%'")


@pytest.mark.feature("CMD-06", "LIF-10", "CH-06")
@both
async def test_slash_commands_act_on_the_direct_message_and_are_answered_privately(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS, f"command: /chat, {UNPACED}") as here:
        server = here.server
        ada, room = server.user("U7", "Ada", admin=True), server.room("C1")
        ada.says("hello")
        await here.quiet()
        ada.commands("/reset")
        await here.quiet()
        ada.says("fresh")
        await here.quiet()
        ada.commands("/chat", "reset")
        await here.quiet()
        assert server.visible("DU7") == ["hello (0)", "Conversation reset.", "fresh (0)", "Conversation reset."]
        ada.commands("/reset", where=room)
        await here.quiet()
        assert server.visible("C1") == []
        assert [(one["for"], one["text"]) for one in room.channel.whispers] == [("U7", "Conversation reset.")]


@pytest.mark.feature("CH-09", "CH-24", "GRP-10")
@both
async def test_service_messages_and_bots_raise_nothing(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode) as here:
        server = here.server
        ada, room = server.user("U7", "Ada"), server.room("C1")
        said = ada.says("see https://example.org")
        await here.quiet()
        ada.unfurls(said)
        for subtype in ("channel_join", "channel_leave", "channel_topic", "pinned_item", "channel_name"):
            room.notes(subtype, ada)
        room.bot_says("@far_bot hello, colleague")
        room.bot_says("@far_bot hello again", legacy=True)
        room.joins(server.user("U9"))
        await here.quiet()
        await here.texts("DU7", ["see <https://example.org>"])
        assert server.visible("C1") == []
        assert await here.rows("SELECT COUNT(*) FROM inbox") == [(1,)]
        reasons = dict(await here.rows("SELECT reason, COUNT(*) FROM dropped GROUP BY reason"))
        assert reasons == {"service": 7, "other_bot": 2, "own_echo": 1}


@pytest.mark.feature("STR-04", "STR-01")
async def test_an_answer_is_streamed_in_a_thread_and_appears_once(tmp_path: Path) -> None:
    async with road(tmp_path, "socket", SCRIPTED) as here:
        server = here.server
        ada, room = server.user("U7", "Ada"), server.room("C1")
        begun = ada.says("@far_bot think", room)
        held = Held()
        await here.until(lambda: held.turns)
        held.write("It **is")
        await here.until(lambda: server.visible("C1", begun) == ["It **is"])
        held.write(" fine** & [so](https://example.org)")
        here.leap(1.3)
        await here.until(lambda: server.visible("C1", begun)[0].endswith("example.org)"))
        held.finish()
        await here.texts("C1", ["It *is fine* &amp; <https://example.org|so>"])
        await here.quiet()
        assert not server.asked("chat.postMessage")
        (start,) = server.asked("chat.startStream")
        assert (start["recipient_user_id"], start["recipient_team_id"]) == ("U7", "T1")
        assert not any(message.get("streaming") for message in room.channel.messages.values())
        sent = await here.rows("SELECT ref FROM outbox")
        assert sent in ([], [(next(ts for ts, m in room.channel.messages.items() if m.get("bot_id")),)])


@pytest.mark.feature("STR-04")
@pytest.mark.parametrize("edit", ["auto", "on", "off"])
async def test_outside_threads_a_message_is_edited_if_the_operator_wants_it(edit: str, tmp_path: Path) -> None:
    async with road(tmp_path, "socket", SCRIPTED, f"stream: {{edit: {edit}}}, {UNPACED}") as here:
        server = here.server
        server.user("U7", "Ada").says("think")
        held = Held()
        await here.until(lambda: held.turns)
        held.write("It **is")
        if edit == "on":
            await here.until(lambda: server.visible("DU7") == ["It *is*"])
            held.write(" fine**")
            here.leap(1.3)
            await here.until(lambda: server.visible("DU7") == ["It *is fine*"])
        else:
            held.write(" fine**")
        held.finish()
        await here.texts("DU7", ["It *is fine*"])
        await here.quiet()
        assert len(server.asked("chat.postMessage")) == 1
        assert bool(server.asked("chat.update")) == (edit == "on")
        assert not server.asked("chat.startStream")


@pytest.mark.feature("STR-04", "LIF-10", "LIF-18")
async def test_a_preview_whose_answer_never_comes_is_taken_away(tmp_path: Path) -> None:
    async with road(tmp_path, "socket", SCRIPTED) as here:
        server = here.server
        ada, room = server.user("U7", "Ada", admin=True), server.room("C1")
        begun = ada.says("@far_bot think", room)
        held = Held()
        await here.until(lambda: held.turns)
        held.write("half an ans")
        await here.until(lambda: server.visible("C1", begun) == ["half an ans"])
        ada.says("!reset", room, thread=begun)
        await here.texts("C1", ["Conversation reset."])
        held.finish()
        await here.quiet()
        assert server.visible("C1") == ["Conversation reset."]


@pytest.mark.feature("KEY-06", "KEY-09", "CH-01")
@both
async def test_one_channel_serves_several_workspaces_each_with_its_own_token(mode: str, tmp_path: Path) -> None:
    async with SlackServer() as server:
        server.team("T2", "xoxb-4444444444-token_of_the_second", "other_name")
        server.team("T3", "xoxb-5555555555-token_of_a_third", "third")
        tokens = f'workspaces: {{T1: "{BOT_TOKEN}", T2: "xoxb-4444444444-token_of_the_second"}}'
        async with gateway(server, tmp_path, mode, REMEMBERS, tokens=tokens) as here:
            one, two, three = (server.user(f"U{n}", f"User{n}", f"T{n}") for n in (1, 2, 3))
            for person in (one, two, three, one, two):
                person.says(f"hello from {person.id}")
                await here.quiet()
            await here.texts("DU1", ["hello from U1 (0)", "hello from U1 (2)"])
            await here.texts("DU2", ["hello from U2 (0)", "hello from U2 (2)"])
            assert not server.visible("DU3", team="T3")
            keys = {row[0] for row in await here.rows("SELECT key FROM session")}
            assert keys == {"help/b/dm:account=T1,user=U1", "help/b/dm:account=T2,user=U2"}
            assert ("unroutable",) in await here.rows("SELECT DISTINCT reason FROM dropped")
