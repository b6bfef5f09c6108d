"""How fast we may speak: one meter for each account, one for each chat; a turn of the tap is asked for, or a wait."""

from collections import OrderedDict
from collections.abc import Callable

from gateway.clock import Clock
from gateway.shared import Shared, Tap
from gateway.units import Rate

REMEMBERED = 20_000  # chats; one that was forgotten has long been quiet


def whole() -> float:
    """All of the account's rate is ours."""
    return 1.0


class Meter:
    """The pace of one channel (generic cell rate algorithm). Times are the clock's monotonic seconds.

    `share` is the part of the account's rate that is ours at the moment, where there is no bucket for all of us.
    A chat is spoken to by one process at a time.
    """

    def __init__(
        self,
        clock: Clock,
        account: Rate | None,
        chat: Rate | None,
        group: Rate | None,
        share: Callable[[], float] = whole,
    ) -> None:
        self._clock, self._account, self._chat, self._group = clock, account, chat, group
        self._share = share
        # The account's bucket starts empty: how much was sent just before a restart is not known.
        self._account_next = clock.tick() + (account.seconds if account else 0)
        self._chats: OrderedDict[str, float] = OrderedDict()
        self._previews: OrderedDict[str, float] = OrderedDict()
        self._closed_until = 0.0
        self._tap: Tap | None = None

    def join(self, shared: Shared, channel: str, account: str) -> None:
        """Others may send for the same account: draw from one bucket with them, wherever there is one."""
        self._tap = shared.tap(channel, account, self._account, self._hear)

    def foresee(self, chat: str) -> None:
        """Soon something may be said in a chat: learn in time what others have said there."""
        if self._tap is not None and (self._chat or self._group):
            self._tap.ask(chat)

    def _hear(self, chat: str, until: float) -> None:
        """Others have used a chat's pace up to a time, or were asked to let all of them wait."""
        if not chat:
            self._closed_until = max(self._closed_until, until)
        elif until > self._chats.get(chat, 0.0):
            _keep(self._chats, chat, until)

    def take(self, chat: str, group: bool) -> float:
        """Take one part for a chat. Returns 0 when granted; else nothing was taken, and how many seconds to wait."""
        now = self._clock.tick()
        rate = self._group if group and self._group else self._chat
        chat_at, chat_next = _advance(rate, self._chats.get(chat, 0.0), now)
        wait = max(chat_at, self._closed_until) - now
        if wait > 0 or (wait := self._of_account(now)) > 0:
            return wait
        if rate:
            _keep(self._chats, chat, chat_next)
            if self._tap is not None:
                self._tap.tell(chat, chat_next)
        return 0.0

    def _of_account(self, now: float, part: float = 1.0) -> float:
        """Take one of the account's pace, of a part of its burst: from the bucket of all, else from our share of it."""
        if self._account is None:
            return 0.0
        ours = self._share()
        if self._tap is not None:
            if self._tap.up:
                return self._tap.take(part)
            # What was drawn until then is not known here: our share began empty.
            self._account_next = max(self._account_next, self._tap.lost_at + _window(self._account, ours))
        at, following = _advance(self._account, self._account_next, now, part, ours)
        if at <= now:
            self._account_next = following
        return max(0.0, at - now)

    def spare(self, chat: str, group: bool) -> bool:
        """Take one preview for a chat, if there is more than enough; else nothing is taken.

        It waits for all that was sent there, and for the half of the account's burst that is left to others. In its
        chat no part waits for it: what it was a preview of may be the next one.
        """
        now = self._clock.tick()
        rate = self._group if group and self._group else self._chat
        chat_at, _ = _advance(rate, self._chats.get(chat, 0.0), now)
        preview_at, preview_next = _advance(rate, self._previews.get(chat, 0.0), now)
        if max(chat_at, preview_at, self._closed_until) > now or self._of_account(now, 0.5) > 0:
            return False
        if rate:
            _keep(self._previews, chat, preview_next)
        return True

    def refund(self, chat: str, group: bool) -> None:
        """Give back what was taken for a part that was not sent after all."""
        rate = self._group if group and self._group else self._chat
        if self._account and self._tap is not None and self._tap.up:
            self._tap.give_back()
        elif self._account:
            self._account_next -= self._account.seconds / self._account.count / self._share()
        if rate and chat in self._chats:
            self._chats[chat] -= rate.seconds / rate.count

    def spend(self) -> None:
        """What came in counts against the account's rate too; half of it is left for what goes out."""
        if self._account and self._tap is not None and self._tap.up:
            self._tap.spend()
        elif self._account:
            now = self._clock.tick()
            _, level = _advance(self._account, self._account_next, now, ours=self._share())
            self._account_next = max(self._account_next, min(level, now + self._account.seconds / 2))

    def close(self, seconds: float) -> None:
        """The platform asked the whole account to wait."""
        self._closed_until = max(self._closed_until, self._clock.tick() + seconds)
        if self._tap is not None:
            self._tap.tell("", self._closed_until)


def _keep(levels: OrderedDict[str, float], chat: str, level: float) -> None:
    levels[chat] = level
    levels.move_to_end(chat)
    if len(levels) > REMEMBERED:
        levels.popitem(last=False)


def _advance(rate: Rate | None, level: float, now: float, part: float = 1.0, ours: float = 1.0) -> tuple[float, float]:
    """When one more is allowed within a part of the burst, and the level after it; `ours` is our share of the rate."""
    if rate is None:
        return now, level
    after = max(level, now) + rate.seconds / rate.count / ours
    return after - part * _window(rate, ours), after


def _window(rate: Rate, ours: float) -> float:
    """How long the bucket of our part of a rate takes to fill, in seconds."""
    interval = rate.seconds / rate.count / ours
    return interval * (max(1.0, rate.burst * ours) if rate.burst else max(1.0, 1.0 / interval))
