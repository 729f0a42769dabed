"""Addresses that are free, and firewall rules that are ours."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.isolation.network import Addresses, choose, firewall_rules, marked_rules, taken_ranges

ROUTES = """[{"dst":"default","gateway":"192.0.2.1","dev":"eth0"},{"dst":"10.212.0.0/16","dev":"tfl-x"},
{"type":"local","dst":"10.215.0.7","table":"local"}]"""


def test_first_pair_when_nothing_is_taken() -> None:
    assert choose([]) == Addresses(IPv4Network("10.212.0.0/16"), IPv4Network("10.213.0.0/16"))


def test_pair_is_skipped_when_either_half_is_taken() -> None:
    taken = taken_ranges(ROUTES, "search x\nnameserver 10.216.3.4\nnameserver fe80::1%eth0\n# nameserver 10.218.0.1\n")
    assert choose(taken).pods == IPv4Network("10.218.0.0/16")


def test_two_checkouts_get_different_addresses() -> None:
    first = choose([])
    second = choose([first.pods, first.services])
    assert not {first.pods, first.services} & {second.pods, second.services}


def test_says_so_when_everything_is_taken() -> None:
    with pytest.raises(DevError, match="every address range"):
        choose([IPv4Network("10.0.0.0/8")])


def test_only_rules_with_our_mark_are_deleted() -> None:
    saved = """-P FORWARD ACCEPT
-A FORWARD -i docker0 -j ACCEPT
-A FORWARD -i tfl-1 -m comment --comment "tflite-operator-dev:11111111" -j ACCEPT
-A FORWARD -i tfl-2 -m comment --comment "tflite-operator-dev:22222222" -j ACCEPT
-N tflite-operator-dev:11111111
"""
    found = marked_rules(saved, "tflite-operator-dev:11111111")
    comment = ["-m", "comment", "--comment", "tflite-operator-dev:11111111"]
    assert found == [["-D", "FORWARD", "-i", "tfl-1", *comment, "-j", "ACCEPT"]]


def test_every_rule_carries_our_mark() -> None:
    checkout = Checkout(Path("/c"))
    rules = firewall_rules(checkout, choose([]))
    assert rules
    assert all(checkout.mark in rule.words for rule in rules)
