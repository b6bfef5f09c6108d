"""The reader: YAML 1.2 to plain data, with includes, references, and the place of every mistake."""

import os
from pathlib import Path

import pytest

from config import Document, Position, read
from tests.yaml_files import ENV, Files

pytestmark = pytest.mark.feature("CFG-01")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_plain_data_of_yaml_1_2(files: Files) -> None:
    path = files.write("""
        words: [off, on, yes, no, 12:30:00, 2024-01-01, =, .inf]
        ids: [+4915112345, 007, 0x1F, 1_000, 9999999999999999999999]
        numbers: [0, -5, 1.5, 1e3, 10]
        truth: [true, False, TRUE]
        nothing: [null, ~, ]
        quoted: ["1", 'true', !!str 1, ! 2]
        text: |
          two
          lines
        123: a key of digits
        off: a key
        empty:
    """)
    assert read(path, {}).data == {
        "words": ["off", "on", "yes", "no", "12:30:00", "2024-01-01", "=", ".inf"],
        "ids": ["+4915112345", "007", "0x1F", "1_000", "9999999999999999999999"],
        "numbers": [0, -5, 1.5, 1000.0, 10],
        "truth": [True, False, True],
        "nothing": [None, None],
        "quoted": ["1", "true", "1", "2"],
        "text": "two\nlines\n",
        "123": "a key of digits",
        "off": "a key",
        "empty": None,
    }


def test_every_value_and_key_has_a_place(files: Files) -> None:
    path = files.write("a:\n  b: [x, {c: 1}]\n\n  d:\n")
    document = read(path, {})
    name = str(path)
    assert document.where(("a", "b", 1, "c")) == Position(name, 2, 14)
    assert document.where_key(("a", "b", 1, "c")) == Position(name, 2, 11)
    assert document.where(("a", "b", 0)) == Position(name, 2, 7)
    assert document.where(("a", "d")) == Position(name, 4, 3), "what is not there is missed at its key"
    assert document.where(("a", "b", 9, "z")) == Position(name, 2, 6), "the nearest thing that is there"
    assert ("a", "b", 1) in document
    assert ("a", "b", 2) not in document


@pytest.mark.feature("CFG-03")
def test_values_from_outside(files: Files) -> None:
    files.write("file-secret\n", "secrets/token")
    files.write("two\nlines\r\n", "secrets/two")
    path = files.write("""
        plain: ${TOKEN}
        flow: {token: ${TOKEN}, list: [${COUNT}, ${FLAG}]}
        inside: "x${COUNT}y${COUNT}"
        default: "${MISSING:-a default: with, signs}"
        empty: ${EMPTY:-used for empty ones too}
        nothing: ${MISSING:-}
        literal: $${TOKEN} and $TOKEN and ${EMPTY}.
        file: !file secrets/token
        named: !file ${DIR:-secrets}/two
    """)
    document = read(path, ENV)
    assert document.data == {
        "plain": ENV["TOKEN"],
        "flow": {"token": ENV["TOKEN"], "list": ["12", "true"]},
        "inside": "x12y12",
        "default": "a default: with, signs",
        "empty": "used for empty ones too",
        "nothing": "",
        "literal": "${TOKEN} and $TOKEN and .",
        "file": "file-secret",
        "named": "two\nlines",
    }
    assert ("plain",) in document.secrets
    assert ("flow", "token") in document.secrets
    assert ("file",) in document.secrets
    assert document.alternatives[("flow", "list", 0)] == 12
    assert document.alternatives[("flow", "list", 1)] is True
    assert document.alternatives[("nothing",)] is None
    assert {Path(name).name for name in document.trail.files} == {"gateway.yaml", "token", "two"}


@pytest.mark.feature("CFG-03")
def test_values_from_outside_are_not_expanded_again(files: Files) -> None:
    files.write("${TOKEN} !file x", "text")
    path = files.write("a: !file text\nb: ${NESTED}\n")
    document = read(path, {"NESTED": "${TOKEN}", "TOKEN": "x"})
    assert document.data == {"a": "${TOKEN} !file x", "b": "${TOKEN}"}


