"""What is planned when an attempt fails: an end, or another attempt and when."""

import pytest

from tests.unit.operator.builders import (
    SETTINGS,
    after,
    at,
    conditions,
    failed,
    failing_pod,
    is_at_rest,
    job,
    message,
    planned,
    report,
    running,
    stalled,
    started,
    succeeded_pod,
    told,
)
from tflite_api.names import CONVERT, PREPARE, PUBLISH
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import CreateJob
from tflite_operator.jobs.attempt import Attempt


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
    assert is_at_rest(planned(after(owner, made), now=at(10**6)))


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


def test_an_unmet_target_says_what_runs_where_and_keeps_the_old_artifact() -> None:
    owner, made = started()
    before = [{"name": "GPU", "tool": "t", "operators": 4, "onTarget": 4}]
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made, targets=before)]))
    assert owner["status"]["targets"] == before
    owner["metadata"]["generation"] = 2
    over = job(owner, end=failed())
    left = [{"name": "WHILE", "count": 3, "why": "no"}]
    shown = [{"name": "GPU", "tool": "t", "operators": 4, "onTarget": 1, "elsewhere": left}]
    said = report(Reason.TARGET_UNMET, targets=shown)
    result = planned(owner, over, pods=[failing_pod(over, CONVERT, 3, said)])
    assert conditions(result) == {**stalled(Reason.TARGET_UNMET), "Verified": ("True", "SNRSufficient")}
    assert result.status is not None
    status = result.status.to_object()
    assert status["targets"] == shown
    assert status["artifact"]["sha256"] == "a" * 64
    # Of a step that never sees them it is not believed.
    forged = planned(owner, over, pods=[failing_pod(over, PUBLISH, 3, said)])
    assert forged.status is not None
    assert forged.status.to_object()["targets"] == before


def test_what_exceeds_the_budget_as_it_runs_is_shown_beside_the_last_good_artifact() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made)]))
    owner["metadata"]["generation"] = 2
    over = job(owner, end=failed())
    measured = {"runtime": "LiteRT 2.3.0", "arenaBytes": 4096}
    said = report(Reason.BUDGET_EXCEEDED, benchmark=measured)
    result = planned(owner, over, pods=[failing_pod(over, CONVERT, 3, said)])
    assert result.status is not None
    status = result.status.to_object()
    assert status["benchmark"] == measured
    assert status["artifact"]["sha256"] == "a" * 64
    # With another reason it is no part of why.
    said = report(Reason.VERIFICATION_FAILED, benchmark=measured)
    result = planned(owner, over, pods=[failing_pod(over, CONVERT, 3, said)])
    assert result.status is not None
    assert "benchmark" not in result.status.to_object()


def test_targets_that_are_asked_for_no_more_are_forgotten() -> None:
    owner, made = started()
    shown = [{"name": "GPU", "tool": "t", "operators": 4, "onTarget": 4}]
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made, targets=shown)]))
    owner["metadata"]["generation"] = 2
    again = job(owner)
    result = planned(owner, again, pods=[succeeded_pod(owner, again)])
    assert result.status is not None
    assert "targets" not in result.status.to_object()


@pytest.mark.parametrize("step", [CONVERT, PUBLISH])
def test_an_exceeded_budget_is_believed_of_both_steps_that_weigh_the_artifact(step: str) -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made)]))
    owner["metadata"]["generation"] = 2
    over = job(owner, end=failed())
    result = planned(owner, over, pods=[failing_pod(over, step, 3, report(Reason.BUDGET_EXCEEDED))])
    # Of the artifact that is still there the condition of before stays true.
    assert conditions(result) == {**stalled(Reason.BUDGET_EXCEEDED), "Verified": ("True", "SNRSufficient")}
    assert result.status is not None
    assert result.status.to_object()["artifact"]["sha256"] == "a" * 64


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
    assert is_at_rest(planned(owner, now=at(61)))
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


def test_a_server_that_nothing_leads_to_is_looked_for_three_times() -> None:
    owner, _ = started()
    said = report(Reason.SERVER_UNREACHABLE, "no such host: correct the endpoint", cureGiven=True)
    first = job(owner, end=failed())
    once = planned(owner, first, pods=[failing_pod(first, PREPARE, 4, said)], now=at(61))
    assert conditions(once) == running(Reason.SERVER_UNREACHABLE)
    third = job(owner, attempt=3, failures=2, end=failed())
    last = planned(owner, third, pods=[failing_pod(third, PREPARE, 4, said)])
    assert conditions(last) == stalled(Reason.SERVER_UNREACHABLE)
    assert message(last) == "No such host: correct the endpoint; 3 attempts came to nothing like this."


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


def test_a_failed_search_says_what_was_tried_and_keeps_the_old_artifact_with_what_was_chosen_for_it() -> None:
    owner, made = started()
    chosen = {"type": "Float16"}
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made, quantization=chosen)]))
    assert owner["status"]["quantization"] == chosen
    owner["metadata"]["generation"] = 2
    over = job(owner, end=failed())
    trials = [{"type": "Int8", "outcome": "Missed", "sizeBytes": 900, "snrDecibels": "12.3"}]
    said = report(Reason.BUDGET_UNREACHABLE, trials=trials)
    result = planned(owner, over, pods=[failing_pod(over, CONVERT, 3, said)])
    assert conditions(result) == {**stalled(Reason.BUDGET_UNREACHABLE), "Verified": ("True", "SNRSufficient")}
    assert result.status is not None
    status = result.status.to_object()
    assert status["trials"] == trials
    assert status["quantization"] == chosen
    assert status["artifact"]["sha256"] == "a" * 64


def test_what_was_chosen_goes_with_a_success_that_left_no_choice() -> None:
    owner, made = started()
    searched = {"quantization": {"type": "Float16"}, "trials": [{"type": "Float16", "outcome": "Chosen"}]}
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made, **searched)]))
    assert owner["status"]["trials"] == searched["trials"]
    owner["metadata"]["generation"] = 2
    again = job(owner)
    status = after(owner, planned(owner, again, pods=[succeeded_pod(owner, again)]))["status"]
    assert {"quantization", "trials"} & status.keys() == set()
