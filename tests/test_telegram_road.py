"""What people on Telegram do besides writing, on the whole road: buttons, albums, edits, reactions, blocking."""

from pathlib import Path

import pytest

from gateway.message import Turn
from tests.far.telegram import TelegramServer
from tests.far.telegram.keyboards import labels
from tests.road import REMEMBERS
from tests.telegram_road import MODES, Road, gateway, road

both = pytest.mark.parametrize("mode", MODES)
OFFERS = "kind: python, call: 'tests.test_telegram_road:offers'"
COUNTS = "kind: python, call: 'tests.test_telegram_road:counts'"
SIGNED = "limits: {send: off, messages: off}, stream: {ack: {seen: 👀, done: ✅}}"
LONG = "an answer that is too long to come back with a press, " * 3


async def offers(turn: Turn) -> dict[str, object]:
    """Buttons where "wine" is said; else what was chosen."""
    if turn.message.text != "wine":
        return {"text": f"{turn.message.kind}: {turn.message.text}"}
    buttons = [{"text": "Red", "value": "red"}, {"text": "White", "value": LONG}]
    return {"messages": [{"text": "Which **one**?", "buttons": buttons}]}


async def counts(turn: Turn) -> str:
    quoted = turn.message.extra.get("quoted", {})
    said = f"{len(turn.message.files)} files, {turn.message.text}"
    return f"{said}, about {quoted['text']}" if quoted else said


def number(here: Road, text: str) -> int:
    """The id of a message that was sent."""
    return next(sent.message_id for sent in here.server.sent if sent.text == text)


@pytest.mark.feature("FMT-04", "DEV-03")
@both
async def test_a_press_is_answered_like_a_message(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, OFFERS) as here:
        ada, server = here.server.user(7), here.server
        ada.says("wine")
        await here.texts(7, ["Which one?"])
        asked = number(here, "Which one?")
        assert labels(server.world.chats[7].messages[asked]) == ["Red", "White"]
        ada.taps(asked, "Red")
        await here.texts(7, ["Which one?", "button: red"])
        ada.taps(asked, "White")
        await here.texts(7, ["Which one?", "button: red", f"button: {LONG.strip()}"])
        await server.until(lambda: len(server.touches.answered) == 2)


@pytest.mark.feature("FMT-04")
async def test_a_press_that_is_stale_foreign_or_made_up_is_told_so(tmp_path: Path) -> None:
    async with road(tmp_path, "polling", OFFERS) as here:
        ada, eve = here.server.user(7), here.server.user(8)
        ada.says("wine")
        await here.texts(7, ["Which one?"])
        asked, late = number(here, "Which one?"), "That choice is no longer available."
        ada.presses(asked, "rosé")
        await here.texts(7, ["Which one?", late])
        eve.presses(asked, "red")
        await here.texts(8, [late])
        ada.says("/reset")
        ada.taps(asked, "Red")
        await here.quiet()
        assert here.server.texts(7)[2] == "Conversation reset."
        assert not [text for text in here.server.texts() if text.startswith("button")]


@pytest.mark.feature("ORD-06", "MED-01")
@both
async def test_an_album_is_one_turn_with_its_caption(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, COUNTS) as here:
        here.server.files.update({name: b"\xff\xd8\xff" + name.encode() for name in ("one", "two", "three")})
        here.server.user(7).sends_photos("one", "two", "three", caption="my garden")
        await here.until(lambda: not here.server.queue.pending)
        assert here.server.texts() == []
        here.leap(2.1)
        await here.texts(7, ["3 files, my garden"])
        assert await here.rows("SELECT COUNT(*) FROM inbox WHERE state = 'done' AND reason = 'joined'") == [(2,)]


@pytest.mark.feature("ORD-05")
async def test_a_text_that_the_client_cut_is_one_message(tmp_path: Path) -> None:
    async with road(tmp_path, "polling", COUNTS) as here:
        text = " ".join(str(n) for n in range(1200))
        cut = max(at for at in range(4000, 4096) if " " not in text[at - 1 : at + 1])
        for piece in (text[:cut], text[cut:]):
            here.server.user(7).says(piece)
        await here.until(lambda: not here.server.queue.pending)
        here.leap(1.6)
        await here.until(lambda: here.server.sent)
        await here.quiet()
        assert " ".join(here.server.texts(7)).split()[2:] == text.split()


