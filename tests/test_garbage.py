"""What a message leaves behind goes by itself: the collector, which makes everybody wait, finds nothing of ours."""

import asyncio
import gc
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.running import SOON
from tests.far.backend import Backend, Call, Reply, as_json, as_lines
from tests.far.telegram import TelegramServer
from tests.patience import PATIENCE
from tests.source import ROOT
from tests.telegram_road import gateway


async def slow(_: int) -> None:
    """Longer than it takes until people are shown that somebody is typing."""
    await asyncio.sleep(SOON + 0.2)


BOTS: dict[str, Callable[[Call], Reply]] = {
    "quick": lambda _: as_json({"text": "hello"}),
    "slow": lambda _: as_json({"text": "hello"}, before=slow),
    "hangs up": lambda _: as_json({"text": "hello"}, headers={"Connection": "close"}),
    "streams": lambda _: as_lines({"delta": "Hello "}, {"delta": "there"}, before=slow),
}


def ours(found: list[object]) -> Counter[str]:
    kinds = (type(one) for one in found)
    return Counter(kind.__qualname__ for kind in kinds if kind.__module__.startswith(("gateway", "adapters")))


async def left(folder: Path, bot: Callable[[Call], Reply]) -> Counter[str]:
    """What a dozen messages leave to the collector, which is kept from its work meanwhile."""
    async with (
        Backend(bot) as backend,
        TelegramServer() as server,
        gateway(server, folder, "webhook", f"kind: http, url: '{backend.url}'") as here,
    ):
        await here.until(lambda: here.state == "up")
        server.user(7).says("to begin with")
        await here.quiet()
        gc.collect()
        gc.disable()
        for number in range(12):
            server.user(7 + number).says(f"message {number}")
        await here.quiet()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        return ours(gc.garbage)


@pytest.mark.feature("STO-10")
@pytest.mark.parametrize("bot", BOTS)
async def test_messages_leave_nothing_to_the_collector(bot: str) -> None:
    """In a process of its own: what other tests have left is nobody's business here."""
    command = (sys.executable, "-m", "tests.test_garbage", bot)
    asked = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE):
        said, _ = await asked.communicate()
    assert (said.decode().splitlines()[-1], asked.returncode) == ("Counter()", 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(left(Path(folder), BOTS[sys.argv[1]])))
