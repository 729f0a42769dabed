"""Read, plan, act against an API server in memory that can say no."""

import asyncio
import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import pytest
from prometheus_client import REGISTRY

from tests.unit.operator.builders import (
    NOW,
    SETTINGS,
    Object,
    at,
    conversion,
    empty_caches,
    failed,
    failing_pod,
    report,
    succeeded_pod,
)
from tflite_api.reasons import Reason
from tflite_operator.core.fields import timestamp
from tflite_operator.kube.client import Client
from tflite_operator.kube.errors import (
    ClusterError,
    ConflictError,
    NamespaceTerminatingError,
    NotFoundError,
    RefusedError,
)
from tflite_operator.reconcile.observer import Caches
from tflite_operator.reconcile.reconciler import Reconciler, difference

KEY = ("team", "mobile.net")
T = TypeVar("T")


class FakeCluster(Client):
    """Holds one conversion; `fail` maps a method to the errors that its next calls raise."""

    def __init__(self, owner: Object | None) -> None:
        self.owner = owner
        self.jobs_made: dict[str, Object] = {}
        self.pods_there: list[Object] = []
        self.told: list[Object] = []
        self.warned: dict[str, list[Object]] = {}
        """The Warning Events about an object, by its UID."""
        self.calls: list[str] = []
        self.fail: dict[str, list[Exception]] = {}
        self.before_patch: Callable[[], None] | None = None

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if self.fail.get(method):
            raise self.fail[method].pop(0)

    async def conversion(self, namespace: str, name: str) -> Object:
        self._called("conversion")
        if self.owner is None:
            raise NotFoundError("gone")
        return copy.deepcopy(self.owner)

    async def jobs(self, namespace: str, uid: str, read: Callable[[Object], T]) -> list[T]:
        self._called("jobs")
        return [read(one) for one in self.jobs_made.values() if one["metadata"].get("labels")]

    async def job(self, namespace: str, name: str) -> Object:
        self._called("job")
        if name not in self.jobs_made:
            raise NotFoundError(name)
        return self.jobs_made[name]

    async def create_job(self, job: Object) -> Object:
        self._called("create_job")
        name = job["metadata"]["name"]
        if name in self.jobs_made:
            raise ConflictError("exists")
        job["metadata"] |= {"uid": f"uid-{name}", "creationTimestamp": timestamp(NOW)}
        self.jobs_made[name] = job | {"status": {}}
        return self.jobs_made[name]

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        self._called("delete_job")
        del self.jobs_made[name]

    async def set_job_ttl(self, namespace: str, name: str, uid: str, seconds: int) -> Object:
        self._called("set_job_ttl")
        self.jobs_made[name]["spec"]["ttlSecondsAfterFinished"] = seconds
        return self.jobs_made[name]

    async def pods(self, namespace: str, uid: str, read: Callable[[Object], T]) -> list[T]:
        self._called("pods")
        return [read(one) for one in self.pods_there]

    async def warnings(self, namespace: str, uid: str) -> list[Object]:
        self._called("warnings")
        return self.warned.get(uid, [])

    async def create_event(self, event: Object) -> None:
        self._called("create_event")
        self.told.append(event)

    async def set_finalizers(self, namespace: str, name: str, version: str, uid: str, finalizers: list[str]) -> Object:
        self._called("set_finalizers")
        assert self.owner is not None
        metadata = self.owner["metadata"]
        if version != metadata["resourceVersion"]:
            raise ConflictError("changed")
        metadata |= {"finalizers": finalizers, "resourceVersion": str(int(version) + 1)}
        patched = copy.deepcopy(self.owner)
        if not finalizers and "deletionTimestamp" in metadata:
            self.owner = None
        return patched

    async def patch_status(self, namespace: str, name: str, version: str, uid: str, changes: Any) -> Object:
        assert self.owner is not None
        if self.before_patch is not None:
            self.before_patch()
            self.before_patch = None
        self._called("patch_status")
        if version != self.owner["metadata"]["resourceVersion"]:
            raise ConflictError("changed")
        self.owner["status"] = merged(self.owner["status"], changes)
        self.owner["metadata"]["resourceVersion"] = str(int(version) + 1)
        return copy.deepcopy(self.owner)


