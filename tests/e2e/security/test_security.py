"""Pods are restricted, and model code has no credentials beside it."""

import json

import pytest

from tests.e2e.conftest import kubectl
from tests.e2e.fixtures.conversions import Object, Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import SYSTEM

pytestmark = pytest.mark.tensorflow


def test_both_namespaces_enforce_the_restricted_profile(env: Environment, operator: None, bench: Workbench) -> None:
    for namespace in (SYSTEM, bench.namespace):
        found = json.loads(kubectl(env, "get", "namespace", namespace, "-o", "json"))
        assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_credentials_are_only_where_no_model_code_runs(bench: Workbench, tiny_model: str) -> None:
    bench.run(bench.conversion("apart", tiny_model))
    (pod,) = json.loads(bench.kubectl("get", "pods", "-o", "json"))["items"]
    containers = {one["name"]: one for one in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]}
    assert set(containers) == {"prepare", "convert", "publish"}
    assert {name for name, container in containers.items() if secret_names(container)} == {"prepare", "publish"}
    assert "AWS_SECRET_ACCESS_KEY" not in {one["name"] for one in containers["convert"]["env"]}
    assert "envFrom" not in containers["convert"]
    assert writable(containers["convert"]).isdisjoint(writable(containers["prepare"]) | writable(containers["publish"]))
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert [volume for volume in pod["spec"]["volumes"] if "emptyDir" not in volume] == []
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["spec"]["volumes"])
    for container in containers.values():
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert set(container["resources"]) == {"requests", "limits"}


def secret_names(container: Object) -> set[str]:
    references = [one.get("valueFrom", {}).get("secretKeyRef") for one in container.get("env", [])]
    return {one["name"] for one in references if one}


def writable(container: Object) -> set[tuple[str, str]]:
    """Name the volumes, with the folder in them, that a container can write."""
    mounts = container.get("volumeMounts", [])
    return {(mount["name"], mount.get("subPath", "")) for mount in mounts if not mount.get("readOnly")}
