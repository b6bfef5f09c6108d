"""One process after another on the same store, while people go on talking: as if there had been only one."""

import os
import random
from pathlib import Path

import pytest

from tests.crash.account import findings
from tests.crash.life import FAILPOINTS, UPGRADE, Evidence, Life

UPGRADES = int(os.environ.get("GW_UPGRADES", "3"))


@pytest.mark.feature("STO-06", "INB-02", "OUT-01")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("polling", [True, False], ids=["polling", "webhook"])
async def test_an_upgrade_under_load_loses_and_doubles_nothing(tmp_path: Path, polling: bool) -> None:
    """Nothing is even in doubt, and no bot is asked twice: what ran has been let end."""
    evidence = await Life(tmp_path, random.Random(11), polling=polling).run([UPGRADE] * UPGRADES)
    assert_flawless(evidence, UPGRADES)


@pytest.mark.feature("STO-06", "INB-02", "OUT-01", "OUT-03")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("polling", [True, pytest.param(False, marks=pytest.mark.store)], ids=["polling", "webhook"])
async def test_asked_to_stop_at_any_station_of_the_road_it_ends_what_it_has_begun(
    tmp_path: Path, polling: bool
) -> None:
    stations = [*FAILPOINTS]
    evidence = await Life(tmp_path, random.Random(3), polling=polling, asked=True).run(stations)
    assert_flawless(evidence, len(stations))


def assert_flawless(evidence: Evidence, processes: int) -> None:
    """Of what people said to each of so many processes, all was answered exactly once, and the bot asked once."""
    assert findings(evidence) == []
    assert len(evidence.said) > 3 * processes
    assert {said.kill for said in evidence.said} == set(range(processes))
    assert {asked.attempt for asked in evidence.asked} == {1}
    assert len({asked.key for asked in evidence.asked}) == len(evidence.asked)
