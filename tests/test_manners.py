"""How answers come: as fast as a person writes where that is wanted, with a word now and then on how far they are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Piece, Progress, Say
from gateway.message import Outbound, Turn
from tests.kit import YAML, Kit, corridor

pytestmark = pytest.mark.feature("STR-05")
PACED = YAML.replace("bot: b,", "bot: b, stream: {human_pace: on},")


async def talks(turn: Turn) -> AsyncIterator[Piece]:
    for text in ("x" * 30, "y" * 3000, "z" * 60):
        yield Say(Outbound(text=text))


async def due(kit: Kit, after: int) -> int:
    """When the next part may go, in ms after a moment, once that is known."""
    await kit.stored("SELECT COUNT(*) FROM lane WHERE out_due_at IS NOT NULL AND out_holder IS NULL", (1,))
    while True:
        ((at,),) = await kit.rows("SELECT COALESCE(MAX(not_before), 0) FROM outbox WHERE state = 'ready'")
        if at:
            return int(at) - after


async def test_each_part_waits_as_long_as_it_takes_to_write(tmp_path: Path) -> None:
    async with corridor(tmp_path, PACED) as kit:
        kit.bot(talks)
        before = kit.clock.now()
        await kit.say("hi")
        for sent, seconds in enumerate((1, 5, 2)):
            await kit.until(lambda sent=sent: len(kit.paper.sent) == sent)  # type: ignore[misc]
            waits = await due(kit, before)
            assert seconds * 1000 <= waits <= seconds * 1000 + 5000
            kit.clock.ahead += seconds + 5
            before = kit.clock.now()
            kit.router.ring_channel("p")
        await kit.until(lambda: len(kit.paper.sent) == 3)
        await kit.quiet()
        assert [text[0] for text in kit.paper.texts()] == ["x", "y", "z"]


async def test_without_the_setting_nothing_waits(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(talks)
        await kit.say("hi")
        await kit.quiet()
        assert len(kit.paper.sent) == 3
        assert await kit.rows("SELECT MAX(not_before) FROM outbox") == [(0,)]


async def test_words_on_how_far_it_is_come_at_most_every_five_seconds_and_are_not_kept(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:

        async def slowly(turn: Turn) -> AsyncIterator[Piece]:
            for number in range(6):
                yield Progress(f"step {number}")
                kit.clock.ahead += 2.5
            yield Say(Outbound(text="done"))

        await kit.say("hi")
        await kit.quiet()
        kit.bot(slowly)
        ((lane,),) = await kit.rows("SELECT id FROM lane")
        with kit.corridor.live.watch(lane) as watcher:
            await kit.say("again")
            await kit.quiet()
            heard = [await watcher.get() for _ in range(len(watcher))]
        assert [event.data["text"] for event in heard if event.kind == "progress"] == [  # type: ignore[index]
            *("step 0", "step 2", "step 4")
        ]
        assert await kit.rows("SELECT text FROM message WHERE text LIKE 'step%'") == []
