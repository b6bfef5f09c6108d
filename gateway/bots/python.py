"""A bot that is a Python function over a turn. See docs/bots.md.

It may be a plain function (run on a thread, so it may block), an async function, a generator, or an async
generator. It returns, or yields, text, an answer document as a dict, a message, a piece, or None.
"""

import asyncio
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Annotated, Any

import orjson
import structlog
from msgspec.structs import replace
from pydantic import AfterValidator

from gateway import bot, options
from gateway.bot import Change, Delta, Piece, Progress, Say, Tools
from gateway.bots import speaker
from gateway.bots.reply import Reader
from gateway.bots.threads import Threads
from gateway.errors import BotBroken, BotError
from gateway.message import Json, Outbound, Turn
from gateway.text import clean

_CALL = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*):([A-Za-z_]\w*(?:\.\w+)*)")
_END = object()

log = structlog.get_logger(__name__)


def _there(call: str) -> str:
    load(call)  # what cannot be imported is a mistake in the file, and found before anything is started
    return call


class Bot(bot.Bot):
    """Asks a function of the operator's."""

    class Options(options.Options):
        """The function."""

        call: Annotated[str, AfterValidator(_there)] = options.needed(
            "package.module:function; modules are also looked for where the gateway was started."
        )
        threads: int = options.key(16, "How many calls of a function that is not async may run at once.", ge=1, le=256)

    def __init__(self, name: str, options: "Bot.Options", tools: Tools) -> None:
        super().__init__(name, options, tools)
        self._function = load(options.call)
        self._on_loop = _is_async(self._function) or _is_async(type(self._function).__call__)
        self._threads = Threads(f"bot {name}", options.threads)
        self._reader = Reader(name)

    async def answer(self, turn: Turn) -> AsyncIterator[Piece]:
        try:
            async with aclosing(self._results(own(turn))) as results:
                async for result, is_last in results:
                    for piece in self._pieces(result, is_last):
                        yield piece
        except BotError:
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise BotBroken("the function cancelled itself") from None
        except (Exception, SystemExit) as error:
            log.error("function.failed", bot=self.name, exc_info=error)
            raise BotBroken(_told(error)) from error

    async def _results(self, turn: Turn) -> AsyncGenerator[tuple[Any, bool], None]:
        """What the function yields, or the one thing it returns; with whether that is the whole answer."""
        result = self._function(turn) if self._on_loop else await self._threads.run(self._function, turn)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, AsyncGenerator):
            async with aclosing(result):
                async for one in result:
                    yield one, False
        elif isinstance(result, AsyncIterator):
            async for one in result:
                yield one, False
        elif isinstance(result, Iterator):
            while (one := await self._threads.run(next, result, _END)) is not _END:
                yield one, False
        else:
            yield result, True

    def _pieces(self, result: Any, is_last: bool) -> list[Piece]:
        match result:
            case None:
                return [Change(silent=True)] if is_last else []
            case str():
                return [Say(Outbound(text=clean(result)))] if is_last else [Delta(clean(result))]
            case dict():
                return self._reader.value(result)
            case Outbound():
                return [Say(replace(result, text=clean(result.text)))]
            case Say(message):
                return [Say(replace(message, text=clean(message.text)))]
            case Delta(text) | Progress(text):
                return [replace(result, text=clean(text))]
            case Change():
                return self._reader.value(_document(result))
        raise BotBroken(f"the function gave {type(result).__name__}: text, a dict, a piece or None was expected")


def load(call: str) -> Callable[[Turn], Any]:
    """The function that `package.module:function` names. Raises `ValueError` when there is none."""
    if not _CALL.fullmatch(call):
        raise ValueError("expected package.module:function")
    module, _, name = call.partition(":")
    here = os.getcwd()
    if "" not in sys.path and here not in sys.path:
        sys.path.append(here)  # last, so that no file lying there takes the place of an installed module
    try:
        importlib.invalidate_caches()
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"cannot import {module}: {type(error).__name__}: {error}") from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ValueError(f"{module} has no function {name}")
    return found  # type: ignore[no-any-return]


def own(turn: Turn) -> Turn:
    """The turn with data of its own, which a function may change; in groups, speakers are named."""
    session = replace(turn.session, variables=_copy(turn.session.variables), context=_copy(turn.session.context))
    history = turn.history
    if speaker.attributed(turn):
        history = tuple(replace(line, text=speaker.line(line, True)) for line in history)
    return replace(
        turn,
        session=session,
        participant=replace(turn.participant, data=_copy(turn.participant.data)),
        message=replace(turn.message, extra=_copy(turn.message.extra)),
        history=history,
    )


def _copy(data: Json) -> Json:
    return orjson.loads(orjson.dumps(data)) if data else {}


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _document(change: Change) -> dict[str, Any]:
    """A change as it would be written in an answer document, so that it is checked like one."""
    return {
        "set": dict(change.variables),
        "participant": {
            "set": dict(change.participant_set),
            "unset": list(change.participant_unset),
            "append": dict(change.participant_append),
            "increment": dict(change.participant_increment),
        },
        "context": dict(change.context),
        "template": change.template,
        "end_session": change.end_session,
        "resolved": change.resolved,
        "handoff": change.handoff,
        "transfer": change.transfer,
        "silent": change.silent,
    }


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {clean(str(error))[:300]}{where}"
