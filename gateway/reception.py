"""The door of the corridor: an event is judged, written down, and only then acknowledged by returning."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from gateway import patience, recovery, sessions
from gateway.access import private
from gateway.burial import buried
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.db import Tx
from gateway.errors import Problem
from gateway.gates import SPOKEN, heeded, judge, overhears
from gateway.inbox import mark, turn_of
from gateway.inquiry import Inquiry, Standing
from gateway.intake import Accepted, Also, Arrival, accept
from gateway.judgement import NO_NOTICE, SLOW_DOWN, TOO_LATE, Judgement, notice, of_command, of_yes
from gateway.lanes import Spot
from gateway.loops import pair
from gateway.message import Inbound, Sender, encode
from gateway.overheard import keep, words
from gateway.participants import Known, Person
from gateway.repeats import named, waiting, window
from gateway.sequel import sequel
from gateway.speaking import voice
from gateway.text import clean, clean_name, parse_command
from gateway.unlisted import Unlisted
from gateway.window import Heard

NOBODY = Sender(id="")
ASIDE = ("not_addressed", "unsupported")


class Received(NamedTuple):
    """What became of an event, in the words that its bot is told, and who that bot is."""

    accepted: Accepted
    inbound: Inbound
    bot: str


class Reception:
    """Makes an `Arrival` of an event, and has it written down."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self._inquiry, self._unlisted = Inquiry(corridor), Unlisted(corridor)

    async def receive(
        self, channel: Channel, inbound: Inbound, raw: bytes, also: Also | None, only: str, within: str
    ) -> Received:
        """Write an event down. It is on disk when this returns; raises `StorageDown` when it is not.

        `also` makes of what the event's command does what is to be done instead (a new token with a reset). With
        `only` the event is taken into that session or none, and nothing is kept of what is refused; with `within` too,
        and its sender is told that it comes too late.
        """
        if channel.routes is None and private(inbound):
            standing = Standing(inbound, channel.bot)
            return Received(await self._take(channel, standing, raw, also, only, within), inbound, channel.bot)
        async with self._inquiry.about(channel, inbound) as standing:
            accepted = await self._take(channel, standing, raw, also, only, within)
        self._unlisted.met(channel, inbound)
        return Received(accepted, standing.inbound, standing.bot)

    async def bury(self, channel: Channel, inbound: Inbound, raw: bytes, reason: str) -> Accepted:
        """Write an event down as a dead letter."""
        async with self._inquiry.about(channel, self.admit(channel, inbound)) as at:
            return await self._take(channel, at, raw, None, "", "", reason)

    async def _take(
        self, channel: Channel, at: Standing, raw: bytes, also: Also | None, only: str, within: str, dead: str = ""
    ) -> Accepted:
        c, bot = self._c, at.bot
        at_once = at.inbound.kind in SPOKEN and c.desk.idle(bot)
        arrival = self._arrival(channel, at, raw, at_once)
        arrival = buried(arrival, at.inbound, dead) if dead else arrival
        if also is not None:
            effect = also(arrival.effect)
            pace = None if arrival.effect is None and effect is not None else arrival.pace
            arrival = replace(arrival, effect=effect, pace=pace)
        if only:
            arrival = replace(arrival, only=only)
        if within and arrival.verdict is None:
            arrival = replace(arrival, within=within, notice=TOO_LATE)
        if arrival.me is not None:
            c.desk.sit(bot)
        started, accepted = c.clock.tick(), Accepted("storage_down", arrival.turn)
        try:
            if at.leaves:
                accepted = await c.db.write(_take_over, arrival, at.leaves)
            else:
                accepted = await c.db.write(accept, arrival)
        except Problem:
            accepted = replace(accepted, outcome="refused")
            raise
        finally:
            if arrival.me is not None and accepted.envelope is None:
                c.desk.rise(bot)
            c.metrics.accepted(channel.name, accepted.outcome).inc()
        if c.recovering and arrival.effect is recovery.hold and accepted.outcome == "stored":
            recovery.told(c.metrics, channel.name, accepted.turn)
        c.metrics.accept_seconds[channel.name].observe(c.clock.tick() - started)
        if accepted.opened or arrival.effect is not None:
            # When this person was here last has changed in the store.
            c.memory.forget(arrival.person)
        elif accepted.met is not None:
            c.memory.learn(arrival.person, arrival.sender, accepted.met)
        return accepted

    def _arrival(self, channel: Channel, standing: Standing, raw: bytes, at_once: bool) -> Arrival:
        c, now, inbound = self._c, self._c.clock.now(), standing.inbound
        sender = inbound.sender or NOBODY
        person = Person(channel.name, inbound.account, standing.bot, sender.id)
        known = c.memory.known(person, sender)
        spot = _spot(channel, inbound, standing.bot)
        verdict, effect, unlimited, unless = self._judged(channel, standing, spot, known)
        if c.recovering and verdict is None:
            effect = recovery.held(inbound, c.recovering) or effect
        marks = [mark(channel.name, inbound.account, event) for event in inbound.ids]
        turn = turn_of(marks[0])
        gathers = patience.wanted(channel, inbound) if verdict is None and effect is None else None
        if gathers is not None:
            inbound = replace(inbound, joins=gathers.key)
        takes = at_once and verdict is None and effect is None and gathers is None and channel.settings.enabled
        return Arrival(
            spot=spot or Spot(f"{channel.name}/?", channel.name, inbound.account, standing.bot, "", "", "", ""),
            marks=marks,
            events=inbound.ids,
            turn=turn,
            body=encode(inbound),
            raw=raw or None,
            now=now,
            person=person,
            sender=sender,
            known=known.id if known else None,
            new_id=c.clock.new_id,
            voice=voice(channel, inbound, turn, now),
            verdict=verdict,
            unless=unless,
            notice=notice(channel, inbound, verdict) if verdict else NO_NOTICE,
            aside=_aside(channel, inbound, spot, known, now) if verdict in ASIDE else None,
            repeat=_repeat(channel, inbound, now),
            heard=_heard(channel, inbound, now),
            pace=None if unlimited else channel.pace,
            speaker=_speaker(inbound, spot),
            slow_down=SLOW_DOWN,
            say=channel.say(sender.language),
            me=c.me if takes else None,
            until=c.lease_end(),
            order=inbound.order,
            gathers=gathers,
            effect=effect,
        )

    def _judged(self, channel: Channel, standing: Standing, spot: Spot | None, known: Known | None) -> Judgement:
        inbound = standing.inbound
        if standing.confirms and spot is not None:
            return of_yes(channel, inbound, known)
        command = parse_command(inbound.text, channel.prefixes, channel.adapter.mention)
        verdict = judge(channel, inbound, command=command is not None)
        if spot is None:
            return Judgement("unroutable")
        unless = sequel(channel, inbound, spot, command=command is not None) if verdict == "not_addressed" else None
        if verdict is not None and unless is None:
            return Judgement(verdict)
        if known is not None and known.blocked:
            return Judgement("not_allowed")
        effect, unlimited = None, False
        if command is not None:
            refused, effect, unlimited, _ = of_command(channel, standing, command)
            if refused:
                return Judgement(refused)
        if inbound.sender is not None and inbound.sender.bot and self._looping(channel, inbound):
            return Judgement("loop")
        return Judgement(verdict, effect, unlimited, unless)

    def _looping(self, channel: Channel, inbound: Inbound) -> bool:
        """Whether another bot has said so much here that it is not listened to."""
        manners = channel.settings.group if private(inbound) else channel.rules.at(inbound.address).manners
        return self._c.loops.caught(pair(inbound), manners.bot_loop_limit)

    def admit(self, channel: Channel, inbound: Inbound) -> Inbound:
        """The event as it may be stored, sent and shown: text and names clean, in the chat it goes on in today."""
        inbound = named(self._moved(channel, _cleaned(inbound)), self._c.clock.new_id)
        return _unquoted(channel, inbound) if "quoted" in inbound.extra and not private(inbound) else inbound

    def _moved(self, channel: Channel, inbound: Inbound) -> Inbound:
        """A chat that went on under another id may still be named by its old one for a while."""
        if not self._c.aliases:
            return inbound
        address = inbound.address
        to = self._c.aliases.get((channel.name, inbound.account, address.chat))
        if not to:
            return inbound
        if not private(inbound) or address.user != address.chat:
            return replace(inbound, address=replace(address, chat=to))
        # A person who goes on under another id.
        sender = replace(inbound.sender, id=to) if inbound.sender else None
        return replace(inbound, address=replace(address, chat=to, user=to), sender=sender)


