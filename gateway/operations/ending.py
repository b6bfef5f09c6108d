"""An operator ends a conversation, or begins it anew: what the user's own commands do, by another hand."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway import lanes, participants, sessions
from gateway.compose import compose
from gateway.db import Tx
from gateway.errors import Problem
from gateway.leaving import leave_behind
from gateway.live import Event
from gateway.message import Address, Outbound
from gateway.operations.office import Office
from gateway.operations.sessions import find
from gateway.post import Post, Told, tell
from gateway.sessions import Facts

LONGEST_FAREWELL = 4_000


class Ended(NamedTuple):
    """What was ended, and the session that took its place, "" when none did."""

    facts: Facts
    following: str
    told: Told


class Farewell(NamedTuple):
    """Words for the user, "" for none; `turn` names them, `address` is filled in from the lane."""

    text: str
    turn: str


async def reset(office: Office, which: str, farewell: str = "") -> Any:
    """End a session and open the next one under its key. Raises `Problem` 409 when it is not open."""
    ended = await _end(office, which, office.corridor.clock.new_id(), farewell)
    return {"closed": ended.facts.id, "session": ended.following, "key": ended.facts.key}


async def close(office: Office, which: str, farewell: str = "") -> Any:
    """End a session; the next message opens another one. Raises `Problem` 409 when it is not open."""
    ended = await _end(office, which, "", farewell)
    return {"closed": ended.facts.id, "session": None, "key": ended.facts.key}


async def resolve(office: Office, which: str, resolved: bool) -> Any:
    """Mark an open session as resolved, which closes it, or as not resolved. Raises `Problem` 409 when it is over."""
    facts = await office.corridor.db.write(_resolved, which, resolved, office.now())
    if resolved:
        office.corridor.memory.forget_session(facts.id)
        office.corridor.live.publish(facts.lane, Event("closed", {"reason": "resolved"}, 0, facts.id))
    return {"id": facts.id, "resolved": resolved}


def _resolved(which: str, resolved: bool, now: int) -> Tx[Facts]:
    facts = yield from find(which)
    if not (yield from sessions.resolve(facts.id, resolved, "operator", now)):
        raise Problem(409, "session_closed", f"session {facts.id} is {facts.state}: only an open one can be marked")
    return facts


async def _end(office: Office, which: str, following: str, farewell: str) -> Ended:
    c = office.corridor
    words = Farewell(farewell, c.clock.new_id())
    if len(farewell) > LONGEST_FAREWELL:
        raise Problem(400, "farewell_too_long", f"a farewell has at most {LONGEST_FAREWELL} characters")
    if farewell and not office.running:
        raise Problem(409, "not_running", "nothing can be said while no gateway runs: leave the farewell out")
    ended = await c.db.write(_over, office, which, following, words, office.now())
    facts = ended.facts
    office.router.turns.interrupt(facts.lane, "superseded")
    c.memory.forget_session(facts.id)
    if facts.participant is not None:
        c.memory.forget_participant(facts.participant)
    for message in ended.told.messages:
        c.live.publish(facts.lane, Event("message", message, message.seq, following or facts.id))
    over = Event("reset", {"session_id": following}) if following else Event("closed", {"reason": "operator"})
    c.live.publish(facts.lane, over._replace(session=facts.id))
    if ended.told.messages and (channel := office.channel(facts.channel)) is not None:
        office.router.delivery.begin(channel, ended.told.load)
    return ended


def _over(office: Office, which: str, following: str, farewell: Farewell, now: int) -> Tx[Ended]:
    facts = yield from find(which)
    lane = yield from lanes.lock_id(facts.lane)
    if lane is None or lane.session != facts.id:
        raise Problem(409, "session_closed", f"session {facts.id} is {facts.state}: only an open one can be ended")
    yield from leave_behind(lane, now)
    yield from sessions.close(facts.id, "reset" if following else "operator", now)
    if following:
        yield from _open_next(facts, lane.epoch + 1, following, now)
    told = Told()
    if farewell.text:
        told = yield from _say(office, facts, following or facts.id, farewell, now)
    return Ended(facts, following, told)


def _open_next(facts: Facts, epoch: int, id: str, now: int) -> Tx[None]:
    opening = sessions.Opening(
        id,
        facts.lane,
        facts.key,
        facts.channel,
        facts.bot,
        facts.participant,
        facts.level,
        epoch,
        now,
        facts.language,
    )
    yield from sessions.open_session(opening)
    if facts.participant is not None:
        yield from participants.remember_last_visit(facts.participant, id)


def _say(office: Office, facts: Facts, session: str, farewell: Farewell, now: int) -> Tx[Told]:
    channel = office.channel(facts.channel)
    if channel is None:
        raise Problem(409, "channel_stopped", f"channel {facts.channel} does not run: leave the farewell out")
    rows = yield "SELECT chat, thread, place FROM lane WHERE id = $1", (facts.lane,)
    chat, thread, place = rows[0]
    who = yield "SELECT person FROM participant WHERE id = $1", (facts.participant,)
    address = Address(chat=chat, thread=thread, place=place, user=who[0][0] if who else "")

    def voice(said: Sequence[Outbound]) -> Post | None:
        if channel.limits.pulled:
            return None
        return Post(channel.name, compose(channel, address, farewell.turn, said), channel.expiry(now), None, 0)

    return (yield from tell(facts.lane, session, None, farewell.turn, [Outbound(text=farewell.text)], voice, now))
