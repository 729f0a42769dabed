"""Which pods the NetworkPolicies are for, and which addresses they leave them."""

import re
from ipaddress import IPv4Address, IPv6Network
from random import Random

import pytest
import yaml

from tests.network_policies import FOLDER, lets_out, policy
from tests.unit.operator.builders import conversion, job
from tests.unit.operator.test_deploy import OBJECTS
from tflite_converter.fetch.network.address_policy import EMBEDDING, METADATA_SERVICES, refusal

PRIVATE = ["10.0.0.1", "10.96.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1", "fc00::1"]
HOST_AND_LINK = ["127.0.0.1", "0.0.0.0", "::1", "::", "169.254.169.254", "fd00:ec2::254", "fe80::1", "100.100.100.200"]  # noqa: S104
MAPPED = IPv6Network("::ffff:0:0/96")
"""Never on the wire: a socket that connects there sends to the IPv4 address."""
PUBLIC = ["93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:2800:220:1::1"]


def test_the_policies_select_the_pods_that_are_made() -> None:
    [deployment] = [one for one in OBJECTS if one["kind"] == "Deployment"]
    template = deployment["spec"]["template"]["metadata"]["labels"]
    assert policy("operator")["spec"]["podSelector"]["matchLabels"].items() <= template.items()
    made = job(conversion())["spec"]["template"]["metadata"]["labels"]
    assert policy("converters")["spec"]["podSelector"]["matchLabels"].items() <= made.items()
    assert not policy("operator")["spec"]["podSelector"]["matchLabels"].items() <= made.items()


def test_the_operator_is_asked_at_its_one_port() -> None:
    [deployment] = [one for one in OBJECTS if one["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [rule] = policy("operator")["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == [port["name"] for port in container["ports"]]


@pytest.mark.parametrize("address", [*PRIVATE, *HOST_AND_LINK])
def test_a_converter_reaches_nothing_private(address: str) -> None:
    assert not any(lets_out(policy("converters"), address, port) for port in (80, 443, 6443, 9000))


@pytest.mark.parametrize(
    ("namespace", "label", "port"),
    [
        ("kube-system", {"k8s-app": "kube-dns"}, 53),
        ("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"}, 5353),
    ],
)
def test_a_converter_reaches_the_cluster_s_dns(namespace: str, label: dict[str, str], port: int) -> None:
    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": label},
    }
    [rule] = [one for one in policy("converters")["spec"]["egress"] if peer in one["to"]]
    assert rule["ports"] == [{"port": port, "protocol": protocol} for protocol in ("UDP", "TCP")]


def test_of_a_node_a_converter_reaches_the_resolver_alone() -> None:
    assert lets_out(policy("converters"), "169.254.20.10", 53)
    assert not lets_out(policy("converters"), "169.254.169.254", 53)
    assert not any(lets_out(policy("converters"), "169.254.20.10", port) for port in (80, 443))


@pytest.mark.parametrize("address", sorted(map(str, METADATA_SERVICES)))
def test_no_pod_reaches_a_metadata_service(address: str) -> None:
    assert not any(lets_out(policy("converters"), address, port) for port in (80, 443))
    assert not any(lets_out(policy("operator"), address, port) for port in (80, 443, 6443))


@pytest.mark.parametrize("network", [one for one in EMBEDDING if one != MAPPED], ids=str)
def test_a_converter_reaches_no_address_that_means_another(network: IPv6Network) -> None:
    for address in (network[0], network[1], network[0xA9FE_A9FE], network[-1]):
        assert not any(lets_out(policy("converters"), str(address), port) for port in (80, 443))


def test_what_the_converter_refuses_the_policy_does_not_let_out() -> None:
    drawn = Random(17)  # noqa: S311 - the same addresses each time
    addresses = [*(IPv4Address(drawn.getrandbits(32)) for _ in range(20_000)), *HOST_AND_LINK]
    refused = [str(address) for address in addresses if refusal(str(address)) is not None]
    assert len(refused) > 100
    assert [one for one in refused if lets_out(policy("converters"), one, 443)] == []


def test_the_chart_has_the_same_exceptions_as_kustomize() -> None:
    def excepted(text: str) -> list[str]:
        return re.findall(r"[0-9a-f.:]+/\d+", text)

    chart = FOLDER.parents[0] / "helm/tflite-operator"
    for whose, copy in (
        ("operator", "templates/operator_network_policy.yaml"),
        ("converters", "files/converter_network_policy.yaml"),
    ):
        ours = excepted((FOLDER / whose / "network_policy.yaml").read_text())
        assert len(ours) > 8
        assert excepted((chart / copy).read_text()) == ours


@pytest.mark.parametrize("address", PUBLIC)
def test_a_converter_reaches_what_is_public(address: str) -> None:
    assert refusal(address) is None
    assert all(lets_out(policy("converters"), address, port) for port in (80, 443))
    assert not lets_out(policy("converters"), address, 22)


def test_nobody_reaches_a_converter() -> None:
    spec = policy("converters")["spec"]
    assert spec["ingress"] == []
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "fe80::1"])
def test_the_operator_reaches_api_servers_and_no_metadata_service(address: str) -> None:
    assert not lets_out(policy("operator"), address, 443)
    assert all(lets_out(policy("operator"), "10.96.0.1", port) for port in (443, 6443))
    assert not lets_out(policy("operator"), "10.96.0.1", 80)


def test_the_example_of_the_documentation_is_for_converters() -> None:
    text = (FOLDER.parents[1] / "docs/security.md").read_text()
    blocks = [yaml.safe_load(block.partition("```")[0]) for block in text.split("```yaml\n")[1:]]
    [example] = [block for block in blocks if block.get("kind") == "NetworkPolicy"]
    assert example["spec"]["podSelector"] == policy("converters")["spec"]["podSelector"]
