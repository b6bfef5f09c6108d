"""What is sent: words, files, buttons and templates, in the way of each kind of sender."""

from typing import Any

import pytest
from aiohttp import ClientSession

from adapters.twilio import Adapter
from gateway.errors import Refused, Retry, StorageDown
from gateway.message import Address, Button, File, Inbound
from tests.far.twilio import NUMBER, PAGE, WHATSAPP, TwilioServer
from tests.recording_gate import RecordingGate
from tests.twilio_channel import ADA, Channel, call, opened, options, part, reported, said

PHOTO = File(id="f1", name="a.png", mime="image/png", size=9, url="https://example.org/f1", kind="photo")
YES_NO = (Button(text="Yes", value="y"), Button(text="No", value="n"))


@pytest.mark.feature("CH-13", "GRP-08")
async def test_a_conversation_gets_a_line_by_the_bot() -> None:
    async with TwilioServer() as server, opened(server, name="helper", conversations=True) as (adapter, _):
        chat = server.conversation("CH" + "1" * 32)
        await adapter.send(part("good morning", chat=chat.sid, place="group"))
        await adapter.send(part("Which?", chat=chat.sid, place="group", buttons=YES_NO))
        assert chat.lines == [("helper", "good morning"), ("helper", "Which?\n\n• Yes\n• No")]
        for odd in ("CH9", "../Configuration/Webhooks", "", "\ud800", "CH" + "1" * 400):
            with pytest.raises(Refused):
                await adapter.send(part("hello", chat=odd, place="group"))


@pytest.mark.feature("OUT-08")
async def test_a_template_is_sent_with_the_text_as_its_variable() -> None:
    async with TwilioServer() as server, opened(server, order_wait="off") as channel:
        adapter = channel.adapter
        server.contents["HX1"] = {"types": {"twilio/text": {"body": "News for you: {{1}}"}}}
        await adapter.send(part("it is\n\n   ready\there", template="HX1"))
        assert server.texts() == ["News for you: it is ready here"]
        for long, said in (
            ("x" * 1600, "x" * 1024),
            (" \n", "\u2026"),
        ):  # no longer than WhatsApp takes, and never empty
            await adapter.send(part(long, id="3", template="HX1", chat="+15550101"))
            assert server.texts("whatsapp:+15550101")[-1] == f"News for you: {said}"
            await reported(channel, server, "delivered")
        asked = server.sent[0].asked
        assert (asked["ContentSid"], "Body" in asked) == (["HX1"], False)
        with pytest.raises(Refused):
            await adapter.send(part("hello", id="2", template="HX2"))


@pytest.mark.feature("FMT-04")
async def test_buttons_are_made_once_for_each_number_of_them() -> None:
    async with TwilioServer() as server, opened(server, order_wait="off") as channel:
        for number in range(3):
            await channel.adapter.send(part(f"Sure {number}?", id=f"{number}", buttons=YES_NO))
        more = tuple(Button(text=f"Day {n}", value=f"d{n}") for n in range(7))
        await channel.adapter.send(part("When?", id="9", buttons=more))
        assert [list(content["types"]) for content in server.contents.values()] == [
            ["twilio/quick-reply"],
            ["twilio/list-picker"],
        ]
        assert server.texts() == ["Sure 0?", "Sure 1?", "Sure 2?", "When?"]
        assert server.sent[0].choices == (("Yes", "y"), ("No", "n"))
        assert len(server.sent[3].choices) == 7
        words = {word: channel.gate._words[word] for word in channel.gate._words}
    async with TwilioServer() as server, opened(server) as channel:  # the next process knows them
        channel.gate._words.update(words)
        server.contents = {sid: {"types": {"twilio/text": {"body": "{{1}}"}}} for sid in words.values()}
        await channel.adapter.send(part("Sure?", buttons=YES_NO))
        assert (server.texts(), len(server.contents)) == (["Sure?"], 2)


