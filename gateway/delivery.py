"""Delivery: parts leave in order, each with its intent on disk before the try, each outcome on disk after it."""

from collections import Counter
from collections.abc import Callable, Set
from math import inf

import structlog
from msgspec.structs import replace

from gateway import outbox, outcomes, utterance, window
from gateway.access import private
from gateway.backoff import backoff
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.errors import Refused, Retry, SendError, Unknown
from gateway.failpoint import failpoint
from gateway.lanes import OUTBOX, Lease, claim
from gateway.message import Address, Inbound, Part, decode
from gateway.outbox import Stored
from gateway.outcomes import Outcome
from gateway.post import Load
from gateway.subject import sending, sure

TYPED_IN_A_SECOND, LONGEST_TYPING = 30, 5.0  # characters, seconds
LONGEST_WAIT = 300.0  # seconds between two tries
RESENDS = {"never": 0, "resend_once": 1, "until_confirmed": 1 << 30}

log = structlog.get_logger()


class Delivery:
    """Sends what the outboxes of this process's channels hold."""

    def __init__(self, corridor: Corridor, ring: Callable[[str], None]) -> None:
        self._c, self._ring = corridor, ring
        self.held: dict[int, Lease] = {}
        self._reckoned: dict[Lease, float] = {}  # when the end of each was reckoned, by our monotonic clock
        self.busy: Counter[str] = Counter()  # lanes being sent from, by channel: a slow platform slows no other

    def may_send(self, channel: Channel, inbound: Inbound) -> bool:
        """Whether a part for this chat may go out at once; if so, its turn at the meter is taken."""
        if not channel.sends or self._c.desk.draining or channel.settings.delivery.on_unknown == "never":
            return False
        if channel.settings.stream.human_pace == "on":
            return False
        return channel.meter.take(inbound.address.chat, not private(inbound)) <= 0

    def begin(self, channel: Channel, load: Load | None) -> None:
        """A transaction queued parts: send the one it took for us, or see to it that they are looked at."""
        if load is None:
            self._ring(channel.name)
        else:
            self._start(channel, load.lease, load.part, load.since)

    async def carry(self, channel: Channel, load: Load) -> None:
        """Send what a transaction took for us, within the caller's own task."""
        self._hold(channel, load.lease, load.since)
        await self._deliver(channel, load.lease, load.part)

    async def claim(self, channel: Channel, limit: int) -> int:
        """Take lanes that are due, and send what they hold. Returns how many there were."""
        began = self._c.clock.tick()
        now, until = self._c.clock.now(), self._c.lease_end()
        leases = await self._c.db.write(claim, OUTBOX, channel.name, self._c.me, now, until, limit)
        for lease in leases:
            self._start(channel, lease, None, began)
        return len(leases)

    def renewed(self, leases: Set[Lease], since: float) -> None:
        """These leases have been prolonged, reckoned from a time on."""
        self._reckoned.update((lease, since) for lease in leases if lease in self._reckoned)

    def _sure(self, lease: Lease) -> bool:
        """Whether a lane is ours for certain. While we stood still, somebody else may have gone on from there."""
        since = self._reckoned.get(lease)
        return since is None or self._c.sure(since)

    def forsake(self, lease: Lease) -> bool:
        """Nothing is sent under a lease any more. False: something is being sent under it."""
        if self.held.get(lease.lane) == lease:
            return False
        self._reckoned[lease] = -inf
        return True

    def _hold(self, channel: Channel, lease: Lease, since: float) -> None:
        self.held[lease.lane] = lease
        self._reckoned.setdefault(lease, since)
        self.busy[channel.name] += 1

    def _start(self, channel: Channel, lease: Lease, part: Stored | None, since: float) -> None:
        self._hold(channel, lease, since)
        self._c.tasks.start(self._deliver(channel, lease, part), "delivery")

    async def _deliver(self, channel: Channel, lease: Lease, part: Stored | None) -> None:
        """Send from one lane until it is empty, must wait, or is lost."""
        asking = sure.set(lambda: self._sure(lease))
        try:
            if part is None:
                part = await self._c.insist(outcomes.following, lease, self._c.clock.now(), self._resends(channel))
                part = await self._intend(channel, lease, part)
            while part is not None:
                letter = await self._letter(channel, part)
                if not self._sure(lease):
                    log.warning("send.late", channel=channel.name, part=part.id)
                    await self._c.insist(outcomes.postpone, lease, part.id, self._c.clock.now())
                    self._ring(channel.name)
                    return
                outcome, tried = await self._send(channel, letter, part), part
                part = await self._c.insist(
                    outcomes.note, lease, part.id, outcome, self._c.clock.now(), self._resends(channel)
                )
                failpoint("send.noted")
                if outcome.kind == "moved":
                    old = decode(Part, tried.body).address
                    self._c.moved(channel.name, old.account or channel.account, old.chat, outcome.to)
                part = await self._intend(channel, lease, part)
        finally:
            sure.reset(asking)
            self.busy[channel.name] -= 1
            del self._reckoned[lease]
            if self.held.get(lease.lane) == lease:
                del self.held[lease.lane]

    async def _intend(self, channel: Channel, lease: Lease, part: Stored | None) -> Stored | None:
        """Ask the meter, then note the intent. None when the part must wait or the lane was lost."""
        while part is not None:
            address = self._today(channel, decode(Part, part.body).address)
            if not channel.settings.delivery.template and await self._shut(channel, address):
                if not await self._c.insist(window.hold, lease, self._since(channel), self._c.clock.now()):
                    self._ring(channel.name)
                return None
            if not part.not_before and not part.attempts and (typing := _typing(channel, part)):
                await self._c.insist(outcomes.postpone, lease, part.id, self._c.clock.now() + typing)
                return None
            group = address.place not in ("dm", "conversation")
            # While nothing is sent nobody looks; whoever looks next, perhaps another process, sends at once.
            stopped = not channel.sends or self._c.desk.draining
            wait = 0.0 if stopped else channel.meter.take(address.chat, group)
            if stopped or wait > 0:
                due = self._c.clock.now() + round(wait * 1000)
                await self._c.insist(outcomes.postpone, lease, part.id, due)
                return None
            if await self._c.insist(outbox.intend, lease, part.id):
                failpoint("send.intended")
                return replace(part, state="sending", attempts=part.attempts + 1)
            # A platform's report or a reset has taken it out of the queue, or somebody has taken the lane.
            channel.meter.refund(address.chat, group)
            part = await self._c.insist(outcomes.following, lease, self._c.clock.now(), self._resends(channel))
        return None

    def _today(self, channel: Channel, address: Address) -> Address:
        """Where a conversation is now: it may have gone on under another id while this was being said."""
        to = self._c.aliases.get((channel.name, address.account or channel.account, address.chat))
        if not to:
            return address
        return replace(address, chat=to, user=to if address.user == address.chat else address.user)

    async def _shut(self, channel: Channel, address: Address) -> bool:
        """Whether the platform lets us say nothing of our own here until the user writes."""
        if not channel.limits.window:
            return False
        here = channel.name, address.account or channel.account, address.chat
        return not await self._c.insist(window.is_open, *here, self._since(channel))

    def _since(self, channel: Channel) -> int:
        """The earliest time (ms) at which what a user wrote still lets us speak."""
        return self._c.clock.now() - round(channel.limits.window * 1000)

    def _resends(self, channel: Channel) -> int:
        if channel.limits.resend_is_safe:
            return RESENDS["until_confirmed"]
        return RESENDS[channel.settings.delivery.on_unknown]

    async def _letter(self, channel: Channel, stored: Stored) -> Part:
        """A part as it is to be sent now."""
        part = decode(Part, stored.body)
        part = replace(part, id=str(stored.id), address=self._today(channel, part.address))
        if isinstance(part.replaces, int):
            part = replace(part, replaces=await self._c.insist(utterance.ref_of, part.replaces))
        if stored.plain:
            part = replace(part, text=part.plain or part.text, entities=(), files=())
        template = channel.settings.delivery.template
        if template and await self._shut(channel, part.address):
            part = replace(part, template=template)
        return part

    async def _send(self, channel: Channel, part: Part, stored: Stored) -> Outcome:
        """One try, and what it came to."""
        sending(channel.name, stored.attempts, part.turn)
        started = self._c.clock.tick()
        outcome = await self._try(channel, part, stored)
        self._c.metrics.send_seconds[channel.name].observe(self._c.clock.tick() - started)
        self._c.metrics.sent(channel.name, outcome.kind).inc()
        return outcome

    async def _try(self, channel: Channel, part: Part, stored: Stored) -> Outcome:
        failpoint("send.before")
        try:
            ref = await _say(channel, part)
        except Retry as retry:
            return self._retried(channel, stored, retry)
        except Refused as refused:
            return self._refused(channel, stored, part, refused)
        except Exception as error:
            # Whatever else an adapter lets slip, the part may have been sent.
            if not isinstance(error, Unknown):
                log.error("send.broken", channel=channel.name, part=stored.id, exc_info=error)
            return self._unknown(channel, stored, error)
        failpoint("send.after")
        channel.sent_at = self._c.clock.now()
        if channel.state == "auth":
            self._c.health(channel, "up")
        return Outcome("sent", ref=ref)

    def _later(self, stored: Stored, after: float | None) -> int:
        wait = after if after is not None else backoff(stored.attempts, longest=LONGEST_WAIT)
        return self._c.clock.now() + round(wait * 1000)

    def _retried(self, channel: Channel, stored: Stored, retry: Retry) -> Outcome:
        if retry.everyone:
            channel.meter.close(retry.after or 1.0)
        if stored.attempts >= channel.settings.delivery.attempts:
            return self._dead(channel, stored, "attempts", retry)
        self._c.metrics.retries.labels("outbox", channel.name).inc()
        log.info("send.retry", channel=channel.name, part=stored.id, attempt=stored.attempts, error=str(retry))
        return Outcome("ready", due=self._later(stored, retry.after), error=str(retry))

    def _unknown(self, channel: Channel, stored: Stored, error: Exception) -> Outcome:
        log.warning("send.unknown", channel=channel.name, part=stored.id, error=str(error))
        # What the platform reports until then saves the people a second copy.
        due = max(self._later(stored, None), self._c.clock.now() + round(channel.limits.reports * 1000))
        return Outcome("unknown", due=due, error=str(error) or type(error).__name__)

    def _refused(self, channel: Channel, stored: Stored, part: Part, refused: Refused) -> Outcome:
        error = str(refused)
        if refused.reason == "window" and channel.limits.window and not part.template:
            return Outcome("window", due=self._c.clock.now(), error=error)
        if not stored.plain and (refused.reason == "markup" or _is_for_files(refused, stored)):
            return Outcome("ready", due=self._c.clock.now(), error=error, plain=True)
        if refused.reason == "migrated" and refused.to and stored.attempts < channel.settings.delivery.attempts:
            return Outcome("moved", due=self._c.clock.now(), error=error, to=refused.to)
        if refused.reason == "auth":
            self._c.health(channel, "auth", error)
            return Outcome("paused", due=self._c.clock.now(), error=error)
        if refused.reason in ("blocked", "gone"):
            log.info("send.silenced", channel=channel.name, part=stored.id, reason=refused.reason)
            self._c.metrics.dead.labels("outbox", channel.name, refused.reason).inc()
            return Outcome("silenced", reason=refused.reason, error=error)
        return self._dead(channel, stored, refused.reason, refused)

    def _dead(self, channel: Channel, stored: Stored, reason: str, error: SendError) -> Outcome:
        log.error("outbox.dead", channel=channel.name, part=stored.id, reason=reason, error=str(error))
        self._c.metrics.dead.labels("outbox", channel.name, reason).inc()
        return Outcome("dead", reason=reason, error=str(error))


def _typing(channel: Channel, part: Stored) -> int:
    """How long, in ms, a person would have written at a part, where it is to look so."""
    if channel.settings.stream.human_pace == "off":
        return 0
    return round(min(LONGEST_TYPING, len(decode(Part, part.body).text) / TYPED_IN_A_SECOND) * 1000)


def _is_for_files(refused: Refused, stored: Stored) -> bool:
    """Whether a part may do without the files it holds: links or words stand for them in its plain text."""
    return refused.reason in ("unsupported", "too_long", "rejected") and bool(decode(Part, stored.body).files)


async def _say(channel: Channel, part: Part) -> str:
    """Send a part, or put it in the place of an earlier one where the platform still lets us. Returns its id."""
    earlier = str(part.replaces)
    try:
        if earlier and part.gone:
            await channel.adapter.delete(part.address, earlier)
        elif earlier:
            await channel.adapter.edit(earlier, part)
    except Refused as refused:
        if refused.reason != "rejected":
            raise
        if not part.gone:
            return await channel.adapter.send(part)
        log.info("send.left", channel=channel.name, part=part.id, error=str(refused))
    return earlier if earlier or part.gone else await channel.adapter.send(part)
