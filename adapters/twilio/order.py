"""The order of parts: Twilio hands on what it has taken in any order, so each waits for the one before to arrive."""

import asyncio
from typing import NamedTuple


class _Held(NamedTuple):
    chat: str
    gone: asyncio.Event


class Order:
    """For each chat the message that was sent last, until it is reported or `wait` seconds have gone by.

    With `wait` None nothing waits. A report that reaches another process is not heard here: then the time decides.
    """

    def __init__(self, wait: float | None) -> None:
        self._wait = wait
        self._last: dict[str, str] = {}
        self._held: dict[str, _Held] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    async def take(self, chat: str, message: str) -> None:
        """Wait for the message before. This one is to be ended by `sent` or `arrived`."""
        if self._wait is None:
            return
        while (before := self._held.get(self._last.get(chat, ""))) is not None:
            await before.gone.wait()
        self._last[chat] = message
        self._held[message] = _Held(chat, asyncio.Event())

    def sent(self, message: str) -> None:
        """Twilio has it, and will report. The report may have been faster than the answer."""
        if self._wait is not None and message in self._held:
            self._timers[message] = asyncio.get_running_loop().call_later(self._wait, self.arrived, message)

    def arrived(self, message: str) -> None:
        """It has arrived, or never will: what waits behind it may go."""
        if (timer := self._timers.pop(message, None)) is not None:
            timer.cancel()
        held = self._held.pop(message, None)
        if held is not None:
            if self._last.get(held.chat) == message:
                del self._last[held.chat]
            held.gone.set()

    def close(self) -> None:
        """Nobody waits any more."""
        for message in list(self._held):
            self.arrived(message)
