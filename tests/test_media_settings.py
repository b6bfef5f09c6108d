"""The blocks `media` and `voice` and what is wrong in them."""

import re
from pathlib import Path

import pytest

from config import ConfigErrors
from gateway.fetch import Host
from gateway.settings import Settings
from gateway.settings.media import ALLOWED
from tests.kit import configure

BASE = """
bots:
  b: {kind: echo}
  m: {kind: openai, base_url: "http://127.0.0.1:9/v1", model: x}
defaults: {voice: {speaker: nova}}
channels: {p: {platform: tests.paper, bot: b, %s}}
"""


def settings(folder: Path, blocks: str) -> Settings:
    return configure(folder, BASE % blocks)


@pytest.mark.feature("MED-03", "MED-07", "MED-08")
def test_defaults(tmp_path: Path) -> None:
    channel = settings(tmp_path, "enabled: true").channels["p"]
    assert channel.media.allow == ALLOWED
    assert channel.media.hosts == ()
    assert (channel.voice.transcribe, channel.voice.reply, channel.voice.echo) == ("", "never", False)
    assert channel.voice.speaker == "nova"
    assert channel.format.max_parts == 8


@pytest.mark.feature("MED-03", "SEC-04")
def test_what_an_operator_may_say(tmp_path: Path) -> None:
    channel = settings(
        tmp_path,
        'media: {allow: [image/png, "audio/*", office], hosts: [files.internal, "10.0.0.5:80", "[::1]:9000"]}, '
        'voice: {transcribe: "http://127.0.0.1:9000/v1/", reply: reciprocal, speech: m, key: abc-def}',
    ).channels["p"]
    assert channel.media.allow == ("image/png", "audio/*", "office")
    assert channel.media.hosts == (Host("files.internal"), Host("10.0.0.5", 80), Host("::1", 9000))
    assert channel.voice.transcribe == "http://127.0.0.1:9000/v1"
    assert channel.voice.key is not None
    assert "abc-def" not in repr(channel)


@pytest.mark.feature("MED-07")
def test_the_key_is_among_the_secrets(tmp_path: Path) -> None:
    assert "abc-def" in settings(tmp_path, 'voice: {transcribe: m, key: "abc-def"}').secrets()


WRONG = {
    'media: {allow: ["*"]}': "expected a type such as application/pdf or image/*",
    "media: {allow: [pictures]}": "expected a type such as application/pdf or image/*",
    "media: {hosts: [http://x]}": "expected a host such as files.internal",
    "media: {hosts: [7]}": "expected a host such as files.internal",
    "voice: {transcribe: nobody}": 'unknown bot "nobody"',
    "voice: {transcribe: ftp://x/v1}": "expected an address such as https://chat.example.org",
    "voice: {transcribe: http://x/v1/audio/transcriptions}": "without /audio/transcriptions",
    "voice: {speech: http://x/v1/audio/speech/}": "without /audio/speech",
    "voice: {reply: always}": "needs somebody who speaks",
    "voice: {reply: always, speech: b}": "needs a bot of kind openai",
    "voice: {reply: reciprocal, transcribe: b}": "needs a bot of kind openai",
    "voice: {reply: sometimes}": "must be one of: never, always or reciprocal",
    "voice: {transcribe: m, key: changeme}": "is a placeholder, not a secret",
    "format: {max_parts: 0}": "must be at least 1",
}


@pytest.mark.feature("MED-07", "MED-08")
@pytest.mark.parametrize("blocks", WRONG)
def test_each_mistake_is_told(tmp_path: Path, blocks: str) -> None:
    with pytest.raises(ConfigErrors) as errors:
        settings(tmp_path, blocks)
    (problem,) = errors.value.problems
    assert WRONG[blocks] in problem.message


@pytest.mark.feature("MED-03", "MED-07", "CFG-01")
def test_the_examples_of_the_documentation_load(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "media.md").read_text("utf-8")
    whole, hosts = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    yaml = BASE.replace("defaults: {voice: {speaker: nova}}\n", whole)
    channel = configure(tmp_path, yaml % hosts.strip()).channels["p"]
    assert channel.voice.reply == "reciprocal"
    assert channel.media.allow == ALLOWED
    assert len(channel.media.hosts) == 2
