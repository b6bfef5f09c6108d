"""The envelope of a webhook: `entry[].changes[]`, each with what happened under a field's name."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec
import orjson

from adapters.whatsapp.people import Contact, named
from gateway.mending import loads

T = TypeVar("T")
Contacted = Mapping[str, Any]


class Metadata(msgspec.Struct, frozen=True):
    """Which of our numbers it happened to."""

    phone_number_id: str = ""
    display_phone_number: str = ""


class Item(NamedTuple):
    """One thing that a webhook tells of, with the frame it stood in."""

    field: str  # the webhook field, as `messages`
    list: str  # the list it stood in, as `statuses`
    data: Mapping[str, Any]
    metadata: Metadata
    contact: Contact  # whom it is about, as far as is told
    raw: bytes  # a webhook as if it told of this one thing alone

    @property
    def print(self) -> str:
        """A name for what has no id of its own: the same when it is told again."""
        told = orjson.dumps(self.data, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(told).hexdigest()[:32]


_ABOUT = ("from_user_id", "from", "recipient_participant_user_id", "recipient_user_id", "recipient_id")

# The list that each field tells in. What else Meta tells of is no conversation: `OTHER`.
LISTS: dict[str, tuple[str, ...]] = {
    "messages": ("messages", "statuses"),
    "smb_message_echoes": ("message_echoes",),
    "message_echoes": ("message_echoes",),
    "user_id_update": ("user_id_update",),
    "group_lifecycle_update": ("groups",),
    "group_participants_update": ("groups",),
    "group_settings_update": ("groups",),
    "group_status_update": ("groups",),
}

OTHER = "other"


def parse(body: bytes) -> Mapping[str, Any] | None:
    """The JSON object that a body is; None when it is none."""
    data = loads(body)
    return data if isinstance(data, dict) else None


def items(webhook: Mapping[str, Any], body: bytes) -> list[Item]:
    """All that a webhook tells of, in its order. `body` are the bytes it came as."""
    found: list[Item] = []
    for entry in _objects(webhook.get("entry")):
        for change in _objects(entry.get("changes")):
            found += _told(entry, change)
    return [found[0]._replace(raw=body)] if len(found) == 1 else found


def _told(entry: Mapping[str, Any], change: Mapping[str, Any]) -> Iterator[Item]:
    field, value = change.get("field"), change.get("value")
    if not isinstance(field, str) or not isinstance(value, dict):
        return
    metadata = convert(value.get("metadata") or {}, Metadata) or Metadata()
    people = list(_objects(value.get("contacts")))
    known = {person[key]: person for key in ("wa_id", "user_id") for person in people if named(person.get(key))}
    frame = {key: held for key, held in value.items() if key not in (*LISTS.get(field, ()), "contacts")}
    names = LISTS.get(field, ())
    if not any(value.get(name) for name in names):
        yield Item(field, OTHER, value, metadata, Contact(), b"")
    for name in names:
        for data in _objects(value.get(name)):
            person = _person(data, known, people)
            alone = {**frame, **({"contacts": [person]} if person else {}), name: [data]}
            whole = {"id": entry.get("id"), "changes": [{"value": alone, "field": field}]}
            raw = orjson.dumps({"object": "whatsapp_business_account", "entry": [whole]})
            yield Item(field, name, data, metadata, convert(person, Contact) or Contact(), raw)


def _person(data: Contacted, known: Mapping[str, Contacted], people: list[Contacted]) -> Contacted:
    """The contact that a message or status is about.

    A number may be written otherwise there, as in Mexico and Brazil: where there is but one contact, it is meant.
    """
    for key in _ABOUT:
        identity = data.get(key)
        if isinstance(identity, str) and identity in known:
            return known[identity]
    return people[0] if len(people) == 1 else {}


def _objects(held: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(held, list):
        yield from (one for one in held if isinstance(one, dict))


def convert(data: Any, kind: type[T]) -> T | None:
    """A shape from plain data, in which nothing may also be said by null; None when it is malformed."""
    for nulls in (True, False):
        try:
            return msgspec.convert(data if nulls else _without_nulls(data), kind)
        except (msgspec.ValidationError, RecursionError):
            continue
    return None


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nulls(held) for key, held in data.items() if held is not None}
    if isinstance(data, list):
        return [_without_nulls(held) for held in data if held is not None]
    return data
