"""Why a conversion is not done stands in a field of its own: nothing reads it back from a message for people."""

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
    waiting,
)
from tflite_api.explanations import explained
from tflite_api.names import CONVERT, PREPARE
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import CreateJob
from tflite_operator.decide.plan import Plan
from tflite_operator.jobs.attempt import Attempt

WORDS = "The server says: Attempt 7 follows at noon, Attempt 8 never"
"""What an earlier status would have been cut at."""


def cause(made: Plan) -> tuple[str, str] | None:
    """The planned cause, which is in the status as it is written and in what is read from there."""
    assert made.status is not None
    written = made.status.to_object().get("cause")
    assert (made.status.cause is None) == (written is None)
    return (written["reason"], written["message"]) if written is not None else None


def unschedulable(words: str) -> Object:
    return condition("PodScheduled", "Unschedulable", message=words) | {"status": "False"}


def broken() -> tuple[Object, Object, Object]:
    """A conversion whose first attempt met an outage, its Job and its pod."""
    owner, _ = started()
    over = job(owner, end=failed())
    return owner, over, failing_pod(over, PREPARE, 4, report(Reason.STORAGE_UNAVAILABLE, WORDS))


def test_a_message_survives_whole_through_a_retry() -> None:
    owner, over, outage = broken()
    first = planned(owner, over, pods=[outage], now=at(61))
    assert cause(first) == ("StorageUnavailable", WORDS)
    follows = f"{WORDS}. Attempt 2 follows at 2026-11-22T12:01:10Z."
    assert message(first) == explained(Reason.STORAGE_UNAVAILABLE, follows)
    assert message(first, "Reconciling") == message(first)
    owner = after(owner, first)
    assert planned(owner, over, pods=[outage], now=at(62)).status is None
    assert planned(owner, over, pods=[outage], now=at(70)).actions == (CreateJob(Attempt(2, failures=0)),)
    second = job(owner, 2)
    seen = planned(owner, second, now=at(71))
    assert cause(seen) is None, "nothing is in the way of the second attempt so far"
    owner = after(owner, seen)
    again = job(owner, 2, end=failed(seconds=90))
    later = planned(owner, again, pods=[failing_pod(again, PREPARE, 4, report(Reason.MODEL_UNAVAILABLE, WORDS))])
    assert cause(later) == ("ModelUnavailable", WORDS)
    assert message(later).startswith(f"{WORDS}. ")


def test_a_message_survives_whole_when_its_job_is_deleted() -> None:
    owner, over, outage = broken()
    first = planned(owner, over, pods=[outage], now=at(61))
    owner = after(owner, first)
    assert is_at_rest(planned(owner, now=at(62))), "neither the words nor the time change"
    # Somebody wrote into the conditions: they are made anew from what stands beside them.
    for one in owner["status"]["conditions"]:
        one["message"] = "edited"
    mended = planned(owner, now=at(63))
    assert cause(mended) == ("StorageUnavailable", WORDS)
    assert message(mended) == message(first)
    assert planned(owner, now=at(70)).actions == (CreateJob(Attempt(2, failures=0)),)


def test_a_message_survives_whole_through_a_deadline_that_passed_while_it_was_waited() -> None:
    owner, made = started()
    words = f'secret "s3" not found. {WORDS}'
    first = planned(owner, made, pods=[pod(made, waiting("CreateContainerConfigError", words))])
    known = cause(first)
    assert known is not None
    assert known[0] == "SecretNotFound"
    assert known[1].endswith(words)
    owner = after(owner, first)
    over = job(owner, end=failed("DeadlineExceeded", seconds=3600))
    seen = planned(owner, over, now=at(3601))
    assert conditions(seen) == running(Reason.SECRET_NOT_FOUND)
    assert cause(seen) == known
    follows = f"{known[1].rstrip('.')}. Attempt 2 follows at 2026-11-22T13:00:10Z."
    assert message(seen) == explained(Reason.SECRET_NOT_FOUND, follows)
    owner = after(owner, seen)
    assert planned(owner, over, now=at(3602)).status is None
    assert is_at_rest(planned(owner, now=at(3603))), "its Job may be gone"


