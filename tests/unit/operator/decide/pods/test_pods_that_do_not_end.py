"""What is planned when a pod does not end: its node is gone, or something else in it runs on."""

from typing import Any

import pytest

from tests.unit.operator.builders import (
    RUNNING,
    Object,
    after,
    at,
    conditions,
    conversion,
    ended,
    failed,
    is_at_rest,
    job,
    message,
    planned,
    pod,
    report,
    running,
    stalled,
    started,
    success,
    told,
)
from tests.unit.operator.decide import test_deletion as deletion
from tflite_api.reasons import Reason
from tflite_operator.core.fields import timestamp
from tflite_operator.decide.decision import CreateJob, DeleteJob, EmitEvent
from tflite_operator.decide.plan import Plan
from tflite_operator.jobs.attempt import Attempt

NAME = "mobile-net-0742e562ad"


def terminating(made: Object, *states: Object, since: float = 300) -> Object:
    """A pod whose node stopped answering while it converted, and that the taint manager deleted then."""
    gone = pod(made, *(states or (ended(0), RUNNING)), phase="Running") | {"spec": {"nodeName": "worker-3"}}
    gone["metadata"] |= {"deletionTimestamp": timestamp(at(since)), "deletionGracePeriodSeconds": 10}
    gone["status"]["conditions"].append(
        {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
            "lastTransitionTime": timestamp(at(since - 10)),
        }
    )
    return gone


def meshed(made: Object, *states: Object) -> Object:
    """A pod into which a service mesh has put a proxy that runs on."""
    proxy = {"name": "istio-proxy", "state": RUNNING, "image": "istio/proxyv2", "imageID": "istio/proxyv2@sha256:cd"}
    shown = pod(made, *states, phase="Running")
    shown["status"]["containerStatuses"].append(proxy)
    return shown


def seconds(made: Plan) -> float:
    assert made.look_again is not None
    return made.look_again.total_seconds()


def test_a_pod_on_a_node_that_is_gone_is_named_with_what_helps() -> None:
    owner, made = started()
    gone = terminating(made)
    at_first = planned(owner, made, pods=[gone], now=at(310))
    assert conditions(at_first) == running(Reason.PENDING)
    assert seconds(at_first) == 20
    late = planned(owner, made, pods=[gone], now=at(330))
    assert conditions(late) == running(Reason.POD_STUCK_TERMINATING)
    said = f"Pod {NAME}-x7x7x on node worker-3 is being terminated since 2026-11-22T12:05:00Z and does not end."
    assert message(late).startswith(said)
    assert "node.kubernetes.io/out-of-service" in message(late)
    assert Reason.POD_STUCK_TERMINATING in told(late)
    owner = after(owner, late)
    assert is_at_rest(planned(owner, made, pods=[gone], now=at(3000))), "said once"


def test_a_deadline_that_passed_while_the_node_was_gone_is_no_failure() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[terminating(made)], now=at(330)))
    over = job(owner, end=failed("DeadlineExceeded", seconds=7200))
    seen = planned(owner, over, now=at(7201))
    assert conditions(seen) == running(Reason.POD_STUCK_TERMINATING)
    assert planned(after(owner, seen), over, now=at(7211)).actions == (CreateJob(Attempt(2, failures=0)),)


def test_one_more_run_that_is_asked_for_then_begins_once_the_pod_is_gone() -> None:
    owner, made = started()
    gone = terminating(made)
    owner = after(owner, planned(owner, made, pods=[gone], now=at(330)))
    owner["metadata"]["annotations"] = {"tflite-operator.dev/requestedAt": "now"}
    asked = planned(owner, made, pods=[gone], now=at(400))
    assert asked.actions == (DeleteJob(NAME, "job-1-1"),)
    owner = after(owner, asked)
    assert owner["status"]["conditions"][0]["reason"] == "PodStuckTerminating"
    waits = planned(owner, pods=[gone], now=at(401))
    assert not waits.actions
    assert waits.status is None
    assert planned(owner, now=at(500)).actions == (CreateJob(Attempt(2, request="now", forced=True)),)


def test_a_changed_spec_waits_for_it_and_says_so() -> None:
    owner, made = started()
    gone = terminating(made)
    owner = after(owner, planned(owner, made, pods=[gone], now=at(20)))
    changed = conversion(status=owner["status"], generation=2)
    waits = planned(changed, pods=[gone], now=at(400))
    assert conditions(waits) == running(Reason.POD_STUCK_TERMINATING)
    assert "worker-3" in message(waits)
    assert planned(after(changed, waits), now=at(500)).actions == (CreateJob(Attempt(1)),)


def test_a_conversion_that_is_deleted_with_its_artifact_says_what_it_waited_for() -> None:
    owner = deletion.ready()
    made = job(owner)
    gone = terminating(made, since=-100)
    let_go = planned(owner, pods=[gone], now=at(300))
    [event] = [one for one in let_go.actions if isinstance(one, EmitEvent)]
    assert event.reason is Reason.CLEANUP_FAILED
    assert f"pod {NAME}-x7x7x on node worker-3 is being terminated" in event.message


