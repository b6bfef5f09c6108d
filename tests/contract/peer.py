"""What an adapter brings to the contract: the far side of its platform, played by a server of the test's own.

It is a class `Peer`, a subclass of the one here, in `tests/contract/peers/<platform>.py`; that of another package's
adapter `pkg.mod` is in `pkg.mod_peer` (or anywhere, when told as `--adapter pkg.mod:pkg.tests.peer`). It says what its
platform can do by the attributes below and writes the methods that go with them; the suite asks for no others.
"""

from typing import Any, ClassVar, Literal, NamedTuple

from gateway.adapter import Call
from gateway.message import Address, File

Way = Literal["pushed", "fetched"]
"""How events come in: `pushed` to `handle` as webhooks, or `fetched` by `run`."""

WAIT = 7  # seconds that a throttled call is asked to wait


class Said(NamedTuple):
    """Something written to the bot in a direct message, by a user or by the bot's own account."""

    text: str = "hello"
    by: Literal["user", "us"] = "user"


Fault = Literal[
    "throttled",  # not now: come again in WAIT seconds
    "broken",  # the platform's own "something went wrong here"
    "unavailable",  # a proxy before the platform says that it is away
    "rejected",  # no, for a reason that nobody has heard of
    "unauthorized",  # the credentials are refused
    "blocked",  # this user wants nothing from us
    "reset",  # the request arrives, the connection is reset, nothing was sent
    "accepted_then_reset",  # it was sent, and the connection is reset before the answer
    "accepted_then_cut",  # it was sent, and the answer ends in its middle
    "accepted_then_silent",  # it was sent, and no answer comes
    "garbage",  # something else than the platform answers in words of its own
    "away",  # nobody listens there any more
]
"""What goes wrong with the next try to send. Only after `accepted_...` users see what was sent."""


class Peer:
    """One platform. A new one is made for every test."""

    ways: ClassVar[tuple[Way, ...]] = ()
    wire: ClassVar[bool] = False  # whether parts are sent over a network
    proof: ClassVar[tuple[str, ...]] = ()  # pushed: the headers by which a call proves where it comes from ...
    covers_body: ClassVar[bool] = False  # ... and whether that proof is bound to the bytes of the body
    public_url: ClassVar[str] = ""  # what the gate says of ourselves

    async def start(self) -> None:
        """Begin to listen. The account under test is there, and one user who has written to it."""

    async def stop(self) -> None:
        """End everything; also after `fail("away")`."""

    def options(self, way: Way | None = None) -> dict[str, Any]:
        """The channel's keys besides `platform` and `bot`, as an operator would write them for a way in."""
        return {}

    def secrets(self) -> tuple[str, ...]:
        """What must never be shown besides the options of a secret type: parts of them, what is derived from them."""
        return ()

    def body(self, said: Said) -> bytes:
        """Pushed: the body by which the platform tells of an event; another event with every call."""
        raise self._wanted("body")

    def call(self, body: bytes, secret: str = "") -> Call:
        """Pushed: a call with these bytes, proven as the platform does it; with `secret`, by somebody who has that
        one instead of ours.
        """
        raise self._wanted("call")

    def happens(self, said: Said, copies: int = 1) -> None:
        """Fetched: an event on the platform, handed out so many times."""
        raise self._wanted("happens")

    def unconfirmed(self) -> int:
        """Fetched: how many events the platform would hand out again, should we be gone."""
        raise self._wanted("unconfirmed")

    @property
    def address(self) -> Address:
        """Where parts are sent to: a direct message with the user who has written to us."""
        raise self._wanted("address")

    def group(self) -> Address:
        """`limits.groups`: a group that we are in."""
        raise self._wanted("group")

    def thread(self) -> Address:
        """`limits.threads`: a topic or thread of a group that we are in."""
        raise self._wanted("thread")

    def sent(self, where: Address | None = None) -> list[str]:
        """What users see of us there (else in the direct message) now, in order, in plain words."""
        raise self._wanted("sent")

    def tries(self) -> int:
        """Wire: how many calls to send have reached the platform, failed ones too."""
        raise self._wanted("tries")

    async def fail(self, fault: Fault) -> None:
        """Wire: the next try to send goes wrong in this way."""
        raise self._wanted("fail")

    def typed(self) -> int:
        """`limits.typing`: how often it was shown that an answer is coming."""
        raise self._wanted("typed")

    def drafted(self) -> list[str]:
        """`limits.draft`: the texts shown while an answer was being written."""
        raise self._wanted("drafted")

    def offered(self) -> list[tuple[str, str]]:
        """`limits.buttons`: the buttons below our last message, in order: what stands on each, what a press says."""
        raise self._wanted("offered")

    def shown(self) -> list[bytes]:
        """`limits.files_out`: the files that we got to the user, in order."""
        raise self._wanted("shown")

    def published(self, url: str, content: bytes) -> None:
        """`limits.files_out`: a file of ours stands at this address; for platforms that fetch what is to be sent."""

    def written(self) -> str:
        """`limits.reactions` and `limits.receipts`: the id of the last message that the user has written to us."""
        raise self._wanted("written")

    def reaction(self) -> str:
        """`limits.reactions`: our reaction on that message, "" for none."""
        raise self._wanted("reaction")

    def has_read(self) -> bool:
        """`limits.receipts`: whether that message is marked as read."""
        raise self._wanted("has_read")

    def file(self, content: bytes) -> File:
        """`limits.files_in`: a file that has come in, as an `Inbound` would have it."""
        raise self._wanted("file")

    def _wanted(self, name: str) -> NotImplementedError:
        kind = type(self)
        return NotImplementedError(
            f"{kind.__module__}.{kind.__name__} has to write `{name}`: {getattr(Peer, name).__doc__}"
        )
