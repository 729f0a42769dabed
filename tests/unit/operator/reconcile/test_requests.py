"""What people ask for beside the recipe: to pause, to run once more, to wait in a queue."""

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    RUNNING,
    Object,
    after,
    at,
    condition,
    conditions,
    conversion,
    ended,
    failed,
    failing_pod,
    is_at_rest,
    job,
    message,
    planned,
    pod,
    report,
    running,
    stalled,
    started,
    succeeded_pod,
)
from tflite_api.names import PREPARE, REQUESTED_AT_ANNOTATION
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import CreateJob, DeleteJob, EmitEvent
from tflite_operator.jobs.attempt import Attempt


def asked(owner: Object, value: str) -> Object:
    annotations = owner["metadata"].get("annotations", {}) | {REQUESTED_AT_ANNOTATION: value}
    return owner | {"metadata": owner["metadata"] | {"annotations": annotations}}


def done() -> tuple[Object, Object, Object]:
    """A conversion that is Ready, its Job and its pod."""
    owner, made = started()
    over = job(owner, end=COMPLETE)
    finished = succeeded_pod(owner, over)
    return after(owner, planned(owner, over, pods=[finished])), made | over, finished


def test_a_suspended_conversion_makes_no_job_and_says_so_once() -> None:
    owner = conversion(suspend=True)
    made = planned(owner)
    assert made.actions == ()
    assert conditions(made) == {"Ready": ("Unknown", Reason.SUSPENDED)}
    assert [action.warning for action in made.follow_ups if isinstance(action, EmitEvent)] == [False]
    assert made.look_again is None
    assert is_at_rest(planned(after(owner, made)))


def test_suspending_deletes_the_job_that_runs_and_keeps_the_artifact_in_status() -> None:
    owner, _, _ = done()
    paused = conversion(status=owner["status"], generation=2, suspend=True)
    running_on = job(paused | {"metadata": paused["metadata"] | {"generation": 1}})
    seen = planned(paused, running_on)
    assert seen.actions == (DeleteJob(running_on["metadata"]["name"], "job-1-1"),)
    assert seen.status is not None
    assert seen.status.artifact is not None
    assert conditions(seen)["Ready"] == ("Unknown", Reason.SUSPENDED)


def test_a_request_runs_a_settled_conversion_once_more_and_converts_anew() -> None:
    owner, over, finished = done()
    assert planned(owner, over, pods=[finished]).actions == ()
    wanted = asked(owner, "2026-11-25T12:00:00Z")
    made = planned(wanted, over, pods=[finished])
    assert made.actions == (CreateJob(Attempt(2, 0, "2026-11-25T12:00:00Z", forced=True)),)
    second = job(wanted, 2, request="2026-11-25T12:00:00Z", forced=True)
    seen = planned(wanted, over, second, pods=[finished])
    assert conditions(seen)["Ready"] == ("Unknown", Reason.PENDING)
    assert seen.status is not None
    assert seen.status.last_handled_request == "2026-11-25T12:00:00Z"
    assert seen.status.artifact is not None
    told = [action for action in seen.follow_ups if isinstance(action, EmitEvent)]
    assert [(one.warning, one.message.split(".")[0]) for one in told] == [(False, "One more run was asked for")]
    again = job(wanted, 2, end=COMPLETE, request="2026-11-25T12:00:00Z", forced=True)
    settled = after(after(wanted, seen), planned(after(wanted, seen), again, pods=[succeeded_pod(wanted, again)]))
    assert planned(settled, again, pods=[succeeded_pod(wanted, again)]).status is None
    assert is_at_rest(planned(settled))


def test_a_request_that_was_there_from_the_start_is_no_reason_to_convert_anew() -> None:
    wanted = asked(conversion(), "before")
    assert planned(wanted).actions == (CreateJob(Attempt(1, request="before")),)


def test_a_request_cures_a_stalled_conversion() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    refused = failing_pod(over, PREPARE, 3, report(Reason.CREDENTIALS_REFUSED))
    owner = after(owner, planned(owner, over, pods=[refused]))
    assert conditions_of(owner) == stalled(Reason.CREDENTIALS_REFUSED)
    assert planned(asked(owner, "now"), over, pods=[refused]).actions == (CreateJob(Attempt(2, 0, "now", forced=True)),)


