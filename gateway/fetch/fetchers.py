"""The fetchers of a process, and its way to services whose address the operator wrote down himself."""

from collections.abc import Iterable

import aiohttp

from gateway.fetch.fetcher import Fetcher
from gateway.fetch.rules import Host, Rules


class Fetchers:
    """Made when they are first needed, closed together."""

    def __init__(self) -> None:
        self._made: dict[frozenset[Host], Fetcher] = {}
        self._services: aiohttp.ClientSession | None = None

    def among(self, hosts: Iterable[Host]) -> Fetcher:
        """Fetches from the public internet, and from these hosts wherever they are."""
        named = frozenset(hosts)
        if named not in self._made:
            self._made[named] = Fetcher(Rules(allow=named))
        return self._made[named]

    @property
    def services(self) -> aiohttp.ClientSession:
        """For addresses of the operator's own: no proxy of the environment, no cookie."""
        if self._services is None:
            self._services = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._services

    async def close(self) -> None:
        for fetcher in self._made.values():
            await fetcher.close()
        self._made.clear()
        if self._services is not None:
            await self._services.close()
            self._services = None
