"""Functions as an operator may write them, for tests of the python bot."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from gateway.bot import Change, Delta, Piece, Progress, Say
from gateway.errors import BotUnavailable
from gateway.message import Outbound, Turn

released = threading.Event()
entered = threading.Semaphore(0)
closed: list[str] = []

ANSWERS: dict[str, Any] = {
    "text": "Hello",
    "dict": {"messages": [{"text": "Hello"}], "set": {"a": 1}},
    "say": Say(Outbound(text="Hel\x00lo")),
    "outbound": Outbound(text="Hello"),
    "nothing": None,
    "silence": "NO_REPLY",
    "change": Change(variables={"a": 1}, participant_increment={"n": 1}, end_session=True),
    "list": ["Hello"],
    "bytes": b"Hello",
    "number": 5,
    "unwritable": {"text": "x", "set": {"a": object()}},
    "misnamed": {"set": {"session.id": "other"}},
    "bad change": Change(variables={"session.id": "other"}),
    "half": {"text": "\ud800"},
}


def plain(turn: Turn) -> Any:
    return ANSWERS[turn.message.text]


async def later(turn: Turn) -> Any:
    await asyncio.sleep(0)
    return ANSWERS[turn.message.text]


def _wrapped(turn: Turn) -> Any:
    return later(turn)


wrapped = _wrapped  # a plain function that gives something to await


def words(turn: Turn) -> Iterator[Any]:
    yield Progress("Thinking")
    yield "Good "
    yield None
    yield Delta("morning")
    yield {"text": "Second", "set": {"a": 1}}


async def words_later(turn: Turn) -> AsyncIterator[Any]:
    for one in words(turn):
        await asyncio.sleep(0)
        yield one


class Greeter:
    """An object to be called; its methods will do, too."""

    async def __call__(self, turn: Turn) -> str:
        return "called"

    def method(self, turn: Turn) -> str:
        return f"method on {threading.current_thread().name}"


greeter = Greeter()


def fails(turn: Turn) -> str:
    raise ValueError(f"no such thing: {turn.message.text}")


def exits(turn: Turn) -> str:
    raise SystemExit(3)


def stops(turn: Turn) -> str:
    raise StopIteration


async def gives_up(turn: Turn) -> str:
    raise asyncio.CancelledError


async def is_away(turn: Turn) -> str:
    raise BotUnavailable("the model is loading", after=5)


def breaks(turn: Turn) -> Iterator[str]:
    yield "Hel"
    raise RuntimeError("torn")


async def breaks_later(turn: Turn) -> AsyncIterator[str]:
    try:
        yield "Hel"
        yield 1 / 0  # type: ignore[misc]
    finally:
        closed.append(turn.id)


async def endless(turn: Turn) -> AsyncIterator[str]:
    try:
        while True:
            yield "more "
            await asyncio.sleep(0)
    finally:
        closed.append(turn.id)


def blocks(turn: Turn) -> str:
    entered.release()
    released.wait(30)
    return f"{turn.id} {threading.active_count() > 1}"


def remembers(turn: Turn) -> dict[str, Any]:
    turn.session.variables["a"].append("spoilt")  # its own copy
    turn.participant.data["b"] = "spoilt"  # type: ignore[index]
    return {
        "text": f"{turn.session.message_count} {turn.session.id} {turn.session.created_at}"
        f" {turn.session.last_activity} {turn.session.channel} {turn.participant.last_seen}"
        f" {[line.text for line in turn.history]}"
    }


def sets_fact(turn: Turn) -> str:
    turn.session.id = "other"  # type: ignore[misc]
    return "done"


async def summarizes(turn: Turn) -> AsyncIterator[Piece]:
    assert turn.type == "summarize"
    yield Delta(f"{turn.summary}; {len(turn.history)} more; {turn.message.text}")


def when(turn: Turn) -> str:
    return str(time.gmtime(0).tm_year)


not_a_function = "text"
