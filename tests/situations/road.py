"""What every road can be asked for by the script, whatever the platform at its far end calls it."""

from typing import Any, Literal, Protocol

Person = Any
"""Somebody who writes: the far server's own."""

Place = Any
"""A group, or a person: the conversation with them alone."""

Fault = Literal[
    "throttled",  # this conversation has had too much: come again in a while
    "broken",  # the platform's own word that it went wrong and was not sent
    "proxy",  # something before the platform says that it is away
    "cut",  # the connection is reset, nothing was sent
    "lost",  # it was sent, the connection is reset before the answer
    "hung",  # it was sent, no answer comes
    "refused",  # never as it is, for no reason that is known
    "markup",  # the formatting is not understood
    "blocked",  # this person wants nothing from us
]
Forgery = Literal["unsigned", "foreign", "altered", "stale"]
WAIT = 60


class Road(Protocol):
    """A gateway with one channel between a platform's far server and the bot of `tests.situations.bot`."""

    @property
    def name(self) -> str: ...

    @property
    def prefix(self) -> str:
        """What people begin commands with."""

    @property
    def called(self) -> str:
        """How they call the bot in a group."""

    @property
    def limit(self) -> int:
        """Longest text of one message."""

    @property
    def edits(self) -> bool:
        """Whether what we have said can be changed."""

    # What people do. `where` is a group, else it is said to the bot alone; `below` is a message that is answered.

    def person(self) -> Person:
        """Somebody new."""

    def group(self, *members: Person) -> Place:
        """A new group that they and the bot are in."""

    async def say(self, who: Person, text: str, where: Place | None = None, *, below: str = "") -> str:
        """Write a message; its id."""

    async def edit(self, who: Person, message: str, text: str) -> None: ...

    async def delete(self, who: Person, message: str) -> None: ...

    async def press(self, who: Person, label: str) -> None:
        """Press the button with this label below the last message."""

    async def show(self, who: Person, *pictures: bytes, text: str) -> None:
        """Send pictures with a text, several as one album."""

    async def speak(self, who: Person, recording: bytes) -> None: ...

    async def locate(self, who: Person, latitude: float, longitude: float) -> None: ...

    async def introduce(self, who: Person) -> None:
        """Share somebody's address card."""

    async def baffle(self, who: Person) -> None:
        """Send what no bot can read."""

    # How it is told.

    def copies(self, each: int) -> None:
        """From now on everything is told so many times."""

    def hold(self) -> None: ...

    async def release(self, how: Literal["together", "shuffled"]) -> None: ...

    def told(self) -> bool:
        """Whether all that has happened is taken in."""

    async def forge(self, how: Forgery) -> int:
        """Tell of a message `forged` as it is told by somebody else than the platform; the HTTP status."""

    async def replay(self) -> int:
        """Tell once more what was told last, byte by byte; the HTTP status."""

    # What goes wrong.

    def fail(self, how: Fault, times: int = 1, *, wait: int = WAIT) -> None:
        """The next tries to send go wrong; who is throttled is told to wait so many seconds."""

    def revoke(self) -> None: ...

    def restore(self) -> None: ...

    async def stop(self) -> None:
        """The gateway ends."""

    async def start(self) -> None:
        """It begins again on the same store."""

    # What came of it.

    def texts(self, where: Place) -> list[str]:
        """The bot's messages as they are read now, in order."""

    def marked(self, where: Place) -> list[str]:
        """The same, with fences around code and with the addresses of links."""

    def files(self, where: Place) -> list[bytes]:
        """The files that it sent."""

    def tries(self, where: Place) -> int:
        """How many calls to send have reached the platform, failed ones too."""

    def size(self, text: str) -> int:
        """How long a text is, as the platform counts."""

    # The gateway itself.

    @property
    def state(self) -> str:
        """How the channel does."""

    async def rows(self, sql: str) -> Any: ...

    async def until_rows(self, wanted: Any, sql: str) -> None: ...

    async def quiet(self) -> None:
        """Wait until nothing is told, answered, sent or due any more."""

    async def sees(self, where: Place, *texts: str) -> None:
        """Wait until just these are read there, and nothing more comes."""

    async def until(self, seen: Any) -> None: ...

    def leap(self, seconds: float) -> None:
        """So many seconds pass at once."""
