"""A small world for fetching: a public host, an internal one, names for both, and a fetcher between them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from gateway.errors import FetchFailed, FetchRefused
from gateway.fetch import Caps, Fetcher, Host, Rules
from gateway.fetch.addresses import is_public
from tests.far.strangers import Names, Page, Stranger, answer, stranger

OUTSIDE = "127.77.0.1"  # stands for a public address where the test has no network of its own
INSIDE = "127.0.0.1"


def public(address: str) -> bool:
    return address == OUTSIDE or is_public(address)


async def reason(fetcher: Fetcher, url: str, caps: Caps | None = None) -> str:
    try:
        async with fetcher.open(url, caps or Caps()) as download:
            return f"fetched {len(await download.read())}"
    except FetchRefused as error:
        return error.reason
    except FetchFailed:
        return "failed"


class World:
    """A public host that has the names a, b and c.example, an internal one, and a fetcher."""

    def __init__(self, out: Stranger, inside: Stranger, names: Names, fetcher: Fetcher) -> None:
        self.out, self.inside, self.names, self.fetcher = out, inside, names, fetcher

    def at(self, path: str, name: str = "a.example") -> str:
        return f"http://{name}:{self.out.port}{path}"

    def within(self, path: str) -> str:
        return f"http://store.internal:{self.inside.port}{path}"

    async def ask(self, path: str, caps: Caps | None = None) -> str:
        return await reason(self.fetcher, self.at(path), caps)


@asynccontextmanager
async def world(pages: Mapping[str, Page], **names: str | list[str]) -> AsyncIterator[World]:
    known = dict.fromkeys(("a.example", "b.example", "c.example"), OUTSIDE)
    async with stranger(OUTSIDE, pages) as out, stranger(INSIDE, {"/": answer(200, b"secret")}) as inside:
        table = Names({**known, "store.internal": INSIDE, "trap.example": INSIDE, **names})
        rules = Rules([Host("store.internal", inside.port)], (out.port, inside.port), public)
        fetcher = Fetcher(rules, table)
        try:
            yield World(out, inside, table, fetcher)
        finally:
            await fetcher.close()
