"""While a bot is away: who has waited for long is told so, once, and whom it kept too long is not kept any more."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import structlog

from gateway.compose import compose
from gateway.corridor import Corridor, Engaged
from gateway.db import Tx
from gateway.delivery import Delivery
from gateway.errors import StorageDown
from gateway.fallback import away
from gateway.inbox import REQUEUED, Envelope, open_lease
from gateway.lanes import Lease, lock_id
from gateway.live import Event
from gateway.message import Inbound, Outbound, decode
from gateway.post import Post, Told, tell

log = structlog.get_logger()

AWAY = "away"  # the flag of the line that says so
BATCH = 100
LOOKED_BACK = 50  # lines in which it is looked whether it has been said
SWEPT_EVERY = 5.0  # seconds


class Waiting(NamedTuple):
    """A message that waits for a bot."""

    id: int
    lane: int
    session: str
    channel: str
    turn: str
    body: str


class Absence:
    """Looks after what waits for bots that are away. `start` begins with a claimed envelope of a bot."""

    def __init__(self, corridor: Corridor, delivery: Delivery, start: Callable[[Envelope, str], None]) -> None:
        self._c, self._delivery, self._start = corridor, delivery, start
        self._told: dict[str, int] = {}  # for each bot the last entry that was looked at
        self._swept: dict[str, float] = {}

    async def look(self, bot: str) -> None:
        """Everything that is due for a bot now."""
        engaged = self._c.bots.get(bot)
        if engaged is None or not self._c.desk.seats(bot).breaker.open or not away(self._c, bot):
            self._told.pop(bot, None)
            return
        if self._c.desk.draining:
            return
        try:
            await self._tell(engaged)
            if self._c.clock.tick() - self._swept.get(bot, -SWEPT_EVERY) >= SWEPT_EVERY:
                self._swept[bot] = self._c.clock.tick()
                await self._sweep(engaged)
        except StorageDown as error:
            log.error("storage.down", error=str(error))

    async def _tell(self, engaged: Engaged) -> None:
        bot, before = engaged.name, self._before(engaged.settings.away_after)
        if bot not in self._told:
            self._told[bot] = await self._c.db.read(_oldest, bot) - 1
        while found := await self._c.db.read(_waiting, bot, self._told[bot], before, BATCH):
            for waiting in found:
                await self._tell_one(waiting)
                self._told[bot] = waiting.id

    async def _tell_one(self, waiting: Waiting) -> None:
        channel = self._c.channels.get(waiting.channel)
        if channel is None or not waiting.body:
            return
        inbound = decode(Inbound, waiting.body)
        text = channel.say(inbound.sender.language if inbound.sender else "")("bot_away")
        if not text or (inbound.sender is not None and inbound.sender.bot):
            return
        now = self._c.clock.now()

        def speak(said: Sequence[Outbound]) -> Post | None:
            if channel.limits.pulled:
                return None
            letters = compose(channel, inbound.address, f"{waiting.turn}.{AWAY}", said)
            return Post(channel.name, letters, channel.expiry(now), None, 0)

        told = await self._c.db.write(_say, waiting, text, speak, now)
        for message in told.messages:
            self._c.live.publish(waiting.lane, Event("message", message, message.seq, waiting.session))
            self._delivery.begin(channel, told.load)

    async def _sweep(self, engaged: Engaged) -> None:
        """Claim whom the bot has kept too long, so that they are told that nothing comes."""
        bot, free = engaged.name, min(BATCH, self._c.desk.places - self._c.desk.taken)
        lanes = await self._c.db.read(_overdue, bot, self._before(engaged.settings.patience), free)
        if not lanes:
            return
        self._c.desk.sit(bot, len(lanes))
        envelopes: list[Envelope] = []
        try:
            take = partial(_take, lanes, self._c.me, self._c.clock.now(), self._c.lease_end())
            envelopes += await self._c.db.write(take)
        finally:
            self._c.desk.rise(bot, len(lanes) - len(envelopes))
        for envelope in envelopes:
            self._start(envelope, bot)

    def _before(self, seconds: float) -> int:
        return self._c.clock.now() - round(seconds * 1000)


def _oldest(bot: str) -> Tx[int]:
    """The first entry that waits for a bot."""
    rows = yield (
        """SELECT MIN(i.id) FROM lane l JOIN inbox i ON i.lane = l.id AND i.state = 'waiting'
             WHERE l.bot = $1 AND l.in_due_at IS NOT NULL""",
        (bot,),
    )
    return rows[0][0] or 1


def _waiting(bot: str, after: int, before: int, limit: int) -> Tx[list[Waiting]]:
    """Entries behind this one that have waited since before that time, as they came."""
    rows = yield (
        """SELECT i.id, i.lane, i.session, i.channel, i.turn, i.body FROM inbox i JOIN lane l ON l.id = i.lane
             WHERE i.id > $1 AND i.state = 'waiting' AND i.received_at <= $2 AND l.bot = $3 ORDER BY i.id LIMIT $4""",
        (after, before, bot, limit),
    )
    return [Waiting._make(row) for row in rows]


def _say(waiting: Waiting, text: str, speak: Callable[[Sequence[Outbound]], Post | None], now: int) -> Tx[Told]:
    """Tell those in a lane, unless they have been told since the bot last spoke there."""
    lane = yield from lock_id(waiting.lane)
    still = yield "SELECT 1 FROM inbox WHERE id = $1 AND state = 'waiting'", (waiting.id,)
    if lane is None or lane.session != waiting.session or not still:
        return Told()
    lines = yield (
        "SELECT role, flag FROM message WHERE session = $1 ORDER BY seq DESC LIMIT $2",
        (waiting.session, LOOKED_BACK),
    )
    for role, flag in lines:
        if flag == AWAY:
            return Told()
        if role == "assistant":
            break
    return (yield from tell(lane.id, waiting.session, None, "", [Outbound(text=text)], speak, now, flag=AWAY))


def _overdue(bot: str, before: int, limit: int) -> Tx[list[int]]:
    """The lanes of a bot that nobody holds and whose first entry has waited since before that time."""
    rows = yield (
        """SELECT l.id FROM lane l JOIN inbox i ON i.lane = l.id AND i.state = 'waiting'
             WHERE l.bot = $1 AND l.in_due_at IS NOT NULL AND l.in_holder IS NULL AND i.received_at < $2
               AND (i.reason IS NULL OR i.reason <> $3)
               AND i.seq = (SELECT MIN(seq) FROM inbox WHERE lane = l.id AND state = 'waiting')
             ORDER BY i.id LIMIT $4""",
        (bot, before, REQUEUED, limit),
    )
    return [row[0] for row in rows]


def _take(lanes: Sequence[int], me: str, now: int, until: int) -> Tx[list[Envelope]]:
    """Claim lanes whether they are due or not."""
    envelopes = []
    for lane in lanes:
        rows = yield (
            """UPDATE lane SET in_holder = $1, in_fence = in_fence + 1, in_due_at = $2
                 WHERE id = $3 AND in_holder IS NULL AND in_due_at IS NOT NULL RETURNING id, in_fence""",
            (me, until, lane),
        )
        envelope = (yield from open_lease(Lease(*rows[0]), now)) if rows else None
        if envelope is not None:
            envelopes.append(envelope)
    return envelopes
