"""Going everywhere: every order of small steps from a beginning, each state once."""

from collections.abc import Callable, Iterator
from typing import Protocol, Self

from tests.store import Store


class World(Protocol):
    """A state of things, of which the store holds a part: where it can go from here, and what tells it from others."""

    def steps(self, store: Store) -> Iterator[tuple[str, Callable[[], Self]]]: ...

    def likeness(self, store: Store) -> object: ...

    def check(self, store: Store) -> None: ...


def explore(store: Store, start: World) -> int:
    """Go everywhere once. Returns the number of states; fails with the way to the first bad one."""
    seen = {start.likeness(store)}

    def go_on(here: World, way: tuple[str, ...]) -> None:
        for name, step in list(here.steps(store)):
            with store.tried():
                there = step()
                like = there.likeness(store)
                if like in seen:
                    continue
                seen.add(like)
                try:
                    with store.tried():
                        there.check(store)
                except AssertionError as error:
                    raise AssertionError(" > ".join([*way, name])) from error
                go_on(there, (*way, name))

    go_on(start, ())
    return len(seen)
