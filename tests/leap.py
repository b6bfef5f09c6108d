"""Time that passes at once: what would be waited for is not."""

import asyncio


def leap(seconds: float) -> None:
    """The running loop's clock, by which all its timers go, is ahead by so much more from now on."""
    loop = asyncio.get_running_loop()
    before = loop.time

    def later() -> float:
        return before() + seconds

    loop.time = later  # type: ignore[method-assign]
