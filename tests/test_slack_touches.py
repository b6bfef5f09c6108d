"""What the adapter does besides speaking: reactions, the sign that it is at work, suggestions, names, membership."""

import asyncio

import pytest

from adapters.slack import reactions
from adapters.slack.kept import SOON
from adapters.slack.sdk import Sdk
from gateway.errors import Refused, Retry
from gateway.message import Address
from tests.far.slack import BOT_TOKEN, SlackServer
from tests.slack_channel import opened, part, running

DM = Address(chat="DU7", user="U7")


def on(server: SlackServer, ref: str) -> list[str]:
    return list(server.user("U7").direct.messages[ref].get("own_reactions", ()))


@pytest.mark.feature("STR-05")
async def test_a_reaction_takes_the_place_of_the_one_before() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        ref = server.user("U7").says("hi")
        for emoji, wanted in (
            ("👀", ["eyes"]),
            ("✅", ["white_check_mark"]),
            ("✅", ["white_check_mark"]),
            (":party_parrot:", ["party_parrot"]),
            ("👍🏽", ["+1"]),
            ("❤️", ["heart"]),
            ("", []),
            ("", []),
        ):
            await adapter.react(DM, ref, emoji)
            assert on(server, ref) == wanted


@pytest.mark.feature("STR-05")
async def test_the_one_of_an_earlier_process_is_replaced_too() -> None:
    async with SlackServer() as server:
        ref = server.user("U7").says("hi")
        async with opened(server) as (adapter, _):
            await adapter.react(DM, ref, "👀")
        async with opened(server) as (adapter, _):
            await adapter.react(DM, ref, "✅")
            assert on(server, ref) == ["white_check_mark"]
            server.fail("reactions.get", "missing_scope")
            adapter._reactions._ours.clear()
            await adapter.react(DM, ref, "❌")
            assert on(server, ref) == ["white_check_mark", "x"], "without the right to look, ours is put all the same"


@pytest.mark.feature("STR-05")
async def test_on_messages_of_today_slack_is_not_asked_what_we_did_ourselves() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        later = f"{gate.now() // 1000 + 60}.000100"
        server.user("U7").posts({"text": "hi", "ts": later})
        await adapter.react(DM, later, "👀")
        assert on(server, later) == ["eyes"]
        assert not server.asked("reactions.get")


@pytest.mark.feature("STR-05")
async def test_what_is_there_already_or_gone_is_no_error_and_others_are() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        ref = server.user("U7").says("hi")
        server.user("U7").direct.messages[ref]["own_reactions"] = ["eyes"]
        server.fail("reactions.get", "html")
        await adapter.react(DM, ref, "👀")
        server.user("U7").direct.messages[ref]["own_reactions"] = []
        await adapter.react(DM, ref, "")
        with pytest.raises(Refused, match=":name:"):
            await adapter.react(DM, ref, "🦩")
        with pytest.raises(Refused, match="message_not_found"):
            await adapter.react(DM, "1.000001", "👀")


@pytest.mark.feature("STR-06")
def test_names_and_signs_are_each_others() -> None:
    for emoji, name in reactions._NAMES.items():
        assert reactions.name(emoji) == name
        assert reactions.sign(name) == emoji
    assert [reactions.sign(name) for name in ("+1::skin-tone-3", "thumbsdown", "custom")] == ["👍", "👎", ":custom:"]


@pytest.mark.feature("STR-01")
async def test_at_work_is_said_in_threads_and_taken_back_where_no_message_does_it() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        thread = server.user("U7").opens_assistant()
        within = Address(chat="DU7", thread=thread, user="U7")
        await adapter.typing(DM)
        assert server.statuses == []
        await adapter.typing(within)
        assert server.thinking == {("DU7", thread): "is thinking…"}
        await adapter.send(part("done", address=within))
        assert server.thinking == {}
        await adapter.typing(within)
        await adapter.draft(within, 7, "half")
        await adapter.typing(within)
        await adapter.send(part("done", address=within, turn="1-0000000e"))  # takes the preview's place
        assert server.thinking[("DU7", thread)] == ""