def heard(cluster: FakeCluster) -> Caches:
    """What is in memory of a process that has heard of everything."""
    caches = empty_caches()
    if cluster.owner is not None:
        caches.conversions.show(cluster.owner)
    for job in cluster.jobs_made.values():
        if job["metadata"].get("labels"):
            caches.jobs.show(job)
    for pod in cluster.pods_there:
        caches.pods.show(pod)
    return caches


def merged(old: Object, changes: Object) -> Object:
    new = dict(old)
    for name, value in changes.items():
        if value is None:
            new.pop(name, None)
        else:
            before = old.get(name)
            inner = before if isinstance(before, dict) else {}
            new[name] = merged(inner, value) if isinstance(value, dict) else value
    return new


def look(
    cluster: FakeCluster, now: datetime = NOW, caches: Caches | None = None, guarded: datetime | None = None
) -> float | None:
    """Look as a process does that has just started; what it knows is all that there is, unless caches are given."""
    cluster.calls.clear()
    known = caches if caches is not None else heard(cluster)
    reconciler = Reconciler(cluster, known, SETTINGS, "test", lambda: now, guarded_since=lambda: guarded)
    return asyncio.run(reconciler.reconcile(KEY))


def reason(cluster: FakeCluster) -> str:
    assert cluster.owner is not None
    return str(cluster.owner["status"]["conditions"][0]["reason"])


def test_from_nothing_to_ready() -> None:
    cluster = FakeCluster(conversion())
    look(cluster)
    assert cluster.calls == ["create_job", "patch_status", "create_event"]
    [job] = cluster.jobs_made.values()
    assert cluster.owner is not None
    assert cluster.owner["status"]["job"]["uid"] == job["metadata"]["uid"]
    cluster.pods_there = [succeeded_pod(cluster.owner, job)]
    assert look(cluster) is None
    assert reason(cluster) == "Converted"
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600
    look(cluster)
    assert cluster.calls == []
    assert [one["reason"] for one in cluster.told] == ["Pending", "Converted"]


TRIALS = [{"type": kind, "outcome": outcome} for kind, outcome in (("Int8", "Missed"), ("Int8", "Chosen"))]


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ({"quantization": {"type": "Int8"}, "trials": TRIALS}, {"Missed": 1, "Chosen": 1}),
        # They were made, and counted, when the artifact was.
        ({"reason": Reason.REUSED, "quantization": {"type": "Int8"}, "trials": TRIALS}, {}),
        ({}, {}),
    ],
)
def test_the_trials_of_a_search_are_counted_once(said: Object, counted: dict[str, int]) -> None:
    before = {outcome: trials_counted("Int8", outcome) for outcome in ("Missed", "Chosen")}
    cluster = FakeCluster(conversion())
    look(cluster)
    [job] = cluster.jobs_made.values()
    assert cluster.owner is not None
    cluster.pods_there = [succeeded_pod(cluster.owner, job, **said)]
    look(cluster)
    look(cluster)
    after = {outcome: trials_counted("Int8", outcome) - number for outcome, number in before.items()}
    assert {outcome: number for outcome, number in after.items() if number} == counted


def test_the_trials_of_a_search_that_found_nothing_are_counted() -> None:
    before = trials_counted("Int8", "Missed")
    cluster = FakeCluster(conversion())
    look(cluster)
    [job] = cluster.jobs_made.values()
    job["status"] = {"conditions": [failed()]}
    said = report(Reason.BUDGET_UNREACHABLE, trials=TRIALS[:1])
    cluster.pods_there = [failing_pod(job, "convert", 3, said)]
    look(cluster, at(62))
    assert reason(cluster) == "BudgetUnreachable"
    assert trials_counted("Int8", "Missed") == before + 1


