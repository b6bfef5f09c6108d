"""Whatever strangers, bots and services send: an answer or a refusal, never a fault, and nothing is lost."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.adapter import Limits
from gateway.files import sniff
from gateway.files.admission import admitted
from gateway.files.naming import title
from gateway.message import Button, File, Outbound
from gateway.parcels import pack
from gateway.settings.media import ALLOWED
from gateway.voice.duration import seconds
from gateway.voice.wording import wording
from tests.sound import opus, wav

STARTS = [b"", b"OggS", b"RIFF", b"ID3", b"\xff\xfb", b"fLaC", b"\x00\x00\x00\x20ftypM4A ", opus(3), wav(1)]
contents = st.builds(bytes.__add__, st.sampled_from(STARTS), st.binary(max_size=300))
SCRAPS = ["a", " ", "\n", "`", "```", "[x](http://y.z)", "👍", "1️⃣", "*", "|", "- "]
markdown = st.lists(st.sampled_from(SCRAPS)).map("".join)
files = st.builds(
    File,
    id=st.just("f"),
    name=st.text(min_size=1, max_size=20),
    size=st.integers(0, 3000),
    url=st.uuids().map(lambda one: f"https://x.org/{one}"),
)


@pytest.mark.feature("MED-03")
@given(contents, st.text(max_size=20), st.text(max_size=20))
def test_any_content_has_a_type_and_is_judged(content: bytes, name: str, claimed: str) -> None:
    mime = sniff.mime(content, name)
    assert mime.count("/") == 1
    assert mime.isascii()
    assert admitted(content, mime, name, ALLOWED, claimed) in (True, False)
    assert "/" not in title(name)
    assert title(name).isprintable() or not title(name).isascii()


@pytest.mark.feature("MED-07")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=contents)
def test_any_recording_has_a_length_or_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "voice"
    file.write_bytes(content)
    found = seconds(file)
    assert found is None or found >= 0


@pytest.mark.feature("MED-07")
def test_lengths_are_read_from_the_recording(tmp_path: Path) -> None:
    file = tmp_path / "voice"
    for content, length in ((opus(3), 3.0), (wav(7), 7.0), (b"", None), (b"hello", None)):
        file.write_bytes(content)
        assert seconds(file) == length
    assert seconds(tmp_path / "gone") is None


@pytest.mark.feature("MED-08")
@given(markdown | st.text())
def test_any_text_can_be_worded(text: str) -> None:
    found = wording(text)
    assert "http" not in found.spoken or "http" in text.replace("](http", "")
    assert "`" not in found.spoken or "`" in text


@pytest.mark.feature("MED-04")
@example("", [File(id="f", name="\r", size=0, url="https://x.org/1")], False, "markdown", 1)  # a link without words
@given(markdown, st.lists(files, max_size=7), st.booleans(), st.sampled_from(["markdown", "plain"]), st.integers(1, 4))
def test_every_file_goes_out_once_and_within_the_limits(
    text: str, carried: list[File], buttons: bool, input: str, album: int
) -> None:
    limits = Limits(text=400, caption=20, files_out=1500, album=album)
    said = Outbound(text=text, files=tuple(carried), buttons=(Button(text="Yes"),) if buttons else ())
    parcels = pack(limits, said, input)  # type: ignore[arg-type]
    native = [file for file in carried if 0 < file.size <= 1500]
    assert [file for parcel in parcels for file in parcel.files] == native
    words = "\n".join(parcel.text for parcel in parcels)
    assert all(file.url in words for file in carried if file not in native)
    for parcel in parcels:
        assert len(parcel.text) <= (20 if parcel.files else 400)
        assert len(parcel.files) <= album
        assert parcel.text or parcel.files
        assert not parcel.files or any(file.url in parcel.plain for file in parcel.files) or parcel.plain
