"""Chat commands: one table says what each is called and what it does to the lane, in the arrival's transaction."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from gateway import erasing, history, participants, sessions
from gateway.db import Tx
from gateway.intake import Effect, Outcome, Scene, begin
from gateway.lanes import Lane
from gateway.leaving import leave_behind
from gateway.message import Outbound

Say = Callable[..., str]
"""The channel's text of an id, with its placeholders filled."""

HISTORY_LINES = 10
MOST_HISTORY_LINES = 50
FORGET_WITHIN = 5 * 60_000  # ms


class Asked(NamedTuple):
    """How a command was given. `args` is the rest of the message, `offered` are the commands that there are here."""

    say: Say
    args: str = ""
    offered: Sequence[str] = ()


class Verb(NamedTuple):
    """A command: its other names, and what it does."""

    aliases: tuple[str, ...]
    act: Callable[[Scene, Asked], Tx[Outcome]]


def _reset(scene: Scene, asked: Asked) -> Tx[Outcome]:
    """Everything before is left behind; what the participant told us stays."""
    lane, a = scene.lane, scene.arrival
    done = Outbound(text=asked.say("reset_done"))
    if scene.opened and not (yield from _unfinished(lane)):
        return Outcome([done], lane.session)
    yield from leave_behind(lane, a.now)
    yield from sessions.close(str(lane.session), "reset", a.now)
    session = yield from begin(lane, a, scene.participant, lane.epoch + 1)
    return Outcome([done], session, "superseded")


def _unfinished(lane: Lane) -> Tx[bool]:
    """Whether something is left from before: a session that its bot has closed may have messages and parts waiting."""
    rows = yield "SELECT 1 FROM lane WHERE id = $1 AND (waiting > 0 OR pending > 0)", (lane.id,)
    return bool(rows)


def _end(scene: Scene, asked: Asked) -> Tx[Outcome]:
    """The conversation is over; the next message starts another one."""
    yield from leave_behind(scene.lane, scene.arrival.now)
    yield from sessions.close(str(scene.lane.session), "user", scene.arrival.now)
    return Outcome([Outbound(text=asked.say("ended"))], None, "superseded")


def _stop(scene: Scene, asked: Asked) -> Tx[Outcome]:
    """Cancel the answer being made. Its worker ends the turn; should that worker die, it is not answered again."""
    rows = yield (
        """UPDATE inbox SET reason = 'cancelled' WHERE state = 'waiting' AND lane = $1 AND attempts > 0
             AND EXISTS (SELECT 1 FROM lane WHERE id = $1 AND in_holder IS NOT NULL) RETURNING 1""",
        (scene.lane.id,),
    )
    if not rows:
        return Outcome([Outbound(text=asked.say("nothing_to_stop"))], scene.lane.session)
    return Outcome([Outbound(text=asked.say("stopped"))], scene.lane.session, "cancelled")


def _start(scene: Scene, asked: Asked) -> Tx[Outcome]:
    yield from ()
    return Outcome([Outbound(text=asked.say("start"))], scene.lane.session)


def _help(scene: Scene, asked: Asked) -> Tx[Outcome]:
    yield from ()
    listed = "\n".join(f"/{name}" for name in asked.offered)
    return Outcome([Outbound(text=asked.say("help", commands=listed))], scene.lane.session)


def _status(scene: Scene, asked: Asked) -> Tx[Outcome]:
    facts = yield from sessions.existing(str(scene.lane.session))
    text = asked.say(
        "status",
        session=facts.id[-8:],
        bot=facts.bot,
        state=facts.state,
        started=_moment(facts.created_at),
        messages=facts.message_count,
        waiting=scene.lane.waiting,
    )
    return Outcome([Outbound(text=text)], facts.id)


def _whoami(scene: Scene, asked: Asked) -> Tx[Outcome]:
    known = yield from participants.existing(scene.participant)
    text = asked.say("whoami", name=known.name or known.person, id=known.person)
    return Outcome([Outbound(text=text)], scene.lane.session)


def _history(scene: Scene, asked: Asked) -> Tx[Outcome]:
    """The last lines, to the person who said them; in a group they would go to everybody."""
    if scene.arrival.spot.place not in ("dm", "conversation"):
        return Outcome([Outbound(text=asked.say("not_allowed"))], scene.lane.session)
    args = asked.args
    wanted = int(args) if args.isascii() and args.isdigit() and len(args) < 4 else HISTORY_LINES
    limit = max(1, min(wanted, MOST_HISTORY_LINES))
    lines = yield from history.spoken(str(scene.lane.session), 0, limit)
    if not lines:
        return Outcome([Outbound(text=asked.say("history_empty"))], scene.lane.session)
    shown = [f"{_moment(line.at)} {line.name or line.role}: {line.text}" for line in lines]
    return Outcome([Outbound(text="\n\n".join(shown))], scene.lane.session)


def _forget(scene: Scene, asked: Asked) -> Tx[Outcome]:
    """Everything that is known of whoever asks is erased, once they have said so twice."""
    now, say = scene.arrival.now, asked.say
    if asked.args.strip().casefold().rstrip(".!") in ("yes", say("yes").casefold()):
        rows = yield (
            """UPDATE participant SET forget_asked_at = NULL WHERE id = $1 AND forget_asked_at BETWEEN $2 AND $3
                 RETURNING 1""",
            (scene.participant, now - FORGET_WITHIN, now),
        )
        if rows:
            yield from erasing.begin(scene.participant, now)
            return Outcome([], scene.lane.session, forgets=scene.participant)
    yield "UPDATE participant SET forget_asked_at = $2 WHERE id = $1", (scene.participant, now)
    return Outcome([Outbound(text=say("confirm_forget", yes=say("yes")))], scene.lane.session)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


VERBS = {
    "reset": Verb(("new",), _reset),
    "start": Verb((), _start),
    "help": Verb((), _help),
    "status": Verb((), _status),
    "stop": Verb((), _stop),
    "end": Verb((), _end),
    "history": Verb((), _history),
    "whoami": Verb((), _whoami),
    "forget": Verb((), _forget),
}

_NAMES = {name: name for name in VERBS} | {alias: name for name, verb in VERBS.items() for alias in verb.aliases}


def known(word: str) -> str | None:
    """The command a word stands for."""
    return _NAMES.get(word)


def effect(name: str, asked: Asked) -> Effect:
    """What a command does, ready to run inside the arrival's transaction."""
    act = VERBS[name].act
    return lambda scene: act(scene, asked)


def by_whom_began(effect: Effect, say: Say) -> Effect:
    """The effect, for the one who began the conversation alone."""

    def act(scene: Scene) -> Tx[Outcome]:
        first = yield from sessions.began_by(str(scene.lane.session))
        if first in ("", scene.arrival.person.person):
            return (yield from effect(scene))
        return Outcome([Outbound(text=say("not_allowed"))], scene.lane.session)

    return act


def reply(text: str) -> Effect:
    """Says no more than a text: the command may not be used here, or is not known."""

    def act(scene: Scene) -> Tx[Outcome]:
        yield from ()
        return Outcome([Outbound(text=text)], scene.lane.session)

    return act
