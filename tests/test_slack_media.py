"""Files: fetched with the token from Slack alone; uploaded unseen, and then shared at once."""

import pytest

from gateway.errors import Refused, Retry, Unknown
from gateway.message import Address, Button, File
from tests.far.slack import SlackServer
from tests.far.slack.world import Channel
from tests.far.slack.world import File as Kept
from tests.recording_gate import RecordingGate
from tests.slack_channel import Channel as Opened
from tests.slack_channel import opened, part

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def file(gate: RecordingGate, content: bytes, name: str = "a.png", size: int | None = None) -> File:
    """A file of ours that goes out."""
    number = f"f{len(gate.contents)}"
    gate.contents[number] = content
    return File(id=number, name=name, mime="image/png", size=len(content) if size is None else size, kind="photo")


def shown(server: SlackServer, channel: Channel) -> list[tuple[str, str, list[bytes]]]:
    """The bot's messages: thread, text, and what its files hold."""
    return [
        (one.get("thread_ts", ""), one["text"], [server.world.files[held["id"]].content for held in one["files"]])
        for one in channel.messages.values()
        if "files" in one and "bot_id" in one
    ]


async def fetched(here: Opened, ref: str) -> bytes:
    return b"".join([piece async for piece in here.adapter.fetch(File(ref=ref))])


@pytest.mark.feature("MED-04", "GRP-08")
async def test_files_are_one_message_with_the_text_above_them() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        ada = server.user("U7", "Ada")
        room = server.room("C1")
        asks = ada.says("which?", room)
        where = Address(chat="C1", thread=asks, user="U7", place="thread")
        two = (file(gate, PNG), file(gate, b"%PDF" * 5000, "b.pdf"))
        ref = await adapter.send(part("These *ones*", address=where, files=two))
        assert shown(server, room.channel) == [(asks, "These *ones*", [PNG, b"%PDF" * 5000])]
        assert ref.startswith("file:F")
        await adapter.send(part("", address=where, files=two[:1]))
        assert shown(server, room.channel)[1:] == [(asks, "", [PNG])]


@pytest.mark.feature("MED-04", "FMT-04")
async def test_buttons_stand_below_files_too() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        ada = server.user("U7")
        await adapter.send(part("Buy?", files=(file(gate, PNG),), buttons=(Button(text="Yes", value="y"),)))
        (message,) = (one for one in ada.direct.messages.values() if "files" in one)
        assert [block["type"] for block in message["blocks"]] == ["section", "actions"]


@pytest.mark.feature("MED-04")
async def test_names_and_sizes_arrive_as_they_are() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        server.user("U7")
        names = ["Übersicht 100% (2).pdf", 'a "quoted" name.pdf', "日本語.pdf", "two\r\nlines.pdf", "", "half \ud83d"]
        for name in names:
            await adapter.send(part("", files=(file(gate, PNG, name, size=0 if name == "日本語.pdf" else None),)))
        kept = [one.name for one in server.world.files.values()]
        assert kept == [*names[:3], "twolines.pdf", "file", "half "]
        assert {one.content for one in server.world.files.values()} == {PNG}


@pytest.mark.feature("MED-04", "OUT-05")
@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "upload"])
async def test_until_all_is_uploaded_nothing_is_to_be_seen_and_trying_again_is_safe(method: str) -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        ada = server.user("U7")
        one = part("here", files=(file(gate, PNG), file(gate, b"x", "b")))
        for how in ("reset", "internal_error", 429):
            if method == "upload":
                server.files.fail_upload = 503
            else:
                server.fail(method, how)
            with pytest.raises(Retry):
                await adapter.send(one)
            assert shown(server, ada.direct) == []
        await adapter.send(one)
        assert shown(server, ada.direct) == [("", "here", [PNG, b"x"])]


@pytest.mark.feature("MED-04", "OUT-05")
async def test_sharing_whose_answer_is_lost_is_in_doubt() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        ada = server.user("U7")
        server.fail("files.completeUploadExternal", "accept_then_reset")
        with pytest.raises(Unknown):
            await adapter.send(part("here", files=(file(gate, PNG),)))
        assert len(shown(server, ada.direct)) == 1
        assert len(server.asked("files.completeUploadExternal")) == 1


@pytest.mark.feature("MED-04", "OUT-06")
async def test_a_file_that_is_refused_costs_the_file_and_not_the_chat() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        server.user("U7")
        picture = file(gate, PNG)
        for method, word in (
            ("files.getUploadURLExternal", "missing_scope"),
            ("files.getUploadURLExternal", "file_upload_size_restricted"),
            ("files.completeUploadExternal", "file_not_found"),
        ):
            server.fail(method, word)
            with pytest.raises(Refused) as refused:
                await adapter.send(part("here", files=(picture,)))
            assert refused.value.reason in ("unsupported", "rejected"), "the core sends a link instead"
        server.files.fail_upload = 413
        with pytest.raises(Refused) as refused:
            await adapter.send(part("here", files=(picture,)))
        assert refused.value.reason == "rejected"
        gate.contents.clear()
        with pytest.raises(Refused, match="cannot be read"):
            await adapter.send(part("here", files=(picture,)))
        private = Address(chat="C1", user="U7", place="group")
        with pytest.raises(Refused) as refused:
            await adapter.send(part("here", address=private, files=(picture,)))
        assert refused.value.reason == "unsupported"


@pytest.mark.feature("MED-01")
async def test_a_file_is_fetched_with_the_token_of_its_workspace() -> None:
    async with SlackServer() as server, opened(server) as here:
        server.world.files["F1"] = Kept("F1", "cat.png", PNG, "image/png")
        assert await fetched(here, "T1/F1") == PNG
        server.world.files["F2"] = Kept("F2", "page.html", b"<html>mine</html>", "text/html")
        assert await fetched(here, "T1/F2") == b"<html>mine</html>"


@pytest.mark.feature("MED-01", "SEC-04")
@pytest.mark.parametrize(
    "elsewhere",
    ["https://docs.example.org", "https://slack.com.example.org", "http://files.slack.com", "file:///etc", "x", ""],
)
async def test_the_token_goes_to_nobody_else(elsewhere: str) -> None:
    async with SlackServer() as server, opened(server) as here:
        server.world.files["F1"] = Kept("F1", "cat.png", PNG, elsewhere=elsewhere or "//")
        with pytest.raises(Refused, match="not kept by Slack"):
            await fetched(here, "T1/F1")
        assert server.files.fetched == []


@pytest.mark.feature("MED-01")
async def test_what_cannot_be_fetched_is_gone_or_tried_again() -> None:
    async with SlackServer() as server, opened(server) as here:
        server.world.files["F1"] = Kept("F1", "cat.png", PNG, "image/png")
        for ref in ("T1/F9", "T9/F1", "F1", "T1/", ""):
            with pytest.raises(Refused):
                await fetched(here, ref)
        for how in (429, "reset", "html"):
            server.fail("files.info", how, 2 if how == "reset" else 1)  # what is only read is asked for twice
            with pytest.raises(Retry):
                await fetched(here, "T1/F1")
        server.files.logged_out = True  # what Slack shows to those without the right is a page with 200
        with pytest.raises(Refused, match="files:read"):
            await fetched(here, "T1/F1")
        server.files.logged_out = False
        server.files.fail_download = 503
        with pytest.raises(Retry):
            await fetched(here, "T1/F1")
        assert await fetched(here, "T1/F1") == PNG
