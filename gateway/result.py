"""What a turn comes to: the lines, changes and parts of its ending."""

from collections.abc import Sequence

from gateway.asking import Answer
from gateway.bot import Change
from gateway.ending import StateChange
from gateway.history import Line
from gateway.message import Inbound, Json, Outbound, Turn
from gateway.participants import DataChange
from gateway.placeholder import placeholder
from gateway.sessions import Reason


def heard(inbound: Inbound, turn: str) -> Line:
    """The user's own line."""
    sender = inbound.sender
    return Line(
        "user",
        placeholder(inbound),
        name=sender.name if sender else "",
        sender=sender.id if sender else "",
        files=inbound.files,
        ref=inbound.ref,
        turn=turn,
    )


def answered(turn: Turn, answer: Answer) -> list[Line]:
    """The user's line and the bot's."""
    said = (Line("assistant", m.text, files=m.files, buttons=m.buttons, turn=turn.id) for m in answer.messages)
    return [heard(turn.message, turn.id), *said]


def cancelled(inbound: Inbound, turn: str, answer: Answer) -> list[Line]:
    """The user's line, and what they had seen of the answer when they stopped it."""
    seen = [message.text for message in answer.messages] + [answer.shown]
    shown = [Line("assistant", text, turn=turn, flag="cancelled") for text in seen if text.strip()]
    return [heard(inbound, turn), *shown]


def apologised(inbound: Inbound, turn: str, apology: str) -> list[Line]:
    """The user's line and the gateway's regret."""
    regret = [Line("system", apology, turn=turn, flag="failed")] if apology else []
    return [heard(inbound, turn), *regret]


def said(lines: Sequence[Line]) -> list[Outbound]:
    """What of these lines is to be sent."""
    return [Outbound(text=line.text, files=line.files, buttons=line.buttons) for line in lines if line.role != "user"]


def changed(changes: Sequence[Change]) -> StateChange | None:
    """All changes of an answer as one; the later wins."""
    if not changes:
        return None
    variables: dict[str, Json] = {}
    context: dict[str, Json] = {}
    resolved, ends = None, False
    data = DataChange({}, (), {}, {})
    touched = False
    for change in changes:
        variables.update(change.variables)
        context.update(change.context)
        resolved = change.resolved if change.resolved is not None else resolved
        ends = ends or change.end_session
        one = DataChange(
            change.participant_set,
            change.participant_unset,
            change.participant_append,
            change.participant_increment,
        )
        if any(one):
            touched = True
            data = DataChange(
                {**data.set, **one.set},
                data.unset + one.unset,
                {**data.append, **one.append},
                {**data.increment, **one.increment},
            )
    close: Reason | None = "resolved" if resolved else "bot" if ends else None
    return StateChange(variables, context, data if touched else None, close, resolved)
