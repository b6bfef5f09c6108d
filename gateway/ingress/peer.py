"""Who calls: the address of the client, as far as proxies that the operator trusts vouch for it."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

Network = IPv4Network | IPv6Network
HOPS = 20  # entries of X-Forwarded-For looked at; longer chains are made up


def peer(request: web.BaseRequest, trusted: Sequence[Network]) -> str:
    """The client's address, "" where there is none (Unix sockets).

    That is the right-most one of X-Forwarded-For which is no trusted proxy: all further left is the client's own word.
    """
    name = request.transport.get_extra_info("peername") if request.transport is not None else None
    here = name[0] if isinstance(name, tuple) and name else ""
    if not trusted or not _is_trusted(_address(here), trusted):
        return here
    told = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for entry in reversed(told[-HOPS:]):
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
