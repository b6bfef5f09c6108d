"""Telephone numbers in their one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.phone import e164


@pytest.mark.feature("KEY-09")
@pytest.mark.parametrize("written", ["+15550100", "+1 555 0100", " +1 (555) 01-00", "+1.555.0100", "+1-555-0100"])
def test_a_number_has_one_form_however_it_is_written(written: str) -> None:
    assert e164(written) == "+15550100"


@pytest.mark.feature("KEY-09")
@pytest.mark.parametrize(
    ("written", "number"), [("+44 (0)20 7946 0958", "+442079460958"), ("+49 030 901820", "+4930901820")]
)
def test_the_zero_that_is_dialled_at_home_is_left_out(written: str, number: str) -> None:
    assert e164(written) == number


@pytest.mark.feature("KEY-09")
@pytest.mark.parametrize(
    "text", ["", "+", "ada", "5550100", "12345", "+abc", "BR.150259", "\ud800", "+1\x00555", "+" + "9" * 100, "+ 1a2b"]
)
def test_what_is_no_international_number_stays_as_it_is(text: str) -> None:
    assert e164(text) == text


@pytest.mark.feature("KEY-09")
@given(st.text(max_size=40) | st.from_regex(r"\+[0-9 ()./-]{0,20}", fullmatch=True))
def test_any_text_has_a_form_that_is_its_own_form(text: str) -> None:
    assert e164(e164(text)) == e164(text)