def conditions_of(owner: Object) -> Object:
    return {one["type"]: (one["status"], one["reason"]) for one in owner["status"]["conditions"]}


def test_a_request_does_not_wait_for_the_next_attempt() -> None:
    owner, _ = started()
    over = job(owner, attempt=7, end=failed())
    outage = failing_pod(over, PREPARE, 4, report(Reason.STORAGE_UNAVAILABLE))
    owner = after(owner, planned(owner, over, pods=[outage], now=at(61)))
    assert "nextAttemptTime" in owner["status"]
    made = planned(asked(owner, "now"), over, pods=[outage], now=at(62))
    assert made.actions == (CreateJob(Attempt(8, 0, "now", forced=True)),)


def test_a_request_stops_a_pod_that_waits_for_a_node_first() -> None:
    owner, made = started()
    unschedulable = condition("PodScheduled", "Unschedulable", message="no node") | {"status": "False"}
    waits = pod(made, conditions=[unschedulable])
    owner = asked(after(owner, planned(owner, made, pods=[waits], now=at(400))), "now")
    assert conditions_of(owner) == stalled(Reason.UNSCHEDULABLE)
    first = planned(owner, made, pods=[waits], now=at(401))
    assert first.actions == (DeleteJob(made["metadata"]["name"], "job-1-1"),)
    assert conditions(first) == running(Reason.PENDING)
    owner = after(owner, first)
    # However often it looks meanwhile, and whether the old Job is gone or not: it comes to the new attempt.
    gone = made | {"metadata": made["metadata"] | {"deletionTimestamp": "2026-11-22T12:00:00Z"}}
    assert is_at_rest(planned(owner, gone, pods=[waits], now=at(402)))
    assert planned(owner, now=at(403)).actions == (CreateJob(Attempt(2, 0, "now", forced=True)),)


def test_a_request_that_the_quota_refuses_is_not_forgotten() -> None:
    owner, over, finished = done()
    owner = asked(owner, "now")
    refused = planned(owner, over, pods=[finished], refusal="exceeded quota")
    assert conditions(refused)["Ready"] == ("Unknown", Reason.JOB_REFUSED)
    owner = after(owner, refused)
    assert planned(owner, over, pods=[finished]).actions == (CreateJob(Attempt(2, 0, "now", forced=True)),)
    assert planned(owner).actions == (CreateJob(Attempt(2, 0, "now", forced=True)),)


def test_the_attempts_after_a_requested_one_convert_anew_too() -> None:
    owner, _, _ = done()
    owner = asked(owner, "now")
    crashed = job(owner, 2, end=failed(), request="now", forced=True)
    pods = [failing_pod(crashed, PREPARE, 1)]
    owner = after(owner, planned(owner, crashed, pods=pods))
    assert planned(owner, crashed, pods=pods, now=at(10**4)).actions == (CreateJob(Attempt(3, 1, "now", forced=True)),)
    assert planned(owner, now=at(10**4)).actions == (CreateJob(Attempt(3, 1, "now", forced=True)),)


@pytest.mark.parametrize("pods", [[], ["one that ends"]])
def test_a_suspended_job_is_shown_as_queued_for_as_long_as_it_takes(pods: list[str]) -> None:
    owner, made = started()
    made["spec"]["suspend"] = True
    made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "team-a"
    ending = [pod(made, RUNNING) for _ in pods]
    seen = planned(owner, made, pods=ending, now=at(10**6))
    assert conditions(seen) == running(Reason.QUEUED)
    assert "in queue team-a" in message(seen)
    assert is_at_rest(planned(after(owner, seen), made, pods=ending, now=at(10**6 + 99)))


def test_the_labels_of_a_queueing_system_are_passed_on_and_no_others() -> None:
    owner = conversion()
    owner["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "team-a", "app": "mine"}
    labels = job(owner)["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "team-a"
    assert "app" not in labels
    assert "kueue.x-k8s.io/queue-name" not in job(owner)["spec"]["template"]["metadata"]["labels"]


def test_what_is_left_of_a_suspended_jobs_clock_does_not_stall_it() -> None:
    owner, made = started()
    made["spec"]["suspend"] = True
    owner = after(owner, planned(owner, made))
    made["spec"]["suspend"] = False
    resumed = planned(owner, made, pods=[pod(made, ended(0), RUNNING)], now=at(10**6))
    assert conditions(resumed) == running(Reason.CONVERTING)
