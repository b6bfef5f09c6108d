"""The job that erases a person: small steps, the participant's row last, taken up again after a crash."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import structlog

from gateway import blanking, erasing, whereabouts
from gateway.corridor import Corridor
from gateway.erasing import BATCH, SPAN, Counts, Mark
from gateway.live import Event
from gateway.tenure import Tenure
from gateway.whereabouts import BEGINNING, Home, Whom, steps

T = TypeVar("T")
Row = tuple[int, object, object]
BREATH = 0.01  # seconds between two steps, so that no turn waits for more than one of them

log = structlog.get_logger()


class Erasure:
    """Erases people from one store, one after another, and each in one process at a time. `interrupt` ends the turn
    that runs in a lane.
    """

    def __init__(self, corridor: Corridor, interrupt: Callable[[int], None]) -> None:
        self._c, self._interrupt = corridor, interrupt
        self._alone = asyncio.Lock()

    async def erase(self, participant: str) -> Counts | None:
        """Everything that is known of a person goes. Returns how much that was; None when nobody has this id."""
        async with self._alone:
            who = await self._c.db.write(erasing.begin, participant, self._c.clock.now())
            return None if who is None else await self._held(participant, who, waits=True)

    async def resume(self) -> int:
        """Go on with what was begun and not finished, and is nobody's work. Returns how many people that were."""
        done = 0
        async with self._alone:
            for participant in await self._c.db.read(erasing.going_on):
                who = await self._c.db.read(whereabouts.whom, participant)
                if who is None:
                    await self._c.db.write(erasing.give_up, participant, self._c.clock.now())
                done += who is None or await self._held(participant, who, waits=False) is not None
        return done

    async def _held(self, participant: str, who: Whom, *, waits: bool) -> Counts | None:
        """Erase somebody as soon as no other process does, or unless one does: then None."""
        if self._c.shared.alone:
            return await self._erase(participant, who)
        tenure = Tenure(self._c, f"erasing/{erasing.tombstone(who).hex()}")
        while waits or await tenure.take():
            if waits:
                await tenure.gain(lambda: None)
            try:
                done = await self._c.db.read(erasing.counted, who)
                if done is not None or (done := await self._while_ours(tenure, participant, who)) is not None:
                    return done
            finally:
                await tenure.leave()
        return None

    async def _while_ours(self, tenure: Tenure, participant: str, who: Whom) -> Counts | None:
        """Erase somebody; None when another process has taken that over."""
        try:
            async with asyncio.TaskGroup() as both:
                work = both.create_task(self._erase(participant, who))
                keeping = both.create_task(tenure.keep())
                await asyncio.wait((work, keeping), return_when=asyncio.FIRST_COMPLETED)
                work.cancel()
                keeping.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return None if work.cancelled() else work.result()

    async def _erase(self, participant: str, who: Whom) -> Counts:
        c = self._c
        while True:
            before = await c.db.read(erasing.last_entries)
            homes = await whereabouts.homes(c.db, who)
            others = await c.db.read(erasing.last_of_others, before.lane, {home.lane for home in homes})
            seen = (await self._empty(who, homes))._replace(lane=others)
            self._forget(who, homes)
            counts = await c.db.write(erasing.finish, participant, who, seen, c.clock.now())
            self._forget(who, homes)
            if counts is not None:
                break
        while await c.files.lapse():
            await c.clock.sleep(BREATH)
        log.info("participant.erased", participant=participant, channel=who.channel, **counts)
        return counts

    async def _empty(self, who: Whom, homes: Sequence[Home]) -> Mark:
        """All but the last step. Nothing waits for an answer any more when lines are looked for, so none is added."""
        c = self._c
        for home in homes:
            await c.db.write(erasing.shut, home.lane, c.clock.now())
            self._interrupt(home.lane)
        upto = await c.db.read(erasing.last_entries)
        await self._boxes(who, homes, upto)
        async for session in whereabouts.company(c.db, who):
            async for said in steps(c.db, whereabouts.lines, who, session, begin=0):
                for some in _batches(said):
                    await self._step(c.db.write(blanking.blank, who, some))
                if said:
                    c.memory.forget_words(session)
        for home in homes:
            await self._remove(who, home, upto)
        return upto

    async def _boxes(self, who: Whom, homes: Sequence[Home], upto: Mark) -> None:
        """What waits, was answered, sent or let go: in lanes of theirs all of it, elsewhere what is theirs.

        Which parts answer them is told by their entries: those are changed last, for whoever has to begin anew.
        """
        lanes, theirs = {home.lane for home in homes}, set(who.participants)
        chats = {home.chat for home in homes if home.private} | who.ids
        ours, said = await self._found("inbox", who, upto.inbox, lambda row: (row[1] in lanes, row[2] in theirs))
        known = set(said)
        parts, answers = await self._found("outbox", who, upto.outbox, lambda row: (row[1] in lanes, row[2] in known))
        dropped, _ = await self._found(
            "dropped", who, upto.dropped, lambda row: (row[1] == who.account and row[2] in chats, False)
        )
        write, now = self._c.db.write, self._c.clock.now
        for some in _batches(answers):
            await self._step(write(blanking.unaddress, who, some))
        for some in _batches(said):
            for lane in await self._step(write(blanking.withdraw, who, some, now())):
                self._interrupt(lane)
        for table, gone in (("outbox", parts), ("inbox", ours), ("dropped", dropped)):
            for some in _batches(gone):
                await self._step(write(erasing.delete, who, table, some))

    async def _found(
        self, table: str, who: Whom, upto: int, is_theirs: Callable[[Row], tuple[bool, bool]]
    ) -> tuple[list[int], list[int]]:
        """The numbers of what goes, and of what is theirs among what stays."""
        gone, mixed, after = [], [], 0
        while after < upto:
            for row in await self._c.db.read(erasing.entries, table, who.channel, after, upto):
                whole, part = is_theirs(row)
                if whole:
                    gone.append(row[0])
                elif part:
                    mixed.append(row[0])
            after += SPAN
        return gone, mixed

    async def _remove(self, who: Whom, home: Home, upto: Mark) -> None:
        c = self._c
        async for sessions in steps(c.db, whereabouts.conversations, home.lane, begin=BEGINNING):
            for session in sessions:
                while await self._step(c.db.write(erasing.empty, who, session)):
                    pass
                c.memory.forget_words(session, erased=True)
                c.live.publish(home.lane, Event("closed", {"reason": "operator"}, 0, session))
        while not await c.db.write(erasing.remove, who, home, upto):
            while await c.files.lapse():
                await c.clock.sleep(BREATH)

    async def _step(self, work: Awaitable[T]) -> T:
        done = await work
        await self._c.clock.sleep(BREATH)
        return done

    def _forget(self, who: Whom, homes: Sequence[Home]) -> None:
        """What processes remember of them."""
        for participant in who.participants:
            self._c.memory.forget_participant(participant)
        ids, aliases = who.ids | {home.chat for home in homes if home.private}, self._c.aliases
        here = [key for key in aliases if key[:2] == (who.channel, who.account)]
        for key in here:
            if key[2] in ids or aliases[key] in ids:
                del aliases[key]
        self._c.shared.publish("moved")


def _batches(found: Sequence[T]) -> Iterable[Sequence[T]]:
    return (found[start : start + BATCH] for start in range(0, len(found), BATCH))
