"""A reset that is done after a yes: until then, and for a minute, its command is in the inbox as `unconfirmed`."""

from gateway.access import private
from gateway.channel import Channel
from gateway.commands import Say
from gateway.db import Tx
from gateway.intake import Effect, Outcome, Scene
from gateway.message import Button, Inbound, Outbound

PATIENCE = 60_000  # ms
_LONGEST_YES = 40
_RECENT = 500  # entries of a lane that are looked at for the question


def may_confirm(channel: Channel, inbound: Inbound) -> bool:
    """Whether this could be the yes to a question, for all that the event and the settings tell."""
    text = inbound.text.strip()
    if len(text) > _LONGEST_YES or private(inbound) or not channel.rules.at(inbound.address).manners.confirm_reset:
        return False
    say = channel.say(inbound.sender.language if inbound.sender else "")
    return text.casefold().rstrip(".!") in ("yes", say("yes").casefold())


def question(say: Say, buttons: bool) -> Effect:
    """Ask whether they mean it."""

    def act(scene: Scene) -> Tx[Outcome]:
        yield "UPDATE inbox SET reason = 'unconfirmed' WHERE turn = $1", (scene.arrival.turn,)
        choice = (Button(text=say("yes"), value="yes"),) if buttons else ()
        return Outcome([Outbound(text=say("confirm_reset", yes=say("yes")), buttons=choice)], scene.lane.session)

    return act


def asked(key: str, person: str, now: int) -> Tx[bool]:
    """Whether a lane waits for the yes of somebody."""
    rows = yield (
        """SELECT 1 FROM lane l JOIN inbox i ON i.lane = l.id JOIN participant p ON p.id = i.participant
             WHERE l.key = $1 AND i.seq > l.next_seq - $4 AND i.state = 'done' AND i.reason = 'unconfirmed'
               AND i.received_at > $3 AND p.person = $2 LIMIT 1""",
        (key, person, now - PATIENCE, _RECENT),
    )
    return bool(rows)


def confirmed(effect: Effect) -> Effect:
    """Do what was asked for, once; whoever repeats the yes changes nothing."""

    def act(scene: Scene) -> Tx[Outcome]:
        rows = yield (
            """UPDATE inbox SET reason = 'command' WHERE lane = $1 AND seq > $4 AND state = 'done'
                 AND reason = 'unconfirmed' AND received_at > $3 AND participant = $2 RETURNING id""",
            (scene.lane.id, scene.participant, scene.arrival.now - PATIENCE, scene.lane.next_seq - _RECENT),
        )
        if not rows:
            return Outcome([], scene.lane.session)
        return (yield from effect(scene))

    return act
