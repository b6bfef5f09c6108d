"""The operator's files, made real again whenever they change: read and checked whole, then applied; or nothing is.

What asks for it: a changed file (once it has settled), SIGHUP, `gateway reload`, and POST /admin/api/reload.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, NamedTuple

import structlog

from config import ConfigErrors
from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.settings import Settings
from gateway.tasks import Tasks

SETTLED = 0.3  # seconds in which files must stay as they are before they are read
# What is decided when the process starts, and stays until it ends.
_LASTING: Mapping[str, Callable[[Settings], Any]] = {
    "server.listen": lambda s: s.server.listen,
    "server.workers": lambda s: s.server.workers,
    "server.lease": lambda s: s.server.lease,
    "server.deaf_after": lambda s: s.server.deaf_after,
    "admin.listen": lambda s: s.admin.listen,
    "storage": lambda s: s.storage,
    "redis": lambda s: s.redis,
    "inbox.journal": lambda s: s.inbox.journal,
}

# What is said about settings, and not by the operator.
_ABOUT = frozenset({"warnings", "trail", "copy"})

log = structlog.get_logger()


class Reloaded(NamedTuple):
    """What became of a reading, at a time in ms. `changed` names what is other than before (`channels.help`), `later`
    what waits for the next start, `problems` why nothing was changed.
    """

    outcome: Literal["applied", "unchanged", "rejected"]
    at: int
    changed: Sequence[str] = ()
    later: Sequence[str] = ()
    problems: Sequence[str] = ()


class Origin(NamedTuple):
    """Where settings come from. `read` raises `ConfigErrors`; `keep` is told what worked, and may raise `OSError`;
    `problems` are those of the files at the start, when it was made with what had been kept.
    """

    read: Callable[[], Settings]
    keep: Callable[[Settings], None] = lambda settings: None
    problems: Sequence[str] = ()


class Reloading:
    """Keeps a running gateway as its files want it. `apply` changes nothing when it fails."""

    def __init__(
        self,
        origin: Origin,
        apply: Callable[[Settings], Awaitable[None]],
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        tasks: Tasks,
    ) -> None:
        self._origin, self._apply, self._settings = origin, apply, settings
        self._began, self._trail = settings, settings.trail
        self._clock, self._metrics, self._tasks = clock, metrics, tasks
        self._one_at_a_time = asyncio.Lock()
        outcome: Literal["applied", "rejected"] = "rejected" if origin.problems else "applied"
        self.last = Reloaded(outcome, clock.now(), problems=origin.problems)

    async def reload(self) -> Reloaded:
        """Read the files again and make them real."""
        async with self._one_at_a_time:
            self.last = await self._reload()
        return self.last

    def ask(self) -> None:
        """Reload soon."""
        self._tasks.start(self.reload(), "reload")

    async def watch(self) -> None:
        """Reload whenever what was last read has changed and has settled."""
        await self._begin()
        before = self._trail
        while True:
            await self._clock.sleep(SETTLED)
            trail = self._trail
            now = await asyncio.to_thread(trail.now)
            if now == before and now != trail and trail is self._trail:
                await self.reload()
            before = now

    async def _begin(self) -> None:
        """The files may have changed while we started, or could not be used; else what we began with has worked, and
        is kept.
        """
        async with self._one_at_a_time:
            if self._trail is not self._began.trail:
                return  # somebody has asked for it already
            found = await self._reload(again=False)
            if found.outcome != "unchanged":
                self.last = found

    async def _reload(self, *, again: bool = True) -> Reloaded:
        """With `again`, what has not changed is applied too: channels whose credentials were refused try again."""
        now = self._clock.now()
        try:
            wanted = await asyncio.to_thread(self._origin.read)
        except ConfigErrors as errors:
            self._trail = errors.trail
            return self._rejected(now, [str(problem) for problem in errors.problems])
        self._trail = wanted.trail
        changed = list(changes(self._settings, wanted))
        later = lasting(self._began, wanted)
        try:
            if changed or again:
                await self._apply(wanted)
        except Exception as error:
            return self._rejected(now, [f"{type(error).__name__}: {error}"])
        self._settings = wanted  # perhaps of other files
        await self._keep(wanted)
        if not changed:
            return Reloaded("unchanged", now, later=later)
        log.info("config.applied", changed=changed, later=later)
        return Reloaded("applied", now, changed, later)

    async def _keep(self, settings: Settings) -> None:
        try:
            await asyncio.to_thread(self._origin.keep, settings)
        except OSError as error:
            log.warning("config.not_kept", error=str(error))

    def _rejected(self, now: int, problems: Sequence[str]) -> Reloaded:
        self._metrics.applied.labels("rejected").inc()
        log.error("config.rejected", problems=problems)
        return Reloaded("rejected", now, problems=problems)


def lasting(began: Settings, new: Settings) -> list[str]:
    """The names of what waits for the next start."""
    return [name for name, of in _LASTING.items() if of(began) != of(new)]


def changes(old: Settings, new: Settings) -> Iterator[str]:
    """The names of what differs, by section and entry."""
    for section in (field.name for field in fields(Settings) if field.name not in _ABOUT):
        before, after = getattr(old, section), getattr(new, section)
        if not isinstance(before, Mapping):
            yield from [section] if before != after else []
            continue
        for name in [*before, *(name for name in after if name not in before)]:
            if before.get(name) != after.get(name):
                yield f"{section}.{name}"
