"""The NetworkPolicies of deploy/, and what the API's words say that they let through."""

import ipaddress
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[1] / "deploy/network_policies"
Policy = dict[str, Any]


def policy(whose: str) -> Policy:
    """Return the policy of `operator` or `converters`."""
    found: Policy = yaml.safe_load((FOLDER / whose / "network_policy.yaml").read_text())
    return found


def lets_out(policy: Policy, address: str, port: int) -> bool:
    """Return whether a pod of the policy may connect to an address outside the cluster, over TCP."""
    return any(
        _is_in(peer["ipBlock"], address) and {"port": port, "protocol": "TCP"} in rule["ports"]
        for rule in policy["spec"]["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer
    )


def _is_in(block: dict[str, Any], address: str) -> bool:
    where = ipaddress.ip_address(address)
    within = [ipaddress.ip_network(cidr) for cidr in (block["cidr"], *block.get("except", ()))]
    return where in within[0] and not any(where in excepted for excepted in within[1:])
