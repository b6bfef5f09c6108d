"""Files that are edited at random while people talk: mistakes are pointed at, changes touch what they name and nothing
else, and nothing that was acknowledged is lost or answered twice.

`GW_EDITS` says how many edits.
"""

import asyncio
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.reloading import Reloaded
from gateway.turns import HELD
from tests import doors
from tests.crowded import Crowd
from tests.editor import Editor
from tests.edits.mistakes import Mistake, draw
from tests.edits.operator import MAIN, REST, Operator, Tree
from tests.far.telegram import TelegramServer
from tests.ports import free_port
from tests.postgres import FILE
from tests.telegram_road import MODES

EDITS = int(os.environ.get("GW_EDITS", "24"))  # half of which are mistakes
PROBLEM = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?:(?P<path>[a-z][\w.\[\]-]*): )?(?P<said>.*)")


def trees(server: TelegramServer, mode: str) -> dict[str, Tree]:
    here, echo = f"127.0.0.1:{free_port()}", {"kind": "python", "call": "tests.doors:echo"}
    phone = {"platform": "telegram", "bot": "other", "token": server.token, "api_base": server.url, "mode": mode}
    main = {
        "include": ["more/*.yaml"],
        "server": {"listen": here, "public_url": f"http://{here}"},
        "admin": {"listen": "127.0.0.1:0"},
        "storage": {"url": FILE, "files": "files"},
        "people": {"staff": ["u90"]},
        "defaults": {"limits": {"messages": "off", "send": "off"}},
        "bots": {"echo": dict(echo)},
        "channels": {
            "site": {"platform": "web", "bot": "echo", "default": True},
            "talk": {"platform": "web", "bot": "other", "path": "/talk"},
        },
    }
    return {MAIN: main, REST: {"bots": {"other": dict(echo)}, "channels": {"phone": phone}}}


class Desk(Editor):
    """An operator at work, who looks after each edit what has become of it."""

    def __init__(self, gateway: doors.Gateway, folder: Path, operator: Operator) -> None:
        super().__init__(gateway, folder)
        self.operator, self.corridor = operator, gateway.daemon.corridor
        self.texts = self.right

    @property
    def right(self) -> dict[str, str]:
        return {name: written.text for name, written in self.operator.written.items()}

    def save(self, texts: dict[str, str]) -> None:
        for name, text in texts.items():
            if text == self.texts[name]:
                continue
            if name == MAIN:
                self.write(text)
            else:
                self.put(name, text)
        self.texts = texts

    def running(self) -> dict[str, Any]:
        """The channels and bots as they run."""
        corridor = self.corridor
        channels = {f"channels.{name}": channel for name, channel in corridor.channels.items()}
        return channels | {f"bots.{name}": bot for name, bot in corridor.bots.items()}

    async def change(self, *, told: bool) -> None:
        """A change, of which the gateway is told, or which it finds by itself."""
        names, before = self.operator.change(), self.running()
        await self.take(names, told=told)
        after = self.running()
        wanted = self.operator.wanted()
        assert after.keys() == {f"{kind}.{name}" for kind in ("channels", "bots") for name in wanted[kind]}
        other = {name for name in before.keys() | after.keys() if before.get(name) is not after.get(name)}
        assert other == {name for name in names if name.startswith(("channels.", "bots."))}

    async def take(self, names: set[str], *, told: bool) -> None:
        self.save(self.right)
        if told:
            found = await self.reloading.reload()
            assert (found.outcome, set(found.changed)) == ("applied" if names else "unchanged", names)
        daemon = self.gateway.daemon
        await self.gateway.until(lambda: daemon.settings.trail == daemon.settings.trail.now())

    async def mistake(self, *, told: bool) -> None:
        mistake, before = draw(self.operator), self.running()
        self.save(self.right | mistake.texts)
        found = await self.reloading.reload() if told else None
        if found is None:
            await self.gateway.until(lambda: self.points(self.reloading.last, mistake))
        else:
            assert self.points(found, mistake), (mistake, found)
        after = self.running()
        assert all(before[name] is after.get(name) for name in before | after)

    def points(self, found: Reloaded, mistake: Mistake) -> bool:
        """Whether just the places of a mistake were told, without its secret."""
        if found.outcome != "rejected" or len(found.problems) != len(mistake.places):
            return False
        assert not mistake.secret or mistake.secret not in "".join(found.problems)
        spots = [match for problem in found.problems if (match := PROBLEM.fullmatch(problem)) is not None]
        told = {(spot["file"], int(spot["line"]), spot["path"] or ""): int(spot["column"]) for spot in spots}
        return all(
            told.get((str(self.folder / place.file), place.line, place.path)) in place.columns
            for place in mistake.places
        )


@pytest.mark.feature("CFG-02", "CFG-04", "CFG-05")
@pytest.mark.timeout(120 + EDITS * 6)
@pytest.mark.parametrize("mode", MODES)
async def test_random_edits_under_load(tmp_path: Path, mode: str) -> None:
    async with TelegramServer() as server:
        dice = random.Random(f"{EDITS} edits, {mode}")
        operator = Operator(trees(server, mode), {"site", "echo", "other"}, dice)
        (tmp_path / "more").mkdir()
        (tmp_path / REST).write_text(operator.written[REST].text, "utf-8")
        async with doors.running(tmp_path, operator.written[MAIN].text) as gateway, asyncio.TaskGroup() as group:
            desk, crowd = Desk(gateway, tmp_path, operator), Crowd(gateway, server)
            await desk.begun()
            people = [crowd.visits(channel, str(n)) for n, channel in enumerate(["site", "talk"] * 4)]
            people += [crowd.writes(number) for number in range(801, 804)]
            talking = [group.create_task(one) for one in people]
            for _ in range(EDITS):
                before = crowd.answered
                edit = desk.mistake if dice.random() < 0.5 else desk.change
                await edit(told=dice.random() < 0.8)
                await gateway.until(lambda before=before: crowd.answered > before)  # type: ignore[misc]
            operator.bring_back()
            desk.save(desk.right)
            assert (await desk.reloading.reload()).outcome != "rejected"
            gateway.clock.ahead += HELD / 1000  # what waits for a channel that is not there is looked at so often
            crowd.end()
            await asyncio.gather(*talking)
            await crowd.kept()
