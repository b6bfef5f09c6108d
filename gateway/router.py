"""The router: what is taken in is answered, what is answered is delivered, and work that waits is found."""

import asyncio
from contextlib import suppress
from itertools import product

import structlog

from gateway import choices, lanes
from gateway.absence import Absence
from gateway.amendments import Amendments
from gateway.bell import Bell
from gateway.channel import Channel
from gateway.corridor import Corridor, Engaged
from gateway.db import Tx
from gateway.delivery import Delivery
from gateway.erasure import Erasure
from gateway.errors import StorageDown
from gateway.failpoint import failpoint
from gateway.feedback import Feedback
from gateway.foretold import as_it_reads, deleted
from gateway.forgetting import Forgetting
from gateway.inbox import Envelope, claim
from gateway.intake import Accepted, Also
from gateway.lanes import INBOX, OUTBOX
from gateway.live import Event
from gateway.lookout import Lookout
from gateway.message import Inbound
from gateway.news import place_changed
from gateway.orphans import Orphans
from gateway.participants import Person
from gateway.reception import Reception
from gateway.spool import Spool
from gateway.timekeeper import Timekeeper
from gateway.turns import Turns

BATCH = 100  # lanes taken at one look
DELIVERIES = 500  # lanes of one channel being sent from at once
CLAIMING = 2.0  # seconds that claims get which are under way when the process is to stop

log = structlog.get_logger()


def renew_all(me: str, until: int) -> Tx[tuple[set[lanes.Lease], set[lanes.Lease]]]:
    """Prolong a worker's leases on inboxes and on outboxes."""
    turns = yield from lanes.renew(INBOX, me, until)
    return turns, (yield from lanes.renew(OUTBOX, me, until))


