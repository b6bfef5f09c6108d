"""What every bot owes: it answers any turn with whole pieces, fails in two words only, may be cancelled anywhere."""

import asyncio
import json
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.bot import Bot, Change, Delta, Piece, Progress, Say
from gateway.errors import BotBroken, BotError, BotUnavailable
from gateway.message import Message, encode
from gateway.settings import load
from gateway.text import clean
from tests import bots
from tests.bots import ask, group, turn
from tests.contract import declared
from tests.contract.asked import Asked, asked, kinds
from tests.contract.subject import until
from tests.contract.texts import ODD

pytestmark = pytest.mark.feature("DEV-02", "BOT-01")

LONG = tuple(
    line for seq in range(1, 51, 2) for line in (bots.user(f"question {seq}", "Ada", seq), bots.bot("answer", seq + 1))
)


def test_it_is_found_and_brings_what_stands_behind_it(kind: str) -> None:
    assert issubclass(asked(kind).bot, Bot)


@pytest.mark.feature("SEC-01")
async def test_its_options_are_explained_and_hide_their_secrets(asked: Asked) -> None:
    assert (asked.bot.__doc__ or "").strip()
    declared.explained(asked.bot.Options)
    declared.what_sounds_secret_is(asked.bot.Options)
    async with asked.engaged() as (_, backend):
        declared.hidden(asked.bot.Options, backend.options())


async def test_it_loads_from_an_operators_file(asked: Asked, tmp_path: Path) -> None:
    async with asked.engaged() as (_, backend):
        bot = {"kind": asked.kind, **backend.options()}
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps({"bots": {"b": bot}, "channels": {"here": {"platform": "terminal", "bot": "b"}}}))
    assert load(file, {}).bots["b"].plugin is asked.bot


def whole(pieces: list[Piece]) -> None:
    """Pieces of the known kinds, which can be written down and read aloud as they are."""
    for piece in pieces:
        assert type(piece) in (Delta, Progress, Say, Change)
        assert encode(piece)
        for text in [piece.text] if isinstance(piece, Delta | Progress) else []:
            assert clean(text) == text
        if isinstance(piece, Say):
            assert clean(piece.message.text) == piece.message.text


@pytest.mark.parametrize("history", [(), LONG[:1], LONG], ids=len)
async def test_it_answers_with_any_history_and_changes_no_turn(asked: Asked, history: tuple[Message, ...]) -> None:
    async with asked.engaged() as (bot, _):
        for one in (turn("Hello"), group("Hello"), replace(turn("Hello"), summary="They talked.")):
            given = replace(one, history=history)
            before = encode(given)
            answered = await ask(bot, given)
            whole(answered.pieces)
            assert "Hello" in " ".join(answered.texts)
            assert encode(given) == before


async def test_it_answers_odd_texts(asked: Asked) -> None:
    async with asked.engaged() as (bot, _):
        for odd in map(clean, ODD):  # nothing else comes as far as a bot
            answered = await ask(bot, turn(odd))
            whole(answered.pieces)
            assert odd.strip() in "".join(answered.texts)


async def test_it_can_be_asked_for_a_summary(asked: Asked) -> None:
    async with asked.engaged() as (bot, _):
        summarize = replace(turn("Summarise."), type="summarize", summary="Before.", history=LONG)
        answered = await ask(bot, summarize)
        whole(answered.pieces)
        assert " ".join(answered.texts).strip()


async def test_answers_to_many_at_once_are_not_mixed(asked: Asked) -> None:
    async with asked.engaged() as (bot, _):
        turns = [replace(turn(f"<{number}>"), id=f"turn-{number}") for number in range(30)]
        answers = await asyncio.gather(*(ask(bot, one) for one in turns))
        for number, answered in enumerate(answers):
            found = [other for other in range(30) if f"<{other}>" in "".join(answered.texts)]
            assert found == [number]


async def test_it_may_be_cancelled_at_any_await(asked: Asked) -> None:
    async with asked.engaged() as (bot, _):
        before, steps = asyncio.all_tasks(), 0
        while await _cancelled(bot, steps):
            steps += 1
        assert steps
        assert "Hello" in "".join((await ask(bot, turn("Hello"))).texts)
    await until(lambda: asyncio.all_tasks() == before)


async def _cancelled(bot: Bot, steps: int) -> bool:
    """Cancel an answer after so many turns of the loop; false when it was whole by then."""
    answering = asyncio.create_task(ask(bot, turn("Hello")))
    for _ in range(steps):
        await asyncio.sleep(0)
    if answering.done():
        return "Hello" not in "".join((await answering).texts)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    return True


async def test_an_answer_nobody_reads_to_its_end_is_let_go(asked: Asked) -> None:
    async with asked.engaged() as (bot, _):
        for _ in range(20):
            async with aclosing(bot.answer(turn("Hello"))) as pieces:  # type: ignore[type-var]
                async for _ in pieces:
                    break
        assert "Hello" in "".join((await ask(bot, turn("Hello"))).texts)


@pytest.mark.feature("BOT-06")
async def test_whatever_goes_wrong_is_told_in_one_of_two_words(asked: Asked) -> None:
    async with asked.engaged() as (bot, backend):
        for fault in backend.faults:
            backend.fail(fault)
            error = await _failure(bot)
            assert isinstance(error, BotBroken | BotUnavailable), fault
            assert str(error).strip(), fault
            given = backend.options()
            assert not any(given[name] in str(error) for name in declared.secret_keys(asked.bot.Options)), fault
            assert "Hello" in "".join((await ask(bot, turn("Hello"))).texts), f"not well again after: {fault}"


async def _failure(bot: Bot) -> BotError | None:
    try:
        await ask(bot, turn("Hello"))
    except BotError as error:
        return error
    return None


async def test_it_can_be_closed_twice_and_under_way(asked: Asked) -> None:
    async with asked.engaged() as (bot, _):
        answering = asyncio.create_task(ask(bot, turn("Hello")))
        await asyncio.sleep(0)
        await bot.close()
        await bot.close()
        with suppress(BotError):
            await answering
        with suppress(BotError):
            await ask(bot, turn("Hello again"))


async def test_a_probe_says_nothing_when_all_is_well(asked: Asked) -> None:
    async with asked.engaged() as (bot, _):
        assert await bot.probe() == ""


def test_all_of_our_own_are_asked() -> None:
    assert {"echo", "http", "openai", "python"} <= set(kinds(None))
