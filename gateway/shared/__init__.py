"""What the processes on one store share besides it: a bell between them, and each one's part of a platform's pace.

Nothing is kept here, and nothing is right because of it. The bell only makes quick what looking at the store makes
right; whoever relies on it looks there at least every second too.
"""

from collections.abc import Callable
from typing import Protocol

from gateway.units import Rate

LOOK = ""
"""What is told when there is nothing to say but that the store has news, or that something may have been missed."""


class Shared(Protocol):
    """The other processes on this store."""

    alone: bool
    """Whether this process has its store for itself, so that nobody else can do anything there."""

    @property
    def streams(self) -> bool:
        """Whether every piece of an answer may be published while it is written. Else only what is committed is."""

    @property
    def hears(self) -> bool:
        """Whether what others publish is heard now. Else nothing that they may have changed can be taken as known."""

    def publish(self, topic: str, text: str = LOOK) -> None:
        """Tell those in other processes who have subscribed. Returns at once and never raises; it may get lost.

        The same said of one topic again and again may be heard once.
        """

    def followed(self, topic: str) -> bool:
        """Whether somebody in another process may have subscribed: what nobody hears need not be made ready."""

    def subscribe(self, topic: str, hear: Callable[[str], None]) -> Callable[[], None]:
        """`hear` is called with what others publish, and with `LOOK` after something may have been missed.

        A topic has one subscriber in a process. What this returns ends the subscription.
        """

    def share(self, topic: str) -> float:
        """This process's part of what all subscribers of a topic may do together, above 0 and at most 1."""

    def tap(self, channel: str, account: str, rate: Rate | None, hear: Callable[[str, float], None]) -> "Tap | None":
        """The buckets of an account that all who send for it draw from; None where each has its `share`.

        `hear` is told of a chat up to when, by our monotonic clock, others have used up its pace; "" is all of them.
        """

    async def open(self) -> None:
        """Begin to hear. The others need not be there, nor what carries the news between us."""

    async def close(self) -> None: ...


class Tap(Protocol):
    """What is drawn from buckets that several processes share. Nothing of it waits for anybody."""

    @property
    def up(self) -> bool:
        """Whether there is anything to draw from; else each takes its share."""

    lost_at: float
    """Since when there is not, by our monotonic clock. What was drawn until then nobody knows."""

    def take(self, part: float = 1.0) -> float:
        """One part of the account's pace, while so much of the bucket is used at most.

        0: it may go; else nothing was taken, and how many seconds to wait.
        """

    def give_back(self) -> None:
        """What was taken was not used."""

    def spend(self) -> None:
        """What came in counts too; half of the bucket is left for what goes out."""

    def ask(self, chat: str) -> None:
        """Soon something may be said in a chat: hear what others have said there."""

    def tell(self, chat: str, until: float) -> None:
        """The pace of a chat is used up to a time by our monotonic clock; "" is that of all chats."""


class Aid(Protocol):
    """A server that makes things quicker, and may be away."""

    place: str
    up: bool
