"""How a turn ends: the lines, the changes and the parts that go into its last transaction."""

from collections.abc import Sequence
from typing import Literal

import structlog
from msgspec.structs import replace

from gateway import fallback, result
from gateway.channel import Channel
from gateway.compose import compose
from gateway.corridor import Corridor
from gateway.delivery import Delivery
from gateway.ending import Ending
from gateway.inbox import Envelope
from gateway.loops import pair
from gateway.message import Inbound, Outbound, Turn
from gateway.post import Post
from gateway.running import Running
from gateway.speaking import quote
from gateway.verdicts import Buried

log = structlog.get_logger()


class Conclusions:
    """Makes the `Ending` of a turn, whatever it came to."""

    def __init__(self, corridor: Corridor, delivery: Delivery) -> None:
        self._c, self._delivery = corridor, delivery

    def stale(self, envelope: Envelope) -> bool:
        return self._c.clock.age(envelope.entry.received_at) > self._c.inbox.stale_after * 1000

    def answered(self, channel: Channel, running: Running, turn: Turn) -> Ending:
        if not running.settled:
            fallback.succeeded(self._c, running.asked)
        _mention(running, turn)
        lines = result.answered(turn, running.answer)
        said = [*running.answer.notices, *running.answer.messages]
        if said and self.stale(running.envelope):
            late = channel.say(turn.participant.language)("late")
            said[0] = replace(said[0], text=f"{late}\n\n{said[0].text}")
        return Ending(
            running.envelope,
            "done",
            self._c.clock.now(),
            lines,
            self._post(channel, running, turn.message, said),
            result.changed(running.answer.changes),
            more=self._goes_on(turn.session.bot),
            heard=running.heard,
            largest=channel.settings.limits.variables,
            # What people say behind it would be answered in a session of which their clients know nothing.
            lingers=bool(channel.limits.door),
        )

    def _goes_on(self, bot: str) -> bool:
        """Whether to go on with this lane at once: not where others have waited longer for the same place."""
        desk, seats = self._c.desk, self._c.desk.seats(bot)
        crowded = seats.backlog and desk.free(bot) <= 0
        return not (desk.draining or seats.shut or crowded)

    def cancelled(self, channel: Channel, running: Running, inbound: Inbound) -> Ending:
        lines = result.cancelled(inbound, running.envelope.entry.turn, running.answer)
        post, more = self._post(channel, running, inbound), self._goes_on(running.envelope.bot)
        return Ending(running.envelope, "done", self._c.clock.now(), lines, post, reason="cancelled", more=more)

    def unaddressed(self, channel: Channel, running: Running, inbound: Inbound) -> Ending:
        """What was not for us, as its words have shown, is not kept: only that it was there, and why it went."""
        post, more = self._post(channel, running, inbound), self._goes_on(running.envelope.bot)
        return Ending(running.envelope, "dropped", self._c.clock.now(), (), post, reason="not_addressed", more=more)

    def burial(self, channel: Channel, running: Running, inbound: Inbound, buried: Buried) -> Ending:
        envelope, turn = running.envelope, running.envelope.entry.turn
        apology = (
            "" if buried.reason == "stale" else channel.say(inbound.sender.language if inbound.sender else "")("failed")
        )
        lines = result.apologised(inbound, turn, apology)
        self._c.metrics.dead.labels("inbox", channel.name, buried.reason).inc()
        log.error("inbox.dead", channel=channel.name, turn=turn, reason=buried.reason, error=buried.error)
        now = self._c.clock.now()
        post = self._post(channel, running, inbound, result.said(lines))
        more, error = self._goes_on(envelope.bot), buried.error[:500]
        return Ending(envelope, "dead", now, lines, post, reason=buried.reason, error=error, more=more)

    def _post(self, channel: Channel, running: Running, inbound: Inbound, said: Sequence[Outbound] = ()) -> Post | None:
        """The parts of an answer; the first one's turn at the meter is taken where it can go out at once."""
        shown = running.draft or inbound.draft
        replaces = inbound.replaces or ((shown,) if shown else ())
        if channel.limits.pulled or not (said or replaces):
            return None
        turn = running.envelope.entry.turn
        letters = compose(channel, inbound.address, turn, said, quote(channel, inbound), replaces)
        if inbound.sender is not None and inbound.sender.bot:
            self._c.loops.answered(pair(inbound))
        me = self._c.me if letters and self._delivery.may_send(channel, inbound) else None
        since = self._c.clock.tick()
        return Post(channel.name, letters, channel.expiry(self._c.clock.now()), me, self._c.lease_end(), since)


def _mention(running: Running, turn: Turn) -> None:
    """What an answer asked for and does not get is said, once for each turn."""
    if asked := result.unheeded(running.answer.changes):
        log.warning("bot.ignored", bot=turn.session.bot, turn=turn.id, fields=sorted(asked), asked=asked)


def how(ending: Ending) -> Literal["done", "failed", "dropped"]:
    """What its sender may see of an end."""
    if ending.reason == "cancelled" or ending.state == "dropped":
        return "dropped"
    return "failed" if ending.state == "dead" else "done"
