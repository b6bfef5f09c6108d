"""What a message leaves behind goes by itself: the collector, which makes everybody wait, finds nothing of ours."""

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.far.backend import Backend
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


@pytest.mark.feature("STO-10")
async def test_messages_leave_nothing_to_the_collector(tmp_path: Path, kept: list[object]) -> None:
    async with (
        Backend() as backend,
        TelegramServer() as server,
        gateway(server, tmp_path, "webhook", f"kind: http, url: '{backend.url}'") as here,
    ):
        await here.until(lambda: here.state == "up")
        for number in range(3):
            server.user(7).says(f"warm {number}")
        await here.quiet()
        gc.collect()
        kept.clear()
        for number in range(20):
            server.user(7 + number % 4).says(f"message {number}")
        await here.quiet()
        gc.collect()
        assert ours(kept) == {}