def test_a_success_beside_a_proxy_frees_what_the_pod_takes() -> None:
    owner, made = started()
    done = meshed(made, ended(0), ended(0), ended(0, success(owner)))
    seen = planned(owner, made, pods=[done], now=at(32))
    assert conditions(seen)["Ready"] == ("True", "Converted")
    assert not seen.actions
    assert seen.look_again is not None, "nothing more will be heard of a pod that does not end"
    owner = after(owner, seen)
    made["spec"]["ttlSecondsAfterFinished"] = 3600
    assert seconds(planned(owner, made, pods=[done], now=at(51))) == 10
    lingers = planned(owner, made, pods=[done], now=at(61))
    assert lingers.actions == (DeleteJob(NAME, "job-1-1"),)
    assert lingers.status is None
    assert lingers.look_again is None
    assert is_at_rest(planned(owner, pods=[done], now=at(62)))


def test_a_success_that_ends_by_itself_is_not_looked_at_again() -> None:
    owner, made = started()
    done = pod(made, ended(0), ended(0), ended(0, success(owner)), phase="Succeeded")
    assert planned(owner, made, pods=[done], now=at(32)).look_again is None


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_failure_beside_a_proxy_counts_before_the_deadline(step: int) -> None:
    owner, made = started()
    said = report(Reason.CREDENTIALS_REFUSED if step != 2 else Reason.CONVERSION_FAILED, "it was refused")
    broken = meshed(made, *[ended(0)] * (step - 1), ended(3, said))
    soon = planned(owner, made, pods=[broken], now=at(41))
    assert soon.status is None
    assert seconds(soon) == 20
    seen = planned(owner, made, pods=[broken], now=at(61))
    assert conditions(seen) == stalled(Reason(said["reason"]))
    assert "It was refused." in message(seen)
    assert not seen.actions, "the status comes first"
    assert seconds(seen) == 2
    owner = after(owner, seen)
    assert planned(owner, made, pods=[broken], now=at(62)).actions == (DeleteJob(NAME, "job-1-1"),)
    assert is_at_rest(planned(owner, pods=[broken], now=at(63)))
    assert is_at_rest(planned(owner, now=at(10**5)))


def test_an_outage_beside_a_proxy_is_tried_again_when_the_pod_is_gone() -> None:
    owner, made = started()
    broken = meshed(made, ended(0), ended(0), ended(4, report(Reason.STORAGE_UNAVAILABLE)))
    # As when the operator was away for a while.
    for now in (61, 10**4):
        seen = planned(owner, made, pods=[broken], now=at(now))
        assert conditions(seen) == running(Reason.STORAGE_UNAVAILABLE)
        assert not seen.actions
    owner = after(owner, seen)
    lingers = planned(owner, made, pods=[broken], now=at(10**4 + 1))
    assert lingers.actions == (DeleteJob(NAME, "job-1-1"),)
    ending = planned(owner, pods=[broken], now=at(10**4 + 2))
    assert not ending.actions
    assert ending.status is None, "what failed stays told"
    assert planned(owner, now=at(10**4 + 3)).actions == (CreateJob(Attempt(2, failures=0)),)


def test_a_crash_beside_a_proxy_counts_once() -> None:
    owner, made = started()
    broken = meshed(made, ended(0), ended(139))
    owner = after(owner, planned(owner, made, pods=[broken], now=at(61)))
    assert planned(owner, made, pods=[broken], now=at(100)).actions == (DeleteJob(NAME, "job-1-1"),)
    assert planned(owner, now=at(101)).actions == (CreateJob(Attempt(2, failures=1)),)


def test_a_report_that_is_not_believed_beside_a_proxy_is_a_crash() -> None:
    owner, made = started()
    done = meshed(made, ended(0), ended(0), ended(0, "nonsense"))
    seen = planned(owner, made, pods=[done], now=at(61))
    assert conditions(seen) == running(Reason.STEP_CRASHED)
    assert "publish succeeded, but its report is malformed" in message(seen)


@pytest.mark.parametrize("more", [{"reason": "Evicted"}, {"phase": "Failed"}])
def test_a_pod_that_ends_as_a_whole_is_judged_with_its_job(more: dict[str, Any]) -> None:
    owner, made = started()
    broken = pod(made, ended(0), ended(137), **more)
    assert planned(owner, made, pods=[broken], now=at(1000)).status is None


def test_a_report_from_before_the_deadline_counts_more_than_the_deadline() -> None:
    owner, _ = started()
    over = job(owner, end=failed("DeadlineExceeded", seconds=3600))
    broken = meshed(over, ended(0), ended(0), ended(3, report(Reason.DESTINATION_CONFLICT, "taken")))
    broken["metadata"]["deletionTimestamp"] = timestamp(at(3610))
    made = planned(owner, over, pods=[broken], now=at(3601))
    assert conditions(made) == stalled(Reason.DESTINATION_CONFLICT)
    killed = meshed(over, ended(0), ended(143))
    assert conditions(planned(owner, over, pods=[killed], now=at(3601))) == stalled(Reason.DEADLINE_EXCEEDED)
