"""Where the pages of channels stand, and which of them / opens."""

from pathlib import Path

import pytest

from gateway.options import RESERVED_PATHS, PageOptions
from gateway.settings import Settings, load
from tests.yaml_files import Files

pytestmark = pytest.mark.feature("CH-18")

PAGER = "tests.plugins.pager"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def pages(*channels: str) -> str:
    entries = "".join(
        f" {name}: {{platform: {PAGER}, bot: demo, token: abc{more}}}\n"
        for name, _, more in (channel.partition(" ") for channel in channels)
    )
    return "bots: {demo: {kind: echo}}\nchannels:\n" + entries


def paths(settings: Settings) -> dict[str, str | None]:
    return {
        name: channel.options.path
        for name, channel in settings.channels.items()
        if isinstance(channel.options, PageOptions)
    }


def test_each_page_has_its_own_path(files: Files) -> None:
    path = files.write(pages("support", "sales , path: /shop/", "home , path: /", "deep , path: /a/b.c~d_e-f"))
    assert paths(load(path, {})) == {"support": "/support", "sales": "/shop", "home": "/", "deep": "/a/b.c~d_e-f"}


def test_what_is_reserved() -> None:
    ours = {"/api", "/c", "/admin", "/v1", "/files", "/widget.js", "/metrics", "/healthz", "/startupz", "/readyz"}
    assert ours <= set(RESERVED_PATHS)


@pytest.mark.parametrize("taken", RESERVED_PATHS)
def test_reserved_paths(files: Files, taken: str) -> None:
    for path in (taken, taken + "/", taken + "/below"):
        found = files.wrong(load, pages(f"a , path: {path}"))
        assert found == [f"gateway.yaml:3:66: channels.a.path: {taken} is reserved: choose another path"]
    files.write(pages(f"a , path: {taken}x"))
    assert paths(load(files.folder / "gateway.yaml", {})) == {"a": taken + "x"}


def test_a_channel_whose_name_is_reserved_needs_a_path(files: Files) -> None:
    said = "its page would stand at /api, which is reserved: give it a path"
    assert files.wrong(load, pages("api")) == [f"gateway.yaml:3:2: channels.api: {said}"]
    assert paths(load(files.write(pages("api , path: /partners")), {})) == {"api": "/partners"}


@pytest.mark.parametrize("path", ["support", "//x", "/a//b", "/../x", "/.x", "/ä", "/a?b", "'/a b'", "/%41", "''", "5"])
def test_odd_paths(files: Files, path: str) -> None:
    [said] = files.wrong(load, pages(f"a , path: {path}"))
    assert said.startswith("gateway.yaml:3:66: channels.a.path: expected a path such as /support")


def test_two_pages_at_one_path(files: Files) -> None:
    assert files.wrong(load, pages("a , path: /x", "b , path: /x/", "c , path: /a", "d , path: /d", "x")) == [
        "gateway.yaml:4:66: channels.b.path: the path /x is taken by channel a",
        "gateway.yaml:7:2: channels.x: the path /x is taken by channel a",
    ]


def test_one_default(files: Files) -> None:
    settings = load(files.write(pages("a", "b , default: true")), {})
    assert [name for name, c in settings.channels.items() if c.options and vars(c.options)["default"]] == ["b"]
    said = "gateway.yaml:4:69: channels.b.default: there is one page for /, and it is already the default: a"
    assert files.wrong(load, pages("a , default: true", "b , default: true")) == [said]
    said = "gateway.yaml:4:69: channels.b.default: there is one page for /, and it is opened by a"
    assert files.wrong(load, pages("a , path: /", "b , default: true")) == [said]
    assert load(files.write(pages("a , path: /, default: true", "b")), {}).channels.keys() == {"a", "b"}
