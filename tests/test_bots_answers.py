"""Reading what strangers send: any bytes give pieces or one kind of failure, and no cut or split changes the sense."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bot import Change, Delta, Piece, Progress, Say
from gateway.bots.answer import Answer
from gateway.bots.completion import Completion
from gateway.bots.reply import Reader
from gateway.bots.stream import Events, Lines
from gateway.errors import BotBroken, BotUnavailable
from gateway.message import Outbound, encode
from gateway.speech import Speech
from gateway.text import clean

T = TypeVar("T")
patient = settings(deadline=None)  # a slow machine is no failure

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from([*Answer.__struct_fields__, "unknown"])
near_misses = st.dictionaries(fields, json_values | st.text() | st.booleans(), max_size=6)
good_messages = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(),
        "files": st.lists(st.fixed_dictionaries({"url": st.text() | st.just("https://x.org/a")}), max_size=3),
        "buttons": st.lists(st.fixed_dictionaries({"text": st.text(), "value": st.text()}), max_size=3),
    },
)
good = st.fixed_dictionaries(
    {}, optional={"messages": st.lists(good_messages, max_size=10), "set": st.dictionaries(st.text(), json_values)}
)


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data in pieces, cut at these places (counted round and round)."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(places)]


def tolerant(read: Callable[[], list[T]]) -> list[T]:
    """What is read, or nothing when it is refused; any other failure is one of ours."""
    failure = ""
    try:
        return read()
    except (BotBroken, BotUnavailable) as error:
        failure = str(error)
    assert 0 < len(failure) < 500
    return []


@pytest.mark.feature("BOT-01", "BOT-06")
@patient
@given(st.binary() | (near_misses | good).map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_pieces_or_broken(raw: bytes) -> None:
    for piece in tolerant(lambda: Reader("support").pieces(raw)):
        assert isinstance(piece, Delta | Progress | Say | Change)
        written = encode(piece)  # all of it can be kept as JSON, without what no store can hold
        assert "\\u0000" not in written


@pytest.mark.feature("BOT-04", "BOT-06")
@patient
@given(st.dictionaries(fields | st.integers(), json_values | st.binary() | st.sets(st.integers())))
def test_any_dict_is_pieces_or_broken(document: Any) -> None:
    tolerant(lambda: Reader("own").value(document))


@pytest.mark.feature("BOT-01")
def test_a_dict_that_holds_itself() -> None:
    document: dict[str, Any] = {}
    document["set"] = {"a": document}
    with pytest.raises(BotBroken):
        Reader("own").value(document)


LINE = st.sampled_from([b"data: x", b"data:y", b"data", b": note", b"event: z", b"", b"", b"id", b"datax: no", b"\xff"])


@pytest.mark.feature("STR-02")
@patient
@given(st.lists(st.tuples(LINE, st.sampled_from([b"\n", b"\r\n", b"\r"]))), st.lists(st.integers(0), max_size=8))
def test_events_do_not_depend_on_how_they_are_cut(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    data = b"".join(line + ending for line, ending in lines)
    wanted, held = [], []
    for line in data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]:
        name, _, value = line.partition(b":")
        if name == b"data" and line:
            held.append(value.removeprefix(b" "))
        elif not line and held:
            wanted.append(b"\n".join(held))
            held = []
    parser = Events()
    assert [event for chunk in chunked(data, cuts) for event in parser.feed(chunk)] == wanted


@pytest.mark.feature("STR-02")
@patient
@given(st.binary(), st.lists(st.integers(0), max_size=8))
def test_lines_do_not_depend_on_how_they_are_cut(data: bytes, cuts: list[int]) -> None:
    parser = Lines()
    lines = [line for chunk in chunked(data, cuts) for line in parser.feed(chunk)]
    assert lines == data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]


@pytest.mark.feature("STR-02", "BOT-06")
@patient
@given(st.binary() | st.lists(st.sampled_from([b"data: ", b'{"choices":[', b"[DONE]", b"\n\n", b"}]}"])).map(b"".join))
def test_any_completion_is_text_or_a_failure(data: bytes) -> None:
    completion = Completion()
    tolerant(lambda: [completion.event(event) for event in Events().feed(data + b"\n\n")])
    assert not completion.done  # none of these ever gives a reason for ending


def said(pieces: list[Piece]) -> tuple[list[str], bool]:
    """The messages that pieces make, and whether they ask for silence."""
    speech, messages, silent = Speech(), [""], False
    for piece in [*[out for one in pieces for out in speech.take(one)], *speech.end()]:
        if isinstance(piece, Delta):
            messages[-1] += piece.text
        elif isinstance(piece, Say):
            messages += [piece.message.text, ""]
        elif isinstance(piece, Change) and piece.silent:
            silent = True
    return [message for message in messages if message.strip()], silent


@pytest.mark.feature("OUT-11", "STR-02")
@patient
@given(
    st.sampled_from(["NO_REPLY", "NO_REPLY.", " NO_REPLY\n", "NO", "no_reply", "", "  ", "NO_REPLY " * 2]) | st.text(),
    st.lists(st.integers(0), max_size=6),
)
def test_silence_does_not_depend_on_how_it_is_cut(text: str, cuts: list[int]) -> None:
    places = sorted({cut % (len(text) + 1) for cut in cuts} | {0, len(text)})
    deltas: list[Piece] = [Delta(text[a:b]) for a, b in pairwise(places)]
    silent = text.strip() in ("", "NO_REPLY")
    assert said(deltas) == ([] if silent else [text], silent)
    assert said([Say(Outbound(text=text))]) == ([] if silent else [text], silent)
    assert said([*deltas, Say(Outbound(text="x"))]) == (["x"] if silent else [text, "x"], False)


@pytest.mark.feature("OUT-11")
def test_files_alone_are_no_silence_and_long_white_space_is_not_held_for_ever() -> None:
    speech = Speech()
    assert speech.take(Delta(" " * 200)) == []
    assert speech.take(Delta(" " * 200)) == [Delta(" " * 400)]
    reader = Reader("support")
    [piece] = reader.pieces(b'{"messages": [{"files": [{"url": "https://x.org/a"}]}]}')
    assert Speech().take(piece) == [piece]


@pytest.mark.feature("BOT-01")
@patient
@given(st.text(), st.text())
def test_texts_arrive_clean(text: str, name: str) -> None:
    document = {"messages": [{"text": text}], "participant": {"set": {name: [text]}}}
    try:
        pieces = Reader("support").value(document)
    except BotBroken:
        assert any("\ud800" <= letter <= "\udfff" for letter in text + name)
        return
    assert pieces[0] == Say(Outbound(text=clean(text)))
    assert pieces[1:] == [Change(participant_set={clean(name): [clean(text)]})]
