"""What nobody waits for keeps to a pace, however many conversions there are."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from tests.unit.operator.builders import (
    NOW,
    SETTINGS,
    Object,
    conversion,
    empty_caches,
    failed,
    failing_pod,
    report,
    succeeded_pod,
)
from tests.unit.operator.reconcile.test_reconciler import FakeCluster
from tflite_api.reasons import Reason
from tflite_operator.core.labels import NAME_ANNOTATION
from tflite_operator.kube.client import Client
from tflite_operator.reconcile.rate_limit import RateLimiter
from tflite_operator.reconcile.reconciler import Reconciler

MANY = 300
T = TypeVar("T")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class ManyClusters(Client):
    """A cluster for each conversion, by its name."""

    def __init__(self) -> None:
        self.of = {f"c{index}": FakeCluster(_named(f"c{index}")) for index in range(MANY)}

    async def conversion(self, namespace: str, name: str) -> Object:
        return await self.of[name].conversion(namespace, name)

    async def jobs(self, namespace: str, uid: str, read: Callable[[Object], T]) -> list[T]:
        return await self._by_uid(uid).jobs(namespace, uid, read)

    async def pods(self, namespace: str, uid: str, read: Callable[[Object], T]) -> list[T]:
        return await self._by_uid(uid).pods(namespace, uid, read)

    async def create_job(self, job: Object) -> Object:
        return await self.of[job["metadata"]["annotations"][NAME_ANNOTATION]].create_job(job)

    async def patch_status(self, namespace: str, name: str, version: str, uid: str, changes: Any) -> Object:
        return await self.of[name].patch_status(namespace, name, version, uid, changes)

    async def create_event(self, event: Object) -> None:
        await self.of[event["regarding"]["name"]].create_event(event)

    async def set_job_ttl(self, namespace: str, name: str, uid: str, seconds: int) -> Object:
        [owner] = [one for one in self.of.values() if name in one.jobs_made]
        return await owner.set_job_ttl(namespace, name, uid, seconds)

    def _by_uid(self, uid: str) -> FakeCluster:
        return self.of[uid.removeprefix("uid-of-")]

    def told(self, reason: Reason) -> int:
        return sum(event["reason"] == reason for one in self.of.values() for event in one.told)

    def limited(self) -> int:
        jobs = [job for one in self.of.values() for job in one.jobs_made.values()]
        return sum("ttlSecondsAfterFinished" in job["spec"] for job in jobs)


class Operator:
    """A reconciler of many conversions that has heard of everything there is."""

    def __init__(self) -> None:
        self.clock, self.cluster, self.caches = Clock(), ManyClusters(), empty_caches()
        self._reconciler = Reconciler(self.cluster, self.caches, SETTINGS, "test", lambda: NOW, self.clock)

    def look_at_all(self) -> dict[str, float | None]:
        for one in self.cluster.of.values():
            self.caches.conversions.show(one.owner or {})
            for job in one.jobs_made.values():
                self.caches.jobs.show(job)
            for pod in one.pods_there:
                self.caches.pods.show(pod)
        return {name: asyncio.run(self._reconciler.reconcile(("team", name))) for name in self.cluster.of}

    def low_priority_delay(self, name: str) -> float:
        return self._reconciler.low_priority_delay(("team", name))

    def end_all(self, *, well: bool) -> None:
        for name, one in self.cluster.of.items():
            [job] = one.jobs_made.values()
            assert one.owner is not None
            if well:
                # The Job's controller says so later than its pod.
                pod = succeeded_pod(one.owner, job)
            else:
                pod = failing_pod(job, "convert", 3, report(Reason.SIGNATURE_NOT_FOUND))
                job["status"] = {"conditions": [failed()]}
            pod["metadata"]["labels"] = {**job["metadata"]["labels"]}
            one.pods_there = [pod | {"metadata": pod["metadata"] | {"name": f"{name}-pod"}}]


def _named(name: str) -> Object:
    made = conversion()
    return made | {"metadata": made["metadata"] | {"name": name, "uid": f"uid-of-{name}"}}


def test_turns_come_at_a_steady_rate_after_those_that_were_kept() -> None:
    clock = Clock()
    limiter = RateLimiter(2, 3, clock)
    assert [limiter.reserve() - clock.now for _ in range(5)] == [0, 0, 0, 0.5, 1]
    assert not limiter.try_acquire()
    clock.now += 1.5
    assert limiter.try_acquire()
    assert not limiter.try_acquire()
    clock.now += 1000
    assert [limiter.try_acquire() for _ in range(4)] == [True, True, True, False]


def test_of_many_at_once_only_some_are_told_that_all_goes_well() -> None:
    operator = Operator()
    operator.look_at_all()
    assert operator.cluster.told(Reason.PENDING) == 50
    operator.clock.now += 10
    operator.end_all(well=True)
    operator.look_at_all()
    assert operator.cluster.told(Reason.CONVERTED) == 10
    assert all(one.owner and one.owner["status"]["artifact"] for one in operator.cluster.of.values())


def test_finished_jobs_get_their_time_to_live_one_after_the_other_and_all_of_them() -> None:
    operator = Operator()
    operator.look_at_all()
    operator.end_all(well=True)
    waits = operator.look_at_all()
    assert operator.cluster.limited() == 0, "others were under way still"
    latest = max(wait for wait in waits.values() if wait is not None)
    assert latest == max((MANY - 10) / 2, (MANY - 1) / 5)
    assert max(operator.low_priority_delay(name) for name in waits) == latest, "nothing else is left to look for"
    operator.clock.now += latest / 2
    operator.look_at_all()
    assert 0 < operator.cluster.limited() <= 10 + latest
    operator.clock.now += latest / 2
    assert set(operator.look_at_all().values()) == {None}
    assert operator.cluster.limited() == MANY


def test_what_tells_only_of_progress_waits_the_longer_the_more_are_under_way() -> None:
    operator = Operator()
    assert operator.low_priority_delay("c0") == 0, "nothing is known of it yet"
    operator.look_at_all()
    assert operator.low_priority_delay("c0") == MANY / 5
    operator.clock.now += MANY / 5
    assert operator.low_priority_delay("c0") == 0


def test_a_job_that_is_gone_before_its_turn_is_waited_for_no_more() -> None:
    operator = Operator()
    operator.look_at_all()
    operator.end_all(well=True)
    waits = operator.look_at_all()
    [name, *_] = [name for name, wait in waits.items() if wait is not None]
    [job] = operator.cluster.of[name].jobs_made.values()
    operator.caches.jobs.remove(job)
    operator.cluster.of[name].jobs_made.clear()
    assert operator.look_at_all()[name] is None


def test_a_warning_is_never_left_out() -> None:
    operator = Operator()
    operator.look_at_all()
    operator.end_all(well=False)
    operator.look_at_all()
    assert operator.cluster.told(Reason.SIGNATURE_NOT_FOUND) == MANY
