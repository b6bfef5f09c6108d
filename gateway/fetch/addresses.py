"""Which addresses are on the public internet, by the registries of special-purpose addresses (RFC 6890)."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux takes 0.0.0.0 for loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata (100.100.100.200)
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's host agent, on a public address that only its own machines can reach
        "169.254.0.0/16",  # link-local, and with it the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays into 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Outside it are ::1, v4-mapped and v4-compatible addresses, fc00::/7, fe80::/10, multicast and all that is unassigned.
_UNICAST = IPv6Network("2000::/3")
_NOT_UNICAST = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address of anybody's choice is inside
        "3fff::/20",
    )
)
# Where there is only IPv6, DNS64 gives every IPv4 host an address in here: it is as public as the one inside.
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an address, as text, is one of the public internet; what is no address is not."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if ip.scope_id is not None:
            return False
        if ip not in _NAT64:
            return ip in _UNICAST and not any(ip in network for network in _NOT_UNICAST)
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    return not any(ip in network for network in _NOT_PUBLIC)
