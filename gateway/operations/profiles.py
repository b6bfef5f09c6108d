"""What a bot keeps about a participant, changed from outside: the same four changes that a bot has."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway import participants
from gateway.db import Tx
from gateway.errors import Problem
from gateway.operations.office import Office
from gateway.operations.participants import existing
from gateway.participants import LARGEST_DATA, DataChange


def read(set: Any, unset: Any, append: Any, increment: Any) -> DataChange:
    """A change as somebody gave it. Raises `Problem` 400 when it is none."""
    for name, given in (("set", set), ("append", append), ("increment", increment)):
        if not isinstance(given, dict | None):
            raise Problem(400, "bad_change", f"{name} is an object of names and values")
    if not isinstance(unset, list | None) or not all(isinstance(name, str) for name in unset or ()):
        raise Problem(400, "bad_change", "unset is a list of names")
    if not all(type(step) in (int, float) for step in (increment or {}).values()):
        raise Problem(400, "bad_change", "increment is an object of names and numbers")
    return DataChange(set or {}, tuple(unset or ()), append or {}, increment or {})


async def change(office: Office, participant: str, changes: DataChange) -> Any:
    """Change the data, all or nothing; they are in the next turn. Raises `Problem` 404, 400, and 413 over 256 KB."""
    data = await office.corridor.db.write(_change, participant, changes, office.now())
    office.corridor.memory.forget_participant(participant)
    return {"participant": participant, "data": data}


def _change(participant: str, changes: DataChange, now: int) -> Tx[Mapping[str, Any]]:
    yield from existing(participant)
    if not (yield from participants.change(participant, changes, now)):
        raise Problem(413, "data_too_large", f"a participant's data may hold at most {LARGEST_DATA} bytes of JSON")
    known = yield from existing(participant)
    data: Mapping[str, Any] = orjson.loads(known.data)
    return data
