"""The guard at the connection: addresses are judged after the name was resolved, and again when connecting."""

import socket
from collections.abc import Callable

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

Public = Callable[[str], bool]


class NotPublic(OSError):
    """An address that strangers may not send us to."""


class GuardedResolver(AbstractResolver):
    """Answers only for names all of whose addresses are public: one that has others too is a trap, or a mistake."""

    def __init__(self, resolver: AbstractResolver, public: Public) -> None:
        self._resolver, self._public = resolver, public

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for answer in found:
            if not self._public(answer["host"]):
                raise NotPublic(f"{host} resolves to {answer['host']}")
        return found

    async def close(self) -> None:
        await self._resolver.close()


def guarded_sockets(public: Public) -> Callable[[AddrInfoType], socket.socket]:
    """Makes the socket of every connection, to names and to literal addresses. Raises `NotPublic`."""

    def make(address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = address
        if not public(str(where[0])):
            raise NotPublic(f"{where[0]} is not public")
        return socket.socket(family, kind, protocol)

    return make
