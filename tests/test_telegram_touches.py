"""What the adapter does besides speaking: buttons and presses, reactions, menus, and who is an administrator."""

from typing import Any

import pytest

from adapters.telegram import Adapter
from gateway.errors import Retry
from gateway.message import Address, Button
from tests.far.telegram import TelegramServer
from tests.far.telegram.keyboards import labels
from tests.telegram_channel import called, opened, part, running

DM = Address(chat="7", user="7")


@pytest.mark.feature("FMT-04")
async def test_buttons_stand_below_the_message_short_ones_side_by_side() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        buttons = (
            *(Button(text=word, value=word.lower()) for word in ("Yes", "No", "Maybe", "Later", "Never")),
            Button(text="A choice that needs a line of its own", value="long"),
            Button(text="Read more", url="https://example.org/a?b=c"),
            Button(text="Write", url="mailto:help@example.org"),
            Button(text="Without a value"),
        )
        await adapter.send(part(7, "Well?", buttons=buttons))
        rows = server.sent[0].asked["reply_markup"]["inline_keyboard"]
        assert [[key["text"] for key in row] for row in rows] == [
            ["Yes", "No", "Maybe", "Later"],
            ["Never"],
            ["A choice that needs a line of its own"],
            ["Read more", "Write", "Without a value"],
        ]
        acts = [{name: act for name, act in key.items() if name != "text"} for row in rows for key in row]
        assert acts[0] == {"callback_data": "yes"}
        assert acts[6:] == [
            {"url": "https://example.org/a?b=c"},
            {"copy_text": {"text": "help@example.org"}},
            {"callback_data": "Without a value"},
        ]


@pytest.mark.feature("FMT-04")
async def test_buttons_without_a_word_have_something_to_stand_below() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        ref = await adapter.send(part(7, "", buttons=(Button(text="Yes"),)))
        assert labels(server.world.chats[7].messages[int(ref)]) == ["Yes"]


@pytest.mark.feature("FMT-04", "STR-04")
async def test_an_edit_keeps_the_buttons_it_is_given() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        ref = await adapter.send(part(7, "One?", buttons=(Button(text="Yes"),)))
        await adapter.edit(ref, part(7, "Two?", buttons=(Button(text="No"),)))
        assert labels(server.world.chats[7].messages[int(ref)]) == ["No"]
        await adapter.edit(ref, part(7, "Three."))
        assert labels(server.world.chats[7].messages[int(ref)]) == []


@pytest.mark.feature("FMT-04", "INB-01")
@pytest.mark.parametrize("way", [running, called])
async def test_a_press_is_acknowledged_once_it_is_on_disk(way: Any) -> None:
    async with TelegramServer() as server, way(server) as (adapter, gate):
        server.user(7, "Ada").says("hi")
        values = ("yes", "x" * 64, "y" * 65, "\N{GRINNING FACE}" * 17, "\x1f0")
        buttons = tuple(Button(text=f"Choice {n}", value=value) for n, value in enumerate(values))
        ref = int(await adapter.send(part(7, "Well?", buttons=buttons)))
        await gate.until(lambda: gate.received)
        gate.open_store.clear()
        for number in range(len(values)):
            server.user(7).taps(ref, f"Choice {number}")
        assert server.touches.answered == []
        gate.open_store.set()
        await server.until(lambda: len(server.touches.answered) == len(values))
        presses = [inbound for inbound, _ in gate.received if inbound.kind == "button"]
        assert [inbound.text for inbound in presses] == ["yes", "x" * 64, "Choice 2", "Choice 3", "Choice 4"]
        assert [inbound.extra["button"] for inbound in presses] == [
            {"ref": str(ref), "text": "Choice 0"},
            {"ref": str(ref), "text": "Choice 1"},
            *({"ref": str(ref), "text": f"Choice {n}", "index": n} for n in (2, 3, 4)),
        ]


@pytest.mark.feature("FMT-04")
async def test_an_acknowledgement_that_fails_does_not_matter() -> None:
    async with TelegramServer() as server, running(server) as (_, gate):
        server.fail("answerCallbackQuery", 400)
        server.fail("answerCallbackQuery", "reset")
        for _ in range(3):
            server.user(7).presses(99, "yes")
        server.user(7).says("and on it goes")
        await gate.until(lambda: "and on it goes" in gate.texts)
        assert gate.texts == ["yes"] * 3 + ["and on it goes"]


@pytest.mark.feature("STR-05")
async def test_our_reactions_are_those_that_telegram_has() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        said = server.user(7).says("hi")
        for emoji in ("👀", "✅", "✔️", "❌", "❤️", "👍", ""):
            await adapter.react(DM, str(said), emoji)
        assert [emoji for _, _, emoji in server.touches.reacted] == ["👀", "👌", "👌", "💔", "❤", "👍", ""]


@pytest.mark.feature("CMD-05")
async def test_menus_are_set_by_language_and_scope_and_only_when_they_change() -> None:
    everywhere = {
        "": {"reset": "Start over", "history": "What was said"},
        "de": {"reset": "Von vorn", "history": "Was war"},
        "pt-BR": {"reset": "Recomeçar"},
        "haw": {"reset": "no two letters"},
    }
    in_groups = {"": {"reset": "Start over"}, "de": {"reset": "Von vorn" * 99}}
    async with TelegramServer() as server, opened(server) as channel:
        for _ in range(2):
            await channel.adapter.menu(everywhere, in_groups)
        menus = server.touches.menus
        assert menus[("all_private_chats", "")] == everywhere[""]
        assert menus[("all_private_chats", "de")] == everywhere["de"]
        assert menus[("all_private_chats", "pt")] == {"reset": "Recomeçar"}
        assert menus[("all_group_chats", "")] == {"reset": "Start over"}
        assert len(menus[("all_group_chats", "de")]["reset"]) == 256
        assert len(menus) == 5
        asked = len(server.calls)
        again = Adapter("help", channel.adapter.options, channel.gate)  # as after a restart
        await again.menu(everywhere, in_groups)
        assert len(server.calls) == asked
        server.fail("setMyCommands", 429, retry_after=3)
        with pytest.raises(Retry):
            await again.menu({"": {"help": "All commands"}}, {})
        await again.menu({"": {"help": "All commands"}}, {})
        assert server.touches.menus == {("all_private_chats", ""): {"help": "All commands"}}


@pytest.mark.feature("GRP-09", "GRP-06")
async def test_administrators_are_those_that_telegram_names_and_the_group_itself() -> None:
    async with TelegramServer() as server, opened(server) as (adapter, _):
        server.group(-1001)
        for user, status in ((7, "creator"), (8, "administrator"), (9, "member")):
            server.user(user)
            server.admins[-1001, user] = status
        asked = [
            Address(chat="-1001", user=user, place="group") for user in ("7", "8", "9", "10", "-1001", "-1002", "")
        ]
        assert [await adapter.is_admin(one) for one in asked] == [True, True, False, False, True, False, False]
        for how in (500, "reset", 401):
            server.fail("getChatMember", how)
            with pytest.raises(Retry):
                await adapter.is_admin(asked[0])
