"""What all roads have in common: a gateway that is started and stopped between the far server and the bot."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Self

from tests.situations import bot
from tests.situations.road import Forgery

BOT = f"kind: python, call: '{bot.CALL}'"
CHANNEL = "limits: {send: off, messages: off}, group: {reset_by: anyone}"


class Ground:
    """`here` is the platform's own road, see `tests/*_road.py`; `server` its far server."""

    prefix: ClassVar[str] = "/"
    edits: ClassVar[bool] = False
    limit: ClassVar[int] = 4096

    def __init__(self, server: Any, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.here: Any = None
        self.ahead = 0.0
        self._numbers = count(1001)
        self._stack = AsyncExitStack()

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        async with cls.far() as server:
            road = cls(server, folder)
            await road.start()
            try:
                yield road
            finally:
                await road.stop()

    @staticmethod
    def far() -> AbstractAsyncContextManager[Any]:
        """The far server, which stays while gateways come and go."""
        raise NotImplementedError

    def gateway(self) -> AbstractAsyncContextManager[Any]:
        """A gateway on the store in the folder."""
        raise NotImplementedError

    async def start(self) -> None:
        self.here = await self._stack.enter_async_context(self.gateway())
        self.here.gateway.clock.ahead = self.ahead
        await self.until(lambda: self.state == "up")

    async def stop(self) -> None:
        await self._stack.aclose()

    @property
    def state(self) -> str:
        return str(self.here.state)

    async def rows(self, sql: str) -> Any:
        return await self.here.rows(sql)

    async def until_rows(self, wanted: Any, sql: str) -> None:
        await self.here.gateway.until_rows(wanted, sql)

    async def until(self, seen: Callable[[], object]) -> None:
        await self.here.until(seen)

    async def quiet(self) -> None:
        await self.here.quiet()

    def leap(self, seconds: float) -> None:
        self.ahead += seconds
        self.here.leap(seconds)

    # What not every platform has; `lacks.py` says which, and why.

    async def edit(self, who: Any, message: str, text: str) -> None:
        raise NotImplementedError

    async def delete(self, who: Any, message: str) -> None:
        raise NotImplementedError

    async def locate(self, who: Any, latitude: float, longitude: float) -> None:
        raise NotImplementedError

    async def introduce(self, who: Any) -> None:
        raise NotImplementedError

    async def baffle(self, who: Any) -> None:
        raise NotImplementedError

    async def forge(self, how: Forgery) -> int:
        raise NotImplementedError

    async def replay(self) -> int:
        raise NotImplementedError

    # What came of it.

    def texts(self, where: Any) -> list[str]:
        raise NotImplementedError

    async def sees(self, where: Any, *texts: str) -> None:
        with suppress(TimeoutError):
            await self.until(lambda: self.texts(where) == list(texts))
        await self.quiet()
        assert self.texts(where) == list(texts)

    def marked(self, where: Any) -> list[str]:
        return self.texts(where)

    def size(self, text: str) -> int:
        return len(text)

    async def knock(self, body: bytes, headers: dict[str, str]) -> int:
        """POST to the channel's door; the HTTP status."""
        answer = await self.here.gateway.ask("POST", "/c/help", data=body, headers=headers)
        return int(answer.status)
