"""What is planned for each thing that can happen."""

from typing import Any

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    NOW,
    RUNNING,
    SETTINGS,
    Object,
    after,
    at,
    conditions,
    conversion,
    ended,
    failed,
    failing_pod,
    job,
    message,
    planned,
    pod,
    report,
    running,
    stalled,
    started,
    succeeded_pod,
    success,
    waiting,
)
from tflite_api.names import CONVERT, PREPARE, PUBLISH
from tflite_api.reasons import Reason
from tflite_operator.attempt import Attempt
from tflite_operator.decision import CreateJob, DeleteJob, EmitEvent, SetJobTTL
from tflite_operator.plan import Plan


def told(made: Plan) -> list[Reason]:
    return [action.reason for action in made.afterwards if isinstance(action, EmitEvent)]


def test_a_new_conversion_gets_its_first_job_and_nothing_is_said_before_it_exists() -> None:
    made = planned(conversion())
    assert made.actions == (CreateJob(Attempt(1, failures=0)),)
    assert made.status is None


def test_a_job_that_exists_is_followed_not_made_again() -> None:
    owner = conversion()
    made = planned(owner, job(owner))
    assert made.actions == ()
    assert conditions(made) == running(Reason.PENDING)
    assert made.status is not None
    assert made.status.job is not None
    assert (made.status.job.attempt, made.status.observed_generation) == (1, 1)
    assert told(made) == [Reason.PENDING]


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ([], Reason.PENDING),
        ([RUNNING], Reason.PREPARING),
        ([ended(0)], Reason.CONVERTING),
        ([ended(0), RUNNING], Reason.CONVERTING),
        ([ended(0), ended(0)], Reason.PUBLISHING),
        ([ended(0), ended(0), RUNNING], Reason.PUBLISHING),
        ([waiting("CreateContainerConfigError", 'secret "s3" not found')], Reason.SECRET_NOT_FOUND),
        (
            [waiting("CreateContainerConfigError", "couldn't find key AWS_ACCESS_KEY_ID in Secret a/s3")],
            Reason.SECRET_NOT_FOUND,
        ),
        (
            [waiting("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition")],
            Reason.PENDING,
        ),
        ([waiting("ErrImagePull", "no such host")], Reason.PENDING),
        ([ended(4, report(Reason.MODEL_UNAVAILABLE))], Reason.PENDING),
    ],
)
def test_the_containers_tell_the_progress(states: list[Object], reason: Reason) -> None:
    owner = conversion()
    made = job(owner)
    assert conditions(planned(owner, made, pods=[pod(made, *states)])) == running(reason)


def test_the_end_of_a_step_waits_for_the_job_without_a_write() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[pod(made, RUNNING)]))
    over = failing_pod(made, PREPARE, 3, report(Reason.MODEL_NOT_FOUND))
    assert planned(owner, made, pods=[over]).status is None


def test_a_missing_secret_is_named_with_what_to_do_and_told_once() -> None:
    owner, made = started()
    waits = pod(made, waiting("CreateContainerConfigError", 'secret "s3" not found'))
    first = planned(owner, made, pods=[waits])
    assert 'secret "s3" not found. Create the Secret' in message(first)
    assert told(first) == [Reason.SECRET_NOT_FOUND]
    assert planned(after(owner, first), made, pods=[waits]).is_at_rest


@pytest.mark.parametrize(
    "words",
    [
        'persistentvolumeclaim "models" not found',
        'persistentvolumeclaim "models" is being deleted',
        "pod has unbound immediate PersistentVolumeClaims",
    ],
)
def test_a_missing_volume_is_named_at_once_and_waited_for(words: str) -> None:
    owner, made = started()
    reason = f"0/1 nodes are available: {words}."
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}
    waits = pod(made) | {"status": {"phase": "Pending", "conditions": [unschedulable]}}
    first = planned(owner, made, pods=[waits])
    assert conditions(first) == running(Reason.VOLUME_NOT_FOUND)
    assert words in message(first)
    assert "model.volume.claimName" in message(first)
    assert planned(after(owner, first), made, pods=[waits], now=at(10**4)).is_at_rest


