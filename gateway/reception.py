"""The door of the corridor: an event is judged, written down, and only then acknowledged by returning."""

import uuid
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from gateway import commands
from gateway.channel import Channel
from gateway.compose import compose
from gateway.corridor import Corridor
from gateway.errors import Problem
from gateway.gates import judge, private
from gateway.inbox import mark
from gateway.intake import Accepted, Also, Arrival, Effect, Notice, accept
from gateway.lanes import Spot
from gateway.message import Inbound, Outbound, Sender, encode
from gateway.participants import Known, Person
from gateway.post import Post, Voice
from gateway.text import Command, clean, clean_name, parse_command

SPEAKERS = 20_000
SLOW_DOWN = Notice("slow_down", 60_000)
NO_NOTICE = Notice()
TELL_NOT_ALLOWED = 24 * 3600 * 1000
TELL_DISABLED = 3600 * 1000
NOBODY = Sender(id="")
UNLIMITED = ("stop", "reset")


class Reception:
    """Makes an `Arrival` of an event, and has it written down."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self._speakers: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def receive(
        self, channel: Channel, inbound: Inbound, raw: bytes = b"", also: Also | None = None, only: str = ""
    ) -> Accepted:
        """Write an event down. It is on disk when this returns; raises `StorageDown` when it is not.

        `also` makes of what the event's command does what is to be done instead (a new token with a reset). With
        `only` the event is taken into that session or none, and nothing is kept of what is refused.
        """
        c, bot = self._c, channel.bot
        at_once = inbound.kind == "message" and c.desk.idle(bot)
        arrival = self._arrival(channel, inbound, raw, at_once)
        if also is not None:
            effect = also(arrival.effect)
            pace = None if arrival.effect is None and effect is not None else arrival.pace
            arrival = arrival._replace(effect=effect, pace=pace)
        if only:
            arrival = arrival._replace(only=only)
        if arrival.me is not None:
            c.desk.sit(bot)
        started = c.clock.tick()
        accepted = Accepted("storage_down", arrival.turn)
        try:
            accepted = await c.db.write(accept, arrival)
        except Problem:
            accepted = accepted._replace(outcome="refused")
            raise
        finally:
            if arrival.me is not None and accepted.envelope is None:
                c.desk.rise(bot)
            c.metrics.accepted(channel.name, accepted.outcome).inc()
        c.metrics.accepting(channel.name).observe(c.clock.tick() - started)
        if accepted.opened or arrival.effect is not None:
            # When this person was here last has changed in the store.
            c.memory.forget(arrival.person)
        elif accepted.met is not None:
            c.memory.learn(arrival.person, arrival.sender, accepted.met)
        return accepted

    def _arrival(self, channel: Channel, inbound: Inbound, raw: bytes, at_once: bool) -> Arrival:
        c, now = self._c, self._c.clock.now()
        sender = inbound.sender or NOBODY
        person = Person(channel.name, inbound.account, channel.bot, sender.id)
        known = c.memory.known(person, sender)
        spot = _spot(channel, inbound)
        verdict, effect, unlimited = self._judged(channel, inbound, spot, known)
        marks = [mark(channel.name, inbound.account, event) for event in inbound.ids]
        turn = str(uuid.UUID(bytes=marks[0]))
        takes = at_once and verdict is None and effect is None and channel.settings.enabled
        return Arrival(
            spot=spot or Spot(f"{channel.name}/?", channel.name, inbound.account, channel.bot, "", "", "", ""),
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
            unless_open=verdict == "not_addressed" and inbound.address.place == "thread",
            notice=_notice(channel, inbound, verdict) if verdict else NO_NOTICE,
            pace=None if unlimited else channel.pace,
            slow_down=SLOW_DOWN,
            say=channel.say(sender.language),
            me=c.me if takes else None,
            until=c.lease_end(),
            effect=effect,
        )

    def _judged(
        self, channel: Channel, inbound: Inbound, spot: Spot | None, known: Known | None
    ) -> tuple[str | None, Effect | None, bool]:
        """Why an event is let go, what its command does, and whether no limit holds it back."""
        command = parse_command(inbound.text, channel.prefixes, channel.adapter.mention)
        verdict = judge(channel, inbound, command=command is not None)
        if verdict is None and known is not None and known.blocked:
            verdict = "not_allowed"
        if spot is None:
            verdict = "unroutable"
        effect, unlimited = None, False
        if verdict is None and command is not None:
            verdict, effect, unlimited = _effect(channel, inbound, command)
        if verdict is None and effect is None and spot and self._flooding(channel, spot.key, inbound):
            verdict = "rate_limited"
        return verdict, effect, unlimited

    def admit(self, channel: Channel, inbound: Inbound) -> Inbound:
        """The event as it may be stored, sent and shown: text and names clean, in the chat it goes on in today."""
        return self._moved(channel, _cleaned(inbound))

    def _moved(self, channel: Channel, inbound: Inbound) -> Inbound:
        """A chat that went on under another id may still be named by its old one for a while."""
        if not self._c.aliases:
            return inbound
        address = inbound.address
        to = self._c.aliases.get((channel.name, inbound.account, address.chat))
        return replace(inbound, address=replace(address, chat=to)) if to else inbound

    def _flooding(self, channel: Channel, key: str, inbound: Inbound) -> bool:
        """In groups every speaker has a meter too, so that one member's flood holds up nobody else."""
        pace, sender = channel.pace, inbound.sender
        if pace is None or sender is None or private(inbound):
            return False
        now = self._c.clock.now()
        after = max(self._speakers.get((key, sender.id), 0.0), now) + pace.interval
        if after - now > pace.burst * pace.interval:
            return True
        self._speakers[key, sender.id] = after
        self._speakers.move_to_end((key, sender.id))
        if len(self._speakers) > SPEAKERS:
            self._speakers.popitem(last=False)
        return False


