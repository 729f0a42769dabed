"""Jobs and pods that pass for a conversion's own, where no policy keeps others from making them."""

import copy
from typing import Any

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    RUNNING,
    SETTINGS,
    Object,
    after,
    at,
    conditions,
    conversion,
    job,
    message,
    observed,
    planned,
    pod,
    running,
    started,
    succeeded_pod,
)
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import CreateCleanup, CreateJob, DeleteJob, SetFinalizer
from tflite_operator.decide.evidence import Evidence
from tflite_operator.decide.plan import plan
from tflite_operator.jobs.job import build_cleanup
from tflite_operator.observe.conversion import observe_conversion
from tflite_operator.observe.examination import examine
from tflite_operator.observe.job import observe_job
from tflite_operator.observe.pod import observe_pod
from tflite_operator.settings import Settings

OTHER: Any = {"name": "publish", "image": "evil", "command": ["sh"], "env": [], "volumeMounts": []}


def forged(owner: Object, attempt: int = 1) -> Object:
    made = job(owner, attempt)
    made["metadata"]["uid"] = f"forged-{attempt}"
    made["spec"]["template"]["spec"]["containers"] = [copy.deepcopy(OTHER)]
    return made


def look(
    owner: Object, jobs: list[Object], pods: list[Object], settings: Settings = SETTINGS, now: int = 61, **known: Any
) -> Any:
    """The plan after everything was read from the API server, and compared."""
    doubts = examine(
        observe_conversion(owner, settings),
        [(observe_job(job), job) for job in jobs],
        [(observe_pod(pod), pod) for pod in pods],
        settings,
    )
    return plan(observed(owner, jobs, pods, settings, evidence=Evidence(doubts=doubts, **known)), at(now), settings)


def test_a_job_with_another_container_is_deleted_and_made_again() -> None:
    owner = conversion()
    made = forged(owner)
    seen = look(owner, [made], [succeeded_pod(owner, made)])
    name = made["metadata"]["name"]
    assert seen.actions == (DeleteJob(name, "forged-1"),)
    assert conditions(seen) == running(Reason.PENDING)
    assert "none that the operator made" in message(seen)
    assert "runs the image evil" in message(seen)
    assert look(after(owner, seen), [], []).actions[0].attempt.number == 1


def test_a_job_whose_pods_have_marks_that_no_conversion_may_choose_is_made_again() -> None:
    owner = conversion()
    made = job(owner)
    made["metadata"]["uid"] = "forged"
    confined = copy.deepcopy(made)
    made["spec"]["template"]["metadata"]["annotations"]["container.apparmor.security.beta.kubernetes.io/convert"] = "a"
    seen = look(owner, [made], [])
    assert seen.actions == (DeleteJob(made["metadata"]["name"], "forged"),)
    assert "its annotations hold container.apparmor" in message(seen)
    assert look(owner, [confined], []).actions == ()


def test_a_later_attempt_that_nobody_made_does_not_stop_the_one_that_runs() -> None:
    owner, made = started()
    seen = look(owner, [made, forged(owner, 2)], [pod(made, RUNNING), succeeded_pod(owner, forged(owner, 2))])
    assert seen.actions == (DeleteJob(forged(owner, 2)["metadata"]["name"], "forged-2"),)
    assert conditions(seen) == running(Reason.PREPARING)


def test_a_forged_pod_of_the_real_job_is_not_heard() -> None:
    owner, made = started()
    real, other = pod(made, RUNNING), succeeded_pod(owner, made)
    other["metadata"] |= {"uid": "forged", "name": "forged"}
    other["spec"]["containers"] = [OTHER]
    seen = look(owner, [made], [real, other])
    assert conditions(seen) == running(Reason.PREPARING)
    done = copy.deepcopy(made) | {"status": {"conditions": [COMPLETE]}}
    judged = look(owner, [done], [other])
    assert conditions(judged) == running(Reason.STEP_CRASHED)
    assert "is not believed: container publish runs the image evil" in message(judged)


def test_an_attempt_of_an_earlier_version_is_taken_up_by_what_the_status_records() -> None:
    """Another image, other settings: its Job is not as it would be made now, and its pod is as its Job."""
    owner = conversion()
    made = job(owner, converter_image="example.com/converter:0", max_unpacked_bytes=1)
    owner = after(owner, planned(owner, made))
    seen = look(owner, [made], [succeeded_pod(owner, made)])
    assert conditions(seen)["Ready"] == ("True", "Converted")


