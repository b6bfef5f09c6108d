"""Threads for functions that block: a bounded number at once, and none keeps the process from ending."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from gateway.errors import BotUnavailable

_T = TypeVar("_T")


class Threads:
    """At most `most` calls at once; others wait. A call nobody awaits any more still keeps its place."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._places = asyncio.Semaphore(most)

    async def run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """The function's result, computed beside the event loop. Raises what it raises."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        result: asyncio.Future[_T] = loop.create_future()
        work = partial(contextvars.copy_context().run, function, *arguments)

        def settle(value: Any, error: BaseException | None) -> None:
            self._places.release()
            if result.cancelled():
                return
            if error is None:
                result.set_result(value)
            else:
                result.set_exception(error)

        def call() -> None:
            value: Any = None
            error: BaseException | None = None
            try:
                value = work()
            except StopIteration:  # no future can hold it
                error = RuntimeError("the function raised StopIteration")
            except BaseException as raised:
                error = raised
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, value, error)

        try:
            threading.Thread(target=call, name=self._name, daemon=True).start()
        except RuntimeError as error:  # the system has no thread left to give
            self._places.release()
            raise BotUnavailable(f"no thread: {error}") from error
        return await result
