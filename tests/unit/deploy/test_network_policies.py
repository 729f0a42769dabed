"""Which pods the NetworkPolicies are for, and which addresses they leave them."""

import pytest
import yaml

from tests.network_policies import FOLDER, lets_out, policy
from tests.unit.operator.builders import conversion, job
from tests.unit.operator.test_deploy import OBJECTS
from tflite_converter.fetch.network.address_policy import refusal

PRIVATE = ["10.0.0.1", "10.96.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1", "fc00::1"]
HOST_AND_LINK = ["127.0.0.1", "0.0.0.0", "::1", "::", "169.254.169.254", "fd00:ec2::254", "fe80::1", "100.100.100.200"]  # noqa: S104
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
