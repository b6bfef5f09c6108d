"""Routes that change what is kept of a session or a participant: their values have shapes, and come in a JSON body."""

from typing import Any

from gateway.admin.query import Asked
from gateway.errors import Problem
from gateway.operations import ending, labels, profiles
from gateway.operations.office import Office


async def resolve(office: Office, asked: Asked) -> Any:
    """`{resolved}`: whether a conversation has done its work."""
    resolved = asked.query.data("resolved")
    asked.query.done()
    if type(resolved) is not bool:
        raise Problem(400, "bad_parameter", "resolved is true or false, in a JSON body")
    return await ending.resolve(office, asked.names["session"], resolved)


async def label(office: Office, asked: Asked) -> Any:
    """`{tags, metadata}` of a session."""
    given = labels.read(*(asked.query.data(name) for name in ("tags", "metadata")))
    asked.query.done()
    return await labels.label(office, asked.names["session"], given)


async def profile(office: Office, asked: Asked) -> Any:
    """`{set, unset, append, increment}` for what a bot keeps about somebody."""
    changes = profiles.read(*(asked.query.data(name) for name in ("set", "unset", "append", "increment")))
    asked.query.done()
    return await profiles.change(office, asked.names["participant"], changes)
