"""What an API server shows of pods that do not start or end, and of Events, is read as it is meant."""

from functools import partial
from typing import Any

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.workbench import Workbench
from tflite_api.reasons import Reason

Object = dict[str, Any]

_STUCK_SECONDS = 60
_SECOND_LOOK_SECONDS = 150
"""A pod that does not start is looked at after half a minute, a minute, two."""
"""A pod's own grace period (1 s here), and half a minute of the operator's."""


def warn(bench: Workbench, about: Object, kind: str, component: str, reason: str, message: str) -> None:
    """Create an Event as a part of Kubernetes does."""
    head = about["metadata"]
    regarding = {"kind": kind, "namespace": bench.namespace, "name": head["name"], "uid": head["uid"]}
    bench.admin.create(
        f"/api/v1/namespaces/{bench.namespace}/events",
        {
            "metadata": {"generateName": "told-"},
            "involvedObject": regarding,
            "type": "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": component},
            "firstTimestamp": head["creationTimestamp"],
            "lastTimestamp": head["creationTimestamp"],
        },
    )


def test_why_a_job_has_no_pod_is_said_in_the_job_controllers_words_alone(bench: Workbench, start: Start) -> None:
    operator = start(RECHECK_SECONDS="2")
    operator.until_ready()
    made = bench.create("podless")
    operator.until("it has a Job", lambda: bench.has_job(made))
    [job] = bench.jobs_of(made)
    words = (
        'Error creating: pods "podless-x" is forbidden: minimum cpu usage per Container is 200m, but request is 100m'
    )
    warn(bench, job, "Job", "somebody", "FailedCreate", "Error creating: exceeded quota")
    warn(bench, job, "Job", "job-controller", "FailedCreate", words)
    operator.until("the refusal is told", lambda: bench.reason("podless") == Reason.JOB_REFUSED)
    message = bench.get("podless")["status"]["cause"]["message"]
    assert "cannot make its pod: pods" in message
    assert "LimitRange allow less" in message


def test_pods_that_neither_start_nor_end_are_told_of_and_a_proxy_does_not_keep_its_job(
    bench: Workbench, start: Start
) -> None:
    operator = start(RECHECK_SECONDS="2")
    operator.until_ready()
    names = ("lost", "meshed", "mountless")
    made = {name: bench.create(name) for name in names}
    for name in names:
        operator.until(f"{name} has a Job", partial(bench.has_job, made[name]))
    jobs = {name: bench.jobs_of(made[name])[0] for name in names}
    lost = bench.run_pod(jobs["lost"], node="worker-3")
    # Only a kubelet lets a pod go that has a node.
    bench.delete_pod(lost, grace_seconds=1)
    bench.fail_beside_a_proxy(jobs["meshed"])
    mountless = bench.make_pod(jobs["mountless"], node="worker-1")
    operator.until(
        "the Job that fails beside a proxy is gone", lambda: not bench.jobs_of(made["meshed"]), _STUCK_SECONDS
    )
    told = bench.get("meshed")["status"]
    assert [one["reason"] for one in told["conditions"]] == [Reason.CREDENTIALS_REFUSED, Reason.CREDENTIALS_REFUSED]
    warn(bench, mountless, "Pod", "kubelet", "FailedMount", "MountVolume.SetUp failed")

    def cause() -> str:
        return str(bench.get("mountless")["status"].get("cause", {}).get("message", ""))

    # Before the kubelet says anything, the node that it is silent on is told.
    operator.until(
        "the mount is told",
        lambda: "does not start: FailedMount: MountVolume.SetUp failed" in cause(),
        _SECOND_LOOK_SECONDS,
    )
    assert bench.reason("mountless") == Reason.POD_NOT_STARTING
    operator.until("the node is told", lambda: bench.reason("lost") == Reason.POD_STUCK_TERMINATING, _STUCK_SECONDS)
    assert (
        f"pod {lost['metadata']['name']} on node worker-3 is being" in bench.get("lost")["status"]["cause"]["message"]
    )
    assert operator.exit_codes == []


def test_an_artifact_that_stays_as_its_namespace_goes_is_told_of_elsewhere(
    plane: ControlPlane, bench: Workbench, start: Start
) -> None:
    operator = start()
    operator.until_ready()
    made = bench.create("doomed")
    bench.patch("doomed", {"spec": {"deletionPolicy": "Delete"}})
    operator.until("it is held", lambda: bool(bench.get("doomed")["metadata"].get("finalizers")))
    # A Job that no status tells of has not been tried: nothing can be left of it.
    operator.until("its status tells of its Job", lambda: bench.has_job(made))
    plane.admin.delete(f"/api/v1/namespaces/{bench.namespace}")
    bench.delete("doomed")
    operator.until("it is let go", lambda: bench.all() == [])
    events = plane.admin.get("/apis/events.k8s.io/v1/namespaces/default/events")["items"]
    [note] = [one["note"] for one in events if one["regarding"].get("name") == bench.namespace]
    assert note.startswith("s3://models/a.tflite may still be there: conversion doomed was deleted with its namespace")
