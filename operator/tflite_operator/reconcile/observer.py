"""Reads a conversion with its Jobs and pods: from the store, or from the API server.

The store may be late, so a decision from it must be one that late knowledge cannot make wrong:

- A status is written only if the conversion is still at the version that was read; else the server answers with a
  conflict, and everything is read anew from the server.
- A success follows from the report of a container that has ended, which nothing can change any more.
- The Job of a conversion that never had one has a name that follows from the conversion's UID and generation: where it
  exists already, the server answers with a conflict, and that Job is read.
- Whatever follows from something that is missing, or is told of by two watches that do not keep step, is confirmed by
  reading from the server: see `needs_confirmation`. A Job that is gone, a failure, and anything that deletes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from tflite_api.reasons import Outcome
from tflite_operator.core.fields import text
from tflite_operator.decide.decision import CreateJob
from tflite_operator.decide.plan import Plan
from tflite_operator.decide.situation import Observation, read_status
from tflite_operator.informer.object_cache import Store
from tflite_operator.kube.client import Cluster, NotFoundError
from tflite_operator.observe.job import ObservedJob, observe_job
from tflite_operator.observe.pod import job_of
from tflite_operator.reconcile.rate_limit import Pace
from tflite_operator.reconcile.work_queue import Key

_POD_SECONDS: Final = 2.0
"""A Job without a pod for longer than this is asked why."""
_WHY_RATE: Final = 2.0
_WHYS_AT_ONCE: Final = 10
"""Jobs of all conversions that are asked why: the server looks through all Events for each answer, and where hundreds
wait, they mostly do for one cause. Which said so before, keeps saying so."""


class Observer:
    """Reads conversions."""

    def __init__(
        self, cluster: Cluster, store: Store, clock: Callable[[], datetime], seconds: Callable[[], float]
    ) -> None:
        """Take where to read from, and what measures time that passes."""
        self._cluster = cluster
        self._store = store
        self._clock = clock
        self._whys = Pace(_WHY_RATE, _WHYS_AT_ONCE, seconds)

    async def known(self, key: Key) -> Observation:
        """Read from the store.

        Raises:
            NotFoundError: it knows no such conversion.
        """
        conversion = self._store.conversions.get(key)
        if conversion is None:
            raise NotFoundError("no such conversion is known")
        uid = text(conversion, "metadata", "uid")
        jobs, pods = self._store.jobs.of_conversion(uid), self._store.pods.of_conversion(uid)
        return Observation(conversion, jobs, pods, pod_refusal=await self._why_no_pod(key[0], jobs, pods))

    async def confirmed(self, key: Key) -> Observation:
        """Read from the API server.

        Raises:
            NotFoundError: there is no such conversion.
        """
        namespace, name = key
        # In this order: a Job that the status speaks of was made before, so it is in a list that is read after.
        conversion = await self._cluster.conversion(namespace, name)
        uid = text(conversion, "metadata", "uid")
        jobs = await self._cluster.jobs(namespace, uid)
        known = read_status(conversion).job
        if known is not None and all(text(job, "metadata", "name") != known.name for job in jobs):
            jobs = [*jobs, *await self.job_by_name(namespace, known.name)]
        # Without a Job as well: the pods of one that was deleted live on for a while.
        pods = await self._cluster.pods(namespace, uid)
        return Observation(conversion, jobs, pods, pod_refusal=await self._why_no_pod(namespace, jobs, pods))

    async def job_by_name(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """Read a Job that may have lost its label from the API server."""
        try:
            return [await self._cluster.job(namespace, name)]
        except NotFoundError:
            return []

    async def _why_no_pod(self, namespace: str, jobs: list[dict[str, Any]], pods: list[dict[str, Any]]) -> str:
        served = {job_of(pod) for pod in pods}
        for job in (observe_job(job) for job in jobs if text(job, "metadata", "uid") not in served):
            if self._should_have_a_pod(job) and self._whys.take():
                return await self._cluster.why_no_pod(namespace, job.uid)
        return ""

    def _should_have_a_pod(self, job: ObservedJob) -> bool:
        age = (self._clock() - job.created).total_seconds() if job.created is not None else 0.0
        return job.end is None and not job.suspended and age > _POD_SECONDS


def needs_confirmation(seen: Observation, planned: Plan) -> bool:
    """Hold where late knowledge could have made this plan wrong."""
    untouched = not seen.jobs and not seen.pods and read_status(seen.conversion).job is None
    if any(not isinstance(action, CreateJob) or not untouched for action in planned.actions):
        return True
    if planned.finished is not None and planned.finished.outcome is not Outcome.SUCCESS:
        return True
    return planned.status is not None and planned.status.next_attempt_time is not None
