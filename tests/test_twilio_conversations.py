"""Group conversations: files that everybody there gets, and who rules there."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.errors import Refused, Retry, Unknown
from gateway.message import Address, Button, File, Part
from tests import media
from tests.far.twilio import NUMBER, TwilioServer
from tests.far.twilio.people import Conversation
from tests.road import REMEMBERS, UNPACED
from tests.situations.ground import BOT
from tests.twilio_channel import ADA, Channel, opened, part
from tests.twilio_road import road

CHAT = "CH" + "1" * 32
PNG, PDF = b"\x89PNG" + bytes(range(256)) * 100, b"%PDF-1.7"
PHOTO = File(id="f1", name="a.png", mime="image/png", size=len(PNG), url="https://example.org/f1", kind="photo")
PLAN = File(id="f2", name="plan.pdf", mime="application/pdf", size=len(PDF), url="https://example.org/f2")


def kept(channel: Channel) -> Channel:
    channel.gate.contents.update(f1=PNG, f2=PDF)
    return channel


def to(text: str = "", **fields: Any) -> Part:
    return part(text, chat=CHAT, place="group", **fields)


@pytest.mark.feature("CH-13", "MED-04")
async def test_files_are_lines_of_their_own_behind_the_words() -> None:
    async with TwilioServer() as server, opened(server, name="helper", conversations=True) as channel:
        chat, adapter = server.conversation(CHAT), kept(channel).adapter
        await adapter.send(to("Look", files=(PHOTO, PLAN)))
        assert chat.lines == [("helper", "Look"), ("helper", "[image/png]"), ("helper", "[application/pdf]")]
        assert chat.files == [PNG, PDF]
        await adapter.send(to("Well?", id="2", files=(PHOTO,), buttons=(Button(text="Yes", value="y"),)))
        assert chat.lines[3:] == [("helper", "[image/png]"), ("helper", "Well?\n\n\N{BULLET} Yes")]
        await adapter.send(to(id="3", files=(replace(PHOTO, url=""),)))
        assert chat.lines[5:] == [("helper", "[image/png]")], "it is given to Twilio, so nobody has to reach us"


@pytest.mark.feature("CH-13", "MED-04")
@pytest.mark.parametrize(
    ("sender", "file"),
    [
        ({}, File(id="f1", name="a.zip", mime="application/zip", size=9)),
        ({}, File(id="f1", name="a.png", mime="image/png", size=6 << 20)),
        ({"from": NUMBER}, File(id="f1", name="a.gif", mime="image/gif", size=9)),
        ({"from": NUMBER}, File(id="f1", name="a.pdf", mime="application/pdf", size=6 << 20)),
    ],
)
async def test_what_telephones_would_not_get_is_refused_before_anything_is_said(sender: Any, file: File) -> None:
    async with TwilioServer() as server, opened(server, conversations=True, **sender) as channel:
        chat = server.conversation(CHAT)
        with pytest.raises(Refused) as raised:
            await kept(channel).adapter.send(to("look", files=(PHOTO, file)))
        assert raised.value.reason == "unsupported", "then the core sends links in their place"
        assert (chat.lines, server.files) == ([], {})
        await channel.adapter.send(to("the plan", id="2", files=(PLAN,)))
        assert chat.files == [PDF]


@pytest.mark.feature("CH-13", "OUT-03", "OUT-05", "MED-04")
async def test_a_part_of_several_lines_goes_on_where_it_ended() -> None:
    async with TwilioServer() as server, opened(server, name="helper", conversations=True) as channel:
        chat, whole = server.conversation(CHAT), to("Look", files=(PHOTO,))
        for route, how in (("conversation", 429), ("conversation", "html"), ("uploads", 503), ("uploads", "reset")):
            server.fail(route, how)  # type: ignore[arg-type]
            with pytest.raises(Retry):  # nobody has seen the file: there is no doubt about it
                await kept(channel).adapter.send(whole)
        server.fail("conversations", "accept_then_reset")
        with pytest.raises(Unknown):
            await channel.adapter.send(whole)
        await channel.adapter.send(whole)
        assert [body for _, body in chat.lines] == ["Look", "[image/png]", "[image/png]"], "the words were said once"


@pytest.mark.feature("CH-13", "MED-04")
@pytest.mark.parametrize("route", ["uploads", "conversations"])
async def test_a_file_that_is_refused_behind_its_words_is_a_link(route: str) -> None:
    async with TwilioServer() as server, opened(server, name="helper", conversations=True) as channel:
        chat = server.conversation(CHAT)
        server.fail(route, 400, after=int(route == "conversations"))
        await kept(channel).adapter.send(to("Look", files=(PHOTO,)))
        assert [body for _, body in chat.lines] == ["Look", "a.png: https://example.org/f1"]
        server.fail(route, 400)
        with pytest.raises(Refused):
            await channel.adapter.send(to(id="2", files=(PHOTO,)))
        with pytest.raises(Refused):
            await channel.adapter.send(to(id="3", files=(replace(PLAN, id="lost"),)))
        assert len(chat.lines) == 2


async def _rules(channel: Channel, user: str, chat: str = CHAT) -> bool:
    return await channel.adapter.is_admin(Address(chat=chat, user=user, place="group"))


def _peopled(server: TwilioServer, many: int = 0) -> Conversation:
    chat = server.conversation(CHAT)
    for number in range(many):
        chat.joins(f"guest {number}")
    chat.joins("ada", "channel admin")
    chat.joins("bob")
    chat.joins(f"whatsapp:{ADA}", "channel admin")
    chat.joins("+15550101")
    chat.joins("eve", "no role at all")
    return chat


@pytest.mark.feature("CH-13", "GRP-09")
async def test_who_rules_in_a_conversation_is_read_from_the_role_there() -> None:
    async with TwilioServer() as server, opened(server, conversations=True) as channel:
        _peopled(server)
        asked = ("ada", "bob", ADA, "+15550101", "eve", "mallory", "", "None")
        assert [await _rules(channel, user) for user in asked] == [True, False, True, *[False] * 5]
        assert not await _rules(channel, "ada", "CH9"), "a conversation that is not there"
        assert not await _rules(channel, "ada", "../Configuration")
        assert not await channel.adapter.is_admin(Address(chat=ADA, user=ADA))


@pytest.mark.feature("CH-13", "GRP-09")
async def test_all_pages_of_participants_are_read_from_the_address_that_we_know() -> None:
    async with TwilioServer() as server, opened(server, conversations=True) as channel:
        server.page = 2
        _peopled(server, many=7)
        assert await _rules(channel, ADA)
        assert [route for route, _ in server.calls].count("participants") == 6


@pytest.mark.feature("CH-13", "GRP-09")
@pytest.mark.parametrize("route", ["participants", "roles"])
@pytest.mark.parametrize("how", [401, 429, 500, 503, "html"])
async def test_when_twilio_does_not_say_it_is_not_known(route: str, how: Any) -> None:
    async with TwilioServer() as server, opened(server, conversations=True) as channel:
        _peopled(server)
        server.fail(route, how)
        with pytest.raises(Retry):
            await _rules(channel, "ada")
        assert await _rules(channel, "ada")


@pytest.mark.feature("CH-13", "GRP-09")
async def test_only_who_rules_there_may_end_a_conversation(tmp_path: Path) -> None:
    keys = f"conversations: true, name: helper, group: {{mode: open}}, {UNPACED}"
    async with road(tmp_path, REMEMBERS, keys) as here:
        chat = here.server.conversation(CHAT)
        chat.joins("ada", "channel admin")
        chat.joins("whatsapp:+15550101")
        for author, text in (("ada", "hello"), ("whatsapp:+15550101", "/reset"), ("ada", "/reset"), ("ada", "again")):
            await chat.says(author, text, Source="SDK")
            await here.quiet()
        said = [body for _, body in chat.lines]
        assert said == ["hello (0)", "You are not allowed to do that.", "Conversation reset.", "again (0)"]
        here.server.fail("participants", 503, 10)
        await chat.says("bob", "/reset", Source="SDK")
        await here.quiet()
        assert "could not be checked" in chat.lines[-1][1]


@pytest.mark.feature("CH-13", "MED-04")
async def test_a_file_of_the_bots_reaches_everybody(tmp_path: Path) -> None:
    keys = f"conversations: true, name: helper, {UNPACED}"
    async with road(tmp_path, BOT, keys) as here:
        chat = here.server.conversation(CHAT)
        await chat.says("ada", "@helper picture", Source="SDK")
        await here.until(lambda: chat.files)
        await here.quiet()
        assert chat.lines == [("helper", "Here it is"), ("helper", "[image/png]")]
        assert chat.files == [media.PNG]
