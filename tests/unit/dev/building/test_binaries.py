"""What programs in Go have in common is compiled once: they need it in the same version, and all that it needs."""

import re

import pytest

from dev.building import binaries
from dev.host.checkout import Checkout

DEV = Checkout.here().root / "dev"
KEPT = re.compile(
    r"google\.golang\.org/(grpc|genproto/.*)|go\.opentelemetry\.io/.*|github\.com/grpc-ecosystem/grpc-gateway/v2"
    r"|go\.uber\.org/zap|github\.com/(coreos/go-systemd/v22|golang-jwt/jwt/v5|prometheus/common)|golang\.org/x/exp"
)
"""Of these Kubernetes keeps what its release has, since etcd speaks and logs by them; few others need them."""


def required(source: str) -> dict[str, str]:
    """Return the version of each module that a module of ours is built with."""
    text = (DEV / source / "go.mod").read_text()
    versions = dict(re.findall(r"^(?:require )?\t?(\S+) (v\S+)(?: // indirect)?$", text, re.MULTILINE))
    replaced = re.findall(r"^(?:replace )?\t?(\S+) => \S+ (v\S+)$", text, re.MULTILINE)
    return versions | {module: version for module, version in replaced if module in versions}


@pytest.mark.parametrize("source", ["cosign", "gitops", "installers", "prometheus", "toxiproxy", "workflows"])
def test_what_tests_build_has_the_versions_that_kubernetes_has(source: str) -> None:
    kubernetes, others = required("kubernetes"), required(source)
    common = {module for module in kubernetes.keys() & others.keys() if not KEPT.fullmatch(module)}
    assert common
    assert {module: others[module] for module in common} == {module: kubernetes[module] for module in common}


def test_a_program_that_a_test_asks_for_is_built_before_the_tests() -> None:
    asked = {
        name
        for path in (DEV.parent / "tests").rglob("*.py")
        if "gitops" not in path.relative_to(DEV.parent / "tests").parts
        for name in re.findall(r'make_tool\([^"]*"([\w-]+)"\)', path.read_text())
    }
    built = {build.name for build in (*binaries.builds(), *binaries.for_tests())}
    assert asked
    assert asked <= built
