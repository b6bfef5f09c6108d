"""What Slack was asked for once and is remembered for a while, so that nobody is asked about twice at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from gateway.adapter import Gate

DAY = 24 * 3600 * 1000
SOON = 600 * 1000  # ms until what could not be had is asked for again

T = TypeVar("T")
Key = tuple[str, ...]


class Found(NamedTuple, Generic[T]):
    """An answer, good for so many milliseconds."""

    value: T
    lasts: int = DAY


class Kept(Generic[T]):
    """The last `most` answers. Those who ask for the same wait for one answer, in the order in which they came."""

    def __init__(self, gate: Gate, most: int) -> None:
        self._gate, self._most = gate, most
        self._known: OrderedDict[Key, tuple[T, int]] = OrderedDict()
        self._asking: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: Key, ask: Callable[[], Awaitable[Found[T]]]) -> T:
        """What is known; else what `ask` finds, which raises nothing."""
        known = self._known.get(key)
        if known is not None and known[1] >= self._gate.now():
            return known[0]
        lock = self._asking.get(key)
        if lock is None:
            lock = self._asking[key] = asyncio.Lock()
        async with lock:
            known = self._known.get(key)
            if known is not None and known[1] >= self._gate.now():
                return known[0]
            found = await ask()
            self._known[key] = found.value, self._gate.now() + found.lasts
            self._known.move_to_end(key)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
            return found.value
