"""Pods that the scheduler gave to a node whose kubelet does not take them: such an attempt is not made for ever."""

import pytest

from tests.unit.operator.builders import (
    Object,
    after,
    at,
    condition,
    conditions,
    ended,
    failed,
    job,
    message,
    planned,
    pod,
    running,
    stalled,
    started,
)
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import CreateJob
from tflite_operator.jobs.attempt import Attempt

DEVICES = (
    "Allocate failed due to no healthy devices present; cannot allocate unhealthy devices nvidia.com/gpu, which is"
    " unexpected"
)


def turned_away(made: Object, reason: str, words: str) -> Object:
    """A pod as the kubelet leaves it where it does not admit it: of its containers nothing is told."""
    shown = pod(made, phase="Failed", reason=reason, message=f"Pod was rejected: {words}" if words else "")
    del shown["status"]["initContainerStatuses"], shown["status"]["containerStatuses"]
    shown["spec"]["nodeName"] = "gpu-1"
    return shown


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("UnexpectedAdmissionError", DEVICES),
        ("NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"),
        ("OutOfcpu", "Node didn't have enough resource: cpu, requested: 1000, used: 3900, capacity: 4000"),
        ("OutOfmemory", "Node didn't have enough resource: memory, requested: 2, used: 3, capacity: 4"),
        ("TopologyAffinityError", "Resources cannot be allocated with Topology locality"),
        ("SysctlForbidden", 'forbidden sysctl: "kernel.msgmax" not allowlisted'),
        ("PodOSNotSupported", ""),
    ],
)
def test_it_is_told_in_the_kubelets_words_and_tried_a_few_times_alone(reason: str, words: str) -> None:
    owner, _ = started()
    said = f"Node gpu-1 turned pod mobile-net-0742e562ad-x7x7x away: {reason}{f': {words}' if words else ''}"
    first = job(owner, end=failed("BackoffLimitExceeded"))
    refused = planned(owner, first, pods=[turned_away(first, reason, words)], now=at(61))
    assert conditions(refused) == running(Reason.START_FAILED)
    assert message(refused).startswith(f"{said}. Attempt 2 follows")
    owner = after(owner, refused)
    again = planned(owner, first, pods=[turned_away(first, reason, words)], now=at(10**4))
    assert again.actions == (CreateJob(Attempt(2, failures=1)),)
    third = job(owner, 3, 2, end=failed("BackoffLimitExceeded"))
    last = planned(owner, third, pods=[turned_away(third, reason, words)])
    assert conditions(last) == stalled(Reason.START_FAILED)
    assert "; 3 attempts came to nothing like this. Have the administrator look at that node" in message(last)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("NodeShutdown", "Pod was rejected as the node is shutting down."),
        ("Evicted", "The node had condition: [MemoryPressure]. "),
    ],
)
def test_a_node_that_goes_away_or_is_short_of_something_costs_no_attempt(reason: str, words: str) -> None:
    owner, _ = started()
    over = job(owner, 7, end=failed("BackoffLimitExceeded"))
    shown = turned_away(over, reason, "")
    shown["status"]["message"] = words
    assert conditions(planned(owner, over, pods=[shown])) == running(Reason.POD_DISRUPTED)
    made = planned(owner, over, pods=[shown], now=at(10**4))
    assert made.actions == (CreateJob(Attempt(8, failures=0)),)


def test_one_that_was_taken_away_was_not_turned_away() -> None:
    owner, _ = started()
    over = job(owner, end=failed("BackoffLimitExceeded"))
    preempted = turned_away(over, "OutOfcpu", "")
    preempted["status"]["conditions"].append(condition("DisruptionTarget", "TerminationByKubelet"))
    assert conditions(planned(owner, over, pods=[preempted])) == running(Reason.POD_DISRUPTED)
    leaving = turned_away(over, "OutOfcpu", "")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:50Z"
    assert conditions(planned(owner, over, pods=[leaving])) == running(Reason.POD_DISRUPTED)


def test_a_step_that_was_at_work_shows_that_the_pod_had_been_taken() -> None:
    """A kubelet that starts anew may end what it had taken before."""
    owner, _ = started()
    over = job(owner, end=failed("BackoffLimitExceeded"))
    ran = pod(over, ended(0), phase="Failed", reason="NodeAffinity")
    assert conditions(planned(owner, over, pods=[ran])) == running(Reason.POD_DISRUPTED)
