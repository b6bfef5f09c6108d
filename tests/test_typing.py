"""That an answer is coming is shown while it is being made, where the operator wants it."""

import asyncio
from pathlib import Path

import pytest

from tests.kit import corridor
from tests.leap import leap
from tests.steps import Held, whole

YAML = """
bots: {{b: {{kind: echo}}}}
channels: {{p: {{platform: tests.paper, bot: b, limits: {{send: off}}, stream: {{typing: {typing}}}}}}}
"""


@pytest.mark.feature("STR-01")
@pytest.mark.parametrize("wanted", [True, False])
async def test_typing_is_the_operators_choice(tmp_path: Path, wanted: bool) -> None:
    async with corridor(tmp_path, YAML.format(typing=str(wanted).lower())) as kit:
        held = Held()
        bot = kit.bot(held)
        await kit.say("hello")
        await kit.until(lambda: len(bot.turns) == 1)
        leap(1)
        if wanted:
            await kit.until(lambda: kit.paper.typing != [])
        for _ in range(50):
            await asyncio.sleep(0)
        assert [address.chat for address in kit.paper.typing] == ["ada"] * wanted
        held.go.set()
        await whole(kit)
