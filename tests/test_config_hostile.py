"""Whatever else a file may hold: every oddity gives its place and a sentence, never a traceback."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import read
from config.nodes import MAX_DEPTH, MAX_NODES
from config.source import MAX_BYTES
from tests.yaml_files import ENV, Files

pytestmark = pytest.mark.feature("CFG-02")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


SHARED = "what channels share stands under defaults"
TAGS = "only !file PATH is known"
REFERENCE = "not a reference; write ${NAME} or ${NAME:-default}; a literal ${ is written $${"

ODD = [
    ("", "1:1: the file is empty; gateway init writes a starter"),
    ("# nothing\n", "1:1: the file is empty; gateway init writes a starter"),
    ("---\n...\n", "1:1: the file is empty; gateway init writes a starter"),
    ("- a\n- b\n", "1:1: a file holds keys and values (key: value) at its top"),
    ("just words\n", "1:1: a file holds keys and values (key: value) at its top"),
    ("a:\n\tb: 1\n", "2:1: a tab cannot indent YAML; use spaces"),
    ("a: b: c\n", "1:5: a second colon, or a line indented too far; put text that holds ': ' in quotes"),
    (
        "a: [1,\n",
        "2:1: not YAML: expected the node content, but found '<stream end>' while parsing a flow node",
    ),
    ("a: 'x\n", "1:4: a quote that is never closed"),
    ("a:\n  b: [x\n  c: 1\n", "2:6: a bracket that is never closed; or a comma is missing in it"),
    ("a: {b: 1\n", "1:4: a bracket that is never closed; or a comma is missing in it"),
    (
        "a: [\n  'x'\n  'y',\n]\n",
        "3:3: not YAML: expected ',' or ']', but got '<scalar>' while parsing a flow sequence",
    ),
    ("x: &name {a: 1}\n", f"1:4: x: anchors (&name) are not read; {SHARED}"),
    ("x: 1\ny:\n  - *name\n", f"3:5: y[0]: aliases (*name) are not read; {SHARED}"),
    ("x:\n  <<: {a: 1}\n", f"2:3: x: merge keys (<<) are not read; {SHARED}"),
    ("x: !odd 1\n", f"1:4: x: unknown tag; {TAGS}; text that begins with ! needs quotes"),
    ("x: !e!f 1\n", f"1:4: unknown tag; {TAGS}; text that begins with ! needs quotes"),
    ("x: !file [a]\n", f"1:4: x: a tab cannot stand here; {TAGS}".replace("tab", "tag")),
    ("x: !file\n", "1:4: x: !file needs a path"),
    ("x: !file .\n", "1:4: x: the file named by !file is a directory, not a file"),
    ("x: !file /dev/zero\n", "1:4: x: the file named by !file is not a regular file"),
    ("!file x: 1\n", "1:1: a key must be a word"),
    ("? [a]\n: 1\n", "1:3: a key must be a word"),
    (": 1\n", "1:1: a key must be a word"),
    (
        "a: 1\n---\nb: 2\n",
        "2:1: a second document begins here; one file holds one document: remove the line ---",
    ),
    ("%YAML 1.1\n---\na: 1\n", "2:1: only YAML 1.2 is read; remove the %YAML line"),
    ("a: 1\nb: {c: 1, c: 2}\n", '2:11: b: duplicate key "c"; it already stands at gateway.yaml:2:5'),
    ("a: \x07\n", "1:4: a control character, which YAML does not allow"),
    ('a: "\\0"\n', "1:4: a: holds a character that no text may hold (NUL or half of a surrogate pair)"),
    ('a: "\\ud800"\n', "1:4: a: holds a character that no text may hold (NUL or half of a surrogate pair)"),
    ('a: "\\U00110000"\n', "1:1: not YAML from here on"),
    (b"a: 1\nb: \xff\n", "2:4: is not UTF-8 here; save it as UTF-8"),
    ("a: 1\n".encode("utf-16"), "1:1: is UTF-16; save it as UTF-8"),
    ("a: ${}\n", f"1:4: a: {REFERENCE}"),
    ("a: ${open\n", f"1:4: a: {REFERENCE}"),
    ('a: {b: "x${open", c: 1}\n', f"1:8: a.b: {REFERENCE}"),
    ("a: {b: ${open, c: 1}\n", "1:9: not YAML: expected ',' or '}', but got '{' while parsing a flow mapping"),
    ("a: {b: ${two words}, c: 1}\n", f"1:8: a.b: {REFERENCE}"),
    ("a: ${1X}\n", f"1:4: a: {REFERENCE}"),
    ("a: ${TOKEN:?must}\n", f"1:4: a: {REFERENCE}"),
    ("a: ${A:-${TOKEN}}\n", f"1:4: a: {REFERENCE}"),
    ("a: ${BYTES}\n", "1:4: a: environment variable BYTES does not hold UTF-8 text"),
    ("include: 5\n", "1:10: include: expected the path of a file; write include: [channels/*.yaml]"),
    ("include: [{}]\n", "1:11: include[0]: expected the path of a file; write include: [channels/*.yaml]"),
    ("include:\n", "1:1: include: expected the path of a file; write include: [channels/*.yaml]"),
    ("include: [.]\n", "1:11: include: : is a directory, not a file"),
    ("a: 1\nb\n", "2:1: a line that is no key with a value; write key: value"),
]


@pytest.mark.parametrize(("text", "said"), ODD, ids=[repr(text)[:24] for text, _ in ODD])
def test_odd_files_are_told_where_they_are_odd(files: Files, text: str | bytes, said: str) -> None:
    found = files.wrong(lambda path, env: read(path, {**env, "BYTES": "\udcff"}), text)
    assert [line.replace(str(files.folder), "") for line in found] == [f"gateway.yaml:{said}"]


@pytest.mark.parametrize("name", ["absent", "folder", "pipe", "socket", "loop", "zero", "file/below", "n" * 300])
def test_what_is_no_file(files: Files, name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a: 1\n")
    os.mkfifo(tmp_path / "pipe")
    os.symlink("loop", tmp_path / "loop")
    os.symlink("/dev/zero", tmp_path / "zero")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "socket"))
        [said] = files.wrong(lambda _, env: read(tmp_path / name, env))
    assert said.startswith(f"{name}:1:1: ")


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may read everything: the test runs as somebody else."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.fixture
def closed(files: Files) -> None:
    files.write("a: 1\n").chmod(0)


@pytest.mark.usefixtures("closed", "nobody")
def test_a_file_we_may_not_read(files: Files) -> None:
    said = "may not be read by this user; check the owner and mode of the file"
    assert files.wrong(read) == [f"gateway.yaml:1:1: {said}"]


@pytest.fixture
def listed_only(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose names may be read, and nothing more; we stand beside it."""
    files.write("include: [folder/*.yaml]\n")
    files.write("a: 1\n", "folder/a.yaml").parent.chmod(0o444)
    files.folder.chmod(0o755)
    monkeypatch.chdir(files.folder)


