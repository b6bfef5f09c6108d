"""The bot that the contract runs over, with what stands behind it: found by name, made anew for every test."""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, NamedTuple

from gateway.bot import Bot
from gateway.clock import Clock
from gateway.plugins import find, known
from tests.bots import tools
from tests.contract.backend import Backend
from tests.contract.subject import far_side


class Engaged(NamedTuple):
    bot: Bot
    backend: Backend


class Asked:
    """One bot by the name that stands after `kind:`."""

    def __init__(self, kind: str, bot: type[Bot], backend: type[Backend]) -> None:
        self.kind, self.bot, self.backend = kind, bot, backend

    @asynccontextmanager
    async def engaged(self) -> AsyncIterator[Engaged]:
        backend = self.backend()
        await backend.start()
        try:
            async with tools(Clock()) as ours:
                bot = self.bot("b", self.bot.Options.model_validate(backend.options()), ours)
                yield Engaged(bot, backend)
                await bot.close()
        finally:
            await backend.stop()


def kinds(asked: list[str] | None) -> list[str]:
    """The bots that were asked for, else our own."""
    if asked:
        return asked
    return list(_ours())


@cache  # every test of the contract asks
def _ours() -> tuple[str, ...]:
    return tuple(kind for kind in known("gateway.bots", Bot) if importlib.util.find_spec(f"gateway.bots.{kind}"))


def asked(kind: str) -> Asked:
    """The bot `kind`, `pkg.mod` or `pkg.mod:pkg.peer`. Raises `Unfinished`, or why it cannot be loaded."""
    name, _, told = kind.partition(":")
    bot: Any = find("gateway.bots", name, Bot)
    return Asked(name, bot, far_side(name, told, "bots", Backend))
