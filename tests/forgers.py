"""Forgers: what they make of authentic letters, and how they fare with them."""

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.forging import BEARER, OTHER, Door, House, Letter

DEEP = b"[" * 100_000
REFUSED = {400, 401, 403, 404, 405, 413, 415, 422, 429, 431}


class Forger:
    """Does everything in the loop of one house."""

    def __init__(self, runner: asyncio.Runner, house: House) -> None:
        self._runner, self.house = runner, house

    def does(self, work: Any) -> Any:
        return self._runner.run(work)

    def refused(self, letter: Letter, what: str) -> int:
        """That a letter is refused, and nothing of it kept."""
        before = self.does(self.house.taken())
        status = int(self.does(self.house.post(letter)))
        assert status in REFUSED, f"{what}: {status}"
        assert self.does(self.house.taken()) == before, what
        return status

    def taken(self, letter: Letter) -> int:
        """How many entries of the inbox a letter makes; it is answered well."""
        before: int = self.does(self.house.taken())[0]
        status = self.does(self.house.post(letter))
        assert 200 <= status < 300, status
        now: int = self.does(self.house.taken())[0]
        return now - before


def forgeries(door: Door, good: Letter, other: Letter) -> Iterator[tuple[str, Letter]]:
    """What can be made of an authentic letter, and of another one, by somebody who does not know the secret."""
    bare = {name: value for name, value in good.headers.items() if name not in door.proof}
    yield "unsigned", good._replace(headers=bare)
    yield "unsigned, from ourselves", good._replace(headers={**bare, "x-forwarded-for": "127.0.0.1"})
    yield "unsigned and deep", good._replace(headers=bare, body=DEEP)
    for header in door.proof:
        proof = good.headers[header]
        for name, value in {
            "missing": None,
            "empty": "",
            "cut short": proof[:-1],
            "longer": f"{proof}x",
            "twice": f"{proof}, {proof}",
            "in other letters": proof.swapcase() if header != BEARER else f"Bearer {proof[7:].swapcase()}",
            "not ASCII": "\xe9" * len(proof),
            "of digits": "9" * 5000,
            "a wildcard": "*",
            "none": "none",
        }.items():
            if value == proof:  # digits have no other case
                continue
            rest = {name: held for name, held in good.headers.items() if name != header}
            forged = rest if value is None else {**rest, header: value}
            yield f"{header} {name}", good._replace(headers=forged)
            yield f"{header} {name}, and no body", good._replace(headers=forged, body=b"")
    yield "by somebody else", door.letter("forged", OTHER)
    if door.covers:
        for name, body in {
            "another's": other.body,
            "none": b"",
            "cut": good.body[:-1],
            "longer": good.body + b" ",
            "twice": good.body * 2,
            "deep": DEEP,
            "other words": good.body.replace(b"hello", b"HELLO"),
        }.items():
            yield f"body {name}", good._replace(body=body)


class Move(NamedTuple):
    """What is done to some bytes: at a place (counted round and round) so many go, and others come."""

    at: int
    gone: int
    come: bytes

    def make(self, data: bytes) -> bytes:
        at = self.at % len(data)
        return data[:at] + self.come + data[at + self.gone :]


PLACE = st.integers(0, 9999)
MOVES = st.one_of(
    st.builds(Move, PLACE, st.just(1), st.binary(min_size=1, max_size=1)),
    st.builds(Move, PLACE, st.just(0), st.binary(min_size=1, max_size=3)),
    st.builds(Move, PLACE, st.just(1), st.just(b"")),
    st.builds(Move, PLACE, st.just(1 << 20), st.just(b"")),
)