def test_success_is_taken_from_the_pod_before_the_job_says_so() -> None:
    owner, made = started()
    done = planned(owner, made, pods=[succeeded_pod(owner, made)])
    assert conditions(done) == {"Ready": ("True", "Converted"), "Verified": ("True", "SNRSufficient")}
    assert done.status is not None
    status = done.status.to_object()
    assert status["artifact"]["sha256"] == "a" * 64
    assert status["provenance"]["converterImage"] == "example.com/converter@sha256:ab"
    assert (status["startTime"], status["completionTime"]) == ("2026-11-22T12:00:00Z", "2026-11-22T12:00:31Z")
    assert done.afterwards[-1] == SetJobTTL(made["metadata"]["name"], "job-1-1", 3600)
    assert told(done) == [Reason.CONVERTED]
    assert done.finished is Reason.CONVERTED


@pytest.mark.parametrize(
    ("more", "verified"),
    [
        ({"verdict": "NonDeterministic"}, ("Unknown", "NonDeterministic")),
        ({"verdict": "ReportOnly"}, ("Unknown", "ReportOnly")),
        ({"reason": Reason.REUSED}, ("True", "SNRSufficient")),
    ],
)
def test_the_verdict_becomes_verified(more: dict[str, object], verified: tuple[str, str]) -> None:
    owner, made = started()
    done = planned(owner, made, pods=[succeeded_pod(owner, made, **more)])
    assert conditions(done)["Verified"] == verified
    assert ("by hand" in message(done, "Verified")) == (verified[1] == "NonDeterministic")
    assert conditions(done)["Ready"][0] == "True"


def test_a_job_gone_after_success_is_not_run_again() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made)]))
    assert planned(owner).is_at_rest
    assert planned(owner, now=at(10**7)).look_again is None


def test_a_finished_job_gets_its_ttl_even_if_the_operator_died_in_between() -> None:
    owner, made = started()
    done = job(owner, end=COMPLETE)
    owner = after(owner, planned(owner, done, pods=[succeeded_pod(owner, made)]))
    assert planned(owner, done).everything == (SetJobTTL(done["metadata"]["name"], "job-1-1", 3600),)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (PREPARE, Reason.MODEL_NOT_FOUND),
        (PREPARE, Reason.CREDENTIALS_REFUSED),
        (CONVERT, Reason.SIGNATURE_NOT_FOUND),
        (CONVERT, Reason.UNSUPPORTED_OPERATION),
        (PUBLISH, Reason.DESTINATION_CONFLICT),
    ],
)
def test_a_spec_that_must_change_stalls_after_one_attempt(step: str, reason: Reason) -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    made = planned(owner, over, pods=[failing_pod(over, step, 3, report(reason, "it was so"))])
    assert conditions(made) == stalled(reason)
    assert "It was so." in message(made)
    assert made.actions == ()
    assert told(made) == [reason]
    assert planned(after(owner, made), now=at(10**6)).is_at_rest


def test_a_failed_verification_says_what_was_measured_and_keeps_the_old_artifact() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made)]))
    owner["metadata"]["generation"] = 2
    over = job(owner, end=failed())
    numbers = {"snrDecibels": "3.1", "maxAbsoluteError": "2", "cosine": "0.5", "samples": 4, "source": "Generated"}
    said = report(Reason.VERIFICATION_FAILED, verification=numbers)
    result = planned(owner, over, pods=[failing_pod(over, CONVERT, 3, said)])
    assert conditions(result) == {**stalled(Reason.VERIFICATION_FAILED), "Verified": ("False", "VerificationFailed")}
    assert result.status is not None
    status = result.status.to_object()
    assert status["verification"] == numbers
    assert status["artifact"]["sha256"] == "a" * 64


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (PREPARE, Reason.MODEL_UNAVAILABLE),
        (PREPARE, Reason.STORAGE_UNAVAILABLE),
        (PUBLISH, Reason.STORAGE_UNAVAILABLE),
        (PUBLISH, Reason.DESTINATION_CHANGED),
    ],
)
def test_an_outage_is_tried_again_after_a_growing_while_without_limit(step: str, reason: Reason) -> None:
    owner, _ = started()
    over = job(owner, attempt=9, end=failed())
    broken = failing_pod(over, step, 4, report(reason))
    made = planned(owner, over, pods=[broken], now=at(70))
    assert conditions(made) == running(reason)
    assert made.status is not None
    assert made.status.next_attempt_time == "2026-11-22T12:06:00Z"  # 300 s, the longest delay, after the end
    assert "Attempt 10 follows at 2026-11-22T12:06:00Z." in message(made)
    assert told(made)[-1] is reason
    later = after(owner, made)
    assert not planned(later, over, pods=[broken], now=at(80)).actions
    assert planned(later, over, pods=[broken], now=at(361)).actions == (CreateJob(Attempt(10, failures=0)),)


