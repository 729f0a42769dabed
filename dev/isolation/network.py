"""The cluster's network: a bridge inside its namespace, and a cable from the machine to it.

The machine reaches pods, Services, the API server, S3 and the Hub over the cable; pods reach the machine's own
network through it. Nothing listens on an address that the outside could reach.
"""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_network
from pathlib import Path

from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.isolation.namespaces import Namespaces

BRIDGE = "cluster0"
_BRIDGE_MAC = "02:00:00:00:00:01"
"""Locally administered. A bridge without an address of its own takes the lowest of its ports', another one whenever
such a pod comes or goes: pods that remember the old one then do not reach the node for up to half a minute."""
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


@dataclass(frozen=True)
class Addresses:
    """The two ranges of a cluster; every other address follows from them."""

    pods: IPv4Network
    services: IPv4Network

    @property
    def node(self) -> IPv4Address:
        """Address of the bridge: the node, the API server, S3 and the Hub."""
        return self.pods[1]

    @property
    def machine(self) -> IPv4Address:
        """Address of the machine's end of the cable."""
        return self.pods[-2]

    @property
    def api_service(self) -> IPv4Address:
        """Address at which pods find the API server."""
        return self.services[1]

    def to_json(self) -> dict[str, str]:
        """Return what a record keeps."""
        return {"pods": str(self.pods), "services": str(self.services)}

    @classmethod
    def from_json(cls, data: dict[str, str]) -> "Addresses":
        """Read a record."""
        return cls(IPv4Network(data["pods"]), IPv4Network(data["services"]))


def choose(taken: Iterable[IPv4Network]) -> Addresses:
    """Return the first pair of private ranges that overlaps nothing the machine uses."""
    used = list(taken)
    for second in range(212, 252, 2):
        pods, services = IPv4Network(f"10.{second}.0.0/16"), IPv4Network(f"10.{second + 1}.0.0/16")
        if not any(pods.overlaps(other) or services.overlaps(other) for other in used):
            return Addresses(pods, services)
    raise DevError("the machine uses every address range from 10.212.0.0 to 10.251.255.255")


def taken_ranges(routes: str, resolv_conf: str) -> list[IPv4Network]:
    """Read the ranges in use from `ip -json route` and the addresses of the machine's name servers."""
    named = [str(route["dst"]) for route in json.loads(routes or "[]") if route["dst"] != "default"]
    for line in resolv_conf.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"]:
            named += words[1:2]
    networks = (ip_network(name.split("%")[0], strict=False) for name in named)
    return [network for network in networks if isinstance(network, IPv4Network)]


def find_free() -> Addresses:
    """Return addresses that this machine does not use now."""
    routes = _run("ip", "-json", "-4", "route", "show", "table", "all")
    return choose(taken_ranges(routes, Path("/etc/resolv.conf").read_text()))


def connect(checkout: Checkout, namespaces: Namespaces, addresses: Addresses) -> None:
    """Lay the cable and build the bridge."""
    inside, length = namespaces.command, addresses.pods.prefixlen
    first, machine_end, node_end = str(namespaces.first.pid), checkout.interface, "machine0"
    _run("ip", "link", "add", machine_end, "type", "veth", "peer", "name", node_end, "netns", first)
    _run(*inside("ip", "link", "add", BRIDGE, "address", _BRIDGE_MAC, "type", "bridge"))
    _run(*inside("ip", "address", "add", f"{addresses.node}/{length}", "dev", BRIDGE))
    _run(*inside("ip", "link", "set", node_end, "master", BRIDGE, "up"))
    _run(*inside("ip", "link", "set", BRIDGE, "up"))
    _run("ip", "address", "add", f"{addresses.machine}/{length}", "dev", machine_end)
    _run("ip", "link", "set", machine_end, "up")
    _run("ip", "route", "add", str(addresses.services), "via", str(addresses.node))
    _run(*inside("ip", "route", "add", "default", "via", str(addresses.machine)))
    _run(*inside("sh", "-c", f"echo 1 > {FORWARDING}"))


def open_way_out(checkout: Checkout, addresses: Addresses) -> bool:
    """Let pods reach what the machine reaches; return whether the machine's forwarding had to be switched on."""
    for rule in firewall_rules(checkout, addresses):
        _run("iptables", "--wait", *rule.table, "--insert", *rule.words)
    was_on = FORWARDING.read_text().strip() == "1"
    if not was_on:
        FORWARDING.write_text("1")
    return not was_on


@dataclass(frozen=True)
class Rule:
    """One rule of the machine's firewall."""

    table: tuple[str, ...]
    words: tuple[str, ...]


def firewall_rules(checkout: Checkout, addresses: Addresses) -> list[Rule]:
    """Return the rules to add to the machine's own firewall; each carries our mark."""
    pods, mark = str(addresses.pods), ("-m", "comment", "--comment", checkout.mark)
    answers = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
    masquerade = ("POSTROUTING", "-s", pods, "!", "-d", pods, *mark, "-j", "MASQUERADE")
    return [
        Rule(("-t", "nat"), masquerade),
        Rule((), ("FORWARD", "-i", checkout.interface, *mark, "-j", "ACCEPT")),
        Rule((), ("FORWARD", "-o", checkout.interface, *answers, *mark, "-j", "ACCEPT")),
    ]


def marked_rules(saved: str, mark: str) -> list[list[str]]:
    """Return the arguments that delete our rules, found in the output of `iptables -S`."""
    found = []
    for line in saved.splitlines():
        words = [word.strip('"') for word in line.split()]
        if words[:1] == ["-A"] and mark in words:
            found.append(["-D", *words[1:]])
    return found


def disconnect(checkout: Checkout) -> None:
    """Remove the machine's side of a cluster's network; the other side ended with the namespace."""
    if (Path("/sys/class/net") / checkout.interface).exists():
        # The kernel removes it too, a moment after the namespace: whoever is first.
        subprocess.run(["ip", "link", "delete", checkout.interface], check=False, capture_output=True)
    for table in ("filter", "nat"):
        listed = _run("iptables", "--wait", "-t", table, "-S")
        for arguments in marked_rules(listed, checkout.mark):
            _run("iptables", "--wait", "-t", table, *arguments)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise DevError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