def test_an_attempt_of_an_earlier_version_that_was_not_recorded_counts_where_policies_guard_it() -> None:
    owner = conversion()
    made = job(owner, converter_image="example.com/converter:0")
    pods = [succeeded_pod(owner, made)]
    assert conditions(look(owner, [made], pods, guarded_since=at(-1)))["Ready"] == ("True", "Converted")
    unguarded = look(owner, [made], pods)
    assert unguarded.actions == (DeleteJob(made["metadata"]["name"], made["metadata"]["uid"]),)
    assert conditions(unguarded) == running(Reason.PENDING)


def test_a_finished_job_of_an_earlier_attempt_is_left_alone() -> None:
    owner, made = started()
    second = job(owner, 2)
    owner = after(owner, planned(owner, second))
    old = copy.deepcopy(made)
    old["spec"]["template"]["spec"]["containers"][0]["image"] = "example.com/converter:0"
    assert look(owner, [old, second], [pod(second, RUNNING)]).actions == ()


def test_a_job_that_is_being_deleted_is_not_followed() -> None:
    owner, made = started()
    made["metadata"]["deletionTimestamp"] = "2026-11-22T12:01:00Z"
    seen = look(owner, [made], [succeeded_pod(owner, made)])
    assert [type(one) for one in seen.actions] == [CreateJob]
    assert seen.actions[0].attempt.number == 2
    fresh = look(conversion(), [made], [])
    assert fresh.actions == ()
    assert "is being deleted" in message(fresh)


@pytest.mark.parametrize("owned", [None, "00000000-0000-0000-0000-000000000000"], ids=["nobody's", "another Job's"])
def test_a_foreign_pod_with_the_label_delays_nothing(owned: str | None) -> None:
    owner, made = started()
    changed = owner | {"metadata": owner["metadata"] | {"generation": 2}}
    foreign = pod(made, RUNNING)
    foreign["metadata"]["ownerReferences"] = [{"kind": "Job", "uid": owned}] if owned else []
    assert [type(one) for one in look(changed, [], [foreign]).actions] == [CreateJob]
    real = pod(made, RUNNING)
    waits = look(changed, [], [real])
    assert waits.actions == ()
    assert "pods of an earlier Job" in message(waits)


def deleted() -> Object:
    owner = conversion(deletionPolicy="Delete")
    owner["metadata"]["finalizers"] = ["tflite-operator.dev/artifact"]
    owner = after(owner, planned(owner, job(owner)))
    assert owner["status"]["job"]
    owner["metadata"]["deletionTimestamp"] = "2026-11-22T12:01:00Z"
    return owner


def cleanup(owner: Object, image: str) -> Object:
    seen = observe_conversion(owner, SETTINGS)
    assert seen.spec is not None
    made = build_cleanup(seen.identity, seen.spec, SETTINGS.model_copy(update={"converter_image": image}))
    made["metadata"] |= {"uid": "cleanup", "creationTimestamp": "2026-11-22T12:01:00Z"}
    return made | {"status": {"conditions": [COMPLETE]}}


def its_pod(made: Object) -> Object:
    told = '{"reason": "ArtifactDeleted", "message": "gone"}'
    end = {"terminated": {"exitCode": 0, "message": told}}
    found = pod(made)
    return found | {"status": {"phase": "Succeeded", "containerStatuses": [{"name": "cleanup", "state": end}]}}


def test_a_forged_cleanup_releases_nothing() -> None:
    owner = deleted()
    real, other = cleanup(owner, "example.com/converter:1"), cleanup(owner, "evil")
    assert SetFinalizer(present=False) in look(owner, [real], [its_pod(real)]).actions
    assert look(owner, [other], [its_pod(other)]).actions == (DeleteJob(other["metadata"]["name"], "cleanup"),)
    assert look(owner, [], []).actions == (CreateCleanup(),)
    held_up = look(owner, [other], [its_pod(other)], now=60 + int(SETTINGS.cleanup_seconds))
    assert SetFinalizer(present=False) in held_up.actions, "whoever forges it again and again holds nothing up"
