"""Answers that are shown while they are written: streams in threads, edited messages elsewhere, and neither twice."""

import asyncio
from typing import Any

import pytest

from gateway.errors import Refused, Retry, SendError
from gateway.message import Address, Part, turn_key
from tests.far.slack import SlackServer
from tests.far.slack.people import Room
from tests.slack_channel import Channel, opened, part

TURN, OTHER = "0a0b0c0d-1a0b0c0d", "0a0b0c0d-2f0b0c0d"
KEY = turn_key(TURN)


class Thread:
    """A thread in a channel, or one with the assistant, in which an answer is written."""

    def __init__(self, server: SlackServer, here: Channel, place: Any = "thread") -> None:
        self.server, self.adapter, self.gate = server, here.adapter, here.gate
        ada = server.user("U7", "Ada")
        self.room: Room = server.room("C1")
        if place == "thread":
            self.address = Address(chat="C1", thread=ada.says("well?", self.room), user="U7", place="thread")
        else:
            self.address = Address(chat="DU7", thread=ada.opens_assistant(), user="U7")

    async def draft(self, text: str, key: int = KEY) -> None:
        await self.adapter.draft(self.address, key, text)

    async def send(self, text: str, turn: str = TURN) -> str:
        return await self.adapter.send(self.part(text, turn=turn))

    def part(self, text: str, **fields: Any) -> Part:
        return part(text, address=self.address, **{"turn": TURN, **fields})

    @property
    def seen(self) -> list[str]:
        return self.server.visible(self.address.chat, self.address.thread)


@pytest.mark.feature("STR-04")
@pytest.mark.parametrize("place", ["thread", "dm"])
async def test_a_stream_grows_and_becomes_the_answer(place: str) -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here, place)
        for text in ("It", "It **is**", "It **is** so", "It **is** so"):
            await it.draft(text)
            assert it.seen == [text.rstrip("*")]
        ref = await it.send("It *is* so.")
        assert it.seen == ["It *is* so."]
        assert len(server.asked("chat.appendStream")) == 2, "only what is new is sent"
        assert not server.asked("chat.postMessage")
        message = next(one for ts, one in _messages(server, it).items() if ts == ref)
        assert not message.get("streaming")
        (start,) = server.asked("chat.startStream")
        assert ("recipient_user_id" in start) == (place == "thread")
        assert await it.send("More.") != ref, "the second part is a message of its own"
        assert it.seen == ["It *is* so.", "More."]


def _messages(server: SlackServer, it: Thread) -> dict[str, Any]:
    return server.world.teams["T1"].channels[it.address.chat].messages


@pytest.mark.feature("STR-04", "SEC-05")
async def test_nobody_is_called_by_what_is_only_shown() -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here)
        whole = "a <!channel> <@U8> @here me@example.org @Channel"
        for end in range(1, len(whole) + 1):
            await it.draft(whole[:end])
        (text,) = it.seen
        assert text.replace("\u200b", "") == whole
        for call in ("<!", "<@", "@here", "@Channel"):
            assert call not in text
        assert "me@example.org" in text
        assert len(server.asked("chat.startStream")) == 1, "nothing was taken back on the way"


@pytest.mark.feature("STR-04")
async def test_another_try_of_the_answer_begins_anew() -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here)
        await it.draft("The first try says this")
        await it.draft("Another one says that")
        assert it.seen == ["Another one says that"]
        await it.draft("An answer to something else", turn_key(OTHER))
        assert it.seen == ["An answer to something else"]
        await it.send("The first answer", TURN)
        assert it.seen == ["The first answer"], "what is sent is never below what is only shown"


@pytest.mark.feature("STR-04")
@pytest.mark.parametrize("fault", ["ended by Slack", "stopped by a user", "chat.stopStream", "chat.update"])
async def test_the_answer_wins_whatever_became_of_its_preview(fault: str) -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here)
        await it.draft("half an ans")
        if fault.startswith("chat."):
            server.fail(fault, "something_new")
        else:
            server.speaking.end_streams(by_user=fault == "stopped by a user")
            with pytest.raises(Refused, match=r"stopped_by_user|message_not_in_streaming_state"):
                await it.draft("half an answer")
            await it.draft("half an answer, more")
            assert len(server.asked("chat.appendStream")) == 1, "Slack is not asked again"
        await it.send("The answer.")
        assert it.seen == ["The answer."]
        await it.draft("half another")
        _messages(server, it).popitem()  # somebody deletes it
        await it.send("Another.")
        assert it.seen == ["The answer.", "Another."]


@pytest.mark.feature("STR-04", "OUT-04", "OUT-05")
async def test_an_answer_that_must_wait_takes_the_same_place_later() -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here)
        await it.draft("half an ans")
        server.fail("chat.update", 429, retry_after=4)
        with pytest.raises(Retry) as raised:
            await it.send("The answer.")
        assert raised.value.after == 4
        server.fail("chat.update", "accept_then_reset")
        with pytest.raises(SendError):
            await it.send("The answer.")
        await it.send("The answer.")
        assert it.seen == ["The answer."]


@pytest.mark.feature("STR-04")
async def test_a_429_ends_the_preview_and_not_the_answer() -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here)
        server.fail("chat.startStream", 429)
        with pytest.raises(Retry):
            await it.draft("half")
        await it.draft("half an")
        server.fail("chat.appendStream", 429)
        with pytest.raises(Retry):
            await it.draft("half an ans")
        await it.send("The answer.")
        assert it.seen == ["The answer."]