@pytest.mark.feature("FMT-04")
@pytest.mark.parametrize(
    ("text", "buttons"),
    [
        ("Which?", (Button(text="More", url="https://example.org"), Button(text="Less", url="https://example.com"))),
        ("Which?", tuple(Button(text=f"Number {n}") for n in range(11))),
        ("Which?", (Button(text="x" * 25),)),
        ("Which?", (Button(text="Yes", value="v" * 201),)),
        ("Which?", (Button(text="Yes", value="two\nlines"),)),
        ("Which?", (Button(text="Yes", value="same"), Button(text="No", value="same"))),
    ],
)
async def test_what_no_buttons_can_show_is_put_in_words(text: str, buttons: tuple[Button, ...]) -> None:
    async with TwilioServer() as server, opened(server) as (adapter, _):
        await adapter.send(part(text, buttons=buttons))
        body = server.sent[0].body
        assert body.startswith(text)
        assert all(button.text in body and button.url in body for button in buttons)
        assert server.contents == {}


@pytest.mark.feature("FMT-04")
@pytest.mark.parametrize(
    ("text", "buttons", "wanted"),
    [
        (
            "Sure?",
            (*YES_NO, Button(text="More", url="https://example.org")),
            ["Sure?\n\nMore: https://example.org", "\u2193"],
        ),
        ("Two lines\nof a list\n\nSure?", YES_NO, ["Two lines\nof a list", "Sure?"]),
        ("A list:\n- one\n- two", YES_NO, ["A list:\n- one\n- two", "\u2193"]),
        ("Look\n\n```x```", YES_NO, ["Look\n\n```x```", "\u2193"]),
        ("far      apart\tor not", YES_NO, ["far apart or not"]),
        ("", YES_NO, ["\u2193"]),
        ("x" * 1024, YES_NO, ["x" * 1024]),
        ("x" * 1025, YES_NO, ["x" * 1025, "\u2193"]),
        ("\N{GRINNING FACE}" * 513, YES_NO, ["\N{GRINNING FACE}" * 513, "\u2193"]),
        (
            "x" * 1590,
            (*YES_NO, Button(text="More", url="https://example.org")),
            ["x" * 1590, "More: https://example.org", "\u2193"],
        ),
        ("x" * 1590, (Button(text="More", url="https://example.org"),), ["x" * 1590, "More: https://example.org"]),
    ],
)
async def test_buttons_stand_below_the_last_words(text: str, buttons: tuple[Button, ...], wanted: list[str]) -> None:
    async with TwilioServer() as server, opened(server, order_wait="off") as (adapter, _):
        ref = await adapter.send(part(text, buttons=buttons))
        assert server.texts() == wanted
        assert server.sent[-1].choices == ((("Yes", "y"), ("No", "n")) if YES_NO[0] in buttons else ())
        assert ref == server.sent[-1].sid
        assert not any(sent.choices for sent in server.sent[:-1])


@pytest.mark.feature("FMT-04")
async def test_where_buttons_cannot_be_had_words_do() -> None:
    async with TwilioServer() as server, opened(server, order_wait="off") as (adapter, gate):
        server.fail("content", 400, code=20001)
        for number in range(2):
            await adapter.send(part("Sure?", id=f"{number}", buttons=YES_NO))
        assert server.texts() == ["Sure?\n\n• Yes\n• No"] * 2
        assert [route for route, _ in server.calls].count("content") == 1
    async with TwilioServer() as server, opened(server, order_wait="off") as (adapter, gate):
        await adapter.send(part("Sure?", id="1", buttons=YES_NO))
        server.contents.clear()  # somebody tidied the account
        await adapter.send(part("Sure?", id="2", buttons=YES_NO))
        assert server.texts() == ["Sure?", "Sure?\n\n• Yes\n• No"]
        assert gate._words["content:quick-reply:2"] == ""
    async with TwilioServer() as server, opened(server, order_wait="off") as (adapter, gate):
        server.fail("messages", 400, code=21656)
        for number in range(2):
            await adapter.send(part("Sure?", id=f"{number}", buttons=YES_NO))
        assert server.texts() == ["Sure?\n\n• Yes\n• No", "Sure?"]  # the words were at fault, not the template


@pytest.mark.feature("FMT-04", "OUT-02")
@pytest.mark.parametrize("how", [500, 503, 429, "reset", "html"])
async def test_trouble_with_buttons_is_tried_again(how: Any) -> None:
    async with TwilioServer() as server, opened(server) as (adapter, _):
        server.fail("content", how)
        with pytest.raises(Retry):
            await adapter.send(part("Sure?", buttons=YES_NO))
        await adapter.send(part("Sure?", buttons=YES_NO))
        assert server.sent[0].choices