def _spot(channel: Channel, inbound: Inbound) -> Spot | None:
    """The lane of an address, None when it lacks an id that the scope needs."""
    try:
        key, text = channel.key(inbound.address)
    except ValueError:
        return None
    at = inbound.address
    return Spot(text, channel.name, inbound.account, channel.bot, key.scope, at.place, at.chat, at.thread)


def _cleaned(inbound: Inbound) -> Inbound:
    text, sender = clean(inbound.text), inbound.sender
    if sender is not None and sender.name and (name := clean_name(sender.name)) != sender.name:
        sender = replace(sender, name=name)
    if text is inbound.text and sender is inbound.sender:
        return inbound
    return replace(inbound, text=text, sender=sender)


def _effect(channel: Channel, inbound: Inbound, command: Command) -> tuple[str | None, Effect | None, bool]:
    """What a command leads to: a reason to ignore it, an effect, or neither when it is ordinary text."""
    if command.target:
        return "not_addressed", None, False
    policy, say = channel.settings.commands, channel.say(inbound.sender.language if inbound.sender else "")
    name: Any = commands.known(command.name)
    if name is None or (policy.enabled != "all" and name not in policy.enabled):
        if policy.unknown == "help" and name is None:
            return None, commands.reply(say("unknown_command", command=f"/{command.name}")), False
        return None, None, False
    if not permitted(policy.allow.get(name, "anyone"), inbound):
        return None, commands.reply(say("not_allowed")), False
    return None, commands.effect(name, command.args, say), name in UNLIMITED


def permitted(allow: str | Sequence[str], inbound: Inbound) -> bool:
    """Everybody is the administrator of their own direct messages."""
    if allow == "anyone":
        return True
    if allow == "admins":
        return private(inbound)
    return not isinstance(allow, str) and inbound.sender is not None and inbound.sender.id in allow


def _notice(channel: Channel, inbound: Inbound, verdict: str | None) -> Notice:
    if inbound.kind == "added" and verdict == "service":
        return Notice("group_welcome")
    if verdict == "rate_limited":
        return SLOW_DOWN
    if verdict == "channel_disabled":
        return Notice("disabled", TELL_DISABLED)
    if verdict == "not_allowed" and channel.settings.access.tell:
        return Notice("not_allowed", TELL_NOT_ALLOWED)
    return NO_NOTICE


def quote(channel: Channel, inbound: Inbound) -> str:
    """The message that an answer quotes: in groups the one it answers."""
    return inbound.ref if channel.settings.group.quote and not private(inbound) else ""


def voice(channel: Channel, inbound: Inbound, turn: str, now: int) -> Voice:
    """How the gateway speaks on its own account to whoever sent this."""

    def speak(said: Sequence[Outbound]) -> Post | None:
        if channel.limits.pulled:
            return None
        letters = compose(channel, inbound.address, f"{turn}.note", said, quote(channel, inbound))
        return Post(channel.name, letters, channel.expiry(now), None, 0)

    return speak
