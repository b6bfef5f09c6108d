"""The daily job: every channel keeps things as long as its `retention` says, and no longer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from gateway import fates, lapsed
from gateway.corridor import Corridor
from gateway.files import records
from gateway.lapsed import QUEUES, SPAN, STEP, Aged, Entry
from gateway.settings.retention import Retention

BREATH = 0.05  # seconds between two steps, so that a turn's commit never waits for more than one of them
TOGETHER = 50  # sessions in one transaction
NEVER = -(1 << 62)  # before any time

log = structlog.get_logger()


class Limits(NamedTuple):
    """Up to when (ms) things of a channel are not kept any more."""

    messages: int
    over: int
    files: int
    traces: int
    dead: int

    @classmethod
    def of(cls, kept: Retention, now: int) -> "Limits":
        def since(age: float | None) -> int:
            return NEVER if age is None else now - round(age * 1000)

        # Inbox and outbox hold what was said too.
        over = max(since(kept.messages), since(kept.raw_events))
        return cls(since(kept.messages), over, since(kept.files), since(kept.traces), since(kept.dead))

    def gone(self, queue: str, entry: Entry) -> bool:
        """Whether a row of a queue is not kept any more."""
        since = entry.came if entry.ended is None else entry.ended
        if queue == "dropped":
            return since < self.traces
        if entry.state in ("dead", "unconfirmed"):
            return since < max(self.dead, self.messages)
        return since < self.over and entry.state not in ("waiting", "ready", "sending", "unknown")

    @property
    def latest(self) -> int:
        """From then on everything in the queues is kept."""
        return max(self.over, self.traces, self.dead)


class Sweep:
    """Puts away what is not kept any more. What belongs to a channel that is gone is kept as by default."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor

    async def run(self, now: int) -> Mapping[str, int]:
        """Everything whose time has come. Returns how much that was, by what it was."""
        self._default = Limits.of(Retention(), now)
        self._limits = {
            channel.name: Limits.of(channel.settings.retention, now) for channel in self._c.channels.values()
        }
        counts = Counter({queue: await self._queue(queue) for queue in QUEUES})
        counts["messages"] = await self._messages()
        counts["files"] = await self._files()
        log.info("retention.swept", **counts)
        return counts

    def _of(self, channel: str | None) -> Limits:
        return self._limits.get(channel or "", self._default)

    async def _queue(self, queue: str) -> int:
        count, after = 0, 0
        young = max(limits.latest for limits in (*self._limits.values(), self._default))
        while found := await self._c.db.read(lapsed.entries, queue, after):
            gone = [entry.id for entry in found if self._of(entry.channel).gone(queue, entry)]
            for start in range(0, len(gone), STEP):
                count += await self._remove(queue, gone[start : start + STEP])
            after = found[-1].id
            if found[-1].came >= young or len(found) < SPAN:
                break
            await self._c.clock.sleep(BREATH)
        return count

    async def _remove(self, queue: str, ids: Sequence[int]) -> int:
        if queue == "outbox":  # what became of it goes to its line
            count = await self._c.db.write(fates.settle, await self._c.db.read(fates.of, ids))
        else:
            count = await self._c.db.write(lapsed.remove, queue, ids)
        await self._c.clock.sleep(BREATH)
        return count

    async def _messages(self) -> int:
        if all(limits.messages == NEVER for limits in self._limits.values()):
            return 0
        count, after = 0, ""
        while found := await self._c.db.read(lapsed.conversations, after):
            aged = [
                Aged(session, since)
                for session, channel, first in found
                if first is not None and first < (since := self._of(channel).messages)
            ]
            count += await self._shorten(aged)
            after = found[-1].session
            await self._c.clock.sleep(BREATH)
        return count

    async def _shorten(self, aged: Sequence[Aged]) -> int:
        count = 0
        while some := aged[:TOGETHER]:
            gone, done = await self._c.db.write(lapsed.shorten, some)
            for session, _ in some:
                self._c.memory.forget_words(session)
            count, aged = count + gone, aged[done:]
            await self._c.clock.sleep(BREATH)
        return count

    async def _files(self) -> int:
        count, after = 0, ""
        while found := await self._c.db.read(lapsed.files, after):
            gone = [file.id for file in found if 0 < file.kept_since < self._of(file.channel).files]
            for start in range(0, len(gone), STEP):
                count += await self._c.db.write(records.forsake, gone[start : start + STEP])
                await self._c.clock.sleep(BREATH)
            after = found[-1].id
            if len(found) < SPAN:
                break
        while count and await self._c.files.lapse():
            await self._c.clock.sleep(BREATH)
        return count
