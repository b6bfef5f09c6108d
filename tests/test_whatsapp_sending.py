"""Sending by the Graph API: text, buttons, templates, groups, and the mark by which reports come back."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.errors import Refused, Retry, Unknown
from gateway.markup import render
from gateway.message import Address, Button, Part
from tests.far.whatsapp import NUMBER, WhatsAppServer
from tests.far.whatsapp.server import SECOND
from tests.whatsapp_channel import called, opened, part

YES_NO = (Button(text="Yes", value="y"), Button(text="No", value="n"))


def asked(server: WhatsAppServer) -> Mapping[str, Any]:
    return server.sent[-1].asked


@pytest.mark.feature("CH-10", "KEY-09")
async def test_users_are_written_to_by_user_id_else_by_number() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        new, old = server.user(7), server.user(8, old=True)
        for user in (new, old):
            user.says("hi")
            await adapter.send(part(user, "hello"))
        named, numbered = (sent.asked for sent in server.sent)
        assert (named["recipient"], "to" in named) == (new.person.user_id, False)
        assert (numbered["to"], "recipient" in numbered) == (old.person.phone, False)
        assert named["recipient_type"] == numbered["recipient_type"] == "individual"


@pytest.mark.feature("CH-11", "FMT-04")
async def test_groups_get_text_and_numbered_choices() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        group = server.group("Y2FwaV9ncm91cDox")
        await adapter.send(part(group, "hello all"))
        assert (asked(server)["recipient_type"], asked(server)["to"]) == ("group", group.id)
        await adapter.send(part(group, "Sure?", buttons=YES_NO))
        assert server.texts(group.id) == ["hello all", "Sure?\n\n1. Yes\n2. No"]


@pytest.mark.feature("CH-10")
async def test_each_part_is_sent_from_the_number_it_belongs_to() -> None:
    async with WhatsAppServer() as server, opened(server, numbers=[NUMBER, SECOND]) as (adapter, _):
        for number in (NUMBER, SECOND):
            server.user(7).at(number).says("hi")
            await adapter.send(part(server.user(7), "hello", account=number))
        assert [sent.number for sent in server.sent] == [NUMBER, SECOND]
        with pytest.raises(Refused, match="no number of this channel"):
            await adapter.send(part(server.user(7), "hello", account="1"))


@pytest.mark.feature("CH-10")
async def test_answers_quote_what_they_answer() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        ada = server.user(7)
        message = ada.says("hi")
        await adapter.send(part(ada, "hello", reply_to=message))
        assert asked(server)["context"] == {"message_id": message}


@pytest.mark.feature("FMT-01")
async def test_formatting_is_whatsapps_own() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        markdown = "# Head\n**bold** _it_ ~~no~~ `code`\n\n- one\n- two\n\n> quoted\n\n```\nblock\n```\n[here](https://example.org)"
        (piece,) = render(markdown, "asterisk", 4096)
        await adapter.send(part(server.user(7), piece.text))
        assert server.texts() == [_FORMATTED]


_FORMATTED = """*Head*
*bold* _it_ ~no~ `code`

• one
• two

> quoted

