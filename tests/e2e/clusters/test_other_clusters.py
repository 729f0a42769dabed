"""The first week in somebody else's cluster: a mesh, a node that is gone, a volume that cannot be mounted."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kubernetes import client

from tests.e2e.conftest import suppress_not_found
from tests.e2e.fixtures.conversions import Object, Workbench, condition, holds, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.spec.test_bad_input import assert_stalled

pytestmark = pytest.mark.tensorflow

_PLATFORM = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
_INJECTED = (
    "[JSONPatch{{op: 'add', path: '/spec/{kind}/{place}', value: Object.spec.{kind}{{name: '{name}', image: '{image}',"
    " command: ['python3', '-c', '{program}'], terminationMessagePolicy: 'FallbackToLogsOnError',"
    " securityContext: Object.spec.{kind}.securityContext{{allowPrivilegeEscalation: false,"
    " capabilities: Object.spec.{kind}.securityContext.capabilities{{drop: ['ALL']}}}}}}}}]"
)
_PROXY = {"kind": "containers", "place": "-", "name": "proxy", "program": "import time; time.sleep(3600)"}
"""A sidecar that never ends."""
_INIT = {"kind": "initContainers", "place": "0", "name": "mesh-init", "program": 'exit("iptables: Permission denied")'}
"""What goes before all steps, and fails."""


@contextmanager
def mesh(bench: Workbench, env: Environment, injected: dict[str, str]) -> Iterator[None]:
    """Have the API server put a container into every pod of the test's namespace."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    patch = {
        "patchType": "JSONPatch",
        "jsonPatch": {"expression": _INJECTED.format(image=env.converter_image, **injected)},
    }
    head = {"apiVersion": "admissionregistration.k8s.io/v1beta1", "metadata": {"name": bench.namespace}}
    policy = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [rule]},
        "mutations": [patch],
    }
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": bench.namespace}}}
    binding = {"policyName": bench.namespace, "matchResources": here}
    bench.apply({"kind": "MutatingAdmissionPolicy", "spec": policy} | head)
    bench.apply({"kind": "MutatingAdmissionPolicyBinding", "spec": binding} | head)
    container = {
        "image": "example.com/none",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    tried = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "tried"},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}},
            "initContainers": [container | {"name": "x"}],
            "containers": [container | {"name": "y"}],
        },
    }
    try:
        bench.until(lambda: injected["name"] in _dry_run(bench, tried), "the policy is in force")
        yield
    finally:
        for kind in ("mutatingadmissionpolicybinding", "mutatingadmissionpolicy"):
            bench.kubectl("delete", kind, bench.namespace)


def _dry_run(bench: Workbench, pod: Object) -> str:
    return bench.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", given=json.dumps(pod))


def test_a_proxy_that_runs_on_keeps_neither_the_result_nor_the_pod(
    bench: Workbench, env: Environment, api: client.ApiClient, tiny_model: str
) -> None:
    with mesh(bench, env, _PROXY):
        done = bench.run(bench.conversion("meshed", tiny_model))
    assert holds("Ready")(done)
    job = done["status"]["job"]["name"]
    batch, core = client.BatchV1Api(api), client.CoreV1Api(api)

    def is_gone() -> bool:
        jobs = [one.metadata.name for one in batch.list_namespaced_job(bench.namespace).items]
        return job not in jobs and not core.list_namespaced_pod(bench.namespace).items

    bench.until(is_gone, "the Job and its pod are gone", timeout=90)
    assert bench.get("meshed")["status"] == done["status"]


def test_an_init_container_that_fails_is_named_and_ends_in_few_attempts(
    bench: Workbench, env: Environment, api: client.ApiClient
) -> None:
    # No step ever runs, so there need be no model.
    with mesh(bench, env, _INIT):
        finished = bench.run(bench.conversion("kept-out", "https://models.invalid/1"))
    whose = "Container mesh-init, which somebody else put into pod"
    why = "ended with exit code 1: iptables: Permission denied"
    assert_stalled(finished, "StepCrashed", whose, why, "spec.podMetadata", "3 attempts came to nothing", attempt=3)
    pods = client.CoreV1Api(api).list_namespaced_pod(bench.namespace).items
    assert {one.status.phase for one in pods} == {"Failed"}, "nothing waits"
    assert not [one for pod in pods for one in pod.status.init_container_statuses if one.state.running]


@contextmanager
def node_without_a_kubelet(api: client.ApiClient, name: str) -> Iterator[None]:
    """A node that takes pods and of which nothing more is heard."""
    core = client.CoreV1Api(api)
    # The pods of tests that run at the same time stay away from it.
    spec = {"taints": [{"key": "tests", "value": name, "effect": "NoSchedule"}]}
    core.create_node(
        {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **_PLATFORM}}, "spec": spec}
    )
    room = {"cpu": "8", "memory": "32Gi", "pods": "10", "ephemeral-storage": "200Gi"}
    core.patch_node_status(name, {"status": {"capacity": room, "allocatable": room}})
    try:
        yield
    finally:
        with suppress_not_found():
            core.delete_node(name)


def test_a_node_that_died_is_named_until_its_pod_is_gone(
    bench: Workbench, api: client.ApiClient, tiny_model: str
) -> None:
    core, node = client.CoreV1Api(api), f"gone-{bench.namespace}"
    with node_without_a_kubelet(api, node):
        chosen = {"nodeSelector": {"kubernetes.io/hostname": node}, "tolerations": [{"operator": "Exists"}]}
        bench.create(bench.conversion("lost", tiny_model, **chosen))

        def place() -> list[str]:
            return [one.metadata.name for one in core.list_namespaced_pod(bench.namespace).items if one.spec.node_name]

        bench.until(lambda: bool(place()), "the pod has a node")
        [pod] = place()
        core.delete_namespaced_pod(pod, bench.namespace, grace_period_seconds=1)
        said = bench.wait("lost", lambda seen: condition(seen, "Ready").get("reason") == "PodStuckTerminating")
        assert f"Pod {pod} on node {node} is being terminated" in condition(said, "Ready")["message"]
        bench.patch("lost", {"spec": {"nodeSelector": None, "tolerations": None}})
        bench.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
        assert holds("Ready")(bench.wait("lost", is_finished))


def test_a_volume_that_cannot_be_mounted_is_quoted_from_the_kubelet(bench: Workbench, api: client.ApiClient) -> None:
    core, name = client.CoreV1Api(api), f"absent-{bench.namespace}"
    size = {"storage": "1Mi"}
    core.create_persistent_volume(
        {
            "metadata": {"name": name},
            "spec": {
                "capacity": size,
                "accessModes": ["ReadOnlyMany"],
                "storageClassName": name,
                "hostPath": {"path": f"/nonexistent/{name}", "type": "Directory"},
            },
        }
    )
    claim = {"accessModes": ["ReadOnlyMany"], "storageClassName": name, "resources": {"requests": size}}
    try:
        core.create_namespaced_persistent_volume_claim(
            bench.namespace, {"metadata": {"name": "models"}, "spec": claim | {"volumeName": name}}
        )
        wanted = bench.conversion("mountless", "")
        wanted["spec"]["model"] = {"volume": {"claimName": "models", "path": "model"}}
        bench.create(wanted)
        said = bench.wait("mountless", lambda seen: condition(seen, "Ready").get("reason") == "PodNotStarting")
        assert "does not start: FailedMount: " in condition(said, "Ready")["message"]
        bench.delete("mountless")
    finally:
        core.delete_persistent_volume(name)
