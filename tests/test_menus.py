"""The platform's own menu of commands: what is in it, in which languages, and when it is set."""

from pathlib import Path
from typing import Any

import pytest

from gateway.menus import commands
from tests import doors
from tests.far.telegram import TelegramServer
from tests.kit import YAML, configure, corridor
from tests.paper import Menu, paper
from tests.telegram_road import gateway

pytestmark = pytest.mark.feature("CMD-05")

ALL = ["reset", "start", "help", "status", "stop", "end", "history", "whoami", "forget"]


async def menu(folder: Path, keys: str = "", *, in_groups: bool = False) -> Menu:
    async with corridor(folder, YAML.replace("bot: b,", f"bot: b, {keys}{keys and chr(44)}")) as kit:
        return commands(kit.here, in_groups=in_groups)


async def test_every_command_says_what_it_does(tmp_path: Path) -> None:
    shown = await menu(tmp_path)
    assert list(shown) == [""]
    assert [name for name in shown[""] if name in ALL] == ALL
    assert all(shown[""].values())


FEWER: list[tuple[str, bool, set[str]]] = [
    ("", True, {"start", "history", "forget"}),
    ('commands: {allow: {status: ["7"], reset: admins}}', False, {"status"}),
    ("commands: {enabled: [reset, help]}", False, set(ALL) - {"reset", "help"}),
    ("commands: {enabled: []}", False, set(ALL)),
    ("group: {mode: listen}", True, set(ALL)),
    ("group: {mode: listen}", False, set()),
    ("texts: {menu_stop: ''}", False, {"stop"}),
]


@pytest.mark.parametrize(("keys", "in_groups", "missing"), FEWER)
async def test_what_cannot_be_used_is_not_offered(
    keys: str, in_groups: bool, missing: set[str], tmp_path: Path
) -> None:
    shown = await menu(tmp_path, keys, in_groups=in_groups)
    assert set(ALL) - set(shown.get("", {})) == missing


async def test_the_operators_words_are_used_language_by_language(tmp_path: Path) -> None:
    keys = "texts: {menu_reset: Start over, de: {menu_reset: Von vorn}, fr: {start: Salut}}"
    shown = await menu(tmp_path, keys)
    assert list(shown) == ["", "de", "fr"]
    assert [shown[language]["reset"] for language in ("", "de", "fr")] == ["Start over", "Von vorn", "Start over"]


SHEET = """
storage: {{url: sqlite:///gateway.db, files: files}}
server: {{listen: "127.0.0.1:0"}}
admin: {{listen: "127.0.0.1:0"}}
bots: {{b: {{kind: echo}}}}
channels: {{p: {{platform: tests.paper, bot: b, sheet: menus, {keys}}}}}
"""


async def test_it_is_set_when_the_channel_opens_and_when_its_settings_change(tmp_path: Path) -> None:
    here = paper("menus")
    here.menus.clear()
    async with doors.running(tmp_path, SHEET.format(keys="")) as running:
        await running.until(lambda: len(here.menus) == 1)
        everywhere, in_groups = here.menus[0]
        assert set(everywhere[""]) - set(in_groups[""]) == {"start", "history", "forget"}
        await running.daemon.apply(configure(tmp_path, SHEET.format(keys="")))
        await running.daemon.apply(configure(tmp_path, SHEET.format(keys="commands: {enabled: [help]}")))
        await running.until(lambda: len(here.menus) == 2)
        assert set(here.menus[1][0][""]) == {"help"}


@pytest.mark.parametrize("how", [{"how": 429, "retry_after": 9}, {"how": 400}, {"how": "reset"}])
async def test_a_menu_that_cannot_be_set_keeps_no_message_waiting(how: dict[str, Any], tmp_path: Path) -> None:
    async with TelegramServer() as server:
        server.fail("setMyCommands", **how)
        async with gateway(server, tmp_path) as here:
            server.user(7).says("hi")
            await here.texts(7, ["hi"])
            assert server.touches.menus == {}
        async with gateway(server, tmp_path) as here:
            await here.until_rows([(1,)], "SELECT COUNT(*) FROM meta WHERE name = 'kept:help/menu'")
            assert len(server.touches.menus) == 2
        asked = [method for method, _ in server.calls].count("setMyCommands")
        async with gateway(server, tmp_path) as here:
            server.user(7).says("again")
            await here.texts(7, ["hi", "again"])
        assert [method for method, _ in server.calls].count("setMyCommands") == asked, "nothing had changed"
