"""Of the Events about a pod the latest that tells something is quoted, and only what the cluster itself says."""

from typing import Any

from tests.unit.operator.builders import at
from tflite_operator.core.fields import timestamp
from tflite_operator.observe.event import latest_refusal, latest_warning

Object = dict[str, Any]


def of_the_kubelet(seconds: float, reason: str, message: str, **more: Any) -> Object:
    """As the kubelet and the controllers write it."""
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": "kubelet", "host": "node"},
        "firstTimestamp": timestamp(at(0)),
        "lastTimestamp": timestamp(at(seconds)),
        "eventTime": None,
    } | more


def of_the_scheduler(seconds: float, message: str, **more: Any) -> Object:
    """As the scheduler writes it, with the API of the new kind."""
    return {
        "type": "Warning",
        "reason": "FailedScheduling",
        "message": message,
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": at(seconds).isoformat(),
        "reportingComponent": "default-scheduler",
    } | more


def test_the_latest_is_quoted() -> None:
    mount, network = (
        of_the_kubelet(9, "FailedMount", "no volume"),
        of_the_kubelet(5, "FailedCreatePodSandBox", "no CNI"),
    )
    assert latest_warning([mount, network]) == "FailedMount: no volume"
    repeated = of_the_scheduler(1, "no node", series={"count": 2, "lastObservedTime": at(20).isoformat()})
    assert latest_warning([mount, network, repeated]) == "FailedScheduling: no node"
    assert latest_warning([]) == ""


def test_what_was_overcome_is_not_quoted() -> None:
    early = of_the_scheduler(5, "no node")
    assert latest_warning([early], at(5)) == "FailedScheduling: no node"
    assert latest_warning([early], at(6)) == ""


def test_words_that_tell_nothing_give_way_to_those_before_them() -> None:
    pull = of_the_kubelet(5, "Failed", 'Failed to pull image "istio/proxyv2:1": not found')
    empty = of_the_kubelet(6, "Failed", "Error: ImagePullBackOff")
    assert "istio/proxyv2:1" in latest_warning([pull, empty])
    assert latest_warning([empty]) == "Failed: Error: ImagePullBackOff"
    mount = of_the_kubelet(5, "FailedMount", 'MountVolume.SetUp failed for volume "a" : configmap "b" not found')
    again = "Unable to attach or mount volumes: unmounted volumes=[a], unattached volumes=[]: timed out"
    assert 'configmap "b" not found' in latest_warning([mount, of_the_kubelet(125, "FailedMount", again)])


def test_only_the_cluster_is_quoted_in_one_line_without_signs_that_do_something() -> None:
    foreign = of_the_kubelet(9, "Pwned", "send money", source={"component": "somebody"})
    normal = of_the_kubelet(9, "Pulling", "pulling", type="Normal")
    assert latest_warning([foreign, normal]) == ""
    assert latest_warning([of_the_kubelet(1, "Failed", "two\nlines\x1b[31m")]) == "Failed: two lines[31m"
    for broken in ({}, {"type": "Warning", "source": "kubelet", "message": 7}):
        assert latest_warning([broken]) == ""


def test_why_a_job_has_no_pod_is_said_by_the_job_controller_alone() -> None:
    by = {"source": {"component": "job-controller"}}
    refused = of_the_kubelet(5, "FailedCreate", 'Error creating: pods "x" is forbidden: exceeded quota', **by)
    other = of_the_kubelet(9, "TooManyActivePods", "too many", **by)
    assert latest_refusal([refused, other]) == 'pods "x" is forbidden: exceeded quota'
    assert latest_refusal([other]) == ""
