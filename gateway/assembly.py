"""A turn as the bot gets it: the session as it stands, who talks, what was said before."""

from collections.abc import Sequence

import orjson

from gateway.access import private
from gateway.channel import Channel
from gateway.inbox import REQUEUED, Envelope
from gateway.memory import Remembered
from gateway.message import Inbound, Message, Participant, Session, Turn
from gateway.participants import Known
from gateway.settings.blocks import History

LONGEST = 2  # times max_messages: how much goes along while a summary is late
UNSUMMARISED = 5_000  # messages kept at hand for a summary that keeps failing


def assemble(
    channel: Channel, envelope: Envelope, inbound: Inbound, kept: Remembered, known: Known, deadline: int
) -> Turn:
    """The turn of an envelope. `deadline` is when the answer is not waited for any more, in ms."""
    policy = channel.settings.history
    summary = kept.summary if policy.mode == "summary" else None
    return Turn(
        id=envelope.entry.turn,
        attempt=envelope.entry.attempts,
        deadline=deadline,
        session=session_of(channel, envelope, kept),
        participant=participant_of(known),
        message=inbound,
        history=_before(envelope, window(policy, kept.window)),
        summary=summary,
        attribution=not private(inbound) and channel.rules.at(inbound.address).manners.attribution,
    )


def _before(envelope: Envelope, said: Sequence[Message]) -> tuple[Message, ...]:
    entry = envelope.entry
    return tuple(said) if entry.reason != REQUEUED else tuple(line for line in said if line.turn != entry.turn)


def session_of(channel: Channel, envelope: Envelope, kept: Remembered) -> Session:
    facts = kept.facts
    return Session(
        id=facts.id,
        key=envelope.key,
        channel=channel.name,
        platform=channel.platform,
        bot=envelope.bot,
        scope=envelope.scope,
        epoch=envelope.epoch,
        created_at=facts.created_at,
        last_activity=kept.last_activity,
        message_count=kept.message_count,
        resumed=kept.resumed,
        language=facts.language,
        variables=kept.variables,
        context=kept.context,
        summary=kept.summary,
        summary_upto=kept.summary_upto,
    )


def participant_of(known: Known) -> Participant:
    return Participant(
        id=known.id,
        user=known.person,
        name=known.name,
        language=known.language,
        level=known.level,
        first_seen=known.first_seen,
        last_seen=known.last_seen,
        data=orjson.loads(known.data),
    )


def window(policy: History, spoken: Sequence[Message]) -> Sequence[Message]:
    """The messages that go along. What is not in a summary yet is not left out because the summary is late."""
    if policy.mode == "none" or not policy.max_messages:
        return ()
    most = policy.max_messages * LONGEST if policy.mode == "summary" else policy.max_messages
    return spoken[-most:]


def reach(policy: History) -> int:
    """How many of the messages that are in no summary are kept at hand."""
    if policy.mode == "summary":
        return max(UNSUMMARISED, policy.max_messages * LONGEST)
    # What was said last is looked at even where bots are told nothing: it may have offered a choice.
    return max(1, policy.max_messages) if policy.mode == "window" else 1
