"""Sending by the Web API: text, threads, buttons, what only one user sees, and edits."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.errors import Refused, Retry, Unknown
from gateway.markup import render
from gateway.message import Address, Button
from tests.far.slack import BOT_TOKEN, SlackServer
from tests.far.slack.people import Room
from tests.slack_channel import call, opened, part

THREE = (Button(text="Yes", value="y"), Button(text="No", value="n"), Button(text="Site", url="https://example.org"))


def asked(server: SlackServer) -> Mapping[str, Any]:
    return server.sent[-1].asked


def elements(server: SlackServer) -> list[dict[str, Any]]:
    return [one for block in asked(server)["blocks"] for one in block.get("elements", ())]


def sections(server: SlackServer) -> list[str]:
    return [block["text"]["text"] for block in asked(server)["blocks"] if block["type"] == "section"]


def room(server: SlackServer) -> Room:
    server.user("U7", "Ada")
    return server.room("C1")


@pytest.mark.feature("CH-08", "GRP-08")
async def test_an_answer_stands_in_the_thread_it_belongs_to() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        here = room(server)
        asks = server.user("U7").says("news?", here)
        ref = await adapter.send(part("none", address=Address(chat="C1", thread=asks, user="U7", place="thread")))
        assert server.visible("C1", asks) == ["none"]
        assert ref == next(ts for ts, one in here.channel.messages.items() if one["text"] == "none")
        server.user("U7").says("hi")
        await adapter.send(part("hello"))
        assert "thread_ts" not in asked(server)


@pytest.mark.feature("FMT-01", "SEC-05")
async def test_formatting_is_mrkdwn_and_calls_nobody() -> None:
    marks = "# Head\n**bold** _it_ ~~no~~ `a < b`\n\n- one\n\n> quoted\n\n"
    markdown = f"{marks}[here](https://example.org?a=1&b=2) <!channel> <@U7> @here"
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.user("U7")
        (piece,) = render(markdown, "mrkdwn", 3900)
        await adapter.send(part(piece.text))
        (text,) = server.texts()
        assert "*bold* _it_ ~no~ `a &lt; b`" in text
        assert "<https://example.org?a=1&amp;b=2|here>" in text
        assert "&lt;!channel&gt; &lt;@U7&gt; @\u200bhere" in text


@pytest.mark.feature("OUT-05")
async def test_a_part_carries_one_id_over_all_of_its_tries() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.user("U7")
        server.recognises = True
        one = part("hello", turn="0a-0b", id="7")
        server.fail("chat.postMessage", "accept_then_reset")
        with pytest.raises(Unknown):
            await adapter.send(one)
        ref = await adapter.send(one)
        await adapter.send(part("hello", turn="0a-0b", id="8"))
        assert server.texts() == ["hello", "hello"], "told twice to Slack, the first one was posted once"
        assert ref == server.sent[0].ts
        first, again, other = (given["client_msg_id"] for given in server.asked("chat.postMessage"))
        assert first == again != other


@pytest.mark.feature("FMT-04")
async def test_buttons_are_blocks_with_the_text_above_them() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.user("U7")
        await adapter.send(part("Sure?", buttons=THREE))
        assert sections(server) == ["Sure?"]
        assert [(one["text"]["text"], one.get("value"), one.get("url")) for one in elements(server)] == [
            ("Yes", "y", None),
            ("No", "n", None),
            ("Site", None, "https://example.org"),
        ]
        assert asked(server)["text"] == "Sure?", "what is shown where blocks are not"


@pytest.mark.feature("FMT-04", "DEV-11")
async def test_what_no_button_can_hold_finds_another_way() -> None:
    wide, deep = "w" * 80, f"https://example.org/{'d' * 3000}"
    buttons = (
        Button(text=wide, value="wide"),
        Button(text="", value="bare"),
        Button(text="deep", url=deep),
        Button(text="a & b", url="ftp://example.org"),
        *(Button(text=str(number)) for number in range(30)),
    )
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.user("U7")
        await adapter.send(part("Which?", buttons=buttons))
        shown = elements(server)
        assert shown[0]["text"]["text"] == "w" * 74 + "…"
        assert shown[1]["text"]["text"] == "bare"
        assert len(shown) == 32
        assert "".join(sections(server)) == f"Which?deep: {deep}a &amp; b: ftp://example.org"


@pytest.mark.feature("FMT-02", "FMT-04")
async def test_a_long_text_above_buttons_is_cut_into_sections_that_keep_their_code() -> None:
    code = "\n".join(f"line {number} of the code" for number in range(150))
    text = f"before\n```\n{code}\n```\nafter"
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.user("U7")
        await adapter.send(part(text, buttons=THREE))
        first, second = sections(server)
        assert max(len(first), len(second)) <= 3000
        assert first.endswith("\n```")
        assert second.startswith("```\n")
        assert first.removesuffix("\n```") + "\n" + second.removeprefix("```\n") == text
        await adapter.send(part("x" * 3900, buttons=THREE))
        assert "".join(sections(server)) == "x" * 3900


@pytest.mark.feature("FMT-02")
async def test_too_long_is_refused_before_anything_is_sent() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.user("U7")
        await adapter.send(part("x" * 3900))
        with pytest.raises(Refused) as refused:
            await adapter.send(part("x" * 3901))
        assert refused.value.reason == "too_long"
        assert len(server.asked("chat.postMessage")) == 1


@pytest.mark.feature("CMD-06")
async def test_what_answers_a_slash_command_in_a_channel_only_its_user_sees() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        here = room(server)
        asks = Address(chat="C1", user="U7", place="group")
        await adapter.send(part("secret", address=asks, buttons=THREE[:1]))
        assert [(one["for"], one["text"]) for one in here.channel.whispers] == [("U7", "secret")]
        assert server.visible("C1") == []
        await adapter.send(part("for all", address=Address(chat="C1", place="group")))
        assert server.visible("C1") == ["for all"]


@pytest.mark.feature("CMD-06")
@pytest.mark.parametrize("where", ["C1", "DU8"])
async def test_where_the_bot_is_no_member_slash_commands_are_answered_at_the_address_slack_lends(where: str) -> None:
    async with SlackServer() as server, opened(server, mode="http") as (adapter, gate):
        here = server.user("U8", "Bob").direct if where == "DU8" else room(server).channel
        here.members = {"U7", "U8"}
        address = Address(chat=where, user="U7", place="dm" if where == "DU8" else "group")
        with pytest.raises(Refused):
            await adapter.send(part("nobody asked", address=address))
        server.told.slash(server.team("T1"), here, server.user("U7").person, "/reset", "")
        (happening,) = server.feed.pending.values()
        assert (await adapter.handle(call(happening.body))).status == 200
        assert (await adapter.send(part("done", address=address, id="9"))) == "whisper:9"
        assert [(one["for"], one["text"]) for one in here.whispers] == [("U7", "done")]
        now = gate.now()
        gate.clock = lambda: now + 30 * 60 * 1000
        with pytest.raises(Refused):
            await adapter.send(part("too late", address=address))
        gate.clock = lambda: now
        server.lapsed = True
        with pytest.raises(Refused, match=r"not_in_channel|channel_not_found"):
            await adapter.send(part("used up", address=address))


@pytest.mark.feature("SEC-04", "CMD-06")
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "https://slack.com.example.org/x", "ftp://slack.com", "", "x"])
async def test_no_other_address_is_called(url: str) -> None:
    async with SlackServer() as server, opened(server, mode="http") as (adapter, gate):
        room(server).channel.members = {"U7"}
        form = {"command": "/reset", "team_id": "T1", "channel_id": "C1", "user_id": "U7", "response_url": url}
        assert (await adapter.handle(call(urlencode(form).encode()))).status == 200
        assert gate.texts == ["/reset"]
        with pytest.raises(Refused, match="not_in_channel"):
            await adapter.send(part("done", address=Address(chat="C1", user="U7", place="group")))


@pytest.mark.feature("LIF-17", "FMT-04")
async def test_an_edit_takes_the_whole_place_of_what_was_said() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        ada = server.user("U7")
        ref = await adapter.send(part("One?", buttons=THREE))
        await adapter.edit(ref, part("Two."))
        await adapter.edit(ref, part("Two."))
        message = ada.direct.messages[ref]
        assert (message["text"], message.get("blocks", [])) == ("Two.", [])
        await adapter.edit(ref, part("Three?", buttons=THREE[:1]))
        assert [block["type"] for block in ada.direct.messages[ref]["blocks"]] == ["section", "actions"]


@pytest.mark.feature("LIF-17")
async def test_what_cannot_be_edited_any_more_is_said_anew_and_silences_nobody() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        ada = server.user("U7")
        theirs = ada.says("mine")
        for ref in ("1.000001", theirs, "file:F1", "whisper:7"):
            with pytest.raises(Refused) as refused:
                await adapter.edit(ref, part("x"))
            assert refused.value.reason == "rejected", "which lets the core send it as a new message"


@pytest.mark.feature("KEY-06", "CH-22")
async def test_one_workspace_that_shut_us_out_does_not_stop_the_others() -> None:
    second = "xoxb-4444444444-token_of_the_second"
    async with SlackServer() as server:
        server.team("T2", second)
        tokens = {"T1": BOT_TOKEN, "T2": second}
        async with opened(server, bot_token=None, workspaces=tokens) as (adapter, _):
            for team in ("T1", "T2"):
                server.user("U7", team=team)
            server.world.teams["T2"].revoked = True
            there, here = (Address(chat="DU7", user="U7", account=team) for team in ("T2", "T1"))
            for _ in range(2):
                with pytest.raises(Retry) as retry:
                    await adapter.send(part("hello", address=there))
                assert retry.value.after == 900
            with pytest.raises(Retry):
                await adapter.edit("1.000001", part("hello", address=there))
            await adapter.send(part("hello", address=here))
            with pytest.raises(Retry, match="no token for the workspace T9"):
                await adapter.send(part("hello", address=Address(chat="DU7", user="U7", account="T9")))
            assert server.texts() == ["hello"]


@pytest.mark.feature("CH-22")
async def test_the_only_workspace_that_shuts_us_out_stops_the_channel() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.world.teams["T1"].revoked = True
        with pytest.raises(Refused) as refused:
            await adapter.send(part("hello"))
        assert refused.value.reason == "auth"