@pytest.mark.feature("STR-04")
@pytest.mark.parametrize("edits", [True, False])
async def test_where_there_are_no_streams_a_message_is_edited_if_that_is_wanted(edits: bool) -> None:
    async with SlackServer() as server, opened(server) as here:
        here.gate.edits, server.streams = edits, ()
        it = Thread(server, here)
        for text in ("It **is", "It **is** <so>"):
            await it.draft(text)
        assert it.seen == (["It *is* &lt;so&gt;"] if edits else [])
        assert len(server.asked("chat.startStream")) == 1, "it is not asked for again in such places"
        await it.send("It *is* so.")
        assert it.seen == ["It *is* so."]
        assert len(server.asked("chat.postMessage")) == 1


@pytest.mark.feature("STR-05")
async def test_a_word_on_how_far_it_is_takes_the_place_of_the_line_that_we_are_at_work() -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here)
        await here.adapter.progress(it.address, KEY, "Looking it up")
        assert server.statuses == [("C1", it.address.thread, "Looking it up")]
        await it.draft("It")
        await here.adapter.progress(it.address, KEY, "Reading page 3")
        assert it.seen == ["It"], "a stream takes nothing back"
        await it.send("It is so.")
        assert (it.seen, server.thinking["C1", it.address.thread]) == (["It is so."], "")


@pytest.mark.feature("STR-05")
@pytest.mark.parametrize("place", ["thread", "top"])
async def test_where_the_app_is_no_assistant_it_takes_the_place_of_the_preview(place: str) -> None:
    async with SlackServer() as server, opened(server) as here:
        here.gate.edits, server.streams = True, ()
        server.fail("assistant.threads.setStatus", "missing_scope")
        it = Thread(server, here)
        if place == "top":
            it.address = Address(chat="DU7", user="U7")
            server.user("U7").says("well?")
        for text in ("Looking it up", "Reading page 3"):
            await here.adapter.progress(it.address, KEY, text)
            assert it.seen == [text]
        await it.draft("It")
        assert it.seen == ["It"]
        await it.send("It is so.")
        assert it.seen == ["It is so."]
        assert len(server.asked("chat.postMessage")) == 1


@pytest.mark.feature("STR-04")
async def test_one_stream_that_is_refused_does_not_end_all_others() -> None:
    async with SlackServer() as server, opened(server) as here:
        first = Thread(server, here)
        server.fail("chat.startStream", "user_not_found_in_team")
        for _ in range(3):
            await first.draft("It is")
        assert len(server.asked("chat.startStream")) == 1
        second = Thread(server, here)
        await second.draft("It is")
        assert second.seen == ["It is"]


@pytest.mark.feature("STR-04")
async def test_a_guest_of_another_organisation_is_named_with_its_workspace() -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here)
        server.user("U7").person.team = "T9"
        await it.draft("It is")
        (start,) = server.asked("chat.startStream")
        assert (start["recipient_user_id"], start["recipient_team_id"]) == ("U7", "T9")


@pytest.mark.feature("STR-04", "CMD-06")
async def test_what_only_one_user_may_see_is_not_shown_to_all() -> None:
    async with SlackServer() as server, opened(server) as here:
        here.gate.edits = True
        it = Thread(server, here)
        await here.adapter.draft(Address(chat="C1", user="U7", place="group"), KEY, "secret")
        assert server.visible("C1") == []
        assert it.seen == []


@pytest.mark.feature("STR-04", "LIF-18")
async def test_what_is_half_said_is_removed_at_the_end_and_at_the_next_start() -> None:
    async with SlackServer() as server:
        async with opened(server) as here:
            it = Thread(server, here)
            await it.draft("half an ans")
            await here.adapter.open()
            assert it.seen == ["half an ans"], "only the connection has begun anew"
            kept = await here.gate.recall("drafts")
        assert it.seen == []
        async with opened(server) as here:
            it = Thread(server, here)
            await it.draft("from before a crash")
            kept = await here.gate.recall("drafts")
            server.fail("chat.delete", 429)
        assert it.seen == ["from before a crash"]
        async with opened(server) as (adapter, gate):
            for word in (kept, "", "{", "[1]", '[["a"]]', "null"):
                await gate.keep("drafts", word)
                await adapter.open()
            assert it.seen == []
            assert await gate.recall("drafts") in ("", "null")


@pytest.mark.feature("STR-04")
async def test_a_draft_under_way_is_known_to_whoever_sends_the_answer() -> None:
    async with SlackServer() as server, opened(server) as here:
        it = Thread(server, here)
        drawing = asyncio.create_task(it.draft("half"))
        await server.until(lambda: server.asked("chat.startStream"))
        drawing.cancel()
        await it.send("The answer.")
        assert it.seen == ["The answer."]
        assert len(_messages(server, it)) == 2


@pytest.mark.feature("STR-04", "MED-04")
async def test_files_do_not_take_the_place_of_a_preview_but_remove_it() -> None:
    async with SlackServer() as server, opened(server) as here:
        from tests.test_slack_media import PNG, file

        it = Thread(server, here)
        await it.draft("half an ans")
        await here.adapter.send(it.part("The picture.", files=(file(here.gate, PNG),)))
        assert it.seen == ["The picture."]
        await it.draft("x" * 20_000)
        assert len(it.seen[1]) == 11_000, "a stream takes no more"
        with pytest.raises(Refused):
            await it.send("y" * 3901)
