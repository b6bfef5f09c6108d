"""What a webhook tells of, as what the gateway takes in: messages, changes of an id, news of groups, and reports."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from adapters.whatsapp import contents, groups, moves
from adapters.whatsapp.contents import Content
from adapters.whatsapp.people import Acquaintances, is_phone, named, speaker
from adapters.whatsapp.reports import Report, report
from adapters.whatsapp.wire import OTHER, Item, Metadata, convert
from gateway.message import Address, Inbound, Sender


class Drop(NamedTuple):
    """Something authentic that is let go."""

    ids: tuple[str, ...]
    account: str
    reason: str


class Arrived(NamedTuple):
    """An event, and the bytes that tell of it."""

    inbound: Inbound
    raw: bytes


class Stray(NamedTuple):
    """A message to a number that is not ours."""

    inbound: Inbound
    raw: bytes


_LONGEST = 32  # digits of a number's id

Told = Arrived | Stray | Drop | Report


class _Context(msgspec.Struct, frozen=True):
    """The message that a message answers, and how it came."""

    id: str = ""
    sender: str = msgspec.field(default="", name="from")
    forwarded: bool = False
    frequently_forwarded: bool = False


class _Edit(msgspec.Struct, frozen=True):
    """An edit with the message as it is now, or a revocation, which holds none."""

    original_message_id: str
    message: dict[str, Any] = {}


class _Message(msgspec.Struct, frozen=True):
    id: str
    type: str
    sender: str = msgspec.field(default="", name="from")
    from_user_id: str = ""
    group_id: str = ""
    timestamp: str | int = 0
    context: _Context = _Context()
    referral: dict[str, Any] = {}
    edit: _Edit | None = None
    revoke: _Edit | None = None


class Events:
    """Reads for one channel and all of its numbers."""

    def __init__(self, channel: str, accounts: tuple[str, ...]) -> None:
        self._channel, self._accounts = channel, accounts
        self._people = Acquaintances()
        self._readers: dict[str, Callable[[Item], Iterator[Told]]] = {
            "messages": self._message,
            "statuses": self._report,
            "message_echoes": self._echo,
            "user_id_update": self._renamed,
            "groups": self._group,
            OTHER: self._other,
        }

    def read(self, item: Item) -> list[Told]:
        """Never raises because of what an item holds."""
        account = item.metadata.phone_number_id
        if account not in self._accounts and (account or item.list not in ("user_id_update", OTHER)):
            return [self._stray(item) or Drop((self._id(item),), account[:64] or "?", "unroutable")]
        return self._told(item)

    def _told(self, item: Item) -> list[Told]:
        try:
            return list(self._readers[item.list](item)) or [self._odd(item)]
        except (msgspec.ValidationError, RecursionError, ValueError, OverflowError):
            return [self._odd(item)]

    def _stray(self, item: Item) -> Stray | None:
        """Something that was said to a number which may be ours tomorrow."""
        account = item.metadata.phone_number_id
        if item.list != "messages" or not (account.isascii() and account.isdigit() and len(account) <= _LONGEST):
            return None
        for one in self._told(item):
            if isinstance(one, Arrived) and one.inbound.kind in ("message", "button"):
                there = replace(one.inbound.address, account=account)
                return Stray(replace(one.inbound, address=there), one.raw)
        return None

    def _odd(self, item: Item) -> Drop:
        return Drop((self._id(item),), item.metadata.phone_number_id or self._accounts[0], "unsupported")

    def _id(self, item: Item) -> str:
        """The same whenever this is told again."""
        identity = item.data.get("id")
        if item.list not in ("messages", "message_echoes") or not named(identity):
            return f"{item.list if item.list != OTHER else item.field[:64]}:{item.print}"
        return f"message:{identity}"

    def _echo(self, item: Item) -> Iterator[Told]:
        """What we said ourselves, from the business app on a telephone."""
        yield Drop((self._id(item),), item.metadata.phone_number_id, "own_echo")

    def _other(self, item: Item) -> Iterator[Told]:
        yield Drop((self._id(item),), item.metadata.phone_number_id or self._accounts[0], "service")

    def _report(self, item: Item) -> Iterator[Told]:
        yield report(item.data)

    def _group(self, item: Item) -> Iterator[Told]:
        news = groups.read(item, self._channel, self._id(item))
        if news is not None:
            yield Arrived(self._ours(news, item.metadata), item.raw)

    def _renamed(self, item: Item) -> Iterator[Told]:
        """A user has another id from now on, with all of our numbers."""
        for old, new in moves.told(item.data):
            for account in self._accounts:
                yield Arrived(self._move(account, self._id(item), old, new), item.raw)

    def _message(self, item: Item) -> Iterator[Told]:
        message = convert(item.data, _Message)
        if message is None or not named(message.id):
            return
        if message.type == "system":
            yield from self._system(item, message)
            return
        sender = speaker(message.sender, message.from_user_id, item.contact)
        if message.sender and message.sender == digits(item.metadata.display_phone_number):
            yield Drop((self._id(item),), item.metadata.phone_number_id, "own_echo")
            return
        if sender is None:
            return
        kind, content = self._content(item, message)
        if message.edit is not None and "kind" in content.extra:
            return  # what it says now is not told
        sender, alias = self._known(item, sender)
        if alias is not None:
            yield Arrived(alias, item.raw)
        inbound = self._inbound(message, sender, content, item.metadata)
        yield Arrived(self._ours(kind(inbound), item.metadata), item.raw)

    def _content(self, item: Item, message: _Message) -> tuple[Callable[[Inbound], Inbound], Content]:
        """What is told, and what becomes of an ordinary message by its being an edit."""
        answered = message.context.id
        if message.revoke is not None:
            return _told_again("revoke", message.revoke.original_message_id), Content()
        if message.edit is None:
            return _as_it_is, _held(message.type, item.data, answered)
        inner = message.edit.message
        kind = str(inner.get("type"))
        return _told_again("edit", message.edit.original_message_id), _held(kind, inner, answered)

    def _inbound(self, message: _Message, sender: Sender, content: Content, metadata: Metadata) -> Inbound:
        group, context = message.group_id, message.context
        text, called = _addressed(content.text, context.sender, digits(metadata.display_phone_number))
        extra = dict(content.extra)
        if context.forwarded or context.frequently_forwarded:
            extra["forwarded"] = True
        if message.referral:
            extra["referral"] = message.referral
        return Inbound(
            channel=self._channel,
            account=metadata.phone_number_id,
            ids=(f"message:{message.id}",),
            kind=content.kind,
            address=Address(chat=group or sender.id, user=sender.id, place="group" if group else "dm"),
            sender=sender,
            text=text if group else content.text,
            files=content.files,
            addressed=not group or called,
            ref=content.ref or message.id,
            reply_to="" if content.kind == "button" else context.id,
            sent_at=moment(message.timestamp),
            extra=extra,
        )

    def _known(self, item: Item, sender: Sender) -> tuple[Sender, Inbound | None]:
        """The sender by the id we keep, and the news that this is somebody whom we may know by number only."""
        account, phone = item.metadata.phone_number_id, sender.profile.get("phone", "").removeprefix("+")
        if is_phone(sender.id):
            user = self._people.user(account, phone)
            return (replace(sender, id=user) if user else sender), None
        if not is_phone(phone) or not self._people.meet(account, phone, sender.id):
            return sender, None
        return sender, self._move(account, f"alias:{item.data['id']}", phone, sender.id)

    def _system(self, item: Item, message: _Message) -> Iterator[Told]:
        # Such a message may name the old number only; whose it was may be known.
        before = self._people.user(item.metadata.phone_number_id, message.sender)
        found = list(moves.of_system(item.data, before))
        for old, new in found:
            yield Arrived(self._move(item.metadata.phone_number_id, self._id(item), old, new), item.raw)
        if not found:
            yield Drop((self._id(item),), item.metadata.phone_number_id, "service")

    def _move(self, account: str, event: str, old: str, new: str) -> Inbound:
        """A user goes on under another id: one whom we write to alone, and in groups."""
        address = Address(chat=old, account=account if len(self._accounts) > 1 else "", user=old)
        return Inbound(
            channel=self._channel,
            account=account,
            ids=(f"{event}:{account}:{old}",),
            kind="migrate",
            address=address,
            addressed=False,
            extra={"from": old, "to": new},
        )

    def _ours(self, inbound: Inbound, metadata: Metadata) -> Inbound:
        """The address says which of our numbers it is with, where there are several."""
        if len(self._accounts) == 1:
            return inbound
        return replace(inbound, address=replace(inbound.address, account=metadata.phone_number_id))


def _held(kind: str, data: Mapping[str, Any], answered: str) -> Content:
    """The content under its type's name; of a type that nobody knows, or Meta does not pass on, only the name."""
    content = contents.read(kind, data.get(kind), answered)
    if content is not None:
        return content
    told = data.get(kind)
    named = str(told.get("type") or kind) if kind == "unsupported" and isinstance(told, dict) else kind
    return Content(extra={"kind": named[:64]})


def _as_it_is(inbound: Inbound) -> Inbound:
    return inbound


def _told_again(kind: Any, original: str) -> Callable[[Inbound], Inbound]:
    return lambda inbound: replace(inbound, kind=kind, ref=original)


def _addressed(text: str, answered: str, ours: str) -> tuple[str, bool]:
    """The text without our own number around it, and whether it is meant for us: it names us, or answers us."""
    bare = text.strip()
    if ours and f"@{ours}" in bare:
        mention = f"@{ours}"
        return bare.removeprefix(mention).removesuffix(mention).strip(" \t\r\n,:") or text, True
    return text, bool(ours and answered == ours) or bare.startswith("/")


def digits(number: str) -> str:
    """A number as it stands in ids: no plus, no spaces."""
    return "".join(letter for letter in number if letter.isascii() and letter.isdigit())


def moment(told: str | int) -> int:
    """Milliseconds of a time told in seconds; 0 when it is none."""
    seconds = int(told) if isinstance(told, int) or (told.isascii() and told.isdigit() and len(told) < 12) else 0
    return seconds * 1000 if 0 < seconds < 10**11 else 0