def _heard(channel: Channel, inbound: Inbound, now: int) -> Heard | None:
    """That somebody wrote, where the platform lets us speak only so long after it. Told late, it was said before."""
    length = round(channel.limits.window * 1000)
    if not length:
        return None
    said = min(now, inbound.sent_at or now)
    return Heard(channel.name, inbound.account, inbound.address.chat, said, now - length)


def _take_over(a: Arrival, leaves: str) -> Tx[Accepted]:
    """A bot begins where another one's session has nothing in it."""
    yield from sessions.close(leaves, "transferred", a.now)
    return (yield from accept(a))


def _repeat(channel: Channel, inbound: Inbound, now: int) -> Callable[[int], Tx[str]] | None:
    """How a repeat of this event is found, where it came without an id."""
    after = window(inbound, channel.settings.dedupe.window)
    return (lambda lane: waiting(lane, inbound, now - after)) if after else None


def _spot(channel: Channel, inbound: Inbound, bot: str) -> Spot | None:
    """The lane of an address, None when it lacks an id that the scope needs."""
    try:
        key, text = channel.key(inbound.address, bot)
    except ValueError:
        return None
    at = inbound.address
    return Spot(text, channel.name, inbound.account, bot, key.scope, at.place, at.chat, at.thread)


def _speaker(inbound: Inbound, spot: Spot | None) -> str:
    """Who said something where several people share a lane."""
    shared = spot is not None and not private(inbound) and "user=" not in spot.key
    return inbound.sender.id if shared and inbound.sender is not None else ""


