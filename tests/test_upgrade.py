"""One process after another on the same store, while people go on talking: as if there had been only one."""

import os
import random
from pathlib import Path

import pytest

from tests.crash.account import findings
from tests.crash.life import UPGRADE, Life

UPGRADES = int(os.environ.get("GW_UPGRADES", "3"))


@pytest.mark.feature("STO-06", "INB-02", "OUT-01")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("polling", [True, False], ids=["polling", "webhook"])
async def test_an_upgrade_under_load_loses_and_doubles_nothing(tmp_path: Path, polling: bool) -> None:
    """Nothing is even in doubt, and no bot is asked twice: what ran has been let end."""
    evidence = await Life(tmp_path, random.Random(11), polling=polling).run([UPGRADE] * UPGRADES)
    assert findings(evidence) == []
    assert len(evidence.said) > 3 * UPGRADES
    assert {said.kill for said in evidence.said} == set(range(UPGRADES))
    assert {asked.attempt for asked in evidence.asked} == {1}
    assert len({asked.key for asked in evidence.asked}) == len(evidence.asked)
