"""Who calls: the address of the client, as far as proxies that the operator trusts vouch for it."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

Network = IPv4Network | IPv6Network
HOPS = 20  # entries of X-Forwarded-For looked at; longer chains are made up


def peer(request: web.BaseRequest, trusted: Sequence[Network]) -> str:
    """The address of a request's client, "" where there is none (Unix sockets)."""
    here = caller(request.transport)
    return client(here, ",".join(request.headers.getall("X-Forwarded-For", ())), trusted) if trusted else here


def caller(transport: asyncio.BaseTransport | None) -> str:
    """The address at the other end of a connection: a client's, or a proxy's."""
    name = transport.get_extra_info("peername") if transport is not None else None
    return name[0] if isinstance(name, tuple) and name else ""


def client(here: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Who stands behind a caller: the right-most address of X-Forwarded-For that is no trusted proxy.

    All further left is the client's own word.
    """
    if not trusted or not _is_trusted(_address(here), trusted):
        return here
    for entry in reversed(forwarded.split(",")[-HOPS:]):
        address = _address(entry.strip())
        if address is None:
            break
        here = str(address)
        if not _is_trusted(address, trusted):
            break
    return here


def household(peer: str) -> str:
    """What limits are counted by: an IPv4 address, or the /64 network that one IPv6 customer has for themselves."""
    address = _address(peer)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return peer


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, whether or not a port stands behind it; IPv4 written as IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address: IPv4Address | IPv6Address | None, trusted: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in trusted)
