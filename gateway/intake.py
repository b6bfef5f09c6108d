"""The one transaction that takes an event in: first seen, allowed, filed in its lane, and perhaps claimed at once."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from gateway import gathering, inbox, participants, sessions, window
from gateway.db import Tx, about
from gateway.inbox import Entry, Envelope
from gateway.lanes import Lane, Lease, Spot, lock
from gateway.message import Outbound, Sender
from gateway.pace import Level, Pace
from gateway.participants import Known, Person
from gateway.post import Told, Voice, tell
from gateway.seating import seat
from gateway.window import Heard


class Notice(NamedTuple):
    """The text by which a lane is told that its message was let go, at most once in `every` ms; "" tells nothing."""

    name: str = ""
    every: int = 0


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """An event at the door, with all that could be decided from it and the settings alone.

    `verdict` is the reason why it must be let go, if any; `unless` finds out whether it is spared.
    `aside` is what is noted besides when it is let go. `repeat` finds in a lane the turn of the same message, where
    none has an id to know it by. `pace` is None for what no limit holds back; `speaker` is who said it, where others
    speak in the lane too. `known` is the sender's participant when nothing about it needs writing. `me` asks to take
    the entry at once. `only` is the open session that a sender who hears of a refusal means; what is for the session
    `within` is too late for another one.
    `order` is the platform's own; `gathers` says what the event may become one turn with.
    """

    spot: Spot
    marks: Sequence[bytes]
    events: Sequence[str]
    turn: str
    body: str
    raw: bytes | None
    now: int
    person: Person
    sender: Sender
    known: str | None
    new_id: Callable[[], str]
    voice: Voice
    verdict: str | None = None
    unless: Callable[[], Tx[bool]] | None = None
    notice: Notice = Notice()
    pace: Pace | None = None
    speaker: str = ""
    slow_down: Notice = Notice()
    say: Callable[..., str] = str
    me: str | None = None
    until: int = 0
    order: int = 0
    gathers: gathering.Gathers | None = None
    effect: "Effect | None" = None
    filed: tuple[str, str] = ("done", "command")  # how it stands in the inbox when it has an effect
    aside: Callable[[], Tx[None]] | None = None
    repeat: Callable[[int], Tx[str]] | None = None
    only: str = ""
    within: str = ""
    heard: Heard | None = None

    @property
    def plain(self) -> bool:
        """Whether it is a matter of its lane alone."""
        special = (self.effect, self.verdict, self.gathers, self.heard, self.repeat, self.aside, self.only)
        return not any(special)


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """What became of an arrival, now that it is on disk. `left` is the session that a command has closed."""

    outcome: str
    turn: str
    entry: int = 0
    lane: int = 0
    session: str = ""
    envelope: Envelope | None = None
    met: Known | None = None
    told: Told = Told()
    interrupted: str | None = None  # how the turn in flight ends: "superseded" or "cancelled"
    opened: bool = False
    left: str = ""
    forgets: str = ""  # the participant whose erasing was begun
    due: int = 0  # when an entry that waits for others may be taken, in ms


class Scene(msgspec.Struct, frozen=True, gc=False):
    """What a command acts upon: the locked lane with its open session, and who asks."""

    lane: Lane
    arrival: Arrival
    participant: str
    opened: bool


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a command did. `session` is the one that is open afterwards, None when none is. Who `forgets` names is to be
    erased.
    """

    said: Sequence[Outbound] = ()
    session: str | None = None
    interrupted: str | None = None
    forgets: str = ""


Effect = Callable[[Scene], Tx[Outcome]]
Also = Callable[[Effect | None], Effect | None]
"""Makes of what an event's command does (None: it is no command) what is to be done."""


