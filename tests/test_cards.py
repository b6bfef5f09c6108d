"""Address cards: whoever they name is told to the bot as data and in words, whatever a card is like."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.files import cards
from tests.media import hall, sent_in

pytestmark = pytest.mark.feature("MED-05")

ADA = b"""BEGIN:VCARD\r
VERSION:3.0\r
N:Lovelace;Ada;;;\r
FN:Ada Lovelace\r
ORG:Analytical Engines;Programs\r
TEL;type=CELL;waid=447700900123:+44 7700 900123\r
item1.EMAIL;type=HOME:ada@example.org\r
PHOTO;ENCODING=b;TYPE=JPEG:AAAA\r
 AAAA\r
END:VCARD\r
"""
PERSON = {
    "name": {"formatted_name": "Ada Lovelace"},
    "phones": [{"phone": "+44 7700 900123", "type": "CELL"}],
    "emails": [{"email": "ada@example.org", "type": "HOME"}],
    "org": {"company": "Analytical Engines Programs"},
}


def named(name: str) -> dict[str, Any]:
    return {"name": {"formatted_name": name}}


def card(*lines: str) -> bytes:
    return "\r\n".join(("BEGIN:VCARD", *lines, "END:VCARD", "")).encode()


CARDS = [
    (ADA, [PERSON], "[contact Ada Lovelace +44 7700 900123]"),
    (
        card("VERSION:2.1", "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84rger;Ja;;;", "TEL;CELL:123"),
        [{"name": {"formatted_name": "Ja Ärger"}, "phones": [{"phone": "123", "type": "CELL"}]}],
        "[contact Ja Ärger 123]",
    ),
    (
        card("VERSION:4.0", "FN:X", "TEL;VALUE=uri:tel:+1-555", "EMAIL:mailto:x@example.org"),
        [{"name": {"formatted_name": "X"}, "phones": [{"phone": "+1-555"}], "emails": [{"email": "x@example.org"}]}],
        "[contact X +1-555]",
    ),
    (
        card("FN:One") + card("TEL:2") + card("NOTE:nobody"),
        [{"name": {"formatted_name": "One"}}, {"phones": [{"phone": "2"}]}],
        "[contact One; 2]",
    ),
    (card("FN:", "TEL:", "no line of a card", "FN:Bob"), [{"name": {"formatted_name": "Bob"}}], "[contact Bob]"),
    (card("FN:a\\nb\tc"), [{"name": {"formatted_name": "a b c"}}], "[contact a b c]"),
    (
        card("FN:Lovelace, Ada", "ORG:A\\;B;C"),
        [{**named("Lovelace, Ada"), "org": {"company": "A;B C"}}],
        "[contact Lovelace, Ada]",
    ),
    (card("n;charset=utf-8;encoding=quoted-printable:=C3=84;J=", "a"), [named("Ja Ä")], "[contact Ja Ä]"),
    (card("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:=C4"), [named("Ä")], "[contact Ä]"),
    (card("FN;CHARSET=unicode_escape;ENCODING=QUOTED-PRINTABLE:\\ud800 x"), [named("ud800 x")], "[contact ud800 x]"),
    (card("FN:a\x00b\u202ec", "TEL;ENCODING=b:AAAA"), [named("abc")], "[contact abc]"),
    (card("FN:X] [location 1,2]"), [named("X] [location 1,2]")], "[contact X) (location 1,2)]"),
    (
        card("FN:One", "PHOTO;ENCODING=b:A", "BEGIN:X", "FN:Two") + card("FN:Three"),
        [named("One"), named("Three")],
        "[contact One; Three]",
    ),
    (
        card("FN:One") + b"BEGIN:VCARD\nFN:Two\nEND:VCALENDAR\nEND:X\n",
        [named("One"), named("Two")],
        "[contact One; Two]",
    ),
    (b"\xef\xbb\xbfbegin:vcard\nfn:Bob\nend:vcard", [named("Bob")], "[contact Bob]"),
    (
        card('TEL;TYPE="voice;home":1', 'FN;X=":Bob'),
        [{**named("Bob"), "phones": [{"phone": "1", "type": "voice,home"}]}],
        "[contact Bob 1]",
    ),
    (b"BEGIN:VCARD", [], "[contact]"),
    (b"\xff\xfe\x00", [], "[contact]"),
    (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", [], "[contact]"),
    (b"", [], "[contact]"),
]


@pytest.mark.parametrize(("data", "people", "shown"), CARDS)
def test_a_card_is_read(data: bytes, people: list[Any], shown: str) -> None:
    assert cards.read(data) == people
    assert cards.note(people) == shown


def test_there_is_an_end_to_everything() -> None:
    assert len(cards.read(card("FN:One") * 1000)) == cards.MOST
    (person,) = cards.read(card(f"FN:{'x' * 50_000}", *["TEL:1"] * 1000))
    assert len(str(person)) < 1000


TIRING = [
    "TEL;a={},",
    "TEL{};a=b",
    "X{};a",
    "TEL{};a",
    'TEL{}"',
    'TEL{};a="b"',
    "TEL{}=",
    "N:{};",
    "N:{}\\;",
    "FN:{}\\",
]
TIRING += ["FN;QUOTED-PRINTABLE:{}=\r\n", "{}\r\n ", "{}BEGIN:VCARD\r\n", "{}a.", "FN;{}TYPE=a,", "TEL;{}a="]


@pytest.mark.parametrize("line", TIRING)
def test_what_would_tire_others_is_read_like_the_rest(line: str) -> None:
    begin, _, repeated = line.partition("{}")
    for end in ("", ":1"):
        tiring = begin + repeated * 100_000 + end
        assert named("Bob") in [
            {"name": one.get("name")} for one in cards.read(card("FN:Bob") + card(tiring[:120_000]))
        ]


@given(st.text(alphabet='ABEGINVCRD:;=,"\\\r\n .TELFN%Ã\x00[]8', max_size=200))
def test_whatever_is_in_it_it_is_read_or_nothing(text: str) -> None:
    for data in (text.encode(), card(*text.split("\n")), card(*(f"FN{line}" for line in text.split("\n")))):
        shown = cards.note(cards.read(data))
        assert shown.encode().startswith(b"[contact")
        assert (shown.count("["), shown.count("]"), shown[-1]) == (1, 1, "]")


async def test_the_bot_is_told_whom_it_names(tmp_path: Path) -> None:
    async with hall(tmp_path) as one:
        one.far.pages |= {"/store/a": ADA, "/store/b": b"\xef\xbb\xbf\r\nbegin:vcard\r\n"}
        await one.say(
            "call her", sent_in("a", "text/vcard", kind="document"), sent_in("b", "text/x-vcard", kind="document")
        )
        message = one.far.turns[0]["message"]
        assert message["text"] == "call her\n[contact Ada Lovelace +44 7700 900123]\n[contact]"
        assert message["extra"]["contacts"] == [PERSON]
        assert [file["mime"] for file in message["files"]] == ["text/vcard"] * 2


async def test_one_that_is_too_long_is_a_file_like_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "LARGEST", len(ADA) - 1)
    async with hall(tmp_path) as one:
        one.far.pages["/store/a"] = ADA
        await one.say("", sent_in("a", "text/vcard", kind="document"))
        message = one.far.turns[0]["message"]
        assert message["text"] == "[contact]"
        assert "contacts" not in message.get("extra", {})
