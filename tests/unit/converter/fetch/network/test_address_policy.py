"""Addresses that only this machine or its link can mean."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from tflite_converter.fetch.network.address_policy import METADATA_SERVICES, refusal

NATIVE = ("127.0.0.1", "0.0.0.0", "169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200", "224.0.0.1")  # noqa: S104


def disguises(address: str) -> list[str]:
    """Write an IPv4 address in IPv6 in every way that there is."""
    number = int(IPv4Address(address))
    networks = ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::", "64:ff9b:1:7::")
    embedded = [int(IPv6Address(network)) | number for network in networks]
    shorter = [
        int(IPv6Address("64:ff9b:1::")) | number >> 16 << 64 | (number & 0xFFFF) << 40,
        int(IPv6Address("64:ff9b:1:7700::")) | number >> 24 << 64 | (number & 0xFF_FFFF) << 32,
        int(IPv6Address("64:ff9b:1:7777::")) | number << 24,
    ]
    # Of zeros alone nobody can tell where a prefix ends.
    shorter = shorter if number else shorter[:1]
    six_to_four = 0x2002 << 112 | number << 80 | 1
    teredo = 0x2001_0000 << 96 | int(IPv4Address("8.8.8.8")) << 64 | number ^ 0xFFFF_FFFF
    teredo_server = 0x2001_0000 << 96 | number << 64 | int(IPv4Address("8.8.8.8")) ^ 0xFFFF_FFFF
    isatap = [int(IPv6Address(f"2606:2800::{kind}:5efe:0:0")) | number for kind in ("0", "200")]
    return [str(IPv6Address(one)) for one in (*embedded, *shorter, six_to_four, teredo, teredo_server, *isatap)]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.1", "::1", "0.0.0.0", "0.1.2.3", "::"),  # noqa: S104 - an address to refuse
        *("169.254.169.254", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200"),
        *("224.0.0.1", "ff02::1", "255.255.255.255"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"),
        "no address",
    ],
)
def test_refused(address: str) -> None:
    assert refusal(address) is not None


@pytest.mark.parametrize("address", NATIVE)
def test_an_address_is_refused_in_ipv6_dress_too(address: str) -> None:
    assert refusal(address) is not None
    assert [one for one in disguises(address) if refusal(one) is None] == []


def test_an_address_that_is_allowed_is_allowed_in_ipv6_dress_too() -> None:
    assert [one for one in (*disguises("93.184.216.34"), *disguises("10.0.0.1")) if refusal(one) is not None] == []


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"),  # Amazon
        *("fd20:ce::254", "168.63.129.16", "192.0.0.192", "fd00:c1::a9fe:a9fe"),  # Google, Azure, Oracle
        *("100.100.100.200", "fd00:42::42", "169.254.42.42", "fd00:a9fe:a9fe::1", "fe80::a9fe:a9fe", "100.96.0.96"),
    ],
)
def test_the_metadata_services_of_the_clouds_are_refused(address: str) -> None:
    assert refusal(address) is not None


def test_each_metadata_service_is_named_as_one() -> None:
    assert {refusal(str(address)) for address in METADATA_SERVICES} == {"is a cloud's metadata service"}


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "10.0.0.1", "192.168.1.1", "fd12::1", "2002:5db8:d822::1"]
)
def test_allowed(address: str) -> None:
    assert refusal(address) is None