@about(lambda a: a.spot.key if a.plain else None)
def accept(a: Arrival) -> Tx[Accepted]:
    """Take one event in. Commands take effect here; everything else becomes an entry of the inbox."""
    if a.only and (refusal := (yield from _refusal(a))):
        return Accepted(refusal, a.turn)
    if a.repeat is not None and not a.verdict and (turn := (yield from a.repeat((yield from lock(a.spot)).id))):
        return Accepted("duplicate", turn)
    if not (yield from inbox.first_time(a.marks, a.now)):
        return Accepted("duplicate", a.turn)
    if a.heard is not None:
        yield from window.opens(a.heard, a.now)
    if a.verdict and not (a.unless is not None and (yield from a.unless())):
        if a.aside is not None:
            yield from a.aside()
        return (yield from _let_go(a, a.verdict, a.notice))
    lane = yield from lock(a.spot)
    if a.within and lane.session != a.within:  # it has ended since we looked
        return (yield from _let_go(a, "stale", a.notice))
    level = _metered(lane, a)
    if level is None:
        return (yield from _let_go(a, "rate_limited", a.slow_down))
    met = yield from _meet(a)
    if met is not None and met.blocked:
        return replace((yield from _let_go(a, "not_allowed", Notice())), met=met)
    scene = yield from _enter(lane, a, met)
    if a.gathers is not None:
        accepted = yield from _gather(scene, level, a.gathers)
    else:
        accepted = yield from (_command(scene, level, a.effect) if a.effect else _file(scene, level))
    return replace(accepted, met=met, opened=scene.opened)


def _refusal(a: Arrival) -> Tx[str]:
    """Why a sender who waits for our answer is told no. Nothing of it is kept: they may ask again with the same id."""
    if a.verdict:
        return a.verdict
    lane = yield from lock(a.spot)
    if lane.session != a.only:
        return "session_closed"
    return "" if _metered(lane, a) is not None else "rate_limited"


def _meet(a: Arrival) -> Tx[Known | None]:
    """Find or make the participant, unless nothing about them needs writing."""
    if a.known is not None:
        return None
    return (yield from participants.meet(a.person, a.sender, a.new_id(), a.now))


def _enter(lane: Lane, a: Arrival, met: Known | None) -> Tx[Scene]:
    """Find or make the open session."""
    participant = met.id if met else str(a.known)
    opened = lane.session is None
    if opened:
        lane = replace(lane, session=(yield from begin(lane, a, participant, lane.epoch)))
    return Scene(lane, a, participant, opened)


def _let_go(a: Arrival, reason: str, notice: Notice) -> Tx[Accepted]:
    """Keep the event's id and the reason, nothing of what it said; perhaps tell the sender, not too often."""
    yield from inbox.note_dropped(a.spot.channel, a.spot.account, a.events, a.spot.chat, reason, a.now)
    text = a.say(notice.name) if notice.name else ""
    if not text:
        return Accepted(reason, a.turn)
    lane = yield from lock(a.spot)
    if 0 <= a.now - lane.told_at < notice.every:  # a clock may go back
        return Accepted(reason, a.turn)
    met = yield from _meet(a)
    scene = yield from _enter(lane, a, met)
    session = str(scene.lane.session)
    yield "UPDATE lane SET told_at = $2, silenced = NULL WHERE id = $1", (lane.id, a.now)
    told = yield from tell(lane.id, session, None, a.turn, [Outbound(text=text)], a.voice, a.now)
    return Accepted(reason, a.turn, lane=lane.id, session=session, met=met, told=told, opened=scene.opened)


def begin(lane: Lane, a: Arrival, participant: str, epoch: int) -> Tx[str]:
    """Open a session for whoever sent this, in a lane that has none; returns its id."""
    session = a.new_id()
    # A group belongs to all its members: no single participant stands for it.
    alone = a.spot.place in ("dm", "conversation")
    opening = sessions.Opening(
        session,
        lane.id,
        a.spot.key,
        a.spot.channel,
        a.spot.bot,
        participant if alone else None,
        a.sender.level,
        epoch,
        a.now,
        a.sender.language,
    )
    yield from sessions.open_session(opening)
    if alone:
        yield from participants.remember_last_visit(participant, session)
    return session