@pytest.mark.usefixtures("listed_only", "nobody")
def test_a_folder_we_may_only_list(files: Files) -> None:
    [said] = files.wrong(lambda path, env: read(path.name, env))
    assert said.startswith("gateway.yaml:1:11: include: folder/a.yaml: may not be read by this user")


def test_a_file_that_is_too_large(files: Files) -> None:
    [said] = files.wrong(read, b"# " + b"x" * MAX_BYTES)
    assert said == "gateway.yaml:1:1: is larger than 1 MB; split it with include"
    files.write(b"x" * (MAX_BYTES + 1), "large")
    [said] = files.wrong(read, "a: !file large\n")
    assert said.startswith("gateway.yaml:1:4: a: the file named by !file is larger than 1 MB")


def test_too_much_in_a_small_file(files: Files) -> None:
    deep = files.wrong(read, "a: " + "[" * 100_000)
    inside = "a" + "[0]" * (MAX_DEPTH - 1)
    assert deep == [f"gateway.yaml:1:{3 + MAX_DEPTH}: {inside}: nested more than {MAX_DEPTH} levels deep"]
    [many] = files.wrong(read, "a: [" + "1," * (MAX_NODES + 1) + "]")
    assert many.endswith(f"more than {MAX_NODES:,} values in one file")


def test_a_bomb_of_aliases_does_not_grow(files: Files) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    said = files.wrong(read, bomb)
    assert len(said) == 40 + 39 * 2
    assert all("are not read" in line for line in said)


def test_too_many_files(files: Files) -> None:
    for number in range(600):
        files.write(f"k{number}: 1\n", f"many/{number}.yaml")
    [said] = files.wrong(read, "include: [many/*.yaml]\n")
    assert said.startswith("gateway.yaml:1:11: include[0]: more than 500 files")
    for number in range(30):
        files.write(f"include: [{number + 1}.yaml]\n", f"chain/{number}.yaml")
    [said] = files.wrong(read, "include: [chain/0.yaml]\n")
    assert said.startswith("chain/19.yaml:1:11: include[0]: more than ")


@pytest.mark.feature("CFG-03")
def test_errors_repeat_no_value_from_outside(files: Files) -> None:
    said = files.wrong(
        lambda path, env: read(path, {**env, "PATH_TO": "/planted-path-secret"}),
        "a: !file ${PATH_TO}\nb: ${TOKEN}${ABSENT}\n"
        "c: {xoxb-1234567890-SECRETsecretSECRET: 1, 'k:8AbC': 1, 'k:8AbC': 2}\n",
    )
    assert len(said) == 3
    text = "\n".join(said)
    assert not any(value in text for value in (ENV["TOKEN"], "planted-path", "8AbC", "SECRET"))


@pytest.mark.feature("CFG-03")
def test_control_characters_do_not_reach_the_terminal(files: Files) -> None:
    folder = files.folder / "a\x1b[31mred\nline"
    folder.mkdir()
    [said] = files.wrong(lambda _, env: read(folder / "absent.yaml", env))
    assert "\x1b" not in said
    assert "\n" not in said
