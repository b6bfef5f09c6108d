"""Turns: a claimed entry becomes an answer, and one transaction makes it so."""

import structlog
from msgspec.structs import replace

from gateway import choices, fallback, inbox, sessions
from gateway.access import private
from gateway.alarms import Alarms
from gateway.asking import ask
from gateway.assembly import assemble, reach
from gateway.bot import Delta, Piece, Progress
from gateway.channel import Channel
from gateway.conclusions import Conclusions, how
from gateway.corridor import Corridor, Engaged
from gateway.delivery import Delivery
from gateway.ending import Ended, Ending, end_turn
from gateway.errors import BotError, BotUnavailable
from gateway.failpoint import failpoint
from gateway.inbox import Envelope
from gateway.live import Event
from gateway.media import Media
from gateway.memory import Remembered
from gateway.message import Inbound, Turn, decode
from gateway.presence import Presence
from gateway.running import Running
from gateway.signs import Signs
from gateway.subject import Subject, subject
from gateway.summary import Summaries
from gateway.surroundings import surroundings
from gateway.verdicts import Buried, Later, refused

DEADLY = 3  # claims in which the process died, after which an entry is not tried again
HELD = 60_000  # ms between two looks at an entry whose channel or bot is away

log = structlog.get_logger()


class Turns:
    """Answers envelopes, one at a time for each lane, and goes on with the lane while there is more in it."""

    def __init__(self, corridor: Corridor, delivery: Delivery) -> None:
        self._c, self._delivery = corridor, delivery
        self._summaries, self._conclusions = Summaries(corridor), Conclusions(corridor, delivery)
        self.media = Media(corridor)
        self._signs = Signs(corridor.tasks)
        self._alarms = Alarms()
        self.running: dict[int, Running] = {}

    def start(self, envelope: Envelope, bot: str, inbound: Inbound | None = None) -> None:
        """Begin with a claimed envelope; the place at the desk has been taken."""
        running = self.running[envelope.lease.lane] = Running(envelope, self._alarms, self._c.clock.tick())
        running.task = self._c.tasks.start(self._serve(running, bot, inbound), "turn")

    def interrupt(self, lane: int, how: str) -> None:
        """A reset or a stop has been committed for a lane, whichever process answers in it."""
        if (running := self.running.get(lane)) is not None:
            running.interrupt("cancelled" if how == "cancelled" else "superseded")
        else:
            self._c.shared.publish("turns", f"{lane} {how}")

    async def _serve(self, running: Running, bot: str, inbound: Inbound | None) -> None:
        lane = running.envelope.lease.lane
        try:
            while True:
                following = await self._answer(running, inbound)
                if following is None:
                    break
                inbound = None
                task, running = running.task, Running(following, self._alarms, running.since)
                running.task, self.running[lane] = task, running
        finally:
            if self.running.get(lane) is running:
                del self.running[lane]
            self._c.desk.rise(bot)
        if running.load is not None:
            # Nothing else is left to do here, and a task of its own costs more than it is worth.
            await self._delivery.carry(*running.load)

    async def _answer(self, running: Running, inbound: Inbound | None) -> Envelope | None:
        """One entry, to whatever end. Returns the lane's next."""
        entry = running.envelope.entry
        subject.set(Subject(entry.channel, entry.session, entry.id, entry.attempts, entry.turn))
        failpoint("turn.claimed")
        verdict: Later | Buried
        channel = await self._c.channel(entry.channel)
        try:
            if channel is None:
                raise Later(HELD / 1000)
            inbound = inbound or decode(Inbound, running.envelope.entry.body)
            ending, kept, turn = await self._outcome(running, channel, inbound)
            if ending is not None:
                return await self._end(running, channel, inbound, ending, kept, turn)
            self._forget_preview(running)
            if running.interrupted == "superseded":
                self._signs.over(channel, inbound, "dropped")
            return None
        except (Later, Buried) as decided:
            verdict = decided
        except Exception as error:
            log.error("turn.refused", turn=running.envelope.entry.turn, exc_info=error)
            verdict = refused(running.envelope.entry, error, self._c.inbox.attempts)
        self._forget_preview(running)
        if isinstance(verdict, Later):
            await self._give_back(running.envelope, verdict)
            return None
        return await self._bury(running, channel, inbound, verdict)

    def _forget_preview(self, running: Running) -> None:
        """Nobody is to see an answer that does not come; a turn that has taken our place shows its own."""
        lane = running.envelope.lease.lane
        if self.running.get(lane) is running:
            self._c.live.end(lane)

    async def _bury(
        self, running: Running, channel: Channel | None, inbound: Inbound | None, buried: Buried
    ) -> Envelope | None:
        """Whatever is wrong with an entry, it must not be in the way for ever: at worst it goes without a word."""
        envelope = running.envelope
        if channel is not None and inbound is not None:
            try:
                ending = self._conclusions.burial(channel, running, inbound, buried)
                return await self._end(running, channel, inbound, ending, None, None)
            except Exception as error:
                log.error("turn.refused", turn=envelope.entry.turn, exc_info=error)
        now = self._c.clock.now()
        bare = Ending(envelope, "dead", now, reason=buried.reason, error=buried.error[:500], more=False)
        await self._c.insist(end_turn, bare)
        return None

    async def _outcome(
        self, running: Running, channel: Channel, inbound: Inbound
    ) -> tuple[Ending | None, Remembered | None, Turn | None]:
        envelope, entry = running.envelope, running.envelope.entry
        if entry.reason == "cancelled":
            return self._conclusions.cancelled(channel, running, inbound), None, None
        self._check(channel, envelope)
        engaged = fallback.chosen(self._c, envelope.bot, entry)
        if engaged is None:
            raise Later(HELD / 1000)
        running.asked = engaged.name
        try:
            kept, turn = await self._turn(channel, engaged, running, inbound)
            if inbound.files or not inbound.text:
                turn = await self.media.heard(channel, running, turn)
                if running.unaddressed:
                    return self._conclusions.unaddressed(channel, running, turn.message), None, None
            await self._ask(running, channel, engaged, turn)
            if self.media.concerns(channel, running.answer):
                await self.media.said(channel, engaged, running, turn)
        except BotError as error:
            log.warning("bot.failed", bot=engaged.name, turn=entry.turn, error=str(error))
            raise fallback.failed(self._c, envelope.bot, engaged, entry, error) from error
        if running.interrupted == "cancelled":
            return self._conclusions.cancelled(channel, running, inbound), kept, turn
        if running.interrupted == "drain":
            raise Later(0)
        if running.interrupted is not None:
            return None, None, None
        return self._conclusions.answered(channel, running, turn), kept, turn

    def _check(self, channel: Channel, envelope: Envelope) -> None:
        """What forbids asking a bot about this entry."""
        entry, policy = envelope.entry, self._c.inbox
        if not channel.settings.enabled:
            raise Later(HELD / 1000)
        if entry.crashes >= DEADLY:
            raise Buried("poison", "the process died each time it was answered")
        if policy.drop_stale and self._conclusions.stale(envelope) and entry.reason not in inbox.WANTED:
            raise Buried("stale", "it waited for too long")

    async def _turn(
        self, channel: Channel, engaged: Engaged, running: Running, inbound: Inbound
    ) -> tuple[Remembered, Turn]:
        memory, envelope, entry = self._c.memory, running.envelope, running.envelope.entry
        limit = reach(channel.settings.history)
        kept = await memory.session(entry.session, envelope.version, limit, str(entry.participant))
        if kept.facts.state in sessions.ENDED:
            lease, now = envelope.lease, self._c.clock.now()
            session = await self._c.db.write(sessions.succeed, lease, entry.session, self._c.clock.new_id(), now)
            if session is None:
                running.interrupt("fenced")
                session = entry.session
            running.envelope = envelope = replace(envelope, entry=replace(entry, session=session, reason=None))
            kept = await memory.session(session, envelope.version, limit)
        if kept.window and kept.window[-1].role == "assistant":
            inbound = choices.typed(channel, inbound, kept.window)
        known = await memory.participant(str(entry.participant))
        deadline = self._c.clock.now() + round(engaged.settings.timeout * 1000)
        if not private(inbound):
            inbound = await surroundings(self._c, channel, running, inbound)
        return kept, assemble(channel, envelope, inbound, kept, known, deadline)

    async def _ask(self, running: Running, channel: Channel, engaged: Engaged, turn: Turn) -> None:
        """Let the bot answer, and show what comes. Raises `BotError` when there is no answer."""
        lane, live = running.envelope.lease.lane, self._c.live
        presence = Presence(self._c, channel, running, turn)

        def watch(piece: Piece) -> None:
            if type(piece) is Delta:
                presence.show(live.delta(lane, piece.text).text)
            elif type(piece) is Progress and presence.progress(piece.text):
                live.publish(lane, Event("progress", {"text": piece.text}))

        if not self._c.sure(running.since):
            running.interrupt("fenced")  # somebody else may be asking already
        if running.interrupted is not None or running.settled:
            return
        self._c.desk.seats(engaged.name).breaker.passing()
        live.begin(lane, turn.id, turn.attempt)
        channel.meter.foresee(turn.message.address.chat)
        self._signs.seen(channel, turn.message)
        started = self._c.clock.tick()
        try:
            lent = fallback.lent(self._c, engaged, running.envelope.bot)
            with lent, running.within(engaged.settings.timeout, presence.type):
                failpoint("bot.before")
                await ask(engaged.bot, turn, watch, running.answer)
                failpoint("bot.after")
        except TimeoutError as error:
            raise BotUnavailable(f"it gave up waiting: {error}") from None
        finally:
            await presence.end()
            self._c.metrics.bot_seconds[engaged.name].observe(self._c.clock.tick() - started)
        if running.interrupted == "late":
            raise BotUnavailable(f"no whole answer within {engaged.settings.timeout:g}s")

    async def _give_back(self, envelope: Envelope, later: Later) -> None:
        due = self._c.clock.now() + round(later.wait * 1000)
        if later.failed or later.refused:
            self._c.metrics.retries.labels("inbox", envelope.entry.channel).inc()
        await self._c.insist(
            inbox.give_back,
            envelope.lease,
            envelope.entry.id,
            due,
            failed=later.failed,
            refused=later.refused,
            error=later.error,
        )

    async def _end(
        self,
        running: Running,
        channel: Channel,
        inbound: Inbound,
        ending: Ending,
        kept: Remembered | None,
        turn: Turn | None,
    ) -> Envelope | None:
        failpoint("turn.before")
        ended = await self._c.insist(end_turn, ending)
        failpoint("turn.after")
        post = ending.post
        if post is not None and post.me is not None and (ended is None or ended.load is None):
            channel.meter.refund(inbound.address.chat, not private(inbound))
        self._c.live.end(ending.envelope.lease.lane)
        if ended is None:
            log.warning("turn.fenced", turn=ending.envelope.entry.turn)
            return None
        self._c.metrics.answered(ending.envelope.bot, ending.reason or ending.state).inc()
        self._after(channel, ending, ended, kept, turn)
        self._c.live.answered_with(ending.envelope.lease.lane, inbound)
        self._signs.over(channel, inbound, how(ending))
        if post is not None and ended.load is not None and ended.next is None:
            running.load = channel, ended.load
        elif post is not None:
            self._delivery.begin(channel, ended.load)
        return ended.next

    def _after(
        self, channel: Channel, ending: Ending, ended: Ended, kept: Remembered | None, turn: Turn | None
    ) -> None:
        """Tell those who watch, and keep our copy of the session as the store has it."""
        entry, lane = ending.envelope.entry, ending.envelope.lease.lane
        self._c.metrics.turn_seconds[channel.name].observe(self._c.clock.age(entry.received_at) / 1000)
        if self._c.live.watched(lane):
            for message in ended.messages:
                self._c.live.publish(lane, Event("message", message, message.seq, entry.session))
            self._c.live.publish(lane, Event("answered", {"turn": entry.turn}, 0, entry.session))
        if ended.closed is not None:
            self._c.live.publish(lane, Event("closed", {"reason": ended.closed}, 0, entry.session))
        for message in ended.messages if self._c.verbatim else ():
            log.info("message.answered", role=message.role, text=message.text)
        if ended.refused:
            log.warning("turn.too_large", turn=entry.turn, refused=ended.refused)
        change = ending.change
        if change is not None and change.participant is not None:
            self._c.memory.forget_participant(str(entry.participant))
        if kept is None or turn is None or ended.version != kept.version + 1:
            # Somebody else changed what is stored meanwhile: it is read again when it is needed.
            self._c.memory.forget_session(entry.session)
            return
        kept.extend(ended.version, ended.messages, reach(channel.settings.history))
        kept.variables = kept.variables if ended.variables is None else ended.variables
        kept.context = kept.context if ended.context is None else ended.context
        self._c.memory.committed(entry.session, kept)
        self._summaries.after_turn(channel, lane, kept, turn)
