"""A UID is public: what claims a conversion from another namespace is never followed, whatever brought it here."""

import copy

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    RUNNING,
    Object,
    at,
    conditions,
    conversion,
    ended,
    failed,
    failing_pod,
    job,
    planned,
    pod,
    report,
    running,
    started,
    succeeded_pod,
)
from tests.unit.operator.decide import test_deletion as deletion
from tflite_api.names import CONVERT
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import CreateCleanup, CreateJob
from tflite_operator.jobs.attempt import Attempt


def elsewhere(shown: Object, **metadata: object) -> Object:
    """The same in another namespace, labels, owner and all."""
    moved = copy.deepcopy(shown)
    moved["metadata"] |= {"namespace": "elsewhere"} | metadata
    return moved


@pytest.mark.parametrize("end", [None, COMPLETE, failed(), failed("DeadlineExceeded")])
def test_a_job_of_another_namespace_is_not_followed_before_there_is_one_of_our_own(end: Object | None) -> None:
    owner = conversion()
    theirs = elsewhere(job(owner, end=end), name="theirs")
    made = planned(owner, theirs, pods=[elsewhere(succeeded_pod(owner, theirs))])
    assert made.everything == (CreateJob(Attempt(1)),)
    assert made.status is None


@pytest.mark.parametrize("attempt", [1, 2, 9])
def test_a_job_of_another_namespace_is_not_followed_beside_our_own(attempt: int) -> None:
    owner, ours = started()
    theirs = elsewhere(job(owner, attempt, 3, end=COMPLETE), uid="theirs")
    here = pod(ours, ended(0), RUNNING)
    alone = planned(owner, ours, pods=[here])
    assert conditions(alone) == running(Reason.CONVERTING)
    seen = planned(owner, ours, theirs, pods=[here, elsewhere(succeeded_pod(owner, theirs))])
    assert (seen.status, seen.everything) == (alone.status, alone.everything)


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_pod_of_another_namespace_speaks_for_no_job_of_ours(ends: str) -> None:
    owner, ours = started()
    here = pod(ours, ended(0), RUNNING)
    crashed = failing_pod(ours, CONVERT, 3, report(Reason.SIGNATURE_NOT_FOUND))
    # The UID of our Job is public as well; later names and times are taken for the latest pod.
    theirs = elsewhere(
        succeeded_pod(owner, ours) if ends == "well" else crashed,
        name="zzz",
        creationTimestamp="2026-11-22T13:00:00Z",
    )
    assert conditions(planned(owner, ours, pods=[here, theirs])) == running(Reason.CONVERTING)
    assert planned(owner, ours, pods=[theirs]).status is None


def test_a_pod_of_another_namespace_holds_up_nothing() -> None:
    owner = conversion(generation=2)
    theirs = elsewhere(pod(job(conversion()), RUNNING))
    assert planned(owner, pods=[theirs]).actions == (CreateJob(Attempt(1)),)


def test_a_job_of_another_namespace_is_neither_stopped_nor_waited_for_nor_limited() -> None:
    owner = conversion(generation=2)
    running_on = elsewhere(job(conversion()), name="theirs")
    over = elsewhere(job(conversion(), 2, end=COMPLETE), name="theirs-too")
    assert planned(owner, running_on, over).everything == (CreateJob(Attempt(1)),)


def test_a_cleanup_of_another_namespace_lets_nothing_go() -> None:
    owner = deletion.ready()
    said = report(Reason.ARTIFACT_DELETED, "s3://models/a/b.tflite was deleted")
    theirs, its_pod = deletion.cleanup(owner, ended(0, said), end=COMPLETE)
    for one in (elsewhere(theirs), elsewhere(theirs, name="theirs")):
        assert planned(owner, one, pods=[elsewhere(its_pod)], now=at(103)).everything == (CreateCleanup(),)


def test_a_job_of_another_namespace_takes_no_name_away() -> None:
    """Names follow from the UID, and so anybody can have them: in another namespace they are in nobody's way."""
    owner = conversion()
    assert planned(owner, elsewhere(job(owner))).everything == (CreateJob(Attempt(1)),)
    leaving = deletion.ready()
    assert planned(leaving, elsewhere(deletion.cleanup(leaving)[0]), now=at(103)).everything == (CreateCleanup(),)
