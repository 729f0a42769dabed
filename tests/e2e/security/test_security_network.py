"""Where pods may connect to: the API server takes the NetworkPolicies, and they are for
the pods and ports that are really there. What is refused without them: attacks/test_addresses.py.

Whether they are enforced is not tested here: the throw-away cluster's bridge plug-in enforces no NetworkPolicy.
"""

import json

import pytest

from tests.e2e.conftest import kubectl
from tests.e2e.fixtures.conversions import Object, Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import SYSTEM, ready_pods
from tests.network_policies import FOLDER, lets_out, policy

pytestmark = pytest.mark.tensorflow


def selected(env: Environment, namespace: str, chosen: Object) -> set[str]:
    selector = ",".join(f"{name}={value}" for name, value in chosen["spec"]["podSelector"]["matchLabels"].items())
    return set(kubectl(env, "-n", namespace, "get", "pods", "-l", selector, "-o", "name").split())


def test_the_operator_s_policy_is_for_its_pods_and_leaves_it_the_api_server(env: Environment, operator: None) -> None:
    kubectl(env, "apply", "--dry-run=server", "-k", str(FOLDER / "operator"))
    assert {f"pod/{name}" for name in ready_pods(env)} <= selected(env, SYSTEM, policy("operator"))
    where = json.loads(kubectl(env, "-n", "default", "get", "endpointslices", "kubernetes", "-o", "json"))
    for address in (one for endpoint in where["endpoints"] for one in endpoint["addresses"]):
        assert all(lets_out(policy("operator"), address, port["port"]) for port in where["ports"])


def test_a_namespace_s_policy_is_for_its_converters(bench: Workbench, env: Environment, tiny_model: str) -> None:
    bench.kubectl("apply", "--dry-run=server", "-k", str(FOLDER / "converters"))
    bench.run(bench.conversion("selected", tiny_model))
    every = set(bench.kubectl("get", "pods", "-o", "name").split())
    assert every
    assert selected(env, bench.namespace, policy("converters")) == every