def trials_counted(kind: str, outcome: str) -> float:
    """Return what the metric says; it is there from the start, or its first increase would be none."""
    counted = REGISTRY.get_sample_value("tflite_operator_trials_total", {"type": kind, "outcome": outcome})
    assert counted is not None
    return counted


@pytest.mark.parametrize("broken", ["create_job", "patch_status", "create_event"])
def test_dying_at_any_call_makes_no_second_job(broken: str) -> None:
    cluster = FakeCluster(conversion())
    cluster.fail = {broken: [ClusterError("cut")]}
    try:
        look(cluster)
    except ClusterError:
        assert broken != "create_event", "an Event is a courtesy"
    look(cluster)
    assert len(cluster.jobs_made) == 1
    assert reason(cluster) == "Pending"


def test_a_job_made_unnoticed_is_found_by_its_name() -> None:
    cluster = FakeCluster(conversion())
    look(cluster)
    [job] = cluster.jobs_made.values()
    assert cluster.owner is not None
    cluster.owner["status"] = {"observedGeneration": -1}
    del job["metadata"]["labels"]
    look(cluster)
    assert len(cluster.jobs_made) == 1
    assert reason(cluster) == "Pending"


def test_a_foreign_job_is_left_alone() -> None:
    cluster = FakeCluster(conversion())
    look(cluster)
    [job] = cluster.jobs_made.values()
    assert cluster.owner is not None
    cluster.owner["status"] = {"observedGeneration": -1}
    job["metadata"] |= {"labels": {}, "ownerReferences": []}
    before = copy.deepcopy(job)
    look(cluster)
    assert reason(cluster) == "NameCollision"
    assert list(cluster.jobs_made.values()) == [before]


def test_a_refused_job_is_shown_and_tried_again_ever_later() -> None:
    cluster = FakeCluster(conversion())
    cluster.fail = {"create_job": [RefusedError("exceeded quota: none")] * 3}
    reconciler = Reconciler(cluster, heard(cluster), SETTINGS, "test", lambda: NOW)
    delays = [asyncio.run(reconciler.reconcile(KEY)) for _ in range(3)]
    assert delays == [10, 20, 40]
    assert reason(cluster) == "JobRefused"
    assert cluster.calls.count("patch_status") == 1
    asyncio.run(reconciler.reconcile(KEY))
    assert reason(cluster) == "Pending"


def test_a_change_between_read_and_write_is_read_again() -> None:
    cluster = FakeCluster(conversion())

    def change() -> None:
        assert cluster.owner is not None
        cluster.owner["metadata"] |= {"generation": 2, "resourceVersion": "9"}

    cluster.before_patch = change
    look(cluster)
    assert cluster.owner is not None
    assert cluster.owner["status"]["observedGeneration"] == 2
    assert "delete_job" in cluster.calls


@pytest.mark.parametrize("error", [NotFoundError("namespace"), NamespaceTerminatingError("it is being terminated")])
def test_a_namespace_that_goes_is_let_go(error: Exception) -> None:
    cluster = FakeCluster(conversion())
    cluster.fail = {"create_job": [error]}
    assert look(cluster) == SETTINGS.recheck_seconds, "unless the watch says so before"
    assert "patch_status" not in cluster.calls


def test_a_conversion_that_is_gone_is_let_go() -> None:
    assert look(FakeCluster(None)) is None


def test_a_retry_wakes_up_in_time() -> None:
    cluster = FakeCluster(conversion())
    look(cluster)
    [job] = cluster.jobs_made.values()
    job["status"] = {"conditions": [failed()]}
    cluster.pods_there = [failing_pod(job, "prepare", 4, report(Reason.STORAGE_UNAVAILABLE))]
    assert look(cluster, at(62)) == 8
    look(cluster, at(70))
    assert len(cluster.jobs_made) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [2]}}),
        ({"a": {"b": 1}}, {"a": [1]}),
        ({"a": "x"}, {"a": {"b": 1}}),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_a_merge_patch_makes_the_new_of_the_old(old: Object, new: Object) -> None:
    assert merged(old, difference(old, new)) == new
    assert difference(new, new) == {}
