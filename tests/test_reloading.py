"""Editing without fear: what has not changed is not touched, what cannot be is not, and nobody loses a message."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config import Copy, Trail
from gateway.reloading import changes, lasting
from gateway.settings.process import Process
from gateway.turns import HELD
from tests import pushed
from tests.doors import Held, running
from tests.editor import Editor
from tests.kit import configure

YAML = """
server: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
storage: {url: sqlite:///gateway.db, files: files}
bots:
  echo: {kind: python, call: tests.doors:echo}
  scripted: {kind: python, call: tests.doors:scripted, timeout: 30s}
channels:
  site: {platform: web, bot: echo, default: true, limits: {messages: off}}
  talk: {platform: web, bot: scripted, limits: {messages: off}}
  hook: {platform: tests.pushed, bot: echo}
"""


@pytest.fixture
async def editor(tmp_path: Path) -> AsyncIterator[Editor]:
    async with running(tmp_path, YAML) as gateway:
        yield await Editor(gateway, tmp_path).begun()


@pytest.mark.feature("CFG-04")
async def test_only_what_changed_is_made_anew(editor: Editor) -> None:
    before = {name: editor.adapter(name) for name in ("site", "talk", "hook")}
    bots = dict(editor.gateway.daemon.corridor.bots)
    edited = YAML.replace("talk: {platform: web, bot: scripted", "talk: {platform: web, bot: echo")
    found = await editor.reload(edited.replace("  hook: {platform: tests.pushed, bot: echo}\n", ""))
    assert (found.outcome, set(found.changed)) == ("applied", {"channels.talk", "channels.hook"})
    channels = editor.gateway.daemon.corridor.channels
    assert channels.keys() == {"site", "talk"}
    assert editor.adapter("site") is before["site"]
    assert editor.adapter("talk") is not before["talk"]
    assert editor.gateway.daemon.corridor.bots == bots
    assert (await (await editor.gateway.begin("talk")).say("hi")).json["messages"][0]["text"] == "echo: hi"
    assert (await editor.gateway.ask("POST", "/c/hook", {})).status == 404
    assert (await editor.reload(YAML)).changed == ["channels.talk", "channels.hook"]
    assert (await editor.gateway.ask("POST", "/c/hook", {})).status == 200
    assert (await editor.reload(YAML + "# nothing\n")).outcome == "unchanged"


@pytest.mark.feature("CFG-04")
async def test_a_turn_ends_with_the_bot_that_it_began_with(editor: Editor) -> None:
    bot, visitor = Held(), await editor.gateway.begin("talk")
    turn = asyncio.create_task(visitor.say("to the old one"))
    await editor.gateway.until(lambda: len(bot.turns) == 1)
    found = await editor.reload(YAML.replace("call: tests.doors:scripted", "call: tests.doors:echo"))
    assert found.changed == ["bots.scripted"]
    assert (await (await editor.gateway.begin("talk")).say("hi")).json["messages"][0]["text"] == "echo: hi"
    bot.write("from the old one")
    bot.finish()
    assert (await turn).json["messages"][0]["text"] == "from the old one"
    assert (await visitor.say("and now")).json["messages"][0]["text"] == "echo: and now"


@pytest.mark.feature("CFG-04")
async def test_a_turn_survives_the_end_of_its_channel(editor: Editor) -> None:
    bot, visitor = Held(), await editor.gateway.begin("talk")
    turn = await visitor.say_on("are you there?")
    await editor.gateway.until(lambda: len(bot.turns) == 1)
    line = next(line for line in YAML.splitlines(keepends=True) if "talk:" in line)
    assert (await editor.reload(YAML.replace(line, ""))).changed == ["channels.talk"]
    bot.write("I am")
    bot.finish()
    await editor.gateway.until_rows([("done",)], "SELECT state FROM inbox WHERE turn = $1", turn)
    assert (await editor.reload(YAML)).outcome == "applied"
    assert [message["text"] for message in (await visitor.history())["messages"]] == ["are you there?", "I am"]


@pytest.mark.feature("CFG-04", "ORD-01")
async def test_a_turn_that_begins_while_its_channel_is_altered_waits_so_long(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, visitor, over = Held(), await editor.gateway.begin("talk"), asyncio.Event()
    await visitor.say_on("first")
    turn = await visitor.say_on("second")
    await editor.gateway.until(lambda: len(bot.turns) == 1)
    monkeypatch.setattr(pushed.Adapter, "parting", over)
    edited = YAML.replace("talk: {", "talk: {title: Desk, ").replace(
        "tests.pushed, bot: echo", "tests.pushed, bot: scripted"
    )
    reloading = asyncio.create_task(editor.reload(edited))
    await editor.gateway.until(lambda: "talk" not in editor.gateway.daemon.corridor.channels)
    bot.write("one")
    bot.finish()
    await editor.gateway.until_rows([(1,)], "SELECT COUNT(*) FROM inbox WHERE state = 'done'")
    over.set()
    assert (await reloading).outcome == "applied"
    bot.write("two")
    bot.finish()
    async with asyncio.timeout(HELD / 2000):
        await editor.gateway.until_rows([("done",)], "SELECT state FROM inbox WHERE turn = $1", turn)


MISTAKES = {
    "no yaml": ("bots:", "bots: {"),
    "unknown bot": ("bot: echo, default", "bot: ecko, default"),
    "unknown key": ("default: true", "defautl: true"),
    "no such function": ("tests.doors:echo", "tests.doors:nowhere"),
    "no such channel kind": ("tests.pushed", "tests.nowhere"),
    "empty": (YAML, "# nothing"),
}


@pytest.mark.feature("CFG-05")
@pytest.mark.parametrize(("right", "wrong"), MISTAKES.values(), ids=MISTAKES)
async def test_a_mistake_changes_nothing_and_is_told(editor: Editor, right: str, wrong: str) -> None:
    corridor = editor.gateway.daemon.corridor
    channels, bots = dict(corridor.channels), dict(corridor.bots)
    with capture_logs() as logs:
        found = await editor.reload(YAML.replace(right, wrong))
    assert found.outcome == "rejected"
    assert all(re.match(rf"{re.escape(str(editor.file))}:\d+:\d+: ", problem) for problem in found.problems)
    assert found.problems
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["config.rejected"]
    assert (corridor.channels, corridor.bots) == (channels, bots)
    assert corridor.metrics.applied.labels("rejected")._value.get() == 1
    assert (await (await editor.gateway.begin()).say("still here?")).json["messages"][0]["text"] == "echo: still here?"
    assert (await editor.reload(YAML)).outcome == "unchanged"


@pytest.mark.feature("CFG-04")
async def test_what_lasts_until_the_next_start_is_named_until_then(editor: Editor) -> None:
    edited = YAML.replace('server: {listen: "127.0.0.1:0"}', "server: {workers: 7, drain: 9s}")
    found = await editor.reload(edited)
    assert found.changed == ["server"]
    assert found.later == ["server.listen", "server.workers"]
    assert editor.gateway.daemon.settings.server.drain == 9
    again = await editor.reload(edited + "redis: {url: 'redis://127.0.0.1:1/0'}\n")
    assert again.changed == ["redis"]
    assert again.later == ["server.listen", "server.workers", "redis"]
    back = await editor.reload(YAML)
    assert (set(back.changed), back.later) == ({"server", "redis"}, [])


@pytest.mark.feature("CFG-04")
def test_every_part_of_the_settings_is_compared(tmp_path: Path) -> None:
    """Or is said about them, and not by the operator."""
    settings = configure(tmp_path, YAML)
    names = {field.name for field in fields(settings)} - {"warnings", "trail", "copy"}
    for name in names:
        value = getattr(settings, name)
        other: dict[str, Any] = {name: {"new": object()} if isinstance(value, Mapping) else object()}
        found = list(changes(settings, replace(settings, **other)))
        assert found
        assert {one.partition(".")[0] for one in found} == {name}
    assert list(changes(settings, replace(settings, warnings=(), trail=Trail(), copy=Copy({}, {})))) == []


AT_ONCE = {  # what need not wait for the next start
    *("server.public_url", "server.trusted_proxies", "server.max_body", "server.max_connections", "server.drain"),
    *("inbox.stale_after", "inbox.drop_stale", "inbox.attempts", "log.level", "log.format", "log.text"),
}


@pytest.mark.feature("CFG-04")
def test_every_key_of_the_process_takes_effect_at_once_or_is_named(tmp_path: Path) -> None:
    settings = configure(tmp_path, YAML)
    for section in Process.model_fields:
        model = getattr(settings, section)
        for key in type(model).model_fields:
            other: dict[str, Any] = {section: model.model_copy(update={key: object()})}
            named = {name.partition(".")[0] for name in lasting(settings, replace(settings, **other))}
            assert named == (set() if f"{section}.{key}" in AT_ONCE else {section}), f"{section}.{key}"
