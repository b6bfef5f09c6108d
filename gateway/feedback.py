"""Reactions to what we said: a thumb up or down is kept with the message as a rating of whoever gave it.

A new thumb takes the place of the one before, taking it away withdraws it. Other reactions mean nothing to us. Where
the operator wants it, the bot is asked about whatever was put there, too.
"""

from collections.abc import Mapping
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from gateway import history, utterance
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.db import Tx
from gateway.gates import judge
from gateway.inbox import first_time, mark, note_dropped
from gateway.intake import Accepted
from gateway.live import Event
from gateway.message import Inbound, Json
from gateway.text import clean
from gateway.utterance import Utterance

_GOOD = ("\N{THUMBS UP SIGN}", "+1", "thumbsup")
_BAD = ("\N{THUMBS DOWN SIGN}", "-1", "thumbsdown")
_SCORES = dict.fromkeys(_GOOD, 1) | dict.fromkeys(_BAD, -1)
_DRESS = dict.fromkeys([0xFE0F, *range(0x1F3FB, 0x1F400)])  # colour and tones of skin

_QUOTED = 2000  # letters of the answer it is about

log = structlog.get_logger()


class Rated(NamedTuple):
    """What became of a reaction; `score` is the person's rating of the line now, 0 when there is none."""

    outcome: str
    lane: int = 0
    session: str = ""
    seq: int = 0
    score: int = 0


class Feedback:
    """Takes reactions in."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor

    async def receive(self, channel: Channel, inbound: Inbound) -> tuple[Accepted, Inbound | None]:
        """Keep a reaction, and return what the bot is to be told of it, if anything. It is on disk when this returns;
        raises `StorageDown` when it is not.
        """
        verdict = judge(channel, replace(inbound, addressed=True), command=True)
        at = channel.name, inbound.account, inbound.address.chat
        one = await self._c.db.read(utterance.find, *at, inbound.ref) if inbound.ref and not verdict else None
        said = _said(channel, inbound, one) if one is not None else None
        rated = await self._c.db.write(_react, channel.name, inbound, verdict, one, self._c.clock.now(), said is None)
        self._c.metrics.accepted(channel.name, rated.outcome).inc()
        if rated.outcome == "stored":
            self.tell(channel, rated)
        return Accepted(rated.outcome, "", lane=rated.lane, session=rated.session), said

    async def rate(self, channel: Channel, lane: int, session: str, seq: int, person: str, score: int) -> bool:
        """Keep a rating (1, -1, or 0 for none) that somebody gave to a line. False: that is no answer of ours."""
        kept = await self._c.db.write(_keep, session, seq, person, score)
        if kept:
            self.tell(channel, Rated("stored", lane, session, seq, score))
        return kept

    def tell(self, channel: Channel, rated: Rated) -> None:
        """Those who watch the session, and the log."""
        event = {"seq": rated.seq, "score": rated.score}
        self._c.live.publish(rated.lane, Event("rating", event, 0, rated.session))
        log.info("message.rated", channel=channel.name, session=rated.session, seq=rated.seq, score=rated.score)


def _said(channel: Channel, inbound: Inbound, one: Utterance) -> Inbound | None:
    """A reaction as something that is said in the conversation whose answer it is about, while that goes on.

    It has ids of its own: should we die before it is taken in, the platform tells of it again.
    """
    told = inbound.extra.get("reaction")
    if channel.settings.session.on_reaction != "answer" or not isinstance(told, dict) or told.get("removed"):
        return None
    there = inbound.address
    address = replace(one.part.address, user=there.user, account=there.account)
    if one.now != one.session or channel.key(address, one.bot)[1] != one.key:
        return None
    quoted = {"sender": {"id": inbound.account, "name": channel.adapter.mention}, "text": one.part.text[:_QUOTED]}
    return replace(
        inbound,
        ids=tuple(f"{event}:said" for event in inbound.ids),
        address=address,
        text=f"[reaction {clean(str(told.get('emoji', '')))}]",
        addressed=True,
        ref="",
        reply_to=inbound.ref,
        extra={**inbound.extra, "quoted": quoted},
    )


def _react(
    channel: str, inbound: Inbound, verdict: str | None, one: Utterance | None, now: int, noted: bool
) -> Tx[Rated]:
    marks = [mark(channel, inbound.account, event) for event in inbound.ids]
    if not (yield from first_time(marks, now)):
        return Rated("duplicate")
    rated = Rated(verdict) if verdict else (yield from _rated(inbound, one))
    if rated.outcome != "stored" and noted:
        chat = inbound.address.chat
        yield from note_dropped(channel, inbound.account, inbound.ids, chat, rated.outcome, now)
    return rated


def _rated(inbound: Inbound, one: Utterance | None) -> Tx[Rated]:
    if one is None:
        return Rated("not_addressed")  # it is about what somebody else said
    seq = yield from history.line_of(one.session, one.part.turn, one.part.line)
    ratings = None if seq is None else (yield from history.ratings(one.session, seq))
    if seq is None or ratings is None:
        return Rated("unsupported")
    person, told = inbound.sender.id if inbound.sender else "", inbound.extra.get("reaction")
    before = ratings.get(person, 0)
    score = _score(told if isinstance(told, dict) else {}, before)
    if score == before:
        return Rated("unsupported")
    yield from _keep(one.session, seq, person, score)
    return Rated("stored", one.lane, one.session, seq, score)


def _score(told: Mapping[str, Json], before: int) -> int:
    """The rating after a change: by all that the person has there now, where the platform tells, else by the change."""
    if isinstance(told.get("now"), list):
        return next((score for one in told["now"] if (score := _meaning(one))), 0)
    meant = _meaning(told.get("emoji"))
    if not told.get("removed"):
        return meant or before
    return 0 if meant == before else before


def _meaning(emoji: Json) -> int:
    return _SCORES.get(str(emoji).translate(_DRESS).strip(":").split("::")[0], 0)


def _keep(session: str, seq: int, person: str, score: int) -> Tx[bool]:
    ratings = yield from history.ratings(session, seq)
    if ratings is None:
        return False
    others = {name: given for name, given in ratings.items() if name != person}
    yield from history.rate(session, seq, {**others, person: score} if score else others)
    return True
