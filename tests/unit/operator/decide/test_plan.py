"""What is planned for a conversion that is new, under way or changed."""

from itertools import product

import pytest

from bench.scale.largest import largest_spec
from tests.unit.operator.builders import (
    COMPLETE,
    INITIALIZING,
    NOW,
    RUNNING,
    Object,
    after,
    at,
    conditions,
    conversion,
    ended,
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
    success,
    told,
    waiting,
)
from tflite_api.names import PREPARE
from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.fields import timestamp
from tflite_operator.decide.decision import CreateJob, DeleteJob, SetJobTTL
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.observe.pod import observe_pod


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


_STATES = [
    RUNNING,
    INITIALIZING,
    waiting("ContainerCreating"),
    waiting("ErrImagePull", "no such host"),
    waiting("CreateContainerConfigError", 'secret "s3" not found'),
    waiting("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition"),
    ended(0),
    ended(1),
    ended(4, report(Reason.MODEL_UNAVAILABLE)),
    ended(137, reason="OOMKilled"),
]
_CONDITIONS: list[list[Object]] = [
    [{"type": "PodScheduled", "status": "True"}],
    [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}],
    [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}],
    [],
]
_PHASES = ["Pending", "Running", "Succeeded", "Failed"]


def test_a_pod_that_is_progressing_has_nothing_decided_but_a_word_in_the_status() -> None:
    owner, made = started()
    shown = (
        pod(made, *states, phase=phase, conditions=conditions, reason=reason)
        for states in product(_STATES, repeat=3)
        for phase, conditions, reason in product(_PHASES, _CONDITIONS, ["", "Evicted"])
    )
    going = [one for one in shown if observe_pod(one).is_progressing]
    assert going
    for one in going:
        course = planned(owner, made, pods=[one])
        assert (course.everything, course.finished) == ((), None), one["status"]
        assert course.status is None or course.status.next_attempt_time is None
        assert course.look_again is not None


@pytest.mark.parametrize("steps", [[], [RUNNING], [ended(0)], [ended(0), RUNNING], [ended(0), ended(0), RUNNING]])
def test_a_pod_whose_steps_succeed_is_progressing_until_the_last_has(steps: list[Object]) -> None:
    owner = conversion()
    assert observe_pod(pod(job(owner), *steps)).is_progressing
    published = pod(job(owner), ended(0), ended(0), ended(0, success(owner)), phase="Running")
    assert not observe_pod(published).is_progressing


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ({}, {"conditions": _CONDITIONS[1]}),
        ({}, {"conditions": _CONDITIONS[2]}),
        ({}, {"reason": "NodeLost"}),
        ({"deletionTimestamp": timestamp(NOW)}, {}),
    ],
)
def test_a_pod_that_something_happens_to_does_not_go_its_way(metadata: Object, status: Object) -> None:
    shown = pod(job(conversion()), RUNNING, **status)
    assert not observe_pod(shown | {"metadata": shown["metadata"] | metadata}).is_progressing


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
    assert is_at_rest(planned(after(owner, first), made, pods=[waits]))


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
    assert is_at_rest(planned(after(owner, first), made, pods=[waits], now=at(10**4)))


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


def test_a_spec_from_a_newer_version_stalls_and_recovers() -> None:
    owner = conversion(quantization={"type": "Int4"})
    made = planned(owner)
    assert conditions(made) == stalled(Reason.INVALID_SPEC)
    assert "quantization" in message(made)
    assert planned(after(conversion(), made)).actions == (CreateJob(Attempt(1, failures=0)),)


@pytest.mark.parametrize("depth", [100, 220, 300, 50_000])
def test_a_spec_nested_ever_so_deeply_stalls(depth: int) -> None:
    nested: Object = {}
    for _ in range(depth):
        nested = {"a": nested}
    made = planned(conversion() | {"spec": {"model": nested}})
    assert conditions(made) == stalled(Reason.INVALID_SPEC)
    assert "nested too deeply" in message(made) or "model.a" in message(made)


def test_a_spec_that_the_steps_cannot_be_told_stalls_before_any_job() -> None:
    # No pod would start: Linux ends an environment variable at 128 KiB. The schema refuses such a spec when it is new.
    def labelled(count: int) -> Object:
        return conversion(metadata={"outputs": [{"name": "y", "labels": ["$" * 128] * count}]})

    assert planned(labelled(375)).actions != ()
    for count, words in ((376, "at most 49152 bytes"), (1100, "more than the 131051 that they can be told")):
        made = planned(labelled(count))
        assert made.actions == ()
        assert conditions(made) == stalled(Reason.INVALID_SPEC)
        assert words in message(made, "Stalled")


def test_the_largest_spec_that_the_schema_accepts_gets_a_job() -> None:
    assert planned(conversion(**largest_spec())).actions != ()


def test_what_is_about_pods_is_bounded_too() -> None:
    made = planned(conversion(tolerations=[{"key": "k" * 300}] * 300))
    assert conditions(made) == stalled(Reason.INVALID_SPEC)
    assert "bytes in what is about its pods, more than 81920: shorten spec.affinity" in message(made, "Stalled")


def test_of_a_spec_that_is_too_large_no_problem_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConversionSpec, "from_object", None)
    made = planned(conversion(metadata={"outputs": [{"labels": [0] * 10**6}]}))
    assert "more than the 131051 that they can be told" in message(made, "Stalled")


@pytest.mark.parametrize("status", [{"conditions": "all fine"}, {"observedGeneration": "1"}, {"job": []}])
def test_a_status_that_makes_no_sense_is_made_anew_from_the_job(status: Object) -> None:
    owner = conversion(status=status)
    made = job(owner)
    assert conditions(planned(owner, made, pods=[succeeded_pod(owner, made)]))["Ready"] == ("True", "Converted")


def test_a_conversion_being_deleted_is_left_alone() -> None:
    owner = conversion()
    owner["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"
    assert is_at_rest(planned(owner))
    assert is_at_rest(planned(owner, job(owner, end=COMPLETE)))


def test_times_change_only_with_their_condition() -> None:
    owner, made = started()
    later = planned(owner, made, pods=[pod(made, RUNNING)], now=at(50))
    assert later.status is not None
    times = {one.type: one.last_transition_time for one in later.status.conditions or ()}
    assert times == {"Ready": "2026-11-22T12:00:00Z", "Reconciling": "2026-11-22T12:00:00Z"}
    done = planned(after(owner, later), made, pods=[succeeded_pod(owner, made)], now=at(60))
    assert done.status is not None
    assert {one.last_transition_time for one in done.status.conditions or ()} == {"2026-11-22T12:01:00Z"}


def test_a_condition_of_somebody_else_stays() -> None:
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
    assert not [one for one in planned(owner, running_job, now=NOW).follow_ups if isinstance(one, SetJobTTL)]
