"""What a turn comes to: the lines, changes and parts of its ending."""

from collections.abc import Sequence

from msgspec.structs import replace

from gateway.asking import Answer
from gateway.bot import Change
from gateway.ending import StateChange
from gateway.history import Line
from gateway.message import File, Inbound, Json, Outbound, Turn
from gateway.participants import DataChange
from gateway.placeholder import placeholder
from gateway.sessions import Reason


def heard(inbound: Inbound, turn: str) -> list[Line]:
    """The user's own line; of what was said in several messages each, with the files at the first."""
    parts = inbound.extra.get("parts") or ()
    if "album" in inbound.extra or len(inbound.text) > sum(len(part["text"]) + 1 for part in parts):
        parts = ()  # one message; or its words are others than they were, as those of a recording
    first = _heard(inbound, turn)
    return [
        replace(first, text=part["text"] or first.text, ref=part["id"], files=() if at else first.files)
        for at, part in enumerate(parts)
    ] or [first]


def _heard(inbound: Inbound, turn: str) -> Line:
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
    """The user's line, what we had to say about it, and the bot's."""
    notices = [Line("system", m.text, turn=turn.id) for m in answer.notices]
    said = (Line("assistant", m.text, files=_files(m), buttons=m.buttons, turn=turn.id) for m in answer.messages)
    return [*heard(turn.message, turn.id), *notices, *said]


def _files(message: Outbound) -> tuple[File, ...]:
    return message.files if message.speech is None else (*message.files, message.speech)


def cancelled(inbound: Inbound, turn: str, answer: Answer) -> list[Line]:
    """The user's line, and what they had seen of the answer when they stopped it."""
    seen = [message.text for message in answer.messages] + [answer.shown]
    shown = [Line("assistant", text, turn=turn, flag="cancelled") for text in seen if text.strip()]
    return [*heard(inbound, turn), *shown]


def apologised(inbound: Inbound, turn: str, apology: str) -> list[Line]:
    """The user's line and the gateway's regret."""
    regret = [Line("system", apology, turn=turn, flag="failed")] if apology else []
    return [*heard(inbound, turn), *regret]


def said(lines: Sequence[Line]) -> list[Outbound]:
    """What of these lines is to be sent."""
    return [Outbound(text=line.text, files=line.files, buttons=line.buttons) for line in lines if line.role != "user"]


def unheeded(changes: Sequence[Change]) -> dict[str, str]:
    """What a bot has asked for and the gateway does not do, with the names it gave."""
    found: dict[str, str] = {}
    for change in changes:
        for name in ("template", "handoff", "transfer"):
            if wanted := getattr(change, name):
                # What a handoff or a transfer is about may hold what people said: no more than a name is told.
                found[name] = wanted if name != "handoff" and isinstance(wanted, str) else "asked"
    return found


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