def _metered(lane: Lane, a: Arrival) -> Level | None:
    """The lane's level after this message, None when somebody is over their limit."""
    level = Level(lane.meter, lane.speakers)
    return level if a.pace is None else level.after(a.pace, a.speaker, a.now)


def _file(scene: Scene, level: Level) -> Tx[Accepted]:
    """Give the message its place in the lane; take it at once when nothing waits and this worker is free."""
    lane, a = scene.lane, scene.arrival
    idle = lane.in_due_at is None
    taken = idle and a.me is not None
    due = (a.until if taken else a.now) if idle else lane.in_due_at
    fence = lane.in_fence + taken
    yield (
        """UPDATE lane SET next_seq = next_seq + 1, waiting = waiting + 1, meter = $2, speakers = $3,
             silenced = NULL, in_due_at = $4, in_holder = $5, in_fence = $6 WHERE id = $1""",
        (lane.id, *level, due, a.me if taken else lane.in_holder, fence),
    )
    entry = _entry(scene, attempts=int(taken))
    if a.order and lane.waiting > (lane.in_holder is not None):
        entry = replace(entry, seq=(yield from seat(lane.id, lane.next_seq, a.order, a.now)))
    number = yield from inbox.add(entry, a.raw)
    envelope = None
    if taken:
        lease = Lease(lane.id, fence)
        spot, entry = a.spot, replace(entry, id=number)
        envelope = Envelope(entry, lease, spot.key, spot.scope, lane.epoch, lane.version, spot.bot)
    return Accepted("stored", a.turn, number, lane.id, entry.session, envelope)


def _gather(scene: Scene, level: Level, gathers: gathering.Gathers) -> Tx[Accepted]:
    """File a message that waits for others, or for which others wait: nobody takes it before it is due."""
    lane, a = scene.lane, scene.arrival
    group = yield from gathering.waiting(lane.id, gathers.key)
    number = yield from inbox.add(_entry(scene, attempts=0), a.raw)
    due = yield from gathering.postpone(group, number, gathers, a.now)
    leads = lane.in_holder is None and (lane.in_due_at is None or group is not None)
    if leads and group is not None:  # others may stand before it
        rows = yield "SELECT id FROM inbox WHERE lane = $1 AND state = 'waiting' ORDER BY seq LIMIT 1", (lane.id,)
        leads = rows[0][0] == group.head
    yield (
        """UPDATE lane SET next_seq = next_seq + 1, waiting = waiting + 1, meter = $2, speakers = $3,
             silenced = NULL, in_due_at = $4 WHERE id = $1""",
        (lane.id, *level, due if leads else lane.in_due_at),
    )
    return Accepted("stored", a.turn, number, lane.id, str(lane.session), due=due)


def _entry(scene: Scene, attempts: int) -> Entry:
    lane, a = scene.lane, scene.arrival
    session = str(lane.session)
    where = (0, lane.id, lane.next_seq + 1, session, scene.participant, a.turn, a.spot.channel, a.body)
    return Entry(*where, a.now, attempts, 0, 0, None, 0)


def _command(scene: Scene, level: Level, effect: Effect) -> Tx[Accepted]:
    """A command acts at once, ahead of all that waits; it is filed as over, and its reply is queued."""
    lane, a = scene.lane, scene.arrival
    yield (
        "UPDATE lane SET next_seq = next_seq + 1, meter = $2, speakers = $3, silenced = NULL WHERE id = $1",
        (lane.id, *level),
    )
    number = yield from inbox.add(_entry(scene, attempts=0), a.raw, *a.filed)
    done = yield from effect(scene)
    session = done.session or str(lane.session)
    told = yield from tell(lane.id, session, number, a.turn, done.said, a.voice, a.now)
    left = "" if done.session == lane.session else str(lane.session)
    accepted = Accepted("stored", a.turn, number, lane.id, session, told=told, interrupted=done.interrupted, left=left)
    return replace(accepted, forgets=done.forgets) if done.forgets else accepted
