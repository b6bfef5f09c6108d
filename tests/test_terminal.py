"""The terminal: a channel of a running gateway, and `gateway talk`, which pretends to be any other."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import Ran, gateway
from tests.process import ROOT

YAML = """
bots: {b: {kind: echo}}
channels:
  console: {platform: terminal, bot: b}
  tg: {platform: telegram, bot: b, token: "123456789:AAFakeFakeFakeFakeFakeFakeFakeFakeFak"}
  site: {platform: web, bot: b, path: /}
  staff: {platform: telegram, bot: b, token: "123456780:AAFakeFakeFakeFakeFakeFakeFakeFakeFak",
          access: {dm: allowlist, allow: [7]}, commands: {enabled: [help]}, texts: {not_allowed: "Go away."}}
"""


def talk(folder: Path, typed: str, *args: str) -> Ran:
    (folder / "gateway.yaml").write_text(YAML)
    return gateway("talk", "-c", "gateway.yaml", *args, folder=folder, typed=typed)


@pytest.mark.feature("CLI-02")
def test_each_line_is_answered_before_the_next(tmp_path: Path) -> None:
    ran = talk(tmp_path, "hi\n\n/reset\nsecond\n/history")
    assert ran.code == 0
    assert ran.err == ""
    first, reset, second, *history = ran.out.splitlines()
    assert (first, reset, second) == ("hi", "Conversation reset.", "second")
    assert [line.partition(": ")[2] for line in history if line] == ["second", "second"]


@pytest.mark.feature("CLI-02")
def test_nothing_is_left_behind(tmp_path: Path) -> None:
    talk(tmp_path, "hi\n")
    assert [file.name for file in tmp_path.iterdir()] == ["gateway.yaml"]


@pytest.mark.feature("CLI-02", "GRP-01")
def test_a_channel_keeps_its_groups_gates_and_commands(tmp_path: Path) -> None:
    group = talk(tmp_path, "hi all\n@bot hi\n/whoami\n", "--channel", "tg", "--as", "5", "--group", "77")
    assert group.out.splitlines() == ["@bot hi", "You are 5 (5)."]
    assert group.err == "(not_addressed)\n"
    stranger = talk(tmp_path, "hi\n", "--channel", "staff", "--as", "8")
    assert (stranger.out, stranger.err) == ("", "(not_allowed)\n")
    member = talk(tmp_path, "/reset\n", "--channel", "staff", "--as", "7")
    assert member.out == "/reset\n", "a command that is not enabled is plain text"


@pytest.mark.feature("CLI-02", "FMT-01")
def test_a_channel_keeps_its_formatting_and_its_limits(tmp_path: Path) -> None:
    assert talk(tmp_path, "some **bold** text\n", "--channel", "tg").out == "some bold text\n"
    long = talk(tmp_path, f"{'word ' * 1500}\n", "--channel", "tg").out
    assert max(map(len, long.splitlines())) <= 4096
    assert long.split() == ["word"] * 1500
    assert talk(tmp_path, "**bold**\n", "--channel", "site").out == "bold\n"


@pytest.mark.feature("CLI-02")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--channel", "nowhere"), "there is no channel nowhere"),
        (("--channel", "site", "--group", "1"), "web has no groups"),
        (("--as", " "), "--as"),
    ],
)
def test_what_cannot_be_pretended_is_said(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    ran = talk(tmp_path, "hi\n", *args)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.feature("CLI-02", "OBS-01")
def test_strange_input_and_answers_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(YAML)
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "talk", "-c", "gateway.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=b"\xff\xfe broken\n\x1b[31mred\x00\nlast",
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1] == b"last"
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.feature("CLI-02")
def test_at_a_terminal_it_prompts(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(YAML)
    screen, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "talk", "-c", "gateway.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    shown = _until(screen, b"> ")
    os.write(screen, b"hello\n")
    shown += _until(screen, b"hello\r\n> ")
    os.write(screen, b"\x04")
    assert process.wait(60) == 0
    os.close(theirs)
    os.close(screen)
    assert shown == b"> hello\r\nhello\r\n> "


def _until(screen: int, end: bytes) -> bytes:
    shown = b""
    while not shown.endswith(end):
        shown += os.read(screen, 1024)
    return shown


@pytest.mark.feature("CLI-02")
def test_the_reference_adapter_stays_small() -> None:
    assert len((ROOT / "adapters" / "terminal.py").read_text().splitlines()) <= 80


@pytest.mark.feature("CLI-02")
def test_in_a_running_gateway_it_is_a_channel_like_any_other(tmp_path: Path) -> None:
    """Lines come in and answers go out while the gateway serves; the end of the input ends nothing."""
    listens = "server: {listen: '127.0.0.1:0'}\nadmin: {listen: '127.0.0.1:0'}\n"
    yaml = "bots: {b: {kind: echo}}\nchannels: {console: {platform: terminal, bot: b}}\n"
    (tmp_path / "gateway.yaml").write_text(f"{listens}storage: {{url: 'sqlite:///gateway.db'}}\n{yaml}")
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "run", "-c", "gateway.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"one\ntwo\n")
    process.stdin.close()
    assert [process.stdout.readline() for _ in range(2)] == [b"one\n", b"two\n"]
    listed = gateway("sessions", "list", "--json", "-c", "gateway.yaml", folder=tmp_path)
    assert [session["key"] for session in listed.json["sessions"]] == ["console/b/dm:user=you"]
    assert process.poll() is None
    process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()
