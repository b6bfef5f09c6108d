"""Our Slack server is as strict as Slack: what is refused there is refused here, with the same word."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.far.slack import BOT_TOKEN, SlackServer

pytestmark = pytest.mark.feature("DEV-03")


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        server.user("U7", "Ada")
        server.room("C1")
        yield server


async def call(server: SlackServer, method: str, **asked: Any) -> Any:
    headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
    async with ClientSession() as http, http.post(f"{server.url}/{method}", headers=headers, json=asked) as response:
        return await response.json()


async def stream(server: SlackServer) -> dict[str, str]:
    """A stream below a message of Ada's, as it is named in further calls."""
    thread = server.user("U7").says("well?", server.room("C1"))
    who = {"recipient_user_id": "U7", "recipient_team_id": "T1"}
    begun = await call(server, "chat.startStream", channel="C1", thread_ts=thread, markdown_text="half", **who)
    assert begun["ok"]
    return {"channel": "C1", "ts": begun["ts"]}


async def test_what_is_streamed_is_neither_edited_nor_deleted_until_it_has_ended(server: SlackServer) -> None:
    it = await stream(server)
    assert (await call(server, "chat.update", **it, text="whole"))["error"] == "streaming_state_conflict"
    assert (await call(server, "chat.delete", **it))["error"] == "cant_delete_message"
    assert (await call(server, "chat.appendStream", **it))["error"] == "invalid_arguments"
    assert (await call(server, "chat.appendStream", **it, markdown_text=" an answer"))["ok"]
    assert (await call(server, "chat.stopStream", **it))["ok"]
    for method in ("chat.appendStream", "chat.stopStream"):
        again = await call(server, method, **it, markdown_text="more")
        assert again["error"] == "message_not_in_streaming_state"
    assert (await call(server, "chat.update", **it, text="whole", blocks=[]))["ok"]
    assert server.visible("C1")[-1] == "whole"
    assert (await call(server, "chat.delete", **it))["ok"]
    assert (await call(server, "chat.update", **it, text="whole"))["error"] == "message_not_found"


async def test_a_stream_that_slack_has_ended_is_a_message_like_any(server: SlackServer) -> None:
    it = await stream(server)
    server.speaking.end_streams()
    assert (await call(server, "chat.stopStream", **it))["error"] == "message_not_in_streaming_state"
    assert (await call(server, "chat.update", **it, text="whole"))["ok"]


async def test_a_stream_that_somebody_has_stopped_takes_no_more(server: SlackServer) -> None:
    it = await stream(server)
    server.speaking.end_streams(by_user=True)
    assert (await call(server, "chat.appendStream", **it, markdown_text="more"))["error"] == "stopped_by_user"
    assert (await call(server, "chat.update", **it, text="whole"))["ok"]


async def test_a_stream_needs_a_thread_and_in_channels_somebody_to_read_it(server: SlackServer) -> None:
    ada = server.user("U7")
    who = {"recipient_user_id": "U7", "recipient_team_id": "T1"}
    channel = {"channel": "C1", "thread_ts": ada.says("well?", server.room("C1"))}
    direct = {"channel": "DU7", "thread_ts": ada.says("well?")}
    refused = (
        ({"channel": "C1", **who}, "invalid_thread_ts"),
        (channel, "missing_recipient_user_id"),
        ({**channel, "recipient_user_id": "U7"}, "missing_recipient_team_id"),
        ({**direct, **who}, "invalid_arguments"),
    )
    for asked, word in refused:
        assert (await call(server, "chat.startStream", **asked))["error"] == word
    for asked in ({**channel, **who}, direct):
        assert (await call(server, "chat.startStream", **asked))["ok"]


async def test_what_others_said_is_theirs(server: SlackServer) -> None:
    theirs = {"channel": "C1", "ts": server.user("U7").says("mine", server.room("C1"))}
    words = {
        "chat.update": "cant_update_message",
        "chat.delete": "cant_delete_message",
        "chat.appendStream": "message_not_owned_by_app",
        "chat.stopStream": "message_not_owned_by_app",
    }
    for method, word in words.items():
        assert (await call(server, method, **theirs, text="x", markdown_text="x"))["error"] == word


async def test_a_long_text_is_cut_when_it_is_new_and_refused_when_it_is_an_edit(server: SlackServer) -> None:
    posted = await call(server, "chat.postMessage", channel="C1", text="x" * 40_001)
    assert len(server.visible("C1")[-1]) == 40_000
    edit = {"channel": "C1", "ts": posted["ts"]}
    assert (await call(server, "chat.update", **edit, text="x" * 4001))["error"] == "msg_too_long"
    assert (await call(server, "chat.update", **edit, text="x" * 4000))["ok"]


async def test_blocks_stay_unless_an_edit_says_otherwise(server: SlackServer) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "one"}}]
    posted = await call(server, "chat.postMessage", channel="C1", text="one", blocks=blocks)
    edit = {"channel": "C1", "ts": posted["ts"]}
    message = server.world.teams["T1"].channels["C1"].messages[posted["ts"]]
    assert (await call(server, "chat.update", **edit, text="two"))["ok"]
    assert message["blocks"] == blocks
    assert (await call(server, "chat.update", **edit, text="two", blocks=[]))["ok"]
    assert "blocks" not in message


async def test_a_client_msg_id_is_looked_up_only_where_slack_recognises_it(server: SlackServer) -> None:
    said = {"channel": "C1", "text": "hello", "client_msg_id": str(uuid.uuid4())}
    first, again = [await call(server, "chat.postMessage", **said) for _ in range(2)]
    assert first["ts"] != again["ts"], "Slack promises nothing"
    server.recognises = True
    assert (await call(server, "chat.postMessage", **said))["ts"] == again["ts"]
    assert (await call(server, "chat.delete", channel="C1", ts=again["ts"]))["ok"]
    assert (await call(server, "chat.postMessage", **said))["error"] == "duplicate_message_not_found"
    del server.world.teams["T1"].channels["C1"]
    server.room("C2")
    lost = await call(server, "chat.postMessage", **{**said, "channel": "C2"})
    assert lost["error"] == "duplicate_channel_not_found"
