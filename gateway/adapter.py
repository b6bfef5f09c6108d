"""The contract of an adapter: one platform, which it hears and speaks.

An adapter is a file `adapters/<platform>.py` (or a package of that name, or another package's module) with one
class `Adapter`. Its three duties: name the address; acknowledge only after `gate.receive` returned; raise only
`Retry`, `Refused` or `Unknown` from `send` and `edit`. It may know its SDK, the shapes, its options and its gate,
and nothing else of the gateway.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, Literal, Protocol

import msgspec

from gateway.client import Posted
from gateway.message import Address, File, Inbound, Part, Place
from gateway.options import Options
from gateway.units import Rate


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform can do, declared. The core consults only this."""

    text: int = 4096  # longest text of one part ...
    unit: Literal["chars", "utf16", "bytes"] = "chars"  # ... counted so
    prefixes: str = "/"  # characters that begin a command
    dialect: str = "plain"  # a name known to gateway.markup, or a dialect of the adapter's own
    caption: int = 1024
    edit: bool = False
    delete: bool = False
    draft: bool = False  # can show an answer while it is being written ...
    draft_places: tuple[Place, ...] = ()  # ... in these places; in all, when none is named
    typing: float = 0  # seconds after which "typing" lapses; 0: cannot
    groups: bool = False
    threads: bool = False
    splits: int = 0  # characters from which on people's own clients may cut a text into several messages, 0: never
    many_sessions: bool = False  # several open sessions for one user
    reactions: bool = False
    buttons: bool = False
    most_buttons: int = 0  # most choices below one message, 0: any number
    button_label: int = 0  # longest label of a choice, 0: any
    buttoned: int = 0  # longest text above buttons, 0: as any other
    group_buttons: bool = True  # whether `buttons` holds in groups too
    receipts: bool = False
    reports: float = 0  # seconds in which the platform itself tells what became of a part in doubt, 0: it does not
    voice: bool = False
    files_in: int = 0  # largest file in bytes, 0: none
    files_out: int = 0
    album: int = 1  # most files that one part may carry
    window: float = 0  # seconds after a user's last message in which free text may be sent to them, 0: always
    account_rate: Rate | None = None
    chat_rate: Rate | None = None
    group_rate: Rate | None = None
    rate_is_shared: bool = False  # what comes in counts against `account_rate` too
    resend_is_safe: bool = False  # the platform recognises a repeated part by its id
    pulled: bool = False  # clients read the history themselves: nothing is ever sent
    door: Literal["", "visitors", "callers"] = ""  # who comes in by the gateway's own API, see gateway/door
    body: int = 1_048_576  # largest webhook body


Boundary = Mapping[Place, str]
"""Which places the platform has, and the scope each has when the operator says nothing."""


