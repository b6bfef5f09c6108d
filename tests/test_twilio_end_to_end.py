"""Twilio from end to end: what people write comes to the bot once and in order, and its answers come back."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.bot import Delta, Piece
from gateway.message import Turn
from tests import doors
from tests.doors import Held
from tests.far.twilio import NUMBER, PAGE, WHATSAPP, TwilioServer
from tests.far.twilio.server import SENDERS
from tests.road import REMEMBERS, SCRIPTED, UNPACED
from tests.twilio_road import gateway, road

GROUP = "CH" + "5e" * 16


@pytest.mark.feature("CH-12", "KEY-03", "KEY-05", "KEY-09", "DEV-03")
@pytest.mark.parametrize("sender", [WHATSAPP, NUMBER, PAGE])
async def test_people_are_answered_each_in_their_own_conversation(sender: str, tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS, sender=sender) as here:
        if sender == PAGE:  # it cannot be set by the API
            here.server.point(f"{here.gateway.url}/c/help")
        ids = [f"9000{n}" if sender == PAGE else f"+1555010{n}" for n in range(4)]
        people = [here.server.person(id, f"User {id}", sender) for id in ids]
        for round in range(3):
            assert [await person.says(f"{person.id}: {round}") for person in people] == [200] * 4
            await here.quiet()
        for person in people:
            assert here.server.texts(person.address) == [f"{person.id}: {n} ({2 * n})" for n in range(3)]
        account = sender.rpartition(":")[2].replace("+", "%2B")
        wanted = [(f"help/b/dm:account={account},user={id.replace('+', '%2B')}",) for id in ids]
        assert await here.rows("SELECT key FROM session WHERE state = 'active' ORDER BY key") == wanted
        statuses = await here.rows("SELECT DISTINCT state, status FROM outbox")
        assert statuses == [("sent", "delivered")]


@pytest.mark.feature("INB-03", "KEY-09")
async def test_copies_and_spellings_are_one_message_and_one_person(tmp_path: Path) -> None:
    async with TwilioServer() as server:
        async with gateway(server, tmp_path, REMEMBERS) as here:
            ada = server.person("+15550100", "Ada")
            form = ada.form("hello")
            assert set(await asyncio.gather(*(ada.sends(form) for _ in range(20)))) == {200}
            await here.quiet()
            await ada.says("again", From="whatsapp:+1 555 0100")
            await here.quiet()
        async with gateway(server, tmp_path, REMEMBERS) as here:
            assert await ada.sends(form) == 200
            await ada.says("and again")
            await here.quiet()
            assert server.texts(ada.address) == ["hello (0)", "again (2)", "and again (4)"]
            assert await here.rows("SELECT COUNT(*) FROM lane") == [(1,)]


@pytest.mark.feature("CH-12", "SEC-01", "SEC-02", "INB-09")
async def test_the_unsigned_and_the_misdirected_leave_nothing_to_answer(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        server, url = here.server, f"{here.gateway.url}/c/help"
        ada = server.person("+15550100", "Ada")
        for headers in ({}, {"X-Twilio-Signature": "x"}, server.caller.signed(url, ada.form("other"))):
            assert await server.caller.call(url, ada.form("forged"), headers) == 401
        server.caller.token = "another"
        assert await ada.says("forged") == 401
        server.caller.token = server.token
        misdirected: list[dict[str, Any]] = [
            {"To": NUMBER},
            {"To": "nobody"},
            {"To": "whatsapp:+19995550111", "OptOutType": "STOP"},
            {"AccountSid": "AC" + "66" * 16},
        ]
        for fields in misdirected:
            assert await ada.says("misdirected", **fields) == 200
        await here.quiet()
        assert server.sent == []
        assert await here.rows("SELECT COUNT(*) FROM inbox") == [(0,)]
        assert await here.rows("SELECT reason FROM dropped") == [("unroutable",)] * 4


@pytest.mark.feature("CH-12", "INB-08")
async def test_what_comes_for_another_sender_is_a_dead_letter_until_the_sender_is_ours(tmp_path: Path) -> None:
    another = SENDERS[1]
    async with TwilioServer() as server:
        ada = server.person("+15550100", "Ada")
        async with gateway(server, tmp_path, REMEMBERS) as here:
            for text in ("hello", "/reset"):
                assert await ada.says(text, To=another) == 200
            await ada.says("by SMS to the same number", To=WHATSAPP.partition(":")[2], From=ada.id)
            await here.quiet()
            assert server.sent == []
            letters = (await here.office(tmp_path, "GET", "dead"))[1]["dead"]
            assert [letter["reason"] for letter in letters] == ["unroutable"] * 3
            hello = f"dead/inbox/{min(letter['id'] for letter in letters)}"
            told = (await here.office(tmp_path, "GET", hello))[1]
            assert (told["event"]["text"], told["event"]["account"]) == ("hello", another.partition(":")[2])
            for letter in letters:
                status, told = await here.office(tmp_path, "POST", f"dead/inbox/{letter['id']}/requeue")
                assert (status, told["code"]) == (409, "unroutable")
        async with gateway(server, tmp_path, REMEMBERS, sender=another) as here:
            assert (await here.office(tmp_path, "POST", f"{hello}/requeue"))[0] == 200
            await here.quiet()
            assert [sent.asked["From"] for sent in server.sent] == [[another]]
            assert server.texts(ada.address) == ["hello (1)"]


@pytest.mark.feature("OUT-03", "FMT-02")
async def test_a_long_answer_arrives_in_parts_and_in_order(tmp_path: Path) -> None:
    async def long(turn: Turn) -> AsyncIterator[Piece]:
        for number in range(120):
            yield Delta(f"Paragraph {number} {'and so on ' * 8}\n\n")

    async with road(tmp_path, SCRIPTED) as here:
        doors._script.append(long)
        chance, arrived, late = random.Random(7), list[str](), []
        here.server.reports = ()
        ada = here.server.person("+15550100", "Ada")
        await ada.says("tell me")
        while True:
            await here.until(lambda: len(here.server.sent) > len(arrived))
            (sent,) = here.server.sent[len(arrived) :]  # never two on the way at once
            arrived.append(sent.body)
            statuses = ["queued", "sent", "delivered"]
            chance.shuffle(statuses)
            for status in statuses:
                assert await here.server.report(sent, status) == 200
            late.append(sent)
            if "Paragraph 119 " in sent.body:
                break
        await here.quiet()
        whole = "\n\n".join(arrived)
        places = [whole.index(f"Paragraph {number} ") for number in range(120)]
        assert places == sorted(places)
        assert all(len(body) <= 1600 for body in arrived)
        assert await here.rows("SELECT DISTINCT state, status FROM outbox") == [("sent", "delivered")]
        assert len(late) > 5


@pytest.mark.feature("CH-13", "GRP-01", "GRP-06", "CH-24")
async def test_a_conversation_is_a_group_with_speakers(tmp_path: Path) -> None:
    channel = f"conversations: true, name: helper, {UNPACED}"
    async with road(tmp_path, SCRIPTED, channel) as here:
        held = Held()
        chat = here.server.conversation(GROUP)
        assert here.server.conversations_url, "it was set by the channel"
        assert await chat.says("whatsapp:+15550100", "good morning") == 200
        assert await chat.says("whatsapp:+15550101", "@helper when do you close?", copies=2) == 200
        assert await chat.says("helper", "my own line", Source="API") == 200
        held.write("At six.")
        held.finish()
        await here.until(lambda: chat.lines)
        await here.quiet()
        assert chat.lines == [("helper", "At six.")]
        (turn,) = held.turns
        assert (turn.message.text, turn.session.scope) == ("when do you close?", "group")
        assert turn.message.sender is not None
        assert turn.message.sender.name == "+15550101"
        assert await here.rows("SELECT key FROM session") == [(f"help/b/group:account=%2B14155550199,chat={GROUP}",)]
        reasons = await here.rows("SELECT reason FROM dropped ORDER BY reason")
        assert reasons == [("not_addressed",), ("own_echo",)]


@pytest.mark.feature("CH-13", "GRP-06", "GRP-10", "CH-24", "LIF-17")
async def test_what_happens_in_a_conversation_is_what_happens_in_any_group(tmp_path: Path) -> None:
    group = (
        "group: {mode: open, reset_by: anyone}, texts: {group_welcome: Hello all}, session: {on_edit: reanswer_last}"
    )
    channel = f"conversations: true, name: helper, {group}, {UNPACED}"
    async with road(tmp_path, REMEMBERS, channel, sender=NUMBER) as here:
        chat = here.server.conversation(GROUP)
        assert await chat.happens("onConversationAdded", DateUpdated="1") == 200
        await here.quiet()
        form = chat.form("onMessageAdded", "+15550100", "helo")
        await chat.sends(form)
        await here.quiet()
        edited = {**dict(form), "EventType": "onMessageUpdated", "Body": "hello", "DateUpdated": "2"}
        await chat.sends([*edited.items()])
        await here.quiet()
        await chat.says("survey-robot", "please rate us", Source="API")
        await chat.happens("onParticipantAdded", Identity="eve")
        await chat.says("+15550101", "/reset")
        await here.quiet()
        await chat.says("eve", "again")
        await here.quiet()
        said = [body for _, body in chat.lines]
        assert said == ["Hello all", "helo (0)", "hello (0)", "Conversation reset.", "again (0)"]
        reasons = await here.rows("SELECT reason FROM dropped ORDER BY reason")
        assert reasons == [("other_bot",), ("service",), ("service",)]
        assert await chat.happens("onConversationRemoved", DateUpdated="3") == 200


@pytest.mark.feature("CMD-01", "LIF-10")
async def test_reset_works_as_everywhere(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS) as here:
        ada = here.server.person("+15550100", "Ada")
        for text in ("hello", "again", "/reset", "hello"):
            await ada.says(text)
            await here.quiet()
        assert here.server.texts() == ["hello (0)", "again (2)", "Conversation reset.", "hello (0)"]


@pytest.mark.feature("FMT-04")
async def test_a_press_is_the_choice_that_was_offered(tmp_path: Path) -> None:
    channel = f"stream: {{typing: false}}, {UNPACED}"
    bot = "kind: python, call: 'tests.test_twilio_end_to_end:asks'"
    async with road(tmp_path, bot, channel) as here:
        ada = here.server.person("+15550100", "Ada")
        await ada.says("hello")
        await here.quiet()
        assert here.server.sent[0].choices == (("Yes", "y"), ("No", "n"))
        await ada.presses(here.server.sent[0].sid, "y", "Yes")
        await here.quiet()
        assert here.server.texts() == ["Sure?", "button y"]


@pytest.mark.feature("FMT-04")
@pytest.mark.parametrize("sender", [WHATSAPP, NUMBER])
async def test_where_no_buttons_fit_a_number_is_the_choice(sender: str, tmp_path: Path) -> None:
    channel = f"stream: {{typing: false}}, {UNPACED}"
    bot = "kind: python, call: 'tests.test_twilio_end_to_end:lists'"
    async with road(tmp_path, bot, channel, sender=sender) as here:
        ada = here.server.person("+15550100", "Ada", sender)
        for text in ("hello", "2"):
            await ada.says(text)
            await here.quiet()
        first, second = here.server.texts()
        assert first == "Which?\n\n1. The one with the long name on it\n2. The other"
        assert second == "button other"


async def lists(turn: Turn) -> dict[str, object]:
    if turn.message.kind == "button":
        return {"text": f"button {turn.message.text}"}
    names = {"one": "The one with the long name on it", "other": "The other"}
    return {"messages": [{"text": "Which?", "buttons": [{"text": names[one], "value": one} for one in names]}]}


async def asks(turn: Turn) -> dict[str, object]:
    if turn.message.kind == "button":
        return {"text": f"button {turn.message.text}"}
    buttons = [{"text": "Yes", "value": "y"}, {"text": "No", "value": "n"}]
    return {"messages": [{"text": "Sure?", "buttons": buttons}]}


@pytest.mark.feature("MED-01")
async def test_all_files_of_a_message_reach_the_bot(tmp_path: Path) -> None:
    bot = "kind: python, call: 'tests.test_twilio_end_to_end:counts'"
    async with road(tmp_path, bot, sender=NUMBER) as here:
        ada = here.server.person("+15550100", "Ada", NUMBER)
        png = b"\x89PNG\r\n\x1a\n" + bytes(100)
        await ada.shows((png, "image/png"), (png, "image/png"), (b"%PDF-1.4 plan", "application/pdf"), body="look")
        await here.quiet()
        assert here.server.texts() == ["look: 3 files, of 108 108 13 bytes, none by Twilio"]


async def counts(turn: Turn) -> str:
    files = turn.message.files
    sizes = " ".join(str(file.size) for file in files)
    ours = not any("twilio" in file.url.lower() or "Accounts" in file.url for file in files)
    return f"{turn.message.text}: {len(files)} files, of {sizes} bytes, {'none' if ours else 'some'} by Twilio"


@pytest.mark.feature("MED-06", "INB-09")
async def test_what_no_bot_could_read_is_said_so_and_what_twilio_answers_is_left_to_it(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.person("+15550100", "Ada")
        await ada.says("", MessageType="unsupported")
        await here.quiet()
        (told,) = here.server.texts()
        assert told, "one friendly line"
        await ada.says("", MessageType="unsupported")
        await ada.says("HELP", OptOutType="HELP")
        await ada.says("")
        await here.quiet()
        assert here.server.texts() == [told]
        assert sorted(await here.rows("SELECT reason FROM dropped")) == [("service",), ("unsupported",)]


@pytest.mark.feature("STR-01")
async def test_typing_is_shown_below_the_message_being_answered(tmp_path: Path) -> None:
    async with road(tmp_path, SCRIPTED) as here:
        held = Held()
        ada = here.server.person("+15550100", "Ada")
        await ada.says("think")
        await here.until(lambda: here.server.typed)
        held.write("done")
        held.finish()
        await here.quiet()
        assert here.server.typed == [here.server.inbound[ada.address][0]]