```
block
```
here (https://example.org)"""


@pytest.mark.feature("FMT-04")
@pytest.mark.parametrize(
    ("labels", "form"),
    [
        (["Yes"], "button"),
        (["Yes", "No", "Maybe"], "button"),
        (["A title of more than twenty", "No"], "list"),
        (["A title of more than twenty-four letters, told in full below it", "No"], "list"),
        ([f"Number {n}" for n in range(10)], "list"),
        ([f"Number {n}" for n in range(11)], "text"),
        (["Same", "Same"], "text"),
        (["x" * 73, "y"], "text"),
        (["", "y"], "text"),
    ],
)
async def test_buttons_take_the_form_that_holds_them(labels: list[str], form: str) -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        buttons = tuple(Button(text=label, value=f"v{index}") for index, label in enumerate(labels))
        await adapter.send(part(server.user(7), "Which?", buttons=buttons))
        sent = asked(server)
        if form == "text":
            numbered = "\n".join(f"{number}. {label}" for number, label in enumerate(labels, 1))
            assert server.texts() == [f"Which?\n\n{numbered}"]
        else:
            assert (sent["interactive"]["type"], server.texts()) == (form, ["Which?"])
            told = str(sent["interactive"])
            assert all(label in told and f"'v{index}'" in told for index, label in enumerate(labels))


@pytest.mark.feature("FMT-04")
async def test_a_link_is_a_button_alone_and_words_among_others() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        ada = server.user(7)
        ada.says("hi")
        link = Button(text="Site", url="https://example.org")
        await adapter.send(part(ada, "See", buttons=(link,)))
        assert asked(server)["interactive"]["action"]["parameters"] == {"display_text": "Site", "url": link.url}
        await adapter.send(part(ada, "See", buttons=(*YES_NO, link)))
        assert asked(server)["interactive"]["type"] == "button"
        await adapter.send(part(ada, "See", buttons=(link, Button(text="Mail", url="mailto:a@example.org"))))
        assert server.texts()[1:] == [
            "See\n\nSite: https://example.org",
            "See\n\nSite: https://example.org\nMail: mailto:a@example.org",
        ]


@pytest.mark.feature("FMT-04", "OUT-02")
async def test_a_text_too_long_for_buttons_goes_before_them_and_only_once() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        one = part(server.user(7), "x" * 1025, buttons=YES_NO)
        server.fail("messages", 130429, after=1)
        with pytest.raises(Retry):
            await adapter.send(one)
        ref = await adapter.send(one)
        assert [sent.asked["type"] for sent in server.sent] == ["text", "interactive"]
        assert ref == server.sent[-1].message_id
        marks = [sent.asked.get("biz_opaque_callback_data", "") for sent in server.sent]
        assert marks == ["", "help/1"], "only what is told of the last one is told of the part"
        await adapter.send(one)  # done and forgotten: the same id again is another try of everything
        assert len(server.sent) == 4


@pytest.mark.feature("OUT-08")
async def test_a_template_holds_the_text_as_its_variable() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.templates = {("follow_up", "en"), ("follow_up", "de_DE")}
        ada = server.user(7)
        with pytest.raises(Refused) as refused:
            await adapter.send(part(ada, "late answer"))
        assert refused.value.reason == "window"
        for template in ("follow_up", "follow_up:de_DE"):
            await adapter.send(part(ada, "*late*\n\n answer", template=template))
        assert server.texts() == ["follow_up: *late* answer"] * 2
        assert asked(server)["template"]["language"] == {"code": "de_DE"}
        assert asked(server)["biz_opaque_callback_data"] == "help/1"
        with pytest.raises(Refused, match="132001"):
            await adapter.send(part(ada, "late", template="unknown"))


@pytest.mark.feature("OUT-04", "OUT-07")
async def test_reports_come_back_under_the_parts_id() -> None:
    async with WhatsAppServer() as server, called(server) as (adapter, gate):
        ada = server.user(7, username="ada")
        ada.says("hi")
        server.fail("messages", "accept_then_reset")
        with pytest.raises(Unknown):
            await adapter.send(part(ada, "hello", id="4711"))
        message = server.sent[-1].message_id
        for status in ("sent", "delivered", "read", "failed"):
            server.reports(message, status)
        await server.until(lambda: not server.pusher.pending)
        assert gate.settled == [("4711", status, message) for status in ("sent", "delivered", "read", "failed")]


@pytest.mark.feature("OUT-07", "SEC-01")
@pytest.mark.parametrize("mark", ["", "17", "other/17", "/17", "help17", "helpful/17"])
async def test_reports_of_what_others_sent_settle_nothing_of_ours(mark: str) -> None:
    async with WhatsAppServer() as server, called(server) as (_, gate):
        server.accepted(NUMBER, server.user(7).id, "wamid.x", "hi", {"biz_opaque_callback_data": mark})
        server.reports("wamid.x", "read")
        await server.until(lambda: not server.pusher.pending)
        assert gate.settled == []


@pytest.mark.feature("CH-10")
@pytest.mark.parametrize("empty", ["", " \n"])
async def test_nothing_is_not_sent(empty: str) -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        with pytest.raises(Refused):
            await adapter.send(part(server.user(7), empty))
        with pytest.raises(Refused):
            await adapter.send(Part(id="1", address=Address(chat=""), text="to nobody"))
        assert not server.sent