def test_the_first_delay_is_the_shortest_and_doubles() -> None:
    delays = [SETTINGS.retry_delay(attempt).total_seconds() for attempt in (1, 2, 3, 6, 7, 10**6)]
    assert delays == [10, 20, 40, 300, 300, 300]


def test_a_failed_job_that_vanished_leaves_its_retry_in_the_status() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    owner = after(owner, planned(owner, over, pods=[failing_pod(over, PREPARE, 4, report(Reason.MODEL_UNAVAILABLE))]))
    assert planned(owner, now=at(61)).is_at_rest
    assert planned(owner, now=at(71)).actions == (CreateJob(Attempt(2, failures=0)),)


def test_crashes_are_tried_three_times() -> None:
    owner, _ = started()
    first = job(owner, end=failed())
    crash = failing_pod(first, CONVERT, 139)
    once = planned(owner, first, pods=[crash], now=at(61))
    assert conditions(once) == running(Reason.STEP_CRASHED)
    assert "exit code 139 (SIGSEGV), and it left no report" in message(once)
    assert planned(owner, first, pods=[crash], now=at(71)).actions == (CreateJob(Attempt(2, failures=1)),)
    third = job(owner, attempt=3, failures=2, end=failed())
    assert conditions(planned(owner, third, pods=[failing_pod(third, CONVERT, 139)])) == stalled(Reason.STEP_CRASHED)


def test_outages_do_not_use_up_the_crashes_allowed() -> None:
    owner, _ = started()
    over = job(owner, attempt=12, failures=0, end=failed())
    made = planned(owner, over, pods=[failing_pod(over, CONVERT, 1)], now=at(10**4))
    assert made.actions == (CreateJob(Attempt(13, failures=1)),)


def test_a_job_deleted_while_it_runs_is_made_again_twice() -> None:
    owner, _ = started()
    assert planned(owner).actions == (CreateJob(Attempt(2, failures=1)),)
    second = job(owner, attempt=2, failures=1)
    seen = planned(owner, second)
    assert told(seen) == [Reason.JOB_DELETED]
    owner = after(owner, seen)
    assert planned(owner).actions == (CreateJob(Attempt(3, failures=2)),)
    owner = after(owner, planned(owner, job(owner, attempt=3, failures=2)))
    assert conditions(planned(owner)) == stalled(Reason.JOB_DELETED)


def test_a_changed_spec_deletes_the_old_job_and_waits_for_its_pods() -> None:
    owner, old = started()
    changed = conversion(status=owner["status"], generation=2)
    alive = pod(old, ended(0), RUNNING)
    first = planned(changed, old, pods=[alive])
    assert first.actions == (DeleteJob(old["metadata"]["name"], "job-1-1"),)
    assert conditions(first) == running(Reason.PENDING)
    waits = planned(after(changed, first), pods=[alive])
    assert waits.actions == ()
    assert waits.look_again is not None
    assert planned(after(changed, first)).actions == (CreateJob(Attempt(1, failures=0)),)


def test_a_changed_spec_keeps_the_last_good_artifact() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made)]))
    changed = conversion(status=owner["status"], generation=2)
    seen = planned(changed, job(changed))
    assert seen.status is not None
    assert seen.status.artifact is not None
    assert seen.status.observed_generation == 2
    assert seen.status.completion_time is None
    assert conditions(seen) == {**running(Reason.PENDING), "Verified": ("True", "SNRSufficient")}
    verified = next(one for one in seen.status.conditions or () if one.type == "Verified")
    assert verified.observed_generation == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"provenance": {**success(conversion())["provenance"], "recipeHash": "c" * 64}}, "another recipe"),
        ({"artifact": {**success(conversion())["artifact"], "uri": "s3://models/else"}}, "another object"),
        ({"artifact": {**success(conversion())["artifact"], "reportURI": "s3://models/else"}}, "another report page"),
        ({"artifact": None}, "names no artifact"),
        ({"artifact": {"uri": 1}}, "malformed"),
    ],
)
def test_a_success_of_something_else_does_not_count(change: dict[str, object], words: str) -> None:
    owner, _ = started()
    over = job(owner, end=COMPLETE)
    made = planned(owner, over, pods=[succeeded_pod(owner, over, **change)], now=at(61))
    assert conditions(made) == running(Reason.STEP_CRASHED)
    assert words in message(made)


