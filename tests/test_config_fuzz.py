"""Damaged configurations: whatever happens to a file, it loads or its mistakes are told with their places."""

import json
from collections.abc import Iterator
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import Path, read
from gateway.check import check

pytestmark = pytest.mark.feature("CFG-02", "CFG-03")

SECRETS = ("planted-in-the-environment-4711", "planted-in-a-file-0815", "planted-in-the-text-3141")
ENV = {"PLANTED": SECRETS[0], "COUNT": "5"}
WHOLE = f"""\
include: [more/*.yaml]
server:
  listen: 127.0.0.1:8080
  public_url: https://chat.example.org
  trusted_proxies: [10.0.0.0/8, "::1"]
  workers: ${{COUNT}}
  lease: ${{LEASE:-15s}}
admin: {{listen: 127.0.0.1:8081}}
storage: {{url: "sqlite:///data/gateway.db"}}
people: {{staff: [1, "+49 151 12345"], operators: [2]}}
defaults:
  session: {{scope: {{dm: user}}, idle: {{after: 30m}}}}
  history: {{max_messages: 20, keep: 10}}
  texts:
    failed: |
      Sorry,
      not now.
    de: {{file_too_large: "Zu groß, höchstens {{limit}}."}}
channels:
  # a comment
  site: {{platform: tests.plugins.pager, bot: demo, path: /, token: ${{PLANTED}}}}
  help:
    platform: tests.plugins.pager
    bot: every
    token: !file token
    from: "{SECRETS[2]}"
    access: {{dm: allowlist, allow: ["@staff", 7]}}
    commands: {{enabled: [reset], allow: {{reset: operators}}}}
    limits: {{messages: 60/m, send: off}}
bots:
  demo: {{kind: echo, timeout: 5s}}
  every: {{kind: tests.plugins.pager, secret: "{SECRETS[2]}", url: http://127.0.0.1/, ids: [1, b2], share: 0.5}}
"""
MORE = "channels:\n  third: {platform: tests.plugins.pager, bot: demo, token: ${PLANTED}, urgency: high}\n"
ODD = st.sampled_from(
    [*"{}[]:,#&*!|>'\"%@`-?~\t\n\r \0\x07\x85\u2028\ufeff\U0001f600é$<", "${", "!file ", "<<: ", "---\n"]
)


KINDS = st.sampled_from(["drop line", "double line", "move line", "drop", "double", "insert", "cut"])
EDITS = st.lists(st.tuples(KINDS, st.floats(0, 1), st.floats(0, 1), ODD), min_size=1, max_size=2)


def damaged(text: str, kind: str, here: float, there: float, odd: str) -> str:
    """The text after one edit of a line or a letter; `here` and `there` are places between 0 and 1."""
    lines, at = text.splitlines(keepends=True), int(here * len(text))
    line = int(here * len(lines))
    if kind == "double line":
        return "".join(lines[: line + 1] + lines[line:])
    if kind.endswith("line"):
        rest, taken = lines[:line] + lines[line + 1 :], lines[line : line + 1]
        to = int(there * len(rest))
        return "".join(rest if kind == "drop line" else [*rest[:to], *taken, *rest[to:]])
    if kind == "insert":
        return text[:at] + odd + text[at:]
    if kind == "double":
        return text[: at + 1] + text[at:]
    return text[:at] + ("" if kind == "cut" else text[at + 1 :])


def outcome(content: bytes) -> list[str]:
    """The problems of a configuration; anything but problems with a place is a defect, and fails here."""
    with TemporaryDirectory() as folder:
        path = FilePath(folder) / "gateway.yaml"
        path.write_bytes(content)
        (FilePath(folder) / "more").mkdir()
        (FilePath(folder) / "more" / "x.yaml").write_text(MORE)
        (FilePath(folder) / "token").write_text(SECRETS[1] + "\n")
        report = check(path, ENV)
    last = len(content.decode("utf-8", "replace").splitlines()) + 1
    assert all(1 <= problem.line <= max(last, 3) and problem.column >= 1 for problem in report.problems)
    assert all(problem.message for problem in report.problems)
    return [str(problem) for problem in (*report.problems, *report.warnings)]


def test_the_undamaged_file_is_well() -> None:
    said = outcome(WHOLE.encode())
    assert len(said) == 2
    assert all("anyone may write to this channel" in line for line in said)


def leaves(node: object, path: Path = ()) -> Iterator[Path]:
    if isinstance(node, dict | list):
        for step, inner in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(inner, (*path, step))
    else:
        yield path


def with_planted(node: Any, path: Path) -> Any:
    if not path:
        return "${PLANTED}"
    inner = with_planted(node[path[0]], path[1:])
    if isinstance(node, list):
        return [inner if index == path[0] else item for index, item in enumerate(node)]
    return {**node, path[0]: inner}


def test_no_error_repeats_a_secret_that_stands_in_the_wrong_place(tmp_path: FilePath) -> None:
    (tmp_path / "token").write_text(SECRETS[1])
    (tmp_path / "gateway.yaml").write_text(WHOLE)
    data = read(tmp_path / "gateway.yaml", ENV).data
    wrong = 0
    for path in leaves(data):
        said = outcome(json.dumps(with_planted(data, path)).encode())
        wrong += not any("anyone may write" in line for line in said)
        assert not [line for line in said for secret in SECRETS if secret in line], path
    assert wrong > 20


@given(EDITS)
@settings(max_examples=200, deadline=None)
def test_any_edit_loads_or_is_told(edits: list[tuple[str, float, float, str]]) -> None:
    text = WHOLE
    for edit in edits:
        text = damaged(text, *edit)
    said = outcome(text.encode("utf-8", "surrogatepass"))
    assert not [line for line in said for secret in SECRETS if secret in line]


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_told(text: str) -> None:
    assert outcome(text.encode())


@given(st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_told(content: bytes) -> None:
    assert outcome(content)