@pytest.mark.feature("STR-01")
async def test_where_an_app_is_no_assistant_it_is_not_said_again() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.assistant = False
        ada = server.user("U7", "Ada")
        within = Address(chat="DU7", thread=ada.opens_assistant(), user="U7")
        with pytest.raises(Refused):
            await adapter.typing(within)
        await adapter.typing(within)
        assert len(server.asked("assistant.threads.setStatus")) == 1
        server.assistant = True
        there = Address(chat="C1", thread=ada.says("well?", server.room("C1")), user="U7", place="thread")
        await adapter.typing(there)
        assert [chat for chat, _, _ in server.statuses] == ["C1"], "channels are another matter"


PROMPTS = [{"title": "Reset", "message": "/reset"}, {"title": "What can you do?", "message": "help"}]


@pytest.mark.feature("CH-07", "INB-01")
async def test_a_new_conversation_with_the_assistant_is_begun_with_suggestions() -> None:
    async with SlackServer() as server, running(server, prompts=PROMPTS) as (_, gate):
        ada = server.user("U7", "Ada")
        thread = ada.opens_assistant()
        await server.until(lambda: not server.feed.pending and server.prompts)
        assert server.prompts == [("DU7", thread, PROMPTS)]
        assert [reason for _, _, reason in gate.dropped] == ["service"]
        server.fail("assistant.threads.setSuggestedPrompts", "missing_scope")
        ada.opens_assistant()
        ada.says("hello")
        await server.until(lambda: not server.feed.pending)
        assert gate.texts == ["hello"]


@pytest.mark.feature("GRP-06", "INB-01")
async def test_a_name_that_does_not_come_holds_up_a_message_for_a_second_at_most() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        ada = server.user("U7", "Ada")
        server.fail("users.info", "hang")
        ada.says("one", user_profile={"display_name": "From the event"})
        await server.until(lambda: not server.feed.pending, 20)
        ada.says("two")
        await server.until(lambda: not server.feed.pending)
        names = [inbound.sender.name for inbound, _ in gate.received if inbound.sender]
        assert names == ["From the event", "From the event"], "and is not asked for again at once"
        now = gate.now() + SOON + 1000
        gate.clock = lambda: now
        ada.says("three")
        await server.until(lambda: not server.feed.pending)
        last = gate.received[-1][0].sender
        assert last is not None
        assert last.name == "Ada"


@pytest.mark.feature("GRP-02", "GRP-07")
async def test_called_into_anothers_thread_the_bot_is_told_what_it_is_about() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        ada, bob, room = server.user("U7", "Ada"), server.user("U8", "Bob"), server.room("C1")
        begun = bob.says("the <server> is down, @far_bot knows", room)
        await server.until(lambda: not server.feed.pending)
        gate.received.clear()
        ada.says("among us", room, thread=begun)
        ada.says("@far_bot why?", room, thread=begun)
        ada.says("@far_bot and now?", room, thread=begun)
        await server.until(lambda: not server.feed.pending)
        told = {"sender": {"id": "U8", "name": "Bob"}, "text": "the <server> is down, @far_bot knows"}
        assert [inbound.extra.get("quoted") for inbound, _ in gate.received] == [None, told, told]
        assert len(server.asked("conversations.replies")) == 1
        assert server.asked("conversations.replies")[0]["ts"] == begun


@pytest.mark.feature("GRP-07", "INB-01")
@pytest.mark.parametrize("how", ["missing_scope", "ratelimited", "html", "thread_not_found", "hang"])
async def test_without_those_words_the_message_comes_all_the_same(how: str) -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        ada, bob, room = server.user("U7", "Ada"), server.user("U8", "Bob"), server.room("C1")
        server.fail("conversations.replies", how)
        for thread in (bob.says("one", room), bob.says("two", room)):
            ada.says("@far_bot why?", room, thread=thread)
            await server.until(lambda: not server.feed.pending, 20)
        quoted = ["quoted" in inbound.extra for inbound, _ in gate.received if inbound.text == "why?"]
        assert quoted == [False, how != "missing_scope"]


