"""News of groups: made and dissolved, who comes and goes, what is set."""

from typing import Any

import msgspec

from adapters.whatsapp.people import named
from adapters.whatsapp.wire import Item, convert
from gateway.message import Address, Inbound, Kind


class _Group(msgspec.Struct, frozen=True):
    group_id: str
    type: str = ""
    errors: tuple[dict[str, Any], ...] = ()


# All groups are made by the business, so that a new one is one where we are.
_KINDS: dict[str, Kind] = {"group_create": "added", "group_delete": "removed"}
_TOLD = {
    *("type", "subject", "description", "reason", "join_approval_mode", "errors", "initiated_by", "wa_id", "user_id"),
    *("added_participants", "removed_participants", "failed_participants"),
    *("profile_picture", "group_subject", "group_description"),
}


def read(item: Item, channel: str, event: str) -> Inbound | None:
    """One piece of news; None when it names no group, as when one could not be made."""
    group = convert(item.data, _Group)
    if group is None or not named(group.group_id):
        return None
    kind = "service" if group.errors else _KINDS.get(group.type, "service")
    return Inbound(
        channel=channel,
        account=item.metadata.phone_number_id,
        ids=(event,),
        kind=kind,
        address=Address(chat=group.group_id, place="group"),
        addressed=False,
        extra={"service": item.field, **{key: held for key, held in item.data.items() if key in _TOLD}},
    )