class Router:
    """The corridor at work. `receive` is its door; `run` looks after everything that waits."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self.delivery = Delivery(corridor, self.ring_channel)
        self.turns = Turns(corridor, self.delivery)
        self.erasure = Erasure(corridor, lambda lane: self.turns.interrupt(lane, "superseded"))
        self.reception, self._amendments = Reception(corridor), Amendments(corridor)
        self.feedback, self._forgetting = Feedback(corridor), Forgetting(corridor, self.erasure)
        self._absence = Absence(corridor, self.delivery, self.turns.start)
        self._bots: dict[str, tuple[Bell, asyncio.Task[None]]] = {}
        self._channels: dict[str, tuple[Bell, asyncio.Task[None]]] = {}
        self._regular: list[asyncio.Task[None]] = []
        self._unanswered, self._unsent = (Orphans(corridor.clock, corridor.lease / 4) for _ in (INBOX, OUTBOX))
        self.spool: Spool | None = None  # where there is a journal

    async def receive(
        self, channel: Channel, inbound: Inbound, raw: bytes = b"", also: Also | None = None, only: str = ""
    ) -> Accepted:
        """Take an event in. It is on disk when this returns; raises `StorageDown` when it is not. `also` and `only` are
        those of `Reception.receive`.
        """
        failpoint("receive.before")
        if inbound.kind in ("migrate", "removed", "blocked", "unblocked"):
            return await self._place_changed(channel, inbound)
        inbound = self.reception.admit(channel, inbound)
        if inbound.kind == "reaction":
            rated, said = await self.feedback.receive(channel, inbound)
            if said is None:
                return rated
            inbound = said
        if inbound.kind in ("edit", "revoke"):
            return await self._amend(channel, inbound)
        within = ""
        if inbound.kind == "button":
            inbound, within = await self._c.db.read(choices.press, channel, inbound)
        elif (change := self._amendments.foretold.take(inbound)) is not None:
            if change.kind == "revoke":
                return await self._c.db.write(deleted, inbound, self._c.clock.now())
            inbound = as_it_reads(inbound, change)
        accepted, inbound, bot = await self.reception.receive(channel, inbound, raw, also, only, within)
        failpoint("receive.after")
        if self._c.verbatim:
            self._note(channel, inbound, accepted)
        if accepted.forgets:
            accepted = await self._forgetting.go_on(channel, inbound, accepted)
        self._go_on(channel, inbound, bot, accepted)
        return accepted

    def _note(self, channel: Channel, inbound: Inbound, accepted: Accepted) -> None:
        log.info(
            "message.received",
            channel=channel.name,
            session=accepted.session,
            entry=accepted.entry,
            trace=accepted.turn,
            outcome=accepted.outcome,
            text=inbound.text,
        )

    def _go_on(self, channel: Channel, inbound: Inbound, bot: str, accepted: Accepted) -> None:
        """Start what the transaction has made possible."""
        if accepted.interrupted is not None:
            self.turns.interrupt(accepted.lane, accepted.interrupted)
        if accepted.envelope is not None:
            self.turns.start(accepted.envelope, bot, inbound)
        elif accepted.outcome == "stored":
            self._c.desk.seats(bot).backlog = True
            self.ring_bot(bot, accepted.due)
        for message in accepted.told.messages:
            self._c.live.publish(accepted.lane, Event("message", message, message.seq, accepted.session))
        if accepted.told.messages:
            self._c.live.publish(accepted.lane, Event("answered", {"turn": accepted.turn}, 0, accepted.session))
            self.delivery.begin(channel, accepted.told.load)
        if accepted.left:
            self._c.live.publish(accepted.lane, _over(accepted))

    async def _amend(self, channel: Channel, inbound: Inbound) -> Accepted:
        """Somebody has thought better of what they said: an answer being made of it is given up."""
        amended = await self._amendments.receive(channel, inbound)
        if amended.interrupted:
            self.turns.interrupt(amended.lane, "superseded")
        if amended.due:
            self._c.desk.seats(amended.bot).backlog = True
            self.ring_bot(amended.bot)
        return Accepted(amended.outcome, "", lane=amended.lane, session=amended.session)

    async def _place_changed(self, channel: Channel, inbound: Inbound) -> Accepted:
        """A chat moved or shut us out: its lanes follow, in the transaction that remembers the event."""
        accepted = await self._c.db.write(place_changed, channel.name, inbound.account, inbound, self._c.clock.now())
        if inbound.kind == "migrate" and accepted.outcome == "service":
            old, new = str(inbound.extra.get("from", "")), str(inbound.extra.get("to", ""))
            self._c.moved(channel.name, inbound.account, old, new)
            for bot, person in product(channel.bots, (old, new)):
                self._c.memory.forget(Person(channel.name, inbound.account, bot, person))
            self.ring_channel(channel.name)
            for bot in channel.bots:
                self.ring_bot(bot)
        return accepted

    def ring_bot(self, bot: str, due: int = 0) -> None:
        """Have work looked for: now, or when it is due (in ms). Where we cannot take it, others are told."""
        if (found := self._bots.get(bot)) is None or not self._c.desk.free(bot):
            self._c.shared.publish(f"bot/{bot}")
        if found is None:
            return
        if due:
            found[0].ring_in(max(0, due - self._c.clock.now()) / 1000)
        else:
            found[0].ring()

    def ring_channel(self, channel: str) -> None:
        if self._c.desk.draining:
            self._c.shared.publish(f"channel/{channel}")
        if (found := self._channels.get(channel)) is not None:
            found[0].ring()

    def engage(self, engaged: Engaged) -> None:
        """A bot begins to serve."""
        self._c.bots[engaged.name] = engaged
        settings = engaged.settings
        self._c.desk.add(engaged.name, settings.concurrency, settings.fallback)
        if engaged.name not in self._bots:
            bell = Bell(lambda: self._look_for_turns(engaged.name))
            self._bots[engaged.name] = bell, self._c.tasks.start(bell.run(), f"bot {engaged.name}")
            self._c.shared.subscribe(f"bot/{engaged.name}", lambda _: bell.ring())

    def open(self, channel: Channel) -> None:
        """A channel begins to speak."""
        self._c.channels[channel.name] = channel
        channel.meter.join(self._c.shared, channel.name, f"{channel.platform}:{channel.account or channel.name}")
        if channel.name not in self._channels:
            bell = Bell(lambda: self._look_for_parts(channel.name))
            self._channels[channel.name] = bell, self._c.tasks.start(bell.run(), f"channel {channel.name}")
            self._c.shared.subscribe(f"channel/{channel.name}", lambda _: bell.ring())

    def start(self) -> None:
        """Begin to renew what this process holds, to go with the time, and to see what others do."""
        regular = {"heartbeat": self._beat(), "timekeeper": Timekeeper(self._c).run()}
        if not self._c.shared.alone:
            regular["lookout"] = Lookout(self._c, self.turns).run()
        self._regular = [self._c.tasks.start(work, name) for name, work in regular.items()]

    async def _look_for_turns(self, bot: str) -> None:
        c = self._c
        seats = c.desk.seats(bot)
        await self._absence.look(bot)
        while (free := min(c.desk.free(bot), BATCH)) > 0:
            c.desk.sit(bot, free)
            envelopes: list[Envelope] = []
            found = 0
            try:
                claimed = await c.db.write(claim, bot, c.me, c.clock.now(), c.lease_end(), free)
                envelopes, found = claimed
            except StorageDown as error:
                log.error("storage.down", error=str(error))
                return
            finally:
                c.desk.rise(bot, free - len(envelopes))
            for envelope in envelopes:
                self.turns.start(envelope, bot)
            seats.backlog = found == free
            if not seats.backlog:
                return

    async def _look_for_parts(self, name: str) -> None:
        channel = self._c.channels.get(name)
        if channel is None or not channel.sends or channel.limits.pulled or self._c.desk.draining:
            return
        with suppress(StorageDown):
            while (free := DELIVERIES - self.delivery.busy[name]) > 0:
                if await self.delivery.claim(channel, min(free, BATCH)) < min(free, BATCH):
                    return

    async def _beat(self) -> None:
        """Renew every lease in time; whoever lost one is told to stop."""
        while True:
            await self._c.clock.sleep(self._c.lease / 3)
            try:
                await self.renew()
            except StorageDown as error:
                log.error("storage.down", error=str(error))
            except Exception as error:  # without a heartbeat every lease would lapse
                log.error("task.failed", task="heartbeat", exc_info=error)

    async def renew(self) -> None:
        """Renew all leases of this process. Raises `StorageDown`."""
        began, running = self._c.clock.tick(), list(self.turns.running.values())
        turns, sends = await self._c.db.write(renew_all, self._c.me, self._c.lease_end())
        self.delivery.renewed(sends, began)
        for turn in running:  # what was claimed meanwhile is not among them
            if turn.envelope.lease in turns:
                turn.since = began
            else:
                turn.interrupt("fenced")
        await self._let_go(turns, sends)

    async def _let_go(self, turns: set[lanes.Lease], sends: set[lanes.Lease]) -> None:
        now = self._c.clock.now()
        at_work = {running.envelope.lease for running in self.turns.running.values()}
        for lease in self._unanswered.among(turns - at_work):
            await self._c.db.write(lanes.release, INBOX, lease, now)
        for lease in self._unsent.among(sends - set(self.delivery.held.values())):
            if self.delivery.forsake(lease):
                await self._c.db.write(lanes.release, OUTBOX, lease, now)

    async def close(self) -> None:
        """Claim nothing any more; what is being claimed as it comes is a turn when this returns.

        A receiver that is cancelled in its claim would leave a lease behind that nobody works under.
        """
        self._c.desk.draining = True
        deadline = self._c.clock.tick() + CLAIMING
        while self._c.desk.taken > len(self.turns.running) and self._c.clock.tick() < deadline:
            await self._c.clock.sleep(0.005)

    async def drain(self, seconds: float) -> None:
        """Take no new work; let what runs end for so long, then put it back. Sends in flight are waited for."""
        self._c.desk.draining = True
        bells = [*self._bots.values(), *self._channels.values()]
        for bell, _ in bells:
            bell.stop()
        if bells:
            await asyncio.wait([task for _, task in bells], timeout=seconds)
        deadline = self._c.clock.tick() + seconds
        while (self.turns.running or self.delivery.held) and self._c.clock.tick() < deadline:
            await self._c.clock.sleep(0.02)
        for running in list(self.turns.running.values()):
            running.interrupt("drain")
        for task in self._regular:
            task.cancel()

    def leave(self) -> None:
        """What is left is for other processes."""
        for kind, names in (("bot", self._bots), ("channel", self._channels)):
            for name in names:
                self._c.shared.publish(f"{kind}/{name}")


def _over(accepted: Accepted) -> Event:
    """What those who watch a session are told when a command has closed it."""
    if accepted.session == accepted.left:
        return Event("closed", {"reason": "user"}, 0, accepted.left)
    return Event("reset", {"session_id": accepted.session}, 0, accepted.left)
