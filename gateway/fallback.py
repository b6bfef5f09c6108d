"""Who answers when a bot does not: itself again, the bots that stand in for it in their order, or nobody for now."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

import structlog

from gateway.backoff import backoff
from gateway.corridor import Corridor, Engaged
from gateway.errors import BotBroken, BotError, BotUnavailable
from gateway.inbox import REQUEUED, Entry
from gateway.verdicts import Buried, Later

CROWDED = 1.0  # seconds until a place at a bot that stands in is looked for again
_AT_HOME = nullcontext()

log = structlog.get_logger()


def chain(bots: Mapping[str, Engaged], name: str) -> Iterator[Engaged]:
    """A bot, and those that stand in for it. While settings change no circle may catch us."""
    seen: set[str] = set()
    while name and name not in seen and (engaged := bots.get(name)) is not None:
        seen.add(name)
        yield engaged
        name = engaged.settings.fallback


def away(c: Corridor, bot: str) -> bool:
    """Whether the circuits of all who could answer are open."""
    return all(c.desk.seats(one.name).breaker.open for one in chain(c.bots, bot))


def chosen(c: Corridor, bot: str, entry: Entry) -> Engaged | None:
    """Who is to be asked about an entry now; None when the bot does not serve here.

    Each has its tries; after the last of them has had his, he is asked as long as he is there. Raises `Later` or
    `Buried` when nobody can be asked.
    """
    engaged = c.bots.get(bot)
    if engaged is None or not (engaged.settings.fallback or c.desk.seats(bot).breaker.open):
        return engaged
    tries, waits, crowded, candidates = 0, list[float](), False, list(chain(c.bots, bot))
    for one in candidates:
        seats, last = c.desk.seats(one.name), one is candidates[-1]
        tries += one.settings.retries + 1
        wait = seats.breaker.wait()
        if not wait and (last or entry.failures < tries):
            if one.name == bot or seats.taken < seats.cap:
                return one
            crowded = True
        waits.append(wait)
    if crowded:
        raise Later(CROWDED)
    raise waited(c, candidates[0], entry, min(filter(None, waits)), "", failed=0)


def failed(c: Corridor, bot: str, asked: Engaged, entry: Entry, error: BotError) -> Later | Buried:
    """What becomes of an entry on which a bot has failed."""
    breaker = c.desk.seats(asked.name).breaker
    was_open = breaker.open
    breaker.failed()
    if breaker.open and not was_open:
        log.error("bot.away", bot=asked.name, error=str(error))
        c.metrics.bot_up.labels(asked.name).set(0)
    candidates = list(chain(c.bots, bot))
    place = next((at for at, one in enumerate(candidates) if one.name == asked.name), len(candidates))
    tries = sum(one.settings.retries + 1 for one in candidates[: place + 1])
    broken, failures = isinstance(error, BotBroken), entry.failures + 1
    spent = broken or failures >= tries
    if candidates[place + 1 :] and (spent or breaker.open):
        # Whoever is asked next is found out then, at once; of this one's tries none may be left.
        c.desk.seats(bot).backlog = True
        return Later(0, str(error), failed=max(1, tries - entry.failures) if spent else 1)
    after = error.after if isinstance(error, BotUnavailable) else None
    if breaker.open and not broken:
        return waited(c, asked, entry, max(after or 0, breaker.wait()), str(error), failed=1)
    if spent:
        return Buried("bot_failed", str(error))
    return Later(after if after is not None else backoff(failures), str(error), failed=1)


def lent(c: Corridor, engaged: Engaged, bot: str) -> AbstractContextManager[None]:
    """While a turn is asked of a bot that stands in, it takes one of its places. Raises `Later` when none is free."""
    if engaged.name == bot:
        return _AT_HOME
    seats = c.desk.seats(engaged.name)
    if seats.taken >= seats.cap:
        raise Later(CROWDED)
    return c.desk.lent(engaged.name)


def succeeded(c: Corridor, bot: str) -> None:
    """A bot has answered."""
    breaker = c.desk.seats(bot).breaker
    if breaker.open:
        log.info("bot.back", bot=bot)
        c.metrics.bot_up.labels(bot).set(1)
    breaker.succeeded()


def waited(c: Corridor, engaged: Engaged, entry: Entry, wait: float, error: str, *, failed: int) -> Later | Buried:
    """While a bot is away its entries wait for it, as long as its users have patience."""
    if c.clock.age(entry.received_at) > engaged.settings.patience * 1000 and entry.reason != REQUEUED:
        return Buried("bot_away", error or "its bot was away for too long")
    return Later(wait, error, failed=failed)
