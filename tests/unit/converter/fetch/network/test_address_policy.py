"""Addresses that only this machine or its link can mean."""

import pytest

from tflite_converter.fetch.network.address_policy import refusal


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


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "10.0.0.1", "192.168.1.1", "fd12::1"])
def test_allowed(address: str) -> None:
    assert refusal(address) is None
