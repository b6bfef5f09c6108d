"""What a store on a server is asked to do, and which of it can be done together."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from gateway.db import Tx, subject

Outcome = tuple[bool, Any]
"""Whether it went well, and the result or the error."""


class Job(NamedTuple):
    """A transaction, what it is known by, what it is about (None: nobody knows), and who waits for it."""

    start: Callable[[], Tx[Any]]
    kind: object
    about: Hashable
    done: "asyncio.Future[Any]"

    def settle(self, outcome: Outcome) -> None:
        if self.done.cancelled():
            return
        well, value = outcome
        if well:
            self.done.set_result(value)
        else:
            self.done.set_exception(value)
            self.done.exception()  # the caller may be gone; a write that failed alone is no unhandled error


def job(tx: Callable[..., Tx[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
    """A transaction that somebody on this loop waits for."""
    kind = getattr(tx, "__code__", tx)  # a function that is made anew for each call is the same transaction
    done = asyncio.get_running_loop().create_future()
    return Job(lambda: tx(*args, **kwargs), kind, subject(tx, args, kwargs), done)


def in_groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs, in their order, parted into what can be run in step: those of one kind that are about different things.

    What nobody knows the subject of stands alone: what was asked before it comes before it, and what after, after.
    """
    groups: list[dict[Hashable, Job]] = []
    joining: dict[object, dict[Hashable, Job]] = {}
    for one in jobs:
        if one.about is None:
            groups.append({None: one})
            joining = {}
            continue
        members = joining.get(one.kind)
        if members is None or one.about in members:
            members = joining[one.kind] = {}
            groups.append(members)
        members[one.about] = one
    return [list(members.values()) for members in groups]
