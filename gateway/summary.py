"""The running summary of what is older than the messages that go along with a turn.

It is made after the commit, stored with the position it covers, only ever extended, and never in anybody's way.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from gateway.asking import Answer, ask
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.db import Tx
from gateway.errors import BotBroken, BotError, StorageDown
from gateway.memory import Remembered
from gateway.message import Message, Turn
from gateway.text import first_sentence

LONGEST_DIGEST = 2000  # characters
LONGEST_SENTENCE = 160

log = structlog.get_logger()


class Fold(NamedTuple):
    """A summary that takes the place of an earlier one. `was` and `upto` are positions in the session."""

    session: str
    lane: int
    summary: str
    was: int
    upto: int


def store(fold: Fold) -> Tx[int | None]:
    """Keep a summary, unless the session's has moved on meanwhile. Returns the lane's new history version."""
    rows = yield (
        "UPDATE session SET summary = $2, summary_upto = $3 WHERE id = $1 AND summary_upto = $4 RETURNING 1",
        (fold.session, fold.summary, fold.upto, fold.was),
    )
    if not rows:
        return None
    rows = yield (
        "UPDATE lane SET version = version + 1, grown = grown + 1 WHERE id = $1 RETURNING version",
        (fold.lane,),
    )
    version: int = rows[0][0]
    return version


def digest(before: str | None, messages: Sequence[Message]) -> str:
    """The first sentence of each message below what was digested before; the oldest lines give way."""
    lines = before.split("\n") if before else []
    lines += [f"{m.name or m.role}: {first_sentence(m.text, LONGEST_SENTENCE)}" for m in messages]
    length = 0
    for index in range(len(lines) - 1, -1, -1):
        length += len(lines[index]) + 1
        if length > LONGEST_DIGEST:
            return "\n".join(lines[index + 1 :])
    return "\n".join(lines)


class Summaries:
    """Folds sessions that have grown too long, one fold at a time for each session."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self._folding: set[str] = set()

    def after_turn(self, channel: Channel, lane: int, kept: Remembered, turn: Turn) -> None:
        """A turn was committed: fold when more is unsummarised than goes along."""
        policy, session = channel.settings.history, turn.session.id
        if policy.mode != "summary" or len(kept.window) <= policy.max_messages or session in self._folding:
            return
        old = kept.window[: len(kept.window) - policy.keep]
        self._folding.add(session)
        if channel.settings.summary.by == "digest":
            # Made at once, it is there for the next turn; only keeping it takes a while.
            fold = Fold(session, lane, digest(kept.summary, old), kept.summary_upto, old[-1].seq)
            kept.fold(fold.summary, fold.upto)
            self._c.tasks.start(self._keep(fold, kept), "summary")
        else:
            self._c.tasks.start(self._ask(channel, lane, kept, old, turn), "summary")

    async def _keep(self, fold: Fold, kept: Remembered) -> None:
        try:
            version = await self._c.db.write(store, fold)
            if version is not None and version == kept.version + 1:
                kept.version = version
        except StorageDown as error:
            log.warning("summary.failed", session=fold.session, error=str(error))
            self._c.memory.forget_session(fold.session)
        finally:
            self._folding.discard(fold.session)

    async def _ask(self, channel: Channel, lane: int, kept: Remembered, old: Sequence[Message], turn: Turn) -> None:
        session = turn.session.id
        try:
            summary = await self._summarise(channel, kept.summary, old, turn)
        except (BotError, TimeoutError) as error:
            # The old summary stays; the next turn tries again.
            log.warning("summary.failed", session=session, error=str(error))
            self._folding.discard(session)
            return
        fold = Fold(session, lane, summary, kept.summary_upto, old[-1].seq)
        await self._keep(fold, kept)
        kept.fold(fold.summary, fold.upto)

    async def _summarise(self, channel: Channel, before: str | None, old: Sequence[Message], turn: Turn) -> str:
        policy = channel.settings.summary
        engaged = self._c.bots[policy.by]
        asked = _asking(turn, before, old, policy.prompt)
        answer = Answer()
        async with asyncio.timeout(engaged.settings.timeout):
            await ask(engaged.bot, asked, lambda piece: None, answer)
        text = "\n\n".join(message.text for message in answer.messages)
        if not text.strip():
            raise BotBroken(f"{policy.by} gave an empty summary")
        return text


def _asking(turn: Turn, before: str | None, old: Sequence[Message], prompt: str) -> Turn:
    message = replace(turn.message, text=prompt, files=(), extra={})
    # An id of its own: a backend that remembers ids would repeat the answer to the turn.
    return replace(turn, id=f"{turn.id}-summary", type="summarize", message=message, history=tuple(old), summary=before)