@pytest.mark.parametrize(
    ("waits", "reason"),
    [
        ({"state": waiting("ErrImagePull", WORDS)}, Reason.IMAGE_PULL_FAILED),
        ({"status": {"conditions": [unschedulable(WORDS)]}}, Reason.UNSCHEDULABLE),
    ],
)
def test_a_failure_that_waited_for_ever_keeps_its_whole_message_at_the_deadline(waits: Object, reason: Reason) -> None:
    owner, made = started()
    stuck = pod(made, *([waits["state"]] if "state" in waits else []), **waits.get("status", {}))
    soon = planned(owner, made, pods=[stuck], now=at(20))
    assert conditions(soon) == running(Reason.PENDING)
    assert cause(soon) == cause(planned(owner, made, pods=[stuck], now=at(400)))
    first = planned(owner, made, pods=[stuck], now=at(400))
    assert conditions(first) == stalled(reason)
    known = cause(first)
    assert known is not None
    assert known[0] == reason
    assert WORDS in known[1]
    seen = planned(after(owner, first), job(owner, end=failed("DeadlineExceeded", seconds=3600)), now=at(3601))
    assert conditions(seen) == stalled(reason)
    assert cause(seen) == known
    assert message(seen) == message(first)


def test_a_refusal_is_a_cause_in_the_servers_words() -> None:
    made = planned(conversion(), refusal=WORDS)
    known = cause(made)
    assert known is not None
    assert known[0] == "JobRefused"
    assert known[1].endswith(WORDS)


def test_a_failure_for_good_has_its_cause_and_a_changed_spec_has_none() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    made = planned(owner, over, pods=[failing_pod(over, CONVERT, 3, report(Reason.SIGNATURE_NOT_FOUND, WORDS))])
    assert cause(made) == ("SignatureNotFound", WORDS)
    changed = conversion(status=after(owner, made)["status"], generation=2)
    assert cause(planned(changed, job(changed))) is None
    paused = conversion(status=after(owner, made)["status"], generation=2, suspend=True)
    assert cause(planned(paused)) is None


@pytest.mark.parametrize(
    "states",
    [
        [],
        [waiting("ContainerCreating")],
        [RUNNING],
        [ended(0), RUNNING],
        [ended(0), ended(0), RUNNING],
    ],
)
def test_there_is_no_cause_while_nothing_is_in_the_way(states: list[Object]) -> None:
    owner = conversion()
    made = job(owner)
    assert cause(planned(owner, made)) is None
    assert cause(planned(owner, made, pods=[pod(made, *states)])) is None


def test_there_is_no_cause_while_it_waits_in_a_queue() -> None:
    owner, made = started()
    made["spec"]["suspend"] = True
    assert cause(planned(owner, made)) is None


def test_after_a_success_there_is_no_cause_any_more() -> None:
    owner, over, outage = broken()
    owner = after(owner, planned(owner, over, pods=[outage], now=at(61)))
    assert owner["status"]["cause"]["message"] == WORDS
    second = job(owner, 2, end=COMPLETE)
    done = planned(owner, over, second, pods=[succeeded_pod(owner, second)], now=at(100))
    assert conditions(done)["Ready"] == ("True", "Converted")
    assert cause(done) is None


def test_a_cause_stays_as_long_as_the_status_keeps_what_it_says() -> None:
    """Between the pod's end and the Job's, nothing is known that is worth a write."""
    owner, made = started()
    words = 'secret "s3" not found'
    owner = after(owner, planned(owner, made, pods=[pod(made, waiting("CreateContainerConfigError", words))]))
    assert words in owner["status"]["cause"]["message"]
    assert planned(owner, made, pods=[failing_pod(made, PREPARE, 3, report(Reason.MODEL_NOT_FOUND))]).status is None


def test_a_cure_of_its_own_is_the_only_one_through_retries_and_a_deleted_job() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    words = "The certificate of s3.example.com is of an unknown authority. Name it in converterCAConfigMap."
    told = report(Reason.STORAGE_UNAVAILABLE, words) | {"cureGiven": True}
    first = planned(owner, over, pods=[failing_pod(over, PREPARE, 4, told)], now=at(61))
    said = f"{words} Attempt 2 follows at 2026-11-22T12:01:10Z."
    assert message(first) == said
    owner = after(owner, first)
    assert is_at_rest(planned(owner, now=at(62))), "nor once its Job is gone"
