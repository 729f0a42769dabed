"""What deploy/base installs can do no more than it must."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tflite_operator import main
from tflite_operator.settings import Settings

DEPLOY = Path(__file__).parents[3] / "deploy/base"
OBJECTS: list[dict[str, Any]] = [
    made
    for file in sorted(DEPLOY.glob("*.yaml"))
    for made in yaml.safe_load_all(file.read_text())
    if file.name != "kustomization.yaml"
]
ROLES = [one for one in OBJECTS if one["kind"] == "ClusterRole"]


def test_every_file_is_installed() -> None:
    listed = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["resources"]
    files = {file.name for file in DEPLOY.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(listed) - {"../../crds"}


def test_only_what_lives_in_a_namespace_names_one() -> None:
    clusterwide = {"Namespace", "ClusterRole", "ClusterRoleBinding", "PriorityClass"}
    clusterwide |= {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    for one in OBJECTS:
        expected = None if one["kind"] in clusterwide else "tflite-operator-system"
        assert one["metadata"].get("namespace") == expected, one["metadata"]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: str(role["metadata"]["name"]))
def test_no_role_has_a_wildcard_secrets_or_a_way_into_pods(role: dict[str, Any]) -> None:
    for rule in role["rules"]:
        granted = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not granted & {"*", "secrets", "pods/exec", "pods/log", "escalate", "bind", "impersonate"}


def test_the_operator_may_write_only_finalizers_status_jobs_and_events() -> None:
    [role] = [one for one in ROLES if one["metadata"]["name"] == "tflite-operator"]
    written = {
        resource
        for rule in role["rules"]
        for resource in rule["resources"]
        if set(rule["verbs"]) - {"get", "list", "watch"}
    }
    # finalizers is no resource of its own: the verb on it allows blockOwnerDeletion.
    # A finalizer is metadata, which no subresource has.
    assert written == {
        "tfliteconversions",
        "tfliteconversions/status",
        "tfliteconversions/finalizers",
        "jobs",
        "events",
    }
    [verbs] = [rule["verbs"] for rule in role["rules"] if rule["resources"] == ["tfliteconversions"]]
    assert set(verbs) == {"get", "list", "watch", "patch"}


def test_of_namespaces_the_operator_may_read_the_one_that_names_the_cluster() -> None:
    [role] = [one for one in ROLES if one["metadata"]["name"] == "tflite-operator-cluster-id"]
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["namespaces"],
            "resourceNames": [main._CLUSTER_NAMESPACE],
            "verbs": ["get"],
        }
    ]


def test_the_operator_itself_is_restricted() -> None:
    [namespace] = [one for one in OBJECTS if one["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    [deployment] = [one for one in OBJECTS if one["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
    assert container["resources"]["limits"]["memory"]


def test_only_the_operators_own_lease_is_written() -> None:
    lease = Settings.model_fields["lease_name"].default
    [role] = [one for one in OBJECTS if one["kind"] == "Role" and one["metadata"]["name"] == "tflite-operator-lease"]
    assert {resource for rule in role["rules"] for resource in rule["resources"]} == {"leases"}
    named = [rule for rule in role["rules"] if rule["verbs"] != ["create"]]
    assert [(rule["resourceNames"], set(rule["verbs"])) for rule in named] == [([lease], {"get", "update"})]
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    assert lease not in [generated["name"] for generated in kustomization["configMapGenerator"]]


def test_a_shutdown_has_time_to_finish_what_is_in_hand_and_give_the_lease_back() -> None:
    [deployment] = [one for one in OBJECTS if one["kind"] == "Deployment"]
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= main._FINISH_SECONDS + Settings.model_fields["lease_renew_seconds"].default


def test_one_replica_can_go_while_another_works() -> None:
    [deployment] = [one for one in OBJECTS if one["kind"] == "Deployment"]
    [budget] = [one for one in OBJECTS if one["kind"] == "PodDisruptionBudget"]
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]