@pytest.mark.feature("LIF-17")
@both
async def test_an_edit_of_the_last_message_edits_our_answer(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode, REMEMBERS) as here:
        ada = here.server.user(7)
        said = ada.says("helo")
        await here.texts(7, ["helo (0)"])
        await here.quiet()
        ada.edits(said, "hello")
        await here.until(lambda: here.server.visible(7) == ["hello (0)"])
        await here.quiet()
        assert here.server.texts(7) == ["helo (0)"], "nothing else was sent"


@pytest.mark.feature("STR-06")
@both
async def test_a_thumb_on_an_answer_is_kept_and_taken_back(mode: str, tmp_path: Path) -> None:
    async with road(tmp_path, mode) as here:
        ada = here.server.user(7)
        ada.says("hi")
        await here.texts(7, ["hi"])
        await here.quiet()
        for emoji, kept in (("👍", '{"ratings":{"7":1}}'), ("👎", '{"ratings":{"7":-1}}'), ("", "{}")):
            ada.reacts(number(here, "hi"), *([emoji] if emoji else []))
            await here.until_rows([(kept,)], "SELECT extra FROM message WHERE role = 'assistant'")


@pytest.mark.feature("STR-05")
async def test_our_reactions_say_how_a_message_does(tmp_path: Path) -> None:
    async with road(tmp_path, "polling", channel=SIGNED) as here:
        said = here.server.user(7).says("hi")
        await here.until(lambda: len(here.server.touches.reacted) == 2)
        assert here.server.touches.reacted == [(7, said, "👀"), (7, said, "👌")]


@pytest.mark.feature("CH-05", "OUT-06")
async def test_who_welcomes_us_back_may_be_told_things_again(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.user(7)
        ada.says("hi")
        await here.texts(7, ["hi"])
        ada.blocks()
        await here.until_rows([("blocked",)], "SELECT silenced FROM lane")
        ada.unblocks()
        await here.until_rows([(None,)], "SELECT silenced FROM lane")


@pytest.mark.feature("GRP-06", "GRP-08")
async def test_the_bot_is_told_what_a_message_answers(tmp_path: Path) -> None:
    async with TelegramServer() as server, gateway(server, tmp_path, "polling", COUNTS) as here:
        ada = server.user(7, "Ada")
        first = ada.says("The red ones?")
        await here.texts(7, ["0 files, The red ones?"])
        ada.says("yes", reply_to=first)
        await here.texts(7, ["0 files, The red ones?", "0 files, yes, about The red ones?"])


@pytest.mark.feature("MED-05", "MEM-06")
async def test_places_contacts_and_polls_are_read_and_told_as_data(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.user(7)
        ada.posts({"location": {"latitude": 48.5, "longitude": 2.25}})
        ada.posts({"contact": {"phone_number": "+4930", "first_name": "Bob"}})
        answers = [{"text": word, "voter_count": 0, "persistent_id": word} for word in ("yes", "no")]
        known = {"id": "1", "is_closed": False, "is_anonymous": True, "type": "regular", "total_voter_count": 0}
        more = {"allows_multiple_answers": False, "allows_revoting": True, "members_only": False}
        ada.posts({"poll": {**known, **more, "question": "Sail?", "options": answers}})
        wanted = ["[location 48.5,2.25]", "[contact Bob +4930]", "[poll Sail? / yes / no]"]
        await here.texts(7, wanted)
        assert await here.rows(
            'SELECT body LIKE \'%"location":{"latitude":48.5%\' FROM inbox ORDER BY seq LIMIT 1'
        ) == [(1,)]
        extra = 'SELECT body LIKE \'%"question":"Sail?"%\' FROM inbox ORDER BY seq DESC LIMIT 1'
        assert await here.rows(extra) == [(1,)]


@pytest.mark.feature("MED-06", "CH-05")
async def test_a_kind_of_message_that_nobody_knows_is_excused_once_and_not_in_groups(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada, group = here.server.user(7), here.server.group(500, "Harbour")
        sorry = "Sorry, this kind of message is not supported."
        for content in ({"hologram": {"file_id": "x"}}, {"hologram": {"file_id": "y"}}, {"smell": {"of": "tar"}}):
            ada.posts(content)
            ada.posts(content, group)
        await here.texts(7, [sorry, sorry])
        await here.quiet()
        assert here.server.texts(group.id) == []
        said = "SELECT text FROM message WHERE role = 'user' ORDER BY session, seq"
        assert await here.rows(said) == [("[hologram]",), ("[hologram]",), ("[smell]",)]
