"""Signs on the user's message: that it has been read, is being answered, has been answered or has not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.bot import Piece, Say
from gateway.errors import BotBroken, Retry
from gateway.message import Address, Outbound, Turn
from tests.kit import YAML, Kit, corridor, echoes

pytestmark = pytest.mark.feature("STR-05")

SIGNED = YAML.replace("bot: b,", "bot: b, stream: {ack: {seen: 👀, done: ✅, failed: ❌}},")
SEEN_ONLY = YAML.replace("bot: b,", "bot: b, stream: {ack: {seen: 👀}},")
DONE_ONLY = YAML.replace("bot: b,", "bot: b, stream: {ack: {done: ✅}},")


def able(kit: Kit, *, receipts: bool = False, reactions: bool = True) -> None:
    """What the paper can do from now on."""
    kit.here.adapter.limits = replace(kit.here.limits, reactions=reactions, receipts=receipts)  # type: ignore[misc]


async def fails(turn: Turn) -> AsyncIterator[Piece]:
    if turn.message.text:
        raise BotBroken("no")
    yield Say(Outbound())


@pytest.mark.parametrize(
    ("yaml", "signs"),
    [(SIGNED, ["👀", "✅"]), (SEEN_ONLY, ["👀", ""]), (DONE_ONLY, ["✅"]), (YAML, [])],
    ids=["all", "seen", "done", "none"],
)
async def test_an_answered_message_bears_the_signs_that_are_wanted(yaml: str, signs: list[str], tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml) as kit:
        able(kit)
        kit.bot(echoes)
        await kit.say("hi", ref="m1")
        await kit.quiet()
        await kit.until(lambda: len(kit.paper.signs) >= len(signs))
        assert kit.paper.signs == [("m1", sign) for sign in signs]


async def test_one_without_an_answer_says_so(tmp_path: Path) -> None:
    async with corridor(tmp_path, SIGNED) as kit:
        able(kit)
        kit.bot(fails)
        await kit.say("hi", ref="m1")
        await kit.until(lambda: len(kit.paper.signs) == 2)
        assert kit.paper.signs == [("m1", "👀"), ("m1", "❌")]


@pytest.mark.parametrize("command", ["/stop", "/reset"])
async def test_what_is_stopped_bears_no_sign(command: str, tmp_path: Path) -> None:
    async with corridor(tmp_path, SIGNED) as kit:
        able(kit)
        started = asyncio.Event()

        async def slow(turn: Turn) -> AsyncIterator[Piece]:
            started.set()
            await asyncio.Event().wait()
            yield Say(Outbound())

        kit.bot(slow)
        await kit.say("hi", ref="m1")
        await started.wait()
        await kit.say(command, ref="m2")
        await kit.until(lambda: len(kit.paper.signs) == 2)
        assert kit.paper.signs == [("m1", "👀"), ("m1", "")]


async def test_signs_stay_in_order_and_their_failures_do_not_matter(tmp_path: Path) -> None:
    async with corridor(tmp_path, SIGNED) as kit:
        able(kit)
        kit.bot(echoes)
        slow = asyncio.Event()
        put: list[str] = []

        async def reacts(address: Address, ref: str, emoji: str) -> None:
            if emoji == "👀":
                await slow.wait()
                raise Retry("not now")
            put.append(emoji)

        kit.here.adapter.react = reacts  # type: ignore[method-assign]
        await kit.say("hi", ref="m1")
        await kit.quiet()
        assert (kit.paper.texts(), put) == (["hi"], [])
        slow.set()
        await kit.until(lambda: put == ["✅"])


async def test_where_the_platform_has_none_none_are_put(tmp_path: Path) -> None:
    async with corridor(tmp_path, SIGNED) as kit:
        able(kit, reactions=False, receipts=True)
        kit.bot(echoes)
        await kit.say("hi", ref="m1")
        await kit.say("without an id")
        await kit.quiet()
        await kit.until(lambda: bool(kit.paper.signs))
        assert kit.paper.signs == [("m1", "read")]
