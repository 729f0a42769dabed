"""Reads a conversion with its Jobs and pods: from the caches, or from the API server.

The caches may be late, so a decision from them must be one that late knowledge cannot make wrong:

- A status is written only if the conversion is still at the version that was read; else the server answers with a
  conflict, and everything is read again from the server.
- A success follows from the report of a container that has ended, which nothing can change any more.
- The Job of a conversion that never had one has a name that follows from the conversion's UID and generation: where it
  exists already, the server answers with a conflict, and that Job is read.
- Whatever follows from something that is missing, or is told of by two watches that do not keep step, is confirmed by
  reading from the server: see `needs_confirmation`. A Job that is gone, a failure, and anything that deletes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tflite_api.reasons import Outcome
from tflite_operator.core.labels import Key
from tflite_operator.decide.decision import CreateJob
from tflite_operator.decide.obstacles import starts_late
from tflite_operator.decide.plan import Plan
from tflite_operator.decide.state import Observation
from tflite_operator.informer.conversion_cache import ConversionCache
from tflite_operator.informer.object_cache import ObjectCache
from tflite_operator.kube.client import Client, Object
from tflite_operator.kube.errors import NotFoundError
from tflite_operator.observe.conversion import observe_conversion
from tflite_operator.observe.event import latest_refusal, latest_warning
from tflite_operator.observe.job import ObservedJob, observe_job
from tflite_operator.observe.pod import ObservedPod, observe_pod
from tflite_operator.reconcile.rate_limit import RateLimiter
from tflite_operator.settings import Settings

_POD_SECONDS: Final = 2.0
"""A Job without a pod for longer than this is asked why."""
_WHY_RATE: Final = 2.0
_WHY_BURST: Final = 10
"""Jobs and pods of all conversions that are asked why: the server looks through all Events for each answer, and where
hundreds wait, they mostly do for one cause. Which said so before, keeps saying so."""


@dataclass(frozen=True)
class Caches:
    """What is in memory."""

    conversions: ConversionCache
    jobs: ObjectCache[ObservedJob]
    pods: ObjectCache[ObservedPod]


class Observer:
    """Reads conversions."""

    def __init__(
        self,
        client: Client,
        caches: Caches,
        settings: Settings,
        clock: Callable[[], datetime],
        seconds: Callable[[], float],
    ) -> None:
        """Take where to read from, the settings, the time, and what measures time that passes."""
        self._client = client
        self._caches = caches
        self._settings = settings
        self._clock = clock
        self._whys = RateLimiter(_WHY_RATE, _WHY_BURST, seconds)

    async def known(self, key: Key) -> Observation:
        """Read from the caches.

        Raises:
            NotFoundError: there is no such conversion in them.
        """
        conversion = self._caches.conversions.get(key)
        if conversion is None:
            raise NotFoundError("no such conversion is known")
        namespace, uid = key[0], conversion.identity.uid
        jobs, pods = self._caches.jobs.of_conversion(namespace, uid), self._caches.pods.of_conversion(namespace, uid)
        return await self._explained(Observation(conversion, jobs, pods))

    async def confirmed(self, key: Key) -> Observation:
        """Read from the API server.

        Raises:
            NotFoundError: there is no such conversion.
        """
        namespace, name = key
        # In this order: a Job that the status speaks of was made before, so it is in a list that is read after.
        shown = await self._client.conversion(namespace, name)
        conversion = observe_conversion(shown, self._settings, self._caches.conversions.get(key))
        uid = conversion.identity.uid
        jobs = [observe_job(job) for job in await self._client.jobs(namespace, uid)]
        known = conversion.status.job
        if known is not None and all(job.name != known.name for job in jobs):
            jobs = [*jobs, *await self.job_by_name(namespace, known.name)]
        # Without a Job as well: the pods of one that was deleted live on for a while.
        pods = [observe_pod(pod) for pod in await self._client.pods(namespace, uid)]
        return await self._explained(Observation(conversion, jobs, pods))

    async def job_by_name(self, namespace: str, name: str) -> list[ObservedJob]:
        """Read a Job that may have lost its label from the API server."""
        try:
            return [observe_job(await self._client.job(namespace, name))]
        except NotFoundError:
            return []

    async def _explained(self, seen: Observation) -> Observation:
        """Ask the cluster's Events why there is no pod, or why it does not start, where that takes long."""
        served = {pod.job_uid for pod in seen.pods}
        lone = next((job for job in seen.jobs if job.uid not in served and self._should_have_a_pod(job)), None)
        if lone is not None:
            return replace(seen, pod_refusal=latest_refusal(await self._warnings(lone.namespace, lone.uid) or ()))
        active = {job.uid for job in seen.jobs if job.end is None and not job.suspended}
        now = self._clock()
        late = next((pod for pod in seen.pods if pod.job_uid in active and starts_late(pod, now)), None)
        if late is None:
            return seen
        warnings = await self._warnings(late.namespace, late.uid)
        return replace(seen, pod_warning=latest_warning(warnings, late.due_since) if warnings is not None else None)

    async def _warnings(self, namespace: str, uid: str) -> list[Object] | None:
        """Return the warnings about an object; None where many others were asked about just before."""
        return await self._client.warnings(namespace, uid) if self._whys.try_acquire() else None

    def _should_have_a_pod(self, job: ObservedJob) -> bool:
        age = (self._clock() - job.created).total_seconds() if job.created is not None else 0.0
        return job.end is None and not job.suspended and age > _POD_SECONDS


def needs_confirmation(seen: Observation, planned: Plan) -> bool:
    """Return whether late knowledge could have made this plan wrong."""
    untouched = not seen.jobs and not seen.pods and seen.conversion.status.job is None
    if any(not isinstance(action, CreateJob) or not untouched for action in planned.actions):
        return True
    if planned.finished is not None and planned.finished.outcome is not Outcome.SUCCESS:
        return True
    return planned.status is not None and planned.status.next_attempt_time is not None
