"""What can go wrong, as one tree.

GatewayError
├── Problem                 an HTTP caller did something wrong, or we cannot serve now (RFC 9457)
├── StorageDown             nothing could be written; nothing was acknowledged
│   ├── StorageFull         there is no room on the disk
│   └── StorageSlow         it takes too long, or somebody else holds the store
├── BackupError             no backup was made of a store, or none can be put into it
├── Fenced                  this worker lost its lease: what it computed changes nothing
├── SendError               raised by adapters, and only by them
│   ├── Retry               certainly not sent; may be tried again
│   ├── Refused             certainly not sent; this part will never be accepted as it is
│   └── Unknown             may have been sent: the answer was lost
├── VoiceFailed             speech was not understood, or none was made
├── FetchError              a URL that a user or a bot gave was not fetched
│   ├── FetchRefused        it must not be, or can never be
│   └── FetchFailed         worth another try (connection, time-out, 429, 5xx)
└── BotError                raised by bots
    ├── BotUnavailable      worth another try (connection, 429, 502, 503, 504, time-out, cut stream)
    └── BotBroken           not worth one (another 4xx, an answer nobody understands)
"""

from typing import Literal

RefusedReason = Literal[
    "markup",  # the platform could not parse our formatting: the same part goes out once more as plain text
    "blocked",  # this target wants nothing from us (blocked, deactivated, kicked): stop until it writes again
    "gone",  # the chat or thread is not there (any more)
    "migrated",  # the chat lives on under another id, see `to`
    "auth",  # the account's credentials were refused: the channel stops, its parts wait
    "too_long",
    "unsupported",
    "window",  # the platform lets us speak only after the user does
    "rejected",  # anything else, for good
]


FetchReason = Literal[
    "url",  # not a URL that names a host
    "scheme",  # neither http nor https
    "userinfo",  # a user name or password stands in it
    "port",  # not a usual port, and not a host that the operator named
    "private",  # an address that is not on the public internet
    "redirect",  # too many, or to where it must not lead
    "status",  # the host has nothing there for us
    "encoding",  # packed in a way that was not asked for, or broken
    "too_large",
]


class GatewayError(Exception):
    """Root of everything the gateway raises on purpose."""


class Problem(GatewayError):
    """A request that cannot be served: HTTP status, stable `code`, and what to do about it."""

    def __init__(self, status: int, code: str, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.retry_after = status, code, detail, retry_after


class StorageDown(GatewayError):
    """The store did not take the write. Nothing was kept, so nothing may be acknowledged."""


class StorageFull(StorageDown):
    """There is no room. It goes well again as soon as there is."""


class StorageSlow(StorageDown):
    """The store is busy with something for too long."""


class BackupError(GatewayError):
    """A backup cannot be made, or cannot be used here; says why."""


class Fenced(GatewayError):
    """Another worker, a reset or an operator took the lane over."""


class SendError(GatewayError):
    """Root of what an adapter may raise from `send` and `edit`."""


class Retry(SendError):
    """Certainly not sent. `after` is the platform's own wish in seconds; `everyone` when the whole account waits."""

    def __init__(self, reason: str, *, after: float | None = None, everyone: bool = False) -> None:
        super().__init__(reason)
        self.after, self.everyone = after, everyone


class Refused(SendError):
    """Certainly not sent, and never will be as it is. `to` is the new chat id when the reason is `migrated`."""

    def __init__(self, reason: RefusedReason, detail: str = "", *, to: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.to = reason, to


class Unknown(SendError):
    """The platform may or may not have it."""


class FetchError(GatewayError):
    """Root of what fetching a stranger's URL may raise."""


class FetchRefused(FetchError):
    """Not now, and never as it is."""

    def __init__(self, reason: FetchReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class FetchFailed(FetchError):
    """Not now; another try may do."""


class VoiceFailed(GatewayError):
    """A recording did not become text, or a text no recording. `again`: another try may do."""

    def __init__(self, detail: str, *, again: bool = False) -> None:
        super().__init__(detail)
        self.again = again


class BotError(GatewayError):
    """Root of what a bot may raise; `detail` is for the operator, never for the user."""


class BotUnavailable(BotError):
    """Try again, not before `after` seconds when the backend said so."""

    def __init__(self, detail: str, *, after: float | None = None) -> None:
        super().__init__(detail)
        self.after = after


class BotBroken(BotError):
    """Trying again would give the same."""
