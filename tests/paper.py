"""`platform: tests.paper`: a platform made of paper. What is sent is written on it; it can be told to fail.

`Adapter` is the adapter under the contract; `Paper` is the platform's own side, with groups, topics and a script of
failures. Everything is in this process, so that a test sees at once what a user would see.
"""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from gateway import adapter
from gateway.adapter import Boundary, Gate, Limits
from gateway.errors import Refused, Retry
from gateway.message import Address, Inbound, Part, Place, Sender
from gateway.options import Options, key

Menu = Mapping[str, Mapping[str, str]]

_papers: dict[str, "Paper"] = defaultdict(lambda: Paper())  # noqa: PLW0108 - the class comes later


def paper(name: str) -> "Paper":
    """The platform that the channels with `sheet: name` speak to."""
    return _papers[name]


class Paper:
    """What everybody can read, in the order it was accepted, and what goes wrong next."""

    def __init__(self) -> None:
        self.sent: list[Part] = []
        self.typing: list[Address] = []
        self.drafts: list[tuple[Address, int, str]] = []
        self.signs: list[tuple[str, str]] = []  # what was put on a message, "" when it was taken away, or "read"
        self.menus: list[tuple[Menu, Menu]] = []
        self.failures: dict[str, deque[Callable[[], BaseException]]] = defaultdict(deque)
        self.accepts_then_fails = False
        self.before: Callable[[Part], Awaitable[None]] | None = None  # awaited at the start of every send
        self.admins: set[tuple[str, str]] = set()  # (chat, user)
        self.asked: list[Address] = []  # whose rights were asked for
        self.asking: Callable[[Address], Awaitable[None]] | None = None  # awaited before that is answered
        self.left: list[str] = []  # groups that the bot has left

    def texts(self, chat: str | None = None) -> list[str]:
        return [part.text for part in self.sent if chat is None or part.address.chat == chat]

    def fail(self, error: Callable[[], BaseException], times: int = 1, chat: str = "") -> None:
        """The next tries to send (to a chat) end like this."""
        self.failures[chat].extend([error] * times)


class PaperOptions(Options):
    sheet: str = key("plain", "Which paper is written on.")
    account: str = key("acct", "Whose number it is.")


class Adapter(adapter.Adapter):
    Options: ClassVar[type[Options]] = PaperOptions
    limits: ClassVar[Limits] = Limits(text=4096, groups=True, threads=True, draft=True, typing=4)
    boundary: ClassVar[Boundary] = {"dm": "user", "group": "chat", "topic": "thread", "thread": "thread"}

    def __init__(self, name: str, options: Any, gate: Gate) -> None:
        super().__init__(name, options, gate)
        self.account, self.mention = options.account, "paperbot"
        self.paper = paper(options.sheet)
        self.count = 0

    async def send(self, part: Part) -> str:
        if self.paper.before is not None:
            await self.paper.before(part)
        for chat in (part.address.chat, ""):
            if self.paper.failures[chat]:
                error = self.paper.failures[chat].popleft()()
                if self.paper.accepts_then_fails and not isinstance(error, Retry | Refused):
                    self.paper.sent.append(part)
                raise error
        self.paper.sent.append(part)
        return f"ref-{len(self.paper.sent)}"

    async def typing(self, address: Address) -> None:
        self.paper.typing.append(address)

    async def is_admin(self, address: Address) -> bool:
        self.paper.asked.append(address)
        if self.paper.asking is not None:
            await self.paper.asking(address)
        return (address.chat, address.user) in self.paper.admins

    async def leave(self, chat: str) -> None:
        self.paper.left.append(chat)

    async def draft(self, address: Address, key: int, text: str) -> None:
        self.paper.drafts.append((address, key, text))

    async def react(self, address: Address, ref: str, emoji: str) -> None:
        self.paper.signs.append((ref, emoji))

    async def read(self, address: Address, ref: str) -> None:
        self.paper.signs.append((ref, "read"))

    async def menu(self, commands: Menu, in_groups: Menu) -> None:
        self.paper.menus.append((commands, in_groups))


def said(
    channel: Any,
    text: str,
    *,
    user: str = "ada",
    chat: str = "",
    place: Place = "dm",
    thread: str = "",
    event: str = "",
    addressed: bool = True,
    **more: Any,
) -> Inbound:
    """Something that a user says on paper; every call is an event of its own unless `event` names one."""
    Paper.events = getattr(Paper, "events", 0) + 1  # type: ignore[attr-defined]
    return Inbound(
        channel=channel.name,
        account=channel.account,
        ids=(event or f"event-{Paper.events}",),  # type: ignore[attr-defined]
        address=Address(chat=chat or user, thread=thread, user=user, place=place),
        text=text,
        sender=Sender(id=user, name=user.title()),
        addressed=addressed,
        **more,
    )
