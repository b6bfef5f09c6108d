"""What a message leaves behind goes by itself: the collector, which makes everybody wait, finds nothing of ours."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.running import SOON
from tests.far.backend import Backend, Call, Reply, as_json, as_lines
from tests.far.telegram import TelegramServer
from tests.telegram_road import gateway


@pytest.fixture
def kept() -> Iterator[list[object]]:
    """What only the collector could free, while it is kept from doing so."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def ours(found: list[object]) -> Counter[str]:
    kinds = (type(one) for one in found)
    return Counter(kind.__qualname__ for kind in kinds if kind.__module__.startswith(("gateway", "adapters")))


async def slow(_: int) -> None:
    """Longer than it takes until people are shown that somebody is typing."""
    await asyncio.sleep(SOON + 0.2)


BOTS: dict[str, Callable[[Call], Reply]] = {
    "quick": lambda _: as_json({"text": "hello"}),
    "slow": lambda _: as_json({"text": "hello"}, before=slow),
    "hangs up": lambda _: as_json({"text": "hello"}, headers={"Connection": "close"}),
    "streams": lambda _: as_lines({"delta": "Hello "}, {"delta": "there"}, before=slow),
}


@pytest.mark.feature("STO-10")
@pytest.mark.parametrize("bot", BOTS.values(), ids=list(BOTS))
async def test_messages_leave_nothing_to_the_collector(
    bot: Callable[[Call], Reply], tmp_path: Path, kept: list[object]
) -> None:
    async with (
        Backend(bot) as backend,
        TelegramServer() as server,
        gateway(server, tmp_path, "webhook", f"kind: http, url: '{backend.url}'") as here,
    ):
        await here.until(lambda: here.state == "up")
        server.user(7).says("to begin with")
        await here.quiet()
        gc.collect()
        kept.clear()
        for number in range(12):
            server.user(7 + number).says(f"message {number}")
        await here.quiet()
        gc.collect()
        assert ours(kept) == {}