class Call(msgspec.Struct, frozen=True):
    """An HTTP request for this channel, its body already read under the caps. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    peer: str


class Reply(msgspec.Struct, frozen=True):
    """What to answer to a `Call`."""

    status: int = 200
    body: bytes = b""
    type: str = "application/json"
    headers: Mapping[str, str] = {}


class Receipt(msgspec.Struct, frozen=True):
    """What became of an `Inbound`, once it is on disk. `outcome` is `stored`, `duplicate`, or a drop reason."""

    entry: int
    outcome: str = "stored"
    turn: str = ""


State = Literal["starting", "up", "deaf", "retrying", "conflict", "auth", "down", "stopped"]


class Finding(msgspec.Struct, frozen=True):
    """One line of a probe: how it is, and what to do when it is not well."""

    ok: bool
    text: str
    remedy: str = ""


Settled = Literal["sent", "delivered", "read", "failed", "window"]
"""What a platform reports of a part; `window`: it failed, since the user has to write first."""


class Gate(Protocol):
    """All that an adapter is told of the gateway."""

    async def receive(self, inbound: Inbound, raw: bytes = b"") -> Receipt:
        """Commit the event to disk. Only after this returns may the platform be told that we have it.

        Raises `StorageDown` when it could not be written: then acknowledge nothing.
        """

    async def receive_all(self, batch: list[tuple[Inbound, bytes]]) -> list[Receipt]:
        """Commit a whole batch in order; all of it is on disk when this returns. Begun, it is done also when whoever
        called is cancelled: that is how an adapter ends when its channel is altered.
        """

    async def bury(self, inbound: Inbound, raw: bytes, reason: str) -> Receipt:
        """Commit a message that came to us and that we cannot answer, such as one to a number that is not ours: a dead
        letter, which an operator may requeue when we can. `inbound.address.account` says who it was for.
        """

    async def drop(self, ids: tuple[str, ...], account: str, reason: str) -> None:
        """Note that an authentic event is let go for a reason: kept by id, counted, never answered."""

    async def settle(self, part: str, outcome: Settled, ref: str = "") -> None:
        """A delivery status of the platform for a part, by the part's id."""

    def health(self, state: State, detail: str = "") -> None:
        """How the connection does; `heard()` marks a completed receive round trip."""

    def heard(self) -> None: ...

    async def assured(self) -> None:
        """Return when nobody else can be hearing this account: asked before each poll and each new socket by an
        adapter that is `alone`, since the process may have stood still for long.
        """

    async def recall(self, name: str) -> str:
        """A word kept over restarts for this channel ("" when never kept), such as a polling offset."""

    async def keep(self, name: str, value: str) -> None: ...

    async def pause(self, seconds: float) -> None:
        """Wait, by the gateway's clock."""

    def now(self) -> int:
        """The gateway's clock: milliseconds since 1970."""

    def content(self, file: File) -> AsyncIterator[bytes]:
        """The content of a file that goes out with a part, piece by piece. Raises `Retry` or `Refused`."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float = 30) -> Posted:
        """POST once over the gateway's kept-alive connections, redirects not followed: status, headers, body.

        Raises `Retry` when it has certainly not been sent and `Unknown` when it may have been.
        """

    @property
    def http(self) -> Any:
        """The shared `aiohttp.ClientSession`, for downloads, sockets and all that is rare."""

    @property
    def edits(self) -> bool:
        """Whether an answer being written may be shown as a message that is edited, where there is nothing better."""

    @property
    def public_url(self) -> str:
        """What platforms call us by, without a trailing slash; "" when the operator gave none."""


class Adapter:
    """Base of all adapters; only `send` is required. `account` and `mention` are known once `open` returned."""

    Options: ClassVar[type[Options]]
    limits: ClassVar[Limits] = Limits()
    boundary: ClassVar[Boundary] = {"dm": "user"}

    account: str = ""
    mention: str = ""  # the bot's own name on the platform, as in `/reset@name`

    @property
    def hears_every(self) -> float:
        """Seconds within which `run` completes a receive round trip and tells so by `gate.heard()`: a poll, a ping that
        is answered, a look whether the webhook is registered. 0: nothing is known of a platform that keeps silent.
        """
        return 0

    @property
    def alone(self) -> bool:
        """Whether `run` is for one process at a time: a poll, a socket. Known once `open` returned. Such a `run` asks
        `gate.assured()` before each.
        """
        return False

    def __init__(self, name: str, options: Any, gate: Gate) -> None:
        self.name, self.options, self.gate = name, options, gate

    async def open(self) -> None:
        """Learn who we are. Raises `Retry` (asked again later) or `Refused("auth")` (the channel stops)."""

    async def run(self) -> None:
        """Fetch what is not pushed (polling, sockets), until cancelled. Returning at once means: all is pushed."""

    @property
    def catches_up(self) -> bool:
        """Whether `catch_up` is to be asked after outages."""
        return False

    async def catch_up(self, since: int) -> None:
        """Receive what was said since a time in ms, as the platform remembers it, in its order. What we have is known
        by its ids. Raises what `send` may, and `StorageDown`: then it is asked again.
        """

    async def handle(self, call: Call) -> Reply:
        """Answer what is pushed: verify the raw bytes, translate, receive, and only then say 200."""
        return Reply(404)

    def admits(self, origin: str, host: str = "") -> bool:
        """Whether pages of an `Origin` may use this channel, itself being reached at `host`, from a browser."""
        return False

    def serves(self, account: str) -> bool:
        """Whether what was said to an account can be answered here."""
        return True

    async def send(self, part: Part) -> str:
        """Deliver one part; return the platform's id of the message. Raises only `Retry`, `Refused`, `Unknown`."""
        raise NotImplementedError

    async def edit(self, ref: str, part: Part) -> None:
        """Replace an earlier message where `limits.edit`; saying the same again is no error."""
        raise NotImplementedError

    async def delete(self, address: Address, ref: str) -> None:
        """Take an earlier message of ours away, where `limits.delete`. Raises what `send` may; `Refused("rejected")`
        when it is gone already or the platform does not let us any more.
        """
        raise NotImplementedError

    async def draft(self, address: Address, key: int, text: str) -> None:
        """Show an answer being written, where `limits.draft`; `key` (not 0) is the answer's. Failures do not matter."""

    async def progress(self, address: Address, key: int, text: str) -> None:
        """Show a word on how far an answer is, in the place of what `draft` shows of it. Failures do not matter."""
        await self.draft(address, key, text)

    async def typing(self, address: Address) -> None:
        """Show that an answer is coming, where `limits.typing`. Failures do not matter."""

    async def react(self, address: Address, ref: str, emoji: str) -> None:
        """Put our reaction on a message, in place of the one we had there, where `limits.reactions`; "" takes it away.
        Failures do not matter.
        """

    async def read(self, address: Address, ref: str) -> None:
        """Mark a message as read, where `limits.receipts`. Failures do not matter."""

    async def is_admin(self, address: Address) -> bool:
        """Whether `address.user` may rule in `address.chat`, as the platform says. Raises `Retry` when it cannot."""
        return False

    async def menu(self, commands: Mapping[str, Mapping[str, str]], in_groups: Mapping[str, Mapping[str, str]]) -> None:
        """Show these commands and what they do, by language ("" for all others), where the platform has a menu.

        Asked at every start and when they change. Raises what `send` may.
        """

    def fetch(self, file: File) -> AsyncIterator[bytes]:
        """The content of a file that came in, piece by piece."""
        raise NotImplementedError

    async def leave(self, chat: str) -> None:
        """Leave a group, where the platform can."""

    async def probe(self) -> list[Finding]:
        """Check the account with the platform: token, webhook, permissions."""
        return []

    async def withdraw(self) -> None:
        """The channel is gone for good: take back what was registered with the platform, if it is still ours.

        Failures do not matter.
        """

    async def close(self) -> None:
        """Let go of connections."""
