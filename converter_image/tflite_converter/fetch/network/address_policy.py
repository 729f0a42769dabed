"""Which network addresses an untrusted handle may lead to."""

import ipaddress
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from tflite_api import urls

METADATA_SERVICES: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            *("fd00:ec2::254", "fd00:ec2::23"),  # Amazon EC2, and the Pod Identity agent of EKS
            "fd20:ce::254",  # Google Cloud
            "168.63.129.16",  # Azure: the host that an agent gets certificates and extensions from
            *("192.0.0.192", "fd00:c1::a9fe:a9fe"),  # Oracle Cloud
            "100.100.100.200",  # Alibaba Cloud
            "fd00:42::42",  # Scaleway
            "fd00:a9fe:a9fe::1",  # Akamai (Linode)
            "100.96.0.96",  # Volcano Engine
        ),
    )
)
"""Those that are not link-local, as 169.254.169.254 is, which most clouds have."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
"""For local use (RFC 8215): behind the prefix is the IPv4 address, or more of the prefix (RFC 6052)."""
_NAT64_PREFIXES: Final = (48, 56, 64)
"""How long it may be beside 96 bits."""
_BELOW: Final = (1 << 56) - 1
"""The bits behind the octet of zeros that divides an address (bits 64 to 71)."""
_LAST: Final = (
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible (RFC 4291)
    ipaddress.IPv6Network("::ffff:0:0/96"),  # IPv4-mapped (the same)
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 7915)
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64's well-known prefix (RFC 6052)
)
"""Networks of addresses whose last 32 bits are an IPv4 address, which a gateway or this machine reaches for them."""
EMBEDDING: Final = (
    *_LAST,
    _NAT64,
    ipaddress.IPv6Network("2002::/16"),  # 6to4 (RFC 3056)
    ipaddress.IPv6Network("2001::/32"),  # Teredo (RFC 4380)
)
"""All networks of addresses that mean an IPv4 address."""
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""Before an IPv4 address at the end of an address of any network (RFC 5214)."""
_PORTS: Final = {"http": 80, "https": 443}
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
    meant = [address, *(_embedded(address) if isinstance(address, IPv6Address) else ())]
    return next((why for one in meant for why, holds in _checks(one).items() if holds), None)


def refused_meaning(url: str) -> str | None:
    """Return which refused address the host of an http(s) URL resolves to, and why it is refused, or None.

    A name that is not known here means none: whoever connects says so.
    """
    parts = urls.split(url)
    if parts is None:
        return None
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or _PORTS.get(parts.scheme), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return None
    reasons = ((address, refusal(address)) for address in (str(one[4][0]) for one in found))
    return next((f"{address}, which {why}" for address, why in reasons if why is not None), None)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address may mean, by any way of writing one in the other."""
    number = int(address)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64:
        yield _behind_a_prefix(number)
    elif any(address in network for network in _LAST) or (number >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFF_FFFF)


def _behind_a_prefix(number: int) -> IPv4Address:
    """Return the IPv4 address that follows the shortest prefix behind which there is nothing else but zeros."""
    without_octet = number >> 64 << 56 | number & _BELOW
    rests = (120 - 32 - length for length in _NAT64_PREFIXES)
    rest = next((rest for rest in rests if not without_octet & ((1 << rest) - 1)), 0)
    return IPv4Address(without_octet >> rest & 0xFFFF_FFFF)


def _checks(address: IPv4Address | IPv6Address) -> dict[str, bool]:
    return {
        "is a loopback address": address.is_loopback,
        "is a link-local address": address.is_link_local,
        "is a cloud's metadata service": address in METADATA_SERVICES,
        "is an unspecified address": address.is_unspecified or (address.version == 4 and address in _THIS_HOST),
        "is a multicast address": address.is_multicast,
        "is a broadcast address": str(address) == "255.255.255.255",
    }
