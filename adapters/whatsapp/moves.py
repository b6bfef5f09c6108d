"""Users who go on under another id: after a change of their number, or of their user id."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from adapters.whatsapp.people import is_phone, named
from adapters.whatsapp.wire import convert

_TYPES = ("user_changed_number", "customer_changed_number", "user_changed_user_id")
_BODY = re.compile(r" changed from (\S{1,256}) to (\S{1,256})$")


class _Ids(msgspec.Struct, frozen=True):
    previous: str = ""
    current: str = ""


class _Update(msgspec.Struct, frozen=True):
    user_id: _Ids = _Ids()


class _System(msgspec.Struct, frozen=True):
    """`wa_id` (once `new_wa_id`) is the new number, `user_id` the new user id; either may be missing."""

    type: str = ""
    body: str = ""
    wa_id: str = ""
    new_wa_id: str = ""
    user_id: str = ""
    previous_user_id: str = ""
    customer: str = ""


class _Message(msgspec.Struct, frozen=True):
    sender: str = msgspec.field(default="", name="from")
    from_user_id: str = ""
    system: _System = _System()


def told(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """From what id to what id, by a webhook of its own."""
    update = convert(data, _Update)
    if update is not None:
        yield from _changes([update.user_id.previous], update.user_id.current)


def of_system(data: Mapping[str, Any], known: str = "") -> Iterator[tuple[str, str]]:
    """The same by a system message in the chat; `known` is who is known to have had its number. Nothing when it tells
    of something else.
    """
    message = convert(data, _Message)
    if message is None or message.system.type not in _TYPES:
        return
    system = message.system
    in_words = _BODY.search(system.body)
    new = system.user_id or system.wa_id or system.new_wa_id or (in_words[2] if in_words else "")
    before = [known, system.previous_user_id, message.from_user_id, system.customer, message.sender]
    # Only the sentence holds the old user id, where a user id has changed.
    if in_words and system.type == "user_changed_user_id":
        before.append(in_words[1])
    yield from _changes(before, new)


def _changes(before: list[str], new: str) -> Iterator[tuple[str, str]]:
    if not named(new):
        return
    for old in dict.fromkeys(before):
        # A user id is kept over a change of the number: never back from it to a number.
        if named(old) and old != new and (is_phone(old) or not is_phone(new)):
            yield old, new
