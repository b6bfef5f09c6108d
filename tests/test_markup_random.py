"""Random documents in every dialect, read at the other end by the platform's rules: nothing lost, nothing invented.

`GW_DOCUMENTS=10000` takes more of them, `GW_SEED` others.
"""

from collections.abc import Callable

import pytest

from gateway.markup import Rendered
from gateway.message import Entity
from tests.documents import DOCUMENTS, sound, wild
from tests.proof import PLATFORMS, fault, misread

each_kind = pytest.mark.parametrize("make", [sound, wild])


@pytest.mark.feature("FMT-01", "FMT-02", "FMT-03")
@each_kind
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_reader_sees_what_was_said(platform: str, make: Callable[[int], str]) -> None:
    faults = [(number, found) for number in range(DOCUMENTS) if (found := fault(platform, make(number)))]
    assert not faults, f"{len(faults)} of {DOCUMENTS}: {faults[:20]}"


def bold(at: int, size: int) -> tuple[Entity, ...]:
    return (Entity(type="bold", offset=at, length=size),)


MISREAD = [
    ("slack", "one two three", "one three"),
    ("slack", "one two", "one two two"),
    ("slack", r"\*one\* two", "*one* two"),
    ("slack", r"\*one **two**", "*one *two*"),
    ("slack", "a < b", "a < b"),
    ("slack", "<!channel>", "<!channel>"),
    ("slack", "[one](http://x.yz)", "<http://u.vw|one>"),
    ("slack", "[one](http://x.yz)", "one"),
    ("slack", "```\none\n```", "```\none"),
    ("slack", r"\> one", "> one"),
    ("slack", "one", "one".ljust(3901, "!")),
    ("whatsapp", "[one](http://x.yz)", "one"),
    ("whatsapp", r"\~one\~", "~one~"),
    ("whatsapp", "- one\n- two", "• one\ntwo"),
    ("whatsapp", "|one|two|\n|-|-|\n|1|2|", "```\none | two\n----+----\n1   |\n```"),
    ("html", "**one**", "one"),
    ("html", "one", "<u>one</u>"),
    ("html", "**one *two***", "<b>one <i>two</b></i>"),
    ("html", "[one](http://x.yz)", '<a href="javascript:x">one</a>'),
    ("sms", "1. one\n2. two", "one\ntwo"),
]


@pytest.mark.feature("FMT-03")
@pytest.mark.parametrize(("platform", "said", "text"), MISREAD)
def test_the_reader_is_strict(platform: str, said: str, text: str) -> None:
    assert not fault(platform, said)
    assert misread(platform, said, [Rendered(text, text)])


@pytest.mark.feature("FMT-03")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_marks_in_the_rest_of_an_address_that_was_cut_are_signs(platform: str) -> None:
    assert not fault(platform, f"http://{'a' * 4097})__2 ***)***")


@pytest.mark.feature("FMT-03")
def test_the_reader_counts_utf16_units() -> None:
    said, text = "😀 **one** two 😀", "😀 one two 😀"
    assert not misread("telegram", said, [Rendered(text, text, bold(3, 3))])
    for wrong in ((), bold(2, 3), bold(0, 3), bold(1, 5), bold(3, 40)):
        assert misread("telegram", said, [Rendered(text, text, wrong)])
