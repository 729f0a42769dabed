"""Which network addresses an untrusted handle may lead to."""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urlsplit

_METADATA_SERVICES: Final = frozenset(
    {
        ipaddress.ip_address("fd00:ec2::254"),  # AWS over IPv6: not a link-local address
        ipaddress.ip_address("100.100.100.200"),  # Alibaba Cloud
    }
)
_PORTS: Final = {"http": 80, "https": 443}
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64's well-known prefix (RFC 6052): the last 32 bits are the IPv4 address that is reached."""
_THIS_HOST: Final = ipaddress.IPv4Network("0.0.0.0/8")
"""RFC 1122: this host on this network; Linux connects 0.0.0.0 to itself."""


def refusal(text: str) -> str | None:
    """Return why an address must not be connected to, or None if it may be.

    Refused are addresses that only this machine or its link can mean: loopback, link-local (cloud metadata services
    live there), unspecified, multicast and broadcast, in IPv6 dress too. Private networks are allowed: a Hub server
    inside the cluster is an ordinary thing.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return "is no IP address"
    if isinstance(address, IPv6Address):
        address = _embedded(address) or address
    return next((why for why, holds in _checks(address).items() if holds), None)


def refused_meaning(url: str) -> str | None:
    """Return which refused address the host of an http(s) URL resolves to, and why it is refused, or None.

    A name that is not known here means none: whoever connects says so.
    """
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or _PORTS.get(parts.scheme), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return None
    reasons = ((address, refusal(address)) for address in (str(one[4][0]) for one in found))
    return next((f"{address}, which {why}" for address, why in reasons if why is not None), None)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _checks(address: IPv4Address | IPv6Address) -> dict[str, bool]:
    return {
        "is a loopback address": address.is_loopback,
        "is a link-local address": address.is_link_local,
        "is a cloud's metadata service": address in _METADATA_SERVICES,
        "is an unspecified address": address.is_unspecified or (address.version == 4 and address in _THIS_HOST),
        "is a multicast address": address.is_multicast,
        "is a broadcast address": str(address) == "255.255.255.255",
    }
