"""Caches that are late make nothing wrong, and those that are not need no question."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    NOW,
    RUNNING,
    SETTINGS,
    Object,
    at,
    conversion,
    empty_caches,
    ended,
    failed,
    failing_pod,
    job,
    pod,
    report,
    started,
    succeeded_pod,
)
from tests.unit.operator.reconcile.test_reconciler import KEY, FakeCluster, heard, look, reason
from tflite_api.reasons import Reason
from tflite_operator.core.fields import timestamp
from tflite_operator.kube.errors import ClusterError
from tflite_operator.reconcile.reconciler import Reconciler

READS = {"conversion", "jobs", "pods", "job"}


def with_job(**more: Object) -> tuple[FakeCluster, Object]:
    """A conversion whose Job runs."""
    owner, made = started()
    cluster = FakeCluster(owner)
    cluster.jobs_made[made["metadata"]["name"]] = made | more
    return cluster, made


def test_a_job_that_the_cache_has_not_heard_of_is_not_made_again() -> None:
    cluster, _ = with_job()
    late = replace(heard(cluster), jobs=empty_caches().jobs)
    look(cluster, caches=late)
    assert "create_job" not in cluster.calls
    assert len(cluster.jobs_made) == 1
    assert reason(cluster) == "Pending"


def test_a_failed_job_is_judged_with_its_pod_even_if_the_pod_was_not_heard_of() -> None:
    cluster, made = with_job(status={"conditions": [failed()]})
    cluster.pods_there = [failing_pod(made, "prepare", 3, report(Reason.MODEL_NOT_FOUND))]
    late = replace(heard(cluster), pods=empty_caches().pods)
    look(cluster, at(61), late)
    assert reason(cluster) == "ModelNotFound"


def test_a_job_of_a_newer_spec_than_is_known_is_left_alone() -> None:
    newer = conversion(generation=2)
    cluster = FakeCluster(newer)
    made = job(newer)
    cluster.jobs_made[made["metadata"]["name"]] = made
    late = replace(heard(cluster), conversions=empty_caches().conversions)
    late.conversions.show(conversion(generation=1))
    look(cluster, caches=late)
    assert "delete_job" not in cluster.calls
    assert list(cluster.jobs_made) == [made["metadata"]["name"]]


def test_the_next_spec_waits_for_pods_that_were_not_heard_of() -> None:
    old = conversion(generation=1)
    before = job(old)
    cluster = FakeCluster(conversion(generation=2, status={"observedGeneration": 1, "job": _reference(before)}))
    cluster.pods_there = [pod(before, RUNNING)]
    late = replace(heard(cluster), pods=empty_caches().pods)
    look(cluster, caches=late)
    assert "create_job" not in cluster.calls


def test_a_job_of_another_namespace_that_claims_the_conversion_is_not_taken_for_its_own() -> None:
    owner = conversion()
    theirs = job(owner, end=COMPLETE)
    its_pod = succeeded_pod(owner, theirs)
    for one in (theirs, its_pod):
        one["metadata"]["namespace"] = "elsewhere"
    cluster = FakeCluster(owner)
    caches = heard(cluster)
    caches.jobs.show(theirs)
    caches.pods.show(its_pod)
    look(cluster, caches=caches)
    assert cluster.calls == ["create_job", "patch_status", "create_event"], "as if there were none"
    assert reason(cluster) == "Pending"


def test_a_conversion_that_the_cache_shows_after_its_deletion_comes_to_nothing() -> None:
    cluster, made = with_job(status={"conditions": [failed()]})
    cluster.pods_there = [failing_pod(made, "prepare", 3, report(Reason.MODEL_NOT_FOUND))]
    late = heard(cluster)
    cluster.owner = None
    assert look(cluster, at(61), late) == SETTINGS.recheck_seconds, "unless the watch says so before"
    assert set(cluster.calls) == {"conversion"}


def test_after_an_answer_that_was_lost_the_server_is_read() -> None:
    """What was asked for may have been done: the Job made, run and removed before the next look."""
    cluster = FakeCluster(conversion())
    caches = heard(cluster)
    reconciler = Reconciler(cluster, caches, SETTINGS, "test", lambda: NOW)
    cluster.fail["create_job"] = [ClusterError("cut off")]
    with pytest.raises(ClusterError):
        asyncio.run(reconciler.reconcile(KEY))
    cluster.calls.clear()
    asyncio.run(reconciler.reconcile(KEY))
    assert cluster.calls[:3] == ["conversion", "jobs", "pods"]


def test_success_and_rest_ask_the_server_nothing() -> None:
    cluster, made = with_job()
    assert cluster.owner is not None
    cluster.pods_there = [succeeded_pod(cluster.owner, made)]
    look(cluster, guarded=at(-1))
    assert cluster.calls == ["patch_status", "create_event", "set_job_ttl"]
    look(cluster, guarded=at(-1))
    assert cluster.calls == []


@pytest.mark.parametrize("guarded", [None, NOW, at(1)], ids=["no policies", "no longer", "younger policies"])
def test_without_policies_that_are_older_than_the_pod_a_success_is_read_from_the_server(
    guarded: datetime | None,
) -> None:
    cluster, made = with_job()
    assert cluster.owner is not None
    cluster.pods_there = [succeeded_pod(cluster.owner, made)]
    look(cluster, guarded=guarded)
    assert cluster.calls == ["conversion", "jobs", "pods", "patch_status", "create_event", "set_job_ttl"]
    assert reason(cluster) == "Converted"
    look(cluster, guarded=guarded)
    assert cluster.calls == []


def test_a_success_whose_job_is_not_recorded_is_read_from_the_server() -> None:
    owner = conversion()
    made = job(owner)
    cluster = FakeCluster(owner)
    cluster.jobs_made[made["metadata"]["name"]] = made
    cluster.pods_there = [succeeded_pod(owner, made)]
    look(cluster, guarded=at(-1))
    assert cluster.calls[:3] == ["conversion", "jobs", "pods"]
    assert reason(cluster) == "Converted"


def test_an_unfinished_conversion_is_read_from_the_server_now_and_then() -> None:
    """Even if its events were lost."""
    cluster, made = with_job()
    deaf = heard(cluster)
    assert cluster.owner is not None
    passed = 0.0
    reconciler = Reconciler(cluster, deaf, SETTINGS, "test", lambda: NOW, lambda: passed)
    asyncio.run(reconciler.reconcile(KEY))
    assert not READS & set(cluster.calls)
    cluster.pods_there = [succeeded_pod(cluster.owner, made)]
    passed = SETTINGS.recheck_seconds
    asyncio.run(reconciler.reconcile(KEY))
    assert reason(cluster) == "Converted"


def test_steps_that_take_less_than_a_second_are_not_written_one_by_one_and_the_last_at_once() -> None:
    cluster = FakeCluster(conversion())
    passed, caches = 0.0, heard(cluster)

    def now() -> datetime:
        return at(passed)

    reconciler = Reconciler(cluster, caches, SETTINGS, "test", now, lambda: passed, lambda: at(-1))

    def seen(*states: Object) -> float | None:
        cluster.calls.clear()
        [made] = cluster.jobs_made.values()
        cluster.pods_there = [pod(made, *states)]
        caches.pods.show(cluster.pods_there[0])
        return asyncio.run(reconciler.reconcile(KEY))

    asyncio.run(reconciler.reconcile(KEY))
    [made] = cluster.jobs_made.values()
    caches.jobs.show(made)
    passed = 0.25
    assert seen(RUNNING) == 0.75
    assert cluster.calls == []
    passed = 1.0
    assert seen(RUNNING) == SETTINGS.recheck_seconds
    assert reason(cluster) == "Preparing"
    passed = 1.5
    assert seen(ended(0), RUNNING) == 0.5
    assert cluster.owner is not None
    passed = 1.6
    caches.pods.show(succeeded_pod(cluster.owner, made))
    asyncio.run(reconciler.reconcile(KEY))
    assert reason(cluster) == "Converted"
    assert READS.isdisjoint(cluster.calls)


def warning(reason: str, words: str, seconds: float) -> Object:
    """An Event of the kubelet about a pod."""
    return {
        "type": "Warning",
        "reason": reason,
        "message": words,
        "source": {"component": "kubelet"},
        "lastTimestamp": timestamp(at(seconds)),
    }


def test_a_pod_that_does_not_start_is_asked_about_when_it_should_have() -> None:
    cluster, made = with_job()
    cluster.pods_there = [pod(made)]
    cluster.warned["pod-1"] = [warning("FailedScheduling", "no node", -5), warning("FailedMount", "no volume", 5)]
    look(cluster, at(29))
    assert "warnings" not in cluster.calls
    look(cluster, at(30))
    assert reason(cluster) == "PodNotStarting"
    assert cluster.owner is not None
    assert cluster.owner["status"]["cause"]["message"].endswith("does not start: FailedMount: no volume")
    cluster.pods_there = [pod(made, RUNNING)]
    look(cluster, at(40))
    assert "warnings" not in cluster.calls
    assert reason(cluster) == "Preparing"


def test_no_pod_of_a_job_that_is_over_is_asked_about() -> None:
    cluster, made = with_job(status={"conditions": [failed("DeadlineExceeded")]})
    cluster.pods_there = [pod(made)]
    look(cluster, at(3601))
    assert "warnings" not in cluster.calls


def test_many_pods_are_asked_about_one_after_the_other_and_keep_their_words_meanwhile() -> None:
    cluster, made = with_job()
    caches = heard(cluster)
    caches.pods.show(pod(made))
    cluster.warned["pod-1"] = [warning("FailedMount", "no volume", 5)]
    passed = 30.0
    reconciler = Reconciler(cluster, caches, SETTINGS, "test", lambda: at(passed), lambda: 0.0)
    for _ in range(15):
        asyncio.run(reconciler.reconcile(KEY))
        passed += 1
    assert cluster.calls.count("warnings") == 10
    assert cluster.calls.count("patch_status") == 1
    assert reason(cluster) == "PodNotStarting"


def test_a_job_that_lingers_is_deleted_when_the_server_confirms_it() -> None:
    cluster, made = with_job()
    assert cluster.owner is not None
    lingering = succeeded_pod(cluster.owner, made)
    lingering["status"]["phase"] = "Running"
    cluster.pods_there = [lingering]
    look(cluster, at(32))
    assert reason(cluster) == "Converted"
    look(cluster, at(60))
    assert cluster.jobs_made
    assert look(cluster, at(61)) is None
    assert cluster.calls == ["conversion", "jobs", "pods", "delete_job"]
    assert reason(cluster) == "Converted"


def test_of_hundreds_at_once_progress_is_written_more_rarely() -> None:
    cluster, made = with_job()
    caches = heard(cluster)
    for number in range(199):
        other = conversion()
        other["metadata"] |= {"name": f"other-{number}", "uid": f"uid-{number}"}
        caches.conversions.show(other)
    passed = 0.0
    reconciler = Reconciler(cluster, caches, SETTINGS, "test", lambda: at(passed), lambda: passed)
    for state in (RUNNING, ended(0)):
        caches.pods.show(pod(made, state, RUNNING))
        asyncio.run(reconciler.reconcile(KEY))
    assert reason(cluster) == "Preparing", "the first is written at once"
    cluster.fail["patch_status"] = [ClusterError("cut off")] * 199
    for number in range(199):
        with suppress(ClusterError):
            asyncio.run(reconciler.reconcile(("team", f"other-{number}")))
    cluster.fail.clear()
    passed = 39.0
    assert asyncio.run(reconciler.reconcile(KEY)) == 1
    passed = 40.0
    asyncio.run(reconciler.reconcile(KEY))
    assert reason(cluster) == "Converting"


def test_hundreds_that_wait_are_read_from_the_server_more_rarely() -> None:
    cluster, _ = with_job()
    caches = heard(cluster)
    passed = 0.0
    reconciler = Reconciler(cluster, caches, SETTINGS, "test", lambda: at(passed), lambda: passed)
    cluster.fail["patch_status"] = [ClusterError("cut off")] * 399
    for number in range(399):
        other = conversion()
        other["metadata"] |= {"name": f"other-{number}", "uid": f"uid-{number}"}
        caches.conversions.show(other)
        with suppress(ClusterError):
            asyncio.run(reconciler.reconcile(("team", f"other-{number}")))
    cluster.fail.clear()
    asyncio.run(reconciler.reconcile(KEY))
    reads = {}
    for passed in (SETTINGS.recheck_seconds, 79.0, 80.0):
        cluster.calls.clear()
        asyncio.run(reconciler.reconcile(KEY))
        reads[passed] = "conversion" in cluster.calls
    assert reads == {SETTINGS.recheck_seconds: False, 79.0: False, 80.0: True}


def _reference(made: Object) -> Object:
    return {"name": made["metadata"]["name"], "uid": made["metadata"]["uid"], "attempt": 1}