def test_includes_are_merged_key_by_key(files: Files) -> None:
    files.write("channels: {b: {x: 1}}\nserver: {workers: 2}\n", "channels/b.yaml")
    files.write("channels: {c: {y: !file near}}\ninclude: deeper/*.yaml\n", "channels/c.yaml")
    files.write("found beside the file that names it", "channels/near")
    files.write("top: 1\n", "channels/deeper/d.yaml")
    files.write("# only comments\n", "channels/e.yaml")
    files.write("not: read\n", "channels/f.txt")
    path = files.write(
        "include: [channels/*.yaml, nothing/*.yaml, channels/b.yaml, '*.yaml']\nchannels: {a: {}}\nserver: {drain: 3}\n"
    )
    document = read(path, {})
    assert document.data == {
        "channels": {"a": {}, "b": {"x": 1}, "c": {"y": "found beside the file that names it"}},
        "server": {"drain": 3, "workers": 2},
        "top": 1,
    }
    assert document.where_key(("channels", "b", "x")) == Position(str(files.folder / "channels/b.yaml"), 1, 16)


def test_a_key_in_two_files_names_both_places(files: Files) -> None:
    files.write("channels:\n  site: {platform: web}\n  list: [1]\n", "more.yaml")
    said = files.wrong(read, "include: [more.yaml]\nchannels:\n  site: {platform: api}\n  list: [2]\n")
    first = f"it already stands at {files.folder}/gateway.yaml".replace(f"{files.folder}/", "")
    assert said == [
        f'more.yaml:2:10: channels.site: "platform" is given twice; {first}:3:10',
        f'more.yaml:3:3: channels: "list" is given twice; {first}:4:3',
    ]


def test_a_linked_file_is_read_once(files: Files) -> None:
    files.write("a: 1\n", "one.yaml")
    os.symlink(files.folder / "one.yaml", files.folder / "two.yaml")
    for include in ("[one.yaml, two.yaml]", "['*.yaml']", "[two.yaml, '*e.yaml']"):
        assert read(files.write(f"include: {include}\n"), {}).data == {"a": 1}


@pytest.mark.feature("CFG-02")
def test_circles_of_includes(files: Files) -> None:
    files.write("include: [gateway.yaml]\n", "other.yaml")
    assert files.wrong(read, "include: [other.yaml, gateway.yaml]\n") == [
        "gateway.yaml:1:23: include[1]: the files include each other in a circle",
        "other.yaml:1:11: include[0]: the files include each other in a circle",
    ]


@pytest.mark.feature("CFG-02")
def test_all_problems_of_all_files_at_once(files: Files) -> None:
    files.write("x: ${ABSENT}\n  y: 1\n", "b.yaml")
    files.write("k: 1\nk: 2\nl: !file absent\nm: ${ABSENT}\n", "c.yaml")
    said = files.wrong(read, "include: [b.yaml, c.yaml, d.yaml]\na: ${ABSENT}\n{b: 1\n")
    assert said == [
        "gateway.yaml:3:1: a line that is no key with a value; write key: value",
    ], "a file that is no YAML tells nothing of what it includes"
    said = files.wrong(read, "include: [b.yaml, c.yaml, d.yaml]\na: ${ABSENT}\n")
    unset = "environment variable ABSENT is not set; or write ${ABSENT:-default}"
    assert said == [
        "gateway.yaml:1:27: include: d.yaml: no such file",
        f"gateway.yaml:2:4: a: {unset}",
        "b.yaml:2:4: a second colon, or a line indented too far; put text that holds ': ' in quotes",
        'c.yaml:2:1: duplicate key "k"; it already stands at c.yaml:1:1',
        "c.yaml:3:4: l: the file named by !file does not exist",
        f"c.yaml:4:4: m: {unset}",
    ]


@pytest.mark.feature("CFG-02")
def test_a_document_of_an_absent_key_is_its_neighbourhood(files: Files) -> None:
    document: Document = read(files.write("a: {b: 1}\n"), {})
    assert document.where(("z", "y")).line == 1