def test_a_success_without_the_report_that_was_asked_for_does_not_count() -> None:
    owner = conversion(report=True)
    over = job(owner, end=COMPLETE)
    artifact = success(owner)["artifact"]
    assert "another report page" in message(planned(owner, over, pods=[succeeded_pod(owner, over)], now=at(61)))
    whole = {**artifact, "reportURI": "s3://models/a/b.tflite.report.html"}
    made = planned(owner, over, pods=[succeeded_pod(owner, over, artifact=whole)], now=at(61))
    assert made.status is not None
    assert made.status.artifact is not None
    assert made.status.artifact.report_uri == "s3://models/a/b.tflite.report.html"


ATTESTATION = {"uri": "s3://models/a/b.tflite.intoto.jsonl", "sha256": "d" * 64, "keyID": "SHA256:x"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(None, ATTESTATION), ({}, None), ({}, {**ATTESTATION, "uri": "s3://models/a/b.tflite"})],
)
def test_a_success_without_the_attestation_that_the_spec_wants_does_not_count(wanted: Any, said: Any) -> None:
    owner = conversion(attestation=wanted)
    over = job(owner, end=COMPLETE)
    made = planned(owner, over, pods=[succeeded_pod(owner, over, attestation=said)], now=at(61))
    assert conditions(made) == running(Reason.STEP_CRASHED)
    assert "another attestation" in message(made)


def test_the_status_says_where_the_attestation_is() -> None:
    owner = conversion(attestation={"secretRef": {"name": "signing-key"}})
    made = job(owner)
    done = planned(owner, made, pods=[succeeded_pod(owner, made, attestation=ATTESTATION)])
    assert done.status is not None
    assert done.status.to_object()["attestation"] == ATTESTATION


def test_a_pod_of_another_job_does_not_count() -> None:
    owner, made = started()
    other = job(owner, attempt=2)
    assert conditions(planned(owner, made, other, pods=[succeeded_pod(owner, made)])) == running(Reason.PENDING)


def test_a_spec_from_a_newer_version_stalls_and_recovers() -> None:
    owner = conversion(quantization={"type": "Int4"})
    made = planned(owner)
    assert conditions(made) == stalled(Reason.INVALID_SPEC)
    assert "quantization" in message(made)
    assert planned(after(conversion(), made)).actions == (CreateJob(Attempt(1, failures=0)),)


def test_a_spec_that_the_steps_cannot_be_told_stalls_before_any_job() -> None:
    # No pod would start: Linux ends an environment variable at 128 KiB, and `$` takes six bytes in this one.
    def labelled(count: int) -> Object:
        labels = ["$" * 128] * count
        return conversion(metadata={"outputs": [{"name": "y", "labels": labels}]})

    assert planned(labelled(160)).actions != ()
    made = planned(labelled(180))
    assert made.actions == ()
    assert conditions(made) == stalled(Reason.INVALID_SPEC)
    assert "more than the 131051 that they can be told" in message(made, "Stalled")


@pytest.mark.parametrize("status", [{"conditions": "all fine"}, {"observedGeneration": "1"}, {"job": []}])
def test_a_status_that_makes_no_sense_is_made_anew_from_the_job(status: Object) -> None:
    owner = conversion(status=status)
    made = job(owner)
    assert conditions(planned(owner, made, pods=[succeeded_pod(owner, made)]))["Ready"] == ("True", "Converted")


def test_a_conversion_being_deleted_is_left_alone() -> None:
    owner = conversion()
    owner["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"
    assert planned(owner).is_at_rest
    assert planned(owner, job(owner, end=COMPLETE)).is_at_rest


def test_times_change_only_with_their_condition() -> None:
    owner, made = started()
    later = planned(owner, made, pods=[pod(made, RUNNING)], now=at(50))
    assert later.status is not None
    times = {one.type: one.last_transition_time for one in later.status.conditions or ()}
    assert times == {"Ready": "2026-11-22T12:00:00Z", "Reconciling": "2026-11-22T12:00:00Z"}
    done = planned(after(owner, later), made, pods=[succeeded_pod(owner, made)], now=at(60))
    assert done.status is not None
    assert {one.last_transition_time for one in done.status.conditions or ()} == {"2026-11-22T12:01:00Z"}


def test_a_strangers_condition_stays() -> None:
    owner = conversion()
    theirs = {
        "type": "Audited",
        "status": "True",
        "reason": "Seen",
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    owner["status"] = {"observedGeneration": -1, "conditions": [theirs]}
    assert conditions(planned(owner, job(owner)))["Audited"] == ("True", "Seen")


def test_no_time_to_live_before_the_outcome_is_written() -> None:
    owner = conversion()
    running_job = job(owner)
    assert not [one for one in planned(owner, running_job, now=NOW).afterwards if isinstance(one, SetJobTTL)]
