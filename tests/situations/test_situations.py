"""The one script on every road, by real HTTP against the far servers: each situation holds on each platform."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.situations import hearing, speaking, talking
from tests.situations.lacks import LACKS
from tests.situations.roads import ROADS, Roads
from tests.situations.script import SITUATIONS

SCRIPT = (hearing, talking, speaking)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def roads(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Roads]:
    found = Roads(lambda: tmp_path_factory.mktemp("road"))
    yield found
    await found.leave()


def _played() -> Iterator[Any]:
    for road in ROADS:
        for name, situation in SITUATIONS.items():
            marks = [pytest.mark.feature(*situation.rows)]
            if reason := LACKS[road].get(name):
                marks.append(pytest.mark.skip(f"{road}: {reason}"))
            yield pytest.param(road, name, marks=marks, id=f"{road}-{name}")


@pytest.mark.feature("DEV-03", "DEV-02")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("road", "name"), list(_played()))
async def test_situation(road: str, name: str, roads: Roads, tmp_path: Path) -> None:
    situation = SITUATIONS[name]
    if situation.alone:
        async with ROADS[road](tmp_path) as own:
            await situation.play(own)
        return
    try:
        await situation.play(await roads.at(road))
    except BaseException:
        await roads.leave()  # whatever it left there is not to disturb the others
        raise


@pytest.mark.feature("DEV-03")
def test_at_least_thirty_situations_are_played_on_every_road() -> None:
    assert len(SITUATIONS) >= 40
    assert LACKS.keys() == ROADS.keys()
    for road, lacks in LACKS.items():
        assert lacks.keys() <= SITUATIONS.keys(), f"{road} lacks what is not in the script"
        assert len(SITUATIONS) - len(lacks) >= 30, road
