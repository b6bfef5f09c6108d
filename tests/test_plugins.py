"""Adapters and bots are found by file name, by dotted module, or by entry point; no list is edited."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import plugins
from gateway.adapter import Adapter
from gateway.bot import Bot
from gateway.plugins import BrokenPlugin, NotLoaded, UnknownPlugin

pytestmark = pytest.mark.feature("DEV-01")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on the import path, as another installed package would be."""
    before = set(sys.modules)
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - before:
        if name.startswith("elsewhere"):
            del sys.modules[name]


def test_by_file_name() -> None:
    assert plugins.find("gateway.bots", "echo", Bot).__module__ == "gateway.bots.echo"
    assert plugins.find("adapters", "web", Adapter).__module__.startswith("adapters.web")


def test_by_dotted_module() -> None:
    assert plugins.find("adapters", "tests.plugins.pager", Adapter).__name__ == "Adapter"
    assert plugins.find("gateway.bots", "tests.plugins.pager", Bot).__name__ == "Bot"


def test_known_plugins_are_listed_without_importing_them(elsewhere: Path) -> None:
    folder = elsewhere / "elsewhere_kinds"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "pager.py").write_text("from gateway import adapter\nclass Adapter(adapter.Adapter): ...\n")
    (folder / "helper.py").write_text("from gateway.adapter import Adapter\nraise RuntimeError\n")
    (folder / "_hidden.py").write_text("class Adapter: ...\n")
    (folder / "folder").mkdir()
    (folder / "folder" / "__init__.py").write_text("from elsewhere_kinds.folder.x import Adapter as Adapter\n")
    assert plugins.known("elsewhere_kinds", Adapter) == ("folder", "pager")
    assert "elsewhere_kinds.pager" not in sys.modules
    with pytest.raises(UnknownPlugin) as caught:
        plugins.find("elsewhere_kinds", "helper", Adapter)
    assert caught.value.known == ("folder", "pager")


def test_by_entry_point(elsewhere: Path) -> None:
    (elsewhere / "elsewhere_pager.py").write_text(
        "from gateway import adapter\nclass Pager(adapter.Adapter): ...\nclass Other: ...\n"
    )
    info = elsewhere / "elsewhere-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[chat_gateway.adapters]\nfoo = elsewhere_pager:Pager\nwhole = elsewhere_pager\nbad = elsewhere_pager:Other\n"
        "gone = elsewhere_gone:X\n"
    )
    assert {"foo", "whole", "bad", "gone"} <= set(plugins.known("adapters", Adapter))
    assert plugins.find("adapters", "foo", Adapter).__name__ == "Pager"
    assert plugins.find("adapters", "whole", Adapter).__name__ == "Pager"
    with pytest.raises(BrokenPlugin, match="its entry point is not a subclass of Adapter"):
        plugins.find("adapters", "bad", Adapter)
    with pytest.raises(NotLoaded, match="needs the package elsewhere_gone, which is not installed"):
        plugins.find("adapters", "gone", Adapter)


@pytest.mark.parametrize(
    "name",
    ["", "nothing", "no.such.module", "tests.plugins.absent", "../web", "web.", ".web", "a b", "__init__", "Web"],
)
def test_unknown(name: str) -> None:
    with pytest.raises(UnknownPlugin) as caught:
        plugins.find("adapters", name, Adapter)
    assert "web" in caught.value.known


def test_broken() -> None:
    with pytest.raises(NotLoaded, match="needs the package an_sdk_that_is_not_installed"):
        plugins.find("adapters", "tests.plugins.no_sdk", Adapter)
    with pytest.raises(NotLoaded) as caught:
        plugins.find("adapters", "tests.plugins.broken", Adapter)
    assert "planted" not in str(caught.value)
    with pytest.raises(BrokenPlugin, match="has no subclass of Adapter, one is needed"):
        plugins.find("adapters", "tests.plugins.empty", Adapter)