class Forgetful(RecordingGate):
    """Cannot recall anything for a while."""

    away = True

    async def recall(self, name: str) -> str:
        if self.away:
            raise StorageDown("the test said so")
        return await super().recall(name)


@pytest.mark.feature("FMT-04", "INB-01")
async def test_a_store_that_is_away_is_no_reason_to_lose_buttons() -> None:
    async with TwilioServer() as server, ClientSession() as http:
        gate = Forgetful(http)
        adapter = Adapter("help", options(server), gate)
        with pytest.raises(Retry):
            await adapter.send(part("Sure?", buttons=YES_NO))
        gate.away = False
        await adapter.send(part("Sure?", buttons=YES_NO))
        assert server.sent[0].choices
        await adapter.close()


@pytest.mark.feature("MED-04", "FMT-04")
async def test_files_come_before_the_words_that_buttons_stand_below() -> None:
    async with TwilioServer() as server, opened(server, order_wait="off") as (adapter, _):
        server.published[PHOTO.url] = b"png"
        ref = await adapter.send(part("Is it this one?", files=(PHOTO,), buttons=YES_NO))
        assert [(sent.body, sent.contents) for sent in server.sent] == [("", (b"png",)), ("Is it this one?", ())]
        assert (server.sent[1].choices, ref) == ((("Yes", "y"), ("No", "n")), server.sent[1].sid)
        assert ["part=" in sent.callback for sent in server.sent] == [False, True]


@pytest.mark.feature("STR-01")
async def test_typing_stands_below_the_last_message() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        ada = Address(chat=ADA, user=ADA)
        await channel.adapter.typing(Address(chat="+15550199", user=""))  # who has never written is not shown it
        old = server.person(ADA, "Ada").form("before we were started")
        await channel.adapter.typing(ada)
        assert server.typed == [dict(old)["MessageSid"]]
        await said(channel, server, "hello")
        await channel.adapter.typing(ada)
        assert server.typed[1:] == [channel.gate.received[0][0].ref]
        await channel.adapter.typing(Address(chat="CH1", user=ADA, place="group"))
        assert len(server.typed) == 2


@pytest.mark.feature("CH-25")
@pytest.mark.parametrize(
    ("sender", "dialect", "window", "buttons", "typing"),
    [(WHATSAPP, "asterisk", 86400, 10, 20), (NUMBER, "plain", 0, 0, 0), (PAGE, "plain", 86400, 3, 0)],
)
async def test_each_kind_of_sender_says_what_it_can(
    sender: str, dialect: str, window: float, buttons: int, typing: float
) -> None:
    async with TwilioServer() as server, opened(server, **{"from": sender}) as (adapter, _):
        limits = adapter.limits
        told = (limits.dialect, limits.window, limits.most_buttons, limits.typing, limits.text)
        assert told == (dialect, window, buttons, typing, 1600)
        assert (limits.buttons, limits.reports) == (buttons > 0, 30)
        to = "9876543210" if sender == PAGE else ADA
        await adapter.send(part("hello", chat=to))
        await adapter.typing(Address(chat=to, user=to))
        assert (server.sent[0].asked["From"], len(server.typed)) == ([sender], 0)


@pytest.mark.feature("CH-13", "INB-09")
async def test_conversations_are_heard_only_where_they_are_wanted() -> None:
    async with TwilioServer() as server:
        form = server.conversation("CH1").form("onMessageAdded", f"whatsapp:{ADA}", "@help hello")
        async with opened(server) as (adapter, gate):
            assert (await adapter.handle(call(server, form))).status == 200
            assert ([drop[2] for drop in gate.dropped], gate.received) == (["unsupported"], [])
        async with opened(server, conversations=True) as channel:
            assert (await channel.adapter.handle(call(server, form))).status == 200
            assert _heard(channel) == [("CH1", ADA, "hello", True)]


def _heard(channel: Channel) -> list[tuple[str, str, str, bool]]:
    heard: list[Inbound] = [inbound for inbound, _ in channel.gate.received]
    return [(one.address.chat, one.address.user, one.text, one.addressed) for one in heard]