@pytest.mark.feature("GRP-02", "GRP-07")
async def test_the_bots_own_words_are_not_quoted_to_it() -> None:
    async with SlackServer() as server, running(server) as (adapter, gate):
        server.told.echoes = False
        ada, room = server.user("U7", "Ada"), server.room("C1")
        ref = await adapter.send(part("news", address=Address(chat="C1", place="group")))
        ada.says("@far_bot more?", room, thread=ref)
        ada.says("more!", room, thread=ref)
        await server.until(lambda: not server.feed.pending)
        assert [(one.addressed, one.extra) for one, _ in gate.received] == [(True, {}), (True, {})]
        assert not server.asked("conversations.replies")


@pytest.mark.feature("GRP-09")
async def test_who_is_an_administrator_is_asked_of_slack() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.user("U7", admin=True)
        server.user("U8")
        asked = [await adapter.is_admin(Address(chat="C1", user=user)) for user in ("U7", "U8", "U9")]
        assert asked == [True, False, False]
        for how in (429, "html", "missing_scope"):
            server.fail("users.info", how)
            with pytest.raises(Retry):
                await adapter.is_admin(Address(chat="C1", user="U7"))


@pytest.mark.feature("LIF-17")
async def test_what_was_said_can_be_taken_back_where_slack_lets_us() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        ada, room = server.user("U7", "Ada"), server.room("C1")
        below = Address(chat="C1", thread=ada.says("well?", room), user="U7", place="thread")
        refs = [await adapter.send(part(text, id=text, address=below)) for text in ("one", "two")]
        await adapter.delete(below, refs[0])
        assert server.visible("C1", below.thread) == ["two"]
        whisper = Address(chat="C1", user="U7", place="group")
        refused = {
            "gone already": (below, refs[0]),
            "of somebody else": (below, below.thread),
            "in which files were shared": (below, "file:F1"),
            "that only one user saw": (whisper, await adapter.send(part("psst", address=whisper))),
        }
        for address, ref in refused.values():
            with pytest.raises(Refused) as error:
                await adapter.delete(address, ref)
            assert error.value.reason == "rejected"
        assert server.visible("C1", below.thread) == ["two"]


@pytest.mark.feature("LIF-17", "KEY-06")
async def test_a_workspace_that_shut_us_out_does_not_stop_the_others() -> None:
    tokens = {"T1": BOT_TOKEN, "T2": "xoxb-4444444444-token_of_the_second"}
    async with SlackServer() as server:
        server.team("T2", tokens["T2"])
        async with opened(server, bot_token=None, workspaces=tokens) as (adapter, _):
            server.fail("chat.delete", "token_revoked")
            with pytest.raises(Retry):
                await adapter.delete(Address(account="T1", chat="C1", user="U7"), "1.2")


@pytest.mark.feature("GRP-05", "KEY-06")
async def test_leaving_finds_the_workspace_that_has_the_channel() -> None:
    second = "xoxb-4444444444-token_of_the_second"
    async with SlackServer() as server:
        team = server.team("T2", second)
        tokens = {"T1": BOT_TOKEN, "T2": second}
        async with opened(server, bot_token=None, workspaces=tokens) as (adapter, _):
            room = server.room("C2", team="T2")
            await adapter.leave("C2")
            assert team.bot.id not in room.channel.members
            with pytest.raises(Refused):
                await adapter.leave("C9")


@pytest.mark.feature("GRP-06")
async def test_many_who_wait_for_one_answer_ask_once() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        home = adapter._homes.all()[0]
        server.user("U7", "Ada")
        found = await asyncio.gather(*(adapter._people.sender(home, "U7") for _ in range(20)))
        assert {one.name for one in found} == {"Ada"}
        assert len(server.asked("users.info")) == 1


@pytest.mark.feature("DEV-01")
async def test_what_is_closed_asks_nothing_more() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        await gate.http.close()
        sdk: Sdk = adapter._sdk
        with pytest.raises(Retry, match="stopping"):
            await sdk.ask(BOT_TOKEN, "auth.test", lambda client: client.auth_test())
