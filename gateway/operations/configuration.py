"""The configuration of the running gateway: what became of its last reading, and another one on request."""

from typing import Any

from gateway.errors import Problem
from gateway.operations.office import Office, moment
from gateway.reloading import Reloaded


async def reload(office: Office) -> Any:
    """Read the files again. Raises `Problem` 409 with every mistake; nothing has changed then."""
    if office.reloading is None:
        raise Problem(409, "not_running", "no gateway is running here; it reads its configuration when it starts")
    found = await office.reloading.reload()
    if found.outcome == "rejected":
        raise Problem(409, "config_rejected", "\n".join(found.problems))
    return shown(found)


def shown(reloaded: Reloaded) -> Any:
    """What became of a reading, for operators."""
    return {
        "outcome": reloaded.outcome,
        "at": moment(reloaded.at),
        "changed": list(reloaded.changed),
        "later": list(reloaded.later),
        "problems": list(reloaded.problems),
    }