def _aside(
    channel: Channel, inbound: Inbound, spot: Spot | None, known: Known | None, now: int
) -> Callable[[], Tx[None]] | None:
    """What is kept of a message that was not meant for us."""
    if private(inbound) or spot is None or not (context := channel.rules.at(inbound.address).context):
        return None
    if (known is not None and known.blocked) or not overhears(channel, inbound):
        return None
    if parse_command(inbound.text, channel.prefixes) is not None:  # another bot's
        return None
    return partial(keep, words(spot.key, inbound, now, context))


def _unquoted(channel: Channel, inbound: Inbound) -> Inbound:
    """The event without the words it answers, where the operator keeps those of their speaker from the bot."""
    quoted = inbound.extra["quoted"]
    who = quoted.get("sender") if isinstance(quoted, dict) else None
    sender = Sender(id=str(who.get("id", "")) if isinstance(who, dict) else "")
    if heeded(channel, inbound, sender):
        return inbound
    return replace(inbound, extra={name: value for name, value in inbound.extra.items() if name != "quoted"})


def _cleaned(inbound: Inbound) -> Inbound:
    text, sender = clean(inbound.text), inbound.sender
    if sender is not None and sender.name and (name := clean_name(sender.name)) != sender.name:
        sender = replace(sender, name=name)
    if text is inbound.text and sender is inbound.sender:
        return inbound
    return replace(inbound, text=text, sender=sender)
