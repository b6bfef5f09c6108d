"""A watched configuration: all that its last reading depended on, and nothing else, asks for the next one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.clock import Clock
from gateway.reloading import Origin, Reloaded, Reloading
from gateway.settings import kept, load
from gateway.tasks import Tasks
from tests.doors import running
from tests.editor import Editor

YAML = """
server: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
storage: {url: sqlite:///gateway.db, files: files}
bots: {echo: {kind: echo}}
channels:
  site: {platform: web, bot: echo, default: true, limits: {messages: off}}
"""


@pytest.fixture
async def editor(tmp_path: Path) -> AsyncIterator[Editor]:
    async with running(tmp_path, YAML) as gateway:
        yield await Editor(gateway, tmp_path).begun()


@pytest.mark.feature("CFG-04", "CFG-05")
async def test_a_file_that_has_settled_is_read_by_itself(editor: Editor) -> None:
    def last() -> Reloaded:
        return editor.reloading.last

    editor.write(YAML.replace("default: true", "default: true, path: /help"))
    await editor.gateway.until(lambda: last().changed == ["channels.site"])
    editor.write(YAML + "nonsense: true\n")
    await editor.gateway.until(lambda: last().outcome == "rejected")
    editor.file.unlink()
    await editor.gateway.until(lambda: "no such file" in "".join(last().problems))
    editor.write(YAML)
    await editor.gateway.until(lambda: last().outcome == "applied")


TWO = "bots: {two: {kind: echo}}\n"
MENDED: dict[
    str, tuple[str, dict[str, str], dict[str, str]]
] = {  # what the file has more, what is there, what is later
    "in place": ("include: sub/more.yaml\n", {"sub/more.yaml": "bots: {two: {kind: ecko}}\n"}, {"sub/more.yaml": TWO}),
    "two files away": (
        "include: sub/more.yaml\n",
        {"sub/more.yaml": "include: deep/er.yaml\n", "sub/deep/er.yaml": "bots: {two: {}}\n"},
        {"sub/deep/er.yaml": TWO},
    ),
    "by what was missing": ("include: sub/more.yaml\n", {}, {"sub/more.yaml": TWO}),
    "by a value that was missing": (
        "include: sub/more.yaml\n",
        {"sub/more.yaml": "bots: {two: {kind: echo, fallback: !file secret/word}}\n"},
        {"sub/secret/word": "echo\n"},
    ),
}


@pytest.mark.feature("CFG-04", "CFG-05")
@pytest.mark.parametrize(("more", "wrong", "right"), MENDED.values(), ids=MENDED)
async def test_a_mistake_in_a_file_that_is_new_is_mended_there(
    editor: Editor, more: str, wrong: dict[str, str], right: dict[str, str]
) -> None:
    """What was read in vain is watched, and nothing else need be touched."""
    put(editor.file.parent, wrong)
    editor.write(more + YAML)
    await editor.gateway.until(lambda: editor.reloading.last.outcome == "rejected")
    put(editor.file.parent, right)
    await editor.gateway.until(lambda: "two" in editor.gateway.daemon.corridor.bots)


@pytest.mark.feature("CFG-04", "CFG-05")
async def test_after_a_start_with_what_last_worked_files_are_mended_likewise(tmp_path: Path) -> None:
    more, wrong, right = MENDED["in place"]
    async with running(tmp_path, YAML) as gateway:
        put(tmp_path, {**wrong, "gateway.yaml": more + (tmp_path / "gateway.yaml").read_text()})
        worked = kept.Kept(str(tmp_path / "gateway.yaml"), 0, gateway.daemon.settings.copy)
        await gateway.daemon.apply(worked.settings({}))
        editor = Editor(gateway, tmp_path, problems=["what was told at the start"])
        await gateway.until(lambda: "more.yaml:" in editor.reloading.last.problems[0])
        put(tmp_path, right)
        await gateway.until(lambda: "two" in gateway.daemon.corridor.bots)


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


@pytest.mark.feature("CFG-04")
async def test_a_file_more_in_an_included_folder_is_found(editor: Editor) -> None:
    more = editor.file.parent / "more"
    more.mkdir()
    (more / "one.yaml").write_text("bots: {one: {kind: echo}}\n")
    editor.write("include: more/*.yaml\n" + YAML)
    await editor.gateway.until(lambda: "one" in editor.gateway.daemon.corridor.bots)
    (more / "two.yaml").write_text("bots: {two: {kind: echo}}\n")
    await editor.gateway.until(lambda: "two" in editor.gateway.daemon.corridor.bots)
    (more / "one.yaml").unlink()
    await editor.gateway.until(lambda: "one" not in editor.gateway.daemon.corridor.bots)


class Rounds(Clock):
    """A watcher with this clock looks as often as it can."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def sleep(self, seconds: float) -> None:
        self.count += 1


@pytest.mark.feature("CFG-04")
async def test_what_comes_and_goes_beside_the_file_is_no_edit(tmp_path: Path) -> None:
    """Where the store is in the same folder, we keep what worked there ourselves."""
    yaml, file = YAML.replace("sqlite:///", f"sqlite:///{tmp_path}/"), tmp_path / "gateway.yaml"
    async with running(tmp_path, yaml) as gateway:
        daemon, rounds, tasks = gateway.daemon, Rounds(), Tasks()
        before = daemon.corridor.metrics.applied.labels("ok")._value.get()
        origin = Origin(lambda: load(file, {}), lambda settings: kept.keep(file, settings, 0))
        reloading = Reloading(origin, daemon.apply, daemon.settings, rounds, daemon.corridor.metrics, tasks)
        tasks.start(reloading.watch(), "watch")
        await gateway.until(lambda: rounds.count > 0)
        file.write_text(file.read_text() + "  new: {platform: web, bot: echo, path: /new}\n")
        await gateway.until(lambda: reloading.last.changed == ["channels.new"])
        seen = rounds.count
        await gateway.until(lambda: rounds.count > seen + 10)
        await tasks.cancel()
        assert kept.find(file) is not None
        assert daemon.corridor.metrics.applied.labels("ok")._value.get() == before + 1
        assert reloading.last.changed == ["channels.new"]
