"""Durations, sizes and rates as operators write them, and the gateway's own texts."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import units
from gateway.commands import VERBS
from gateway.settings.blocks import COMMANDS
from gateway.texts import TEXTS, fault, placeholders, text
from gateway.units import Rate

GOOD = [
    (units.duration, "30s", 30),
    (units.duration, "5m", 300),
    (units.duration, "2h", 7200),
    (units.duration, "7d", 604_800),
    (units.duration, "0.25s", 0.25),
    (units.size, "1MB", 1_048_576),
    (units.size, "64 KB", 65_536),
    (units.size, "1.5GB", 1_610_612_736),
    (units.size, "1B", 1),
    (units.rate, "60/m", Rate(60, 60)),
    (units.rate, "1/s", Rate(1, 1)),
    (units.rate, "0.5/s", Rate(0.5, 1)),
    (units.rate, "1000/d", Rate(1000, 86_400)),
]


@pytest.mark.parametrize(("parse", "written", "meant"), GOOD)
@pytest.mark.feature("CFG-02")
def test_units(parse: Callable[[str], object], written: str, meant: object) -> None:
    assert parse(written) == meant


BAD = [
    "",
    "s",
    "5",
    "5 m",
    "-5s",
    "0s",
    "0.0s",
    "1e3s",
    "5M",
    "5ms",
    "½h",
    "５m",
    "5m\n",
    " 5m",
    "36501d",
    "9" * 99 + "d",
]
BAD += ["0B", "0.5B", "10mb", "10M", "10  MB", "/m", "60/", "60/min", "0/m", "60/0m", "inf/s", "nans"]


@pytest.mark.parametrize("written", BAD)
@pytest.mark.parametrize("parse", [units.duration, units.size, units.rate])
@pytest.mark.feature("CFG-02")
def test_what_is_no_unit(parse: Callable[[str], object], written: str) -> None:
    with pytest.raises(ValueError, match="expected a "):
        parse(written)


@given(st.text(max_size=12))
@pytest.mark.feature("CFG-02")
def test_units_are_read_or_refused(written: str) -> None:
    for parse in (units.duration, units.size, units.rate):
        with contextlib.suppress(ValueError):
            assert parse(written)


@pytest.mark.feature("LIF-10", "BOT-06")
def test_texts_the_ledger_gives_word_by_word() -> None:
    assert text("reset_done") == "Conversation reset."
    assert text("failed") == "Something went wrong. Please try again."
    assert TEXTS["disabled"] == TEXTS["group_welcome"] == ""


@pytest.mark.feature("FMT-05")
def test_every_text_is_well_and_can_be_filled() -> None:
    for id, words in TEXTS.items():
        assert fault(id, words) == ""
        filled = text(id, **dict.fromkeys(placeholders(words), "X"))
        assert "{" not in filled
        assert filled.count("X") >= len(placeholders(words))


@pytest.mark.feature("FMT-05")
def test_language_then_english() -> None:
    own = {"en": {"failed": "Oops."}, "de": {"stopped": "Halt."}, "pt-BR": {"failed": "Ops."}}
    assert text("failed", "de", own) == "Oops."
    assert text("stopped", "de-AT", own) == "Halt."
    assert text("failed", "pt-BR", own) == "Ops."
    assert text("failed", "pt", own) == "Oops."
    assert text("ended", "xx", own) == "Conversation ended."
    assert text("file_too_large", "de", {"de": {"file_too_large": "{{{limit}}}"}}, limit="10 MB") == "{10 MB}"
    with pytest.raises(KeyError):
        text("no_such_text")


@pytest.mark.feature("FMT-05")
def test_a_value_is_never_taken_for_a_placeholder() -> None:
    assert text("unknown_command", command="/{limit}{{") == "Unknown command: /{limit}{{. Try /help."


@pytest.mark.feature("CMD-02")
def test_settings_know_exactly_the_commands_there_are() -> None:
    assert set(COMMANDS) == set(VERBS)
