"""The contract of a bot: one method, a turn in, pieces of an answer out.

A bot is a file `gateway/bots/<kind>.py` with a class `Bot`, or any class of that shape in another package.
Reaching the end of the iterator means the answer is complete; raising means that there is none. A bot raises
`BotUnavailable` or `BotBroken`; anything else counts as broken. It never retries: waiting and counting are the
router's. It may be cancelled at any await.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import msgspec

from gateway.client import Client
from gateway.clock import Clock
from gateway.message import Json, Outbound, Turn
from gateway.options import Options

SILENCE = "NO_REPLY"
"""A message of just this text says nothing, on purpose."""


class Delta(msgspec.Struct, frozen=True):
    """More text of the message being written. Deltas of one run join without a separator."""

    text: str


class Progress(msgspec.Struct, frozen=True):
    """A word to the waiting user about what is being done; never stored."""

    text: str


class Say(msgspec.Struct, frozen=True):
    """One whole message. It ends the message that deltas were writing, if any."""

    message: Outbound


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What this answer changes besides being said. `None` as a value in `variables` deletes the variable."""

    variables: Mapping[str, Json] = {}
    participant_set: Mapping[str, Json] = {}
    participant_unset: tuple[str, ...] = ()
    participant_append: Mapping[str, Json] = {}
    participant_increment: Mapping[str, float] = {}
    context: Mapping[str, Json] = {}
    template: str = ""  # a name under `templates`
    end_session: bool = False
    resolved: bool | None = None
    handoff: Json = None  # to a person: `true`, or what they should know
    transfer: Json = None  # to another channel: its name, or more about it
    silent: bool = False


Piece = Delta | Progress | Say | Change


@runtime_checkable
class Answering(Protocol):
    """All the router knows of a bot."""

    def answer(self, turn: Turn) -> AsyncIterator[Piece]: ...

    async def close(self) -> None: ...


class Bot:
    """Base of the built-in kinds. Subclasses declare `Options` and write `answer`."""

    Options: ClassVar[type[Options]]

    def __init__(self, name: str, options: Any, tools: "Tools") -> None:
        self.name, self.options, self.tools = name, options, tools

    def answer(self, turn: Turn) -> AsyncIterator[Piece]:
        """Answer one turn: yield pieces, end when complete, raise when there is no answer."""
        raise NotImplementedError

    async def probe(self) -> str:
        """A line on what is wrong, or nothing when all is well; asked by `gateway doctor` and at start."""
        return ""

    async def close(self) -> None:
        """Let go of whatever `answer` kept open."""


class Tools(Protocol):
    """What a bot is given of the gateway."""

    @property
    def http(self) -> Any:
        """The shared `aiohttp.ClientSession`: kept alive, bounded, without redirects or environment proxies."""

    @property
    def client(self) -> Client:
        """The gateway's own client, for short requests on kept-alive connections."""

    @property
    def clock(self) -> Clock:
        """The gateway's clock: signatures carry its time."""
