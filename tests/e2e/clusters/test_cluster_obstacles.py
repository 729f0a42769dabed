"""What a cluster puts in the way of a pod: no node, no image, a drain, a Secret that is gone.

By themselves: the operator has deadlines of seconds, which other tests' pods would miss on a busy node, and a cordoned
node takes no other's pods either.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kubernetes import client

from dev.testing import installation
from tests.e2e.fixtures.conversions import Workbench, condition, holds, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.spec.test_bad_input import assert_stalled
from tests.e2e.storage.test_deletion_policy import events
from tflite_api import names

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("impatient_operator")]

JOB_LABEL = "batch.kubernetes.io/job-name"
PLACE = "tflite-operator.dev/e2e-place"
NO_IMAGE = "localhost/no-such-image:1"
# Long enough that the wait itself is seen on a busy node; a pod that looks for one is not spoken of before 10 s.
DEADLINES = {"UNSCHEDULABLE_SECONDS": "18", "IMAGE_PULL_SECONDS": "12", "CLEANUP_SECONDS": "15"}


@pytest.fixture(scope="module")
def impatient_operator(env: Environment, operator: None) -> Iterator[None]:
    """The operator with deadlines of seconds instead of minutes."""
    images = (env.kubectl, env.operator_image, env.converter_image)
    installation.install(*images, DEADLINES)
    yield
    installation.install(*images)


@contextmanager
def place(api: client.ApiClient, name: str) -> Iterator[None]:
    """Label the node with what a conversion asks for, for as long as the test runs."""
    core = client.CoreV1Api(api)
    node = core.list_node().items[0].metadata.name
    core.patch_node(node, {"metadata": {"labels": {PLACE: name}}})
    try:
        yield
    finally:
        core.patch_node(node, {"metadata": {"labels": {PLACE: None}}})


def pod_of(bench: Workbench, api: client.ApiClient) -> str:
    core = client.CoreV1Api(api)
    bench.until(lambda: bool(core.list_namespaced_pod(bench.namespace).items), "the pod is there")
    return str(core.list_namespaced_pod(bench.namespace).items[0].metadata.name)


def test_a_pod_that_finds_no_node_stalls_after_its_deadline_until_the_spec_is_changed(
    bench: Workbench, tiny_model: str
) -> None:
    bench.create(bench.conversion("homeless", tiny_model, nodeSelector={PLACE: bench.namespace}))
    waiting = bench.wait("homeless", lambda seen: "finds no node" in condition(seen, "Reconciling").get("message", ""))
    assert condition(waiting, "Ready")["status"] == "Unknown"
    assert_stalled(bench.wait("homeless", is_finished), "Unschedulable", "node")
    bench.patch("homeless", {"spec": {"nodeSelector": None}})
    bench.wait("homeless", holds("Ready"))


def test_an_image_that_is_not_there_stalls_after_its_deadline_until_another_run_is_asked_for(
    bench: Workbench, api: client.ApiClient, tiny_model: str
) -> None:
    core = client.CoreV1Api(api)
    bench.create(bench.conversion("imageless", tiny_model, nodeSelector={PLACE: bench.namespace}))
    pod = pod_of(bench, api)
    spec = core.read_namespaced_pod(pod, bench.namespace).spec
    # The operator has one image for everybody: for one pod alone it goes while the pod waits for its node.
    without = {
        "initContainers": [{"name": one.name, "image": NO_IMAGE} for one in spec.init_containers],
        "containers": [{"name": one.name, "image": NO_IMAGE} for one in spec.containers],
    }
    core.patch_namespaced_pod(pod, bench.namespace, {"spec": without})
    with place(api, bench.namespace):
        waiting = bench.wait("imageless", lambda seen: "pulled" in condition(seen, "Reconciling").get("message", ""))
        assert condition(waiting, "Ready")["status"] == "Unknown"
        assert_stalled(bench.wait("imageless", is_finished), "ImagePullFailed", NO_IMAGE)
        bench.patch("imageless", {"metadata": {"annotations": {names.REQUESTED_AT_ANNOTATION: "2026-11-25T12:00:00Z"}}})
        bench.wait("imageless", holds("Ready"))


@pytest.mark.pods(2)
def test_a_pod_whose_node_is_drained_costs_no_attempt(
    bench: Workbench, api: client.ApiClient, basic_pitch: str
) -> None:
    core = client.CoreV1Api(api)
    bench.create(bench.conversion("moving", basic_pitch))
    running = bench.wait("moving", lambda seen: condition(seen, "Ready").get("reason") == "Converting")
    pod = core.read_namespaced_pod(pod_of(bench, api), bench.namespace)
    # Of this Job's pods alone: the operator's are the subject of other tests.
    chosen = [f"--pod-selector={JOB_LABEL}={running['status']['job']['name']}", "--delete-emptydir-data"]
    try:
        bench.kubectl("drain", pod.spec.node_name, *chosen, "--ignore-daemonsets", "--timeout=90s")
        bench.until(lambda: is_homeless(bench, api), "the next pod finds no node")
    finally:
        bench.kubectl("uncordon", pod.spec.node_name)
    finished = bench.wait("moving", is_finished)
    assert condition(finished, "Ready")["status"] == "True"
    told = dict(finished["status"]["job"])
    assert told.pop("disruptions") == 1
    assert told.pop("lastDisruptionTime")
    assert told == running["status"]["job"]
    assert pod.metadata.name not in [one.metadata.name for one in core.list_namespaced_pod(bench.namespace).items]


def is_homeless(bench: Workbench, api: client.ApiClient) -> bool:
    pods = client.CoreV1Api(api).list_namespaced_pod(bench.namespace).items
    reasons = [one.reason for pod in pods for one in pod.status.conditions or [] if one.type == "PodScheduled"]
    return "Unschedulable" in reasons


def test_credentials_that_are_gone_hold_a_deletion_up_for_a_bounded_time(
    bench: Workbench, api: client.ApiClient, tiny_model: str
) -> None:
    bench.run(bench.conversion("keyless", tiny_model, deletionPolicy="Delete"))
    client.CoreV1Api(api).delete_namespaced_secret(bench.secret, bench.namespace)
    bench.delete("keyless")
    bench.until(lambda: "CleanupFailed" in events(bench, "keyless"), "an Event says that the cleanup failed")
    said = events(bench, "keyless")
    assert f'secret "{bench.secret}" not found' in said
