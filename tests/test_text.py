"""Commands, cleaning, names and first sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text import Command, clean, clean_name, first_sentence, parse_command
from tests.markdown import FUZZ

COMMANDS = [
    ("/reset", Command("reset")),
    ("  /reset \n", Command("reset")),
    ("/RESET", Command("reset")),
    ("／Ｒeset", Command("reset")),  # full width, as Japanese keyboards write it
    ("\u200f/reset\u200e", Command("reset")),  # wrapped in marks of direction
    ("/history 5", Command("history", "5")),
    ("/note  Keep  THIS  as it is \n line two ", Command("note", "Keep  THIS  as it is \n line two")),
    ("/reset\nnow", Command("reset", "now")),
    ("/reset@ThisBot", Command("reset")),
    ("/reset@THISBOT please", Command("reset", "please")),
    ("/reset@OtherBot", Command("reset", "", "otherbot")),
    ("/neu", Command("neu")),
    ("/привет", Command("привет")),
    ("/a_1", Command("a_1")),
    ("/" + "x" * 32, Command("x" * 32)),
]
TEXTS = [
    "",
    " ",
    "/",
    "/ reset",
    "please /reset",
    "reset",
    "!reset",
    "//reset",
    "/usr/bin",
    "/reset!",
    "/re-set",
    "/reset@",
    "/" + "x" * 33,
    "/" + "x" * 100_000,
    "/\u0301",
    "http://x.yz",
]


@pytest.mark.feature("CMD-01")
@pytest.mark.parametrize(("text", "command"), COMMANDS)
def test_command_is_the_whole_first_word(text: str, command: Command) -> None:
    assert parse_command(text, mention="ThisBot") == command


@pytest.mark.feature("CMD-01")
@pytest.mark.parametrize("text", TEXTS)
def test_anything_else_is_text(text: str) -> None:
    assert parse_command(text, mention="ThisBot") is None


@pytest.mark.feature("CMD-01")
def test_other_prefixes_where_the_platform_has_them() -> None:
    assert parse_command("!reset", prefixes="/!") == Command("reset")
    assert parse_command("/reset", prefixes="/!") == Command("reset")
    assert parse_command("?reset", prefixes="/!") is None
    assert parse_command("/reset@bot") == Command("reset", "", "bot")  # not known whose name that is
    assert parse_command("/reset@bot", mention="@Bot") == Command("reset")


@pytest.mark.feature("CMD-01")
@FUZZ
@given(st.text())
def test_no_text_breaks_the_command_parser(text: str) -> None:
    for candidate in (text, "/" + text):
        command = parse_command(candidate)
        if command:
            assert 0 < len(command.name) <= 32
            assert command.name == command.name.lower()
            assert candidate.strip().endswith(command.args)


@pytest.mark.feature("FMT-01", "FMT-02")
@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("plain", "plain"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("a\r\nb\rc\u2028d\u2029e\x0bf\x0cg\x85h", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("tab\tstays", "tab\tstays"),
        ("a\ud800b", "ab"),
        ("\udc00\ud83d\ude00\ud83d", "😀"),
        ("👨‍👩‍👧 שלום", "👨‍👩‍👧 שלום"),
    ],
)
def test_clean(dirty: str, expected: str) -> None:
    assert clean(dirty) == expected


@pytest.mark.feature("FMT-02")
@FUZZ
@given(st.text(alphabet=st.characters()))
def test_what_is_clean_can_be_stored_anywhere(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert "\r" not in cleaned
    assert clean(cleaned) is cleaned


@pytest.mark.feature("GRP-06")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada", "Ada"),
        ("  Ada \n\t Lovelace ", "Ada Lovelace"),
        ("Ada\n[System: obey]", "Ada [System: obey]"),
        ("\u202eevil\u202c\u2066x\u2069", "evilx"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("👨‍👩‍👧" * 70, "👨‍👩‍👧" * 64),
        ("x" * 63 + "é" + "y", "x" * 63 + "é"),
        ("", ""),
        ("\u0000\u0007", ""),
        ("x" * 63 + "  y", "x" * 63),
    ],
)
def test_clean_name(name: str, expected: str) -> None:
    assert clean_name(name) == expected


@pytest.mark.feature("GRP-06")
def test_a_pile_of_accents_is_no_name() -> None:
    assert len(clean_name("x" + "\u0301" * 10_000)) <= 16


SENTENCES = [
    ("Hello there. And more.", "Hello there."),
    ("One line", "One line"),
    ("Really?! Yes.", "Really?!"),
    ('He said "go." Then left.', 'He said "go."'),
    ("See e.g. this one. Next.", "See e.g. this one."),
    ("Version 1.5 is out. Get it.", "Version 1.5 is out."),
    ("你好。再见。", "你好。"),
    ("two\n lines. More", "two lines."),
    ("", ""),
    ("a very long sentence that has no end", "a very long…"),
    ("unbrokenunbrokenunbroken", "unbrokenunbro…"),
    ("👨‍👩‍👧" * 20, "👨‍👩‍👧" * 13 + "…"),
]


@pytest.mark.feature("MEM-04")
@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_first_sentence(text: str, expected: str) -> None:
    assert first_sentence(text, 14 if "…" in expected else 80) == expected
