"""Reads a conversion with its Jobs and pods: from the caches, or from the API server.

The caches may be late, so a decision from them must be one that late knowledge cannot make wrong:

- A status is written only if the conversion is still at the version that was read; else the server answers with a
  conflict, and everything is read again from the server.
- A success follows from the report of a container that has ended, which nothing can change any more.
- The Job of a conversion that never had one has a name that follows from the conversion's UID and generation: where it
  exists already, the server answers with a conflict, and that Job is read.
- Whatever follows from something that is missing, or is told of by two watches that do not keep step, is confirmed by
  reading from the server: see `needs_confirmation`. A Job that is gone, a failure, and anything that deletes.
- So is what follows from a Job or a pod that somebody else may have made: it is compared with what was asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from tflite_api.reasons import Outcome
from tflite_operator.core.labels import Key
from tflite_operator.decide.decision import CreateJob
from tflite_operator.decide.evidence import Evidence
from tflite_operator.decide.obstacles import starts_late
from tflite_operator.decide.plan import Plan
from tflite_operator.decide.state import Observation
from tflite_operator.informer.conversion_cache import ConversionCache
from tflite_operator.informer.object_cache import ObjectCache
from tflite_operator.kube.client import Client, Object
from tflite_operator.kube.errors import NotFoundError
from tflite_operator.observe.conversion import observe_conversion
from tflite_operator.observe.event import latest_refusal, latest_warning
from tflite_operator.observe.examination import examine
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
        guarded_since: Callable[[], datetime | None],
    ) -> None:
        """Take what to read with.

        Args:
            client: the API server.
            caches: what is in memory.
            settings: what the operator makes Jobs with.
            clock: tells the time.
            seconds: measures time that passes.
            guarded_since: tells since when the admission policies keep others from making Jobs and pods.
        """
        self._guarded_since = guarded_since
        self._client = client
        self._caches = caches
        self._settings = settings
        self._clock = clock
        self._whys = RateLimiter(_WHY_RATE, _WHY_BURST, seconds)

    async def known(self, key: Key, made: frozenset[str] = frozenset()) -> Observation:
        """Read from the caches; `made` are the Jobs that this process made.

        Raises:
            NotFoundError: there is no such conversion in them.
        """
        conversion = self._caches.conversions.get(key)
        if conversion is None:
            raise NotFoundError("no such conversion is known")
        namespace, uid = key[0], conversion.identity.uid
        jobs, pods = self._caches.jobs.of_conversion(namespace, uid), self._caches.pods.of_conversion(namespace, uid)
        return await self._explained(
            Observation(conversion, jobs, pods, evidence=Evidence(made, self._guarded_since()))
        )

    async def confirmed(self, key: Key, made: frozenset[str] = frozenset()) -> Observation:
        """Read from the API server; `made` are the Jobs that this process made.

        Raises:
            NotFoundError: there is no such conversion.
        """
        namespace, name = key
        # In this order: a Job that the status speaks of was made before, so it is in a list that is read after.
        # Not held as it was shown: of a large one, eight workers would have several times its size in memory.
        conversion = observe_conversion(
            await self._client.conversion(namespace, name), self._settings, self._caches.conversions.get(key)
        )
        identity = conversion.identity

        # Of what is not followed, the whole goes at once: anybody may have made it, as many and as large as they like.
        def read_job(shown: Object) -> tuple[ObservedJob, Object | None]:
            job = observe_job(shown)
            return job, shown if job.is_of(identity) or job.cleans_up(identity) else None

        jobs = await self._client.jobs(namespace, identity.uid, read_job)
        known = conversion.status.job
        if known is not None and all(job.name != known.name for job, _ in jobs):
            jobs = [*jobs, *map(read_job, await self._job_by_name(namespace, known.name))]
        followed = [(job, shown) for job, shown in jobs if shown is not None]
        job_uids = {job.uid for job, _ in followed}

        def read_pod(shown: Object) -> tuple[ObservedPod, Object | None]:
            pod = observe_pod(shown)
            return pod, shown if pod.job_uid in job_uids else None

        # Without a Job as well: the pods of one that was deleted live on for a while.
        pods = await self._client.pods(namespace, identity.uid, read_pod)
        theirs = [(pod, shown) for pod, shown in pods if shown is not None]
        doubts = examine(conversion, followed, theirs, self._settings)
        evidence = Evidence(made, self._guarded_since(), doubts)
        return await self._explained(
            Observation(conversion, [job for job, _ in jobs], [pod for pod, _ in pods], evidence=evidence)
        )

    async def with_job_by_name(self, seen: Observation, name: str) -> Observation:
        """Return an observation with a Job that may have no label, as the API server shows it now."""
        shown = await self._job_by_name(seen.conversion.identity.namespace, name)
        found = [(observe_job(job), job) for job in shown]
        doubts = examine(seen.conversion, found, (), self._settings)
        others = [job for job in seen.jobs if job.name != name]
        # What was not confirmed stays so: doubts of one Job say nothing of the others.
        evidence = seen.evidence if seen.evidence.doubts is None and not doubts else seen.evidence.with_doubts(doubts)
        return replace(seen, jobs=[*others, *(job for job, _ in found)], evidence=evidence)

    async def _job_by_name(self, namespace: str, name: str) -> list[dict[str, Any]]:
        try:
            return [await self._client.job(namespace, name)]
        except NotFoundError:
            return []

    async def _explained(self, seen: Observation) -> Observation:
        """Ask the cluster's Events why there is no pod, or why it does not start, where that takes long."""
        served = {pod.job_uid for pod in seen.pods}
        lone = next((job for job in seen.jobs if job.uid not in served and self._should_have_a_pod(job)), None)
        if lone is not None:
            told = await self._warnings(lone.namespace, lone.uid)
            return replace(seen, pod_refusal=latest_refusal(told) if told is not None else None)
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
    """Return whether late knowledge, or somebody else's Job or pod, could have made this plan wrong."""
    untouched = not seen.jobs and not seen.pods and seen.conversion.status.job is None
    if any(not isinstance(action, CreateJob) or not untouched for action in planned.actions):
        return True
    if any(seen.doubt_of_job(job) is None for job in seen.jobs if not job.cleans_up(seen.conversion.identity)):
        return True
    if planned.finished is not None and (
        planned.finished.outcome is not Outcome.SUCCESS or _may_be_forged(seen, planned)
    ):
        return True
    return planned.status is not None and planned.status.next_attempt_time is not None


def _may_be_forged(seen: Observation, planned: Plan) -> bool:
    """Return whether a success may come from a Job or a pod that the operator has not asked for."""
    told = planned.status.job.uid if planned.status is not None and planned.status.job is not None else ""
    if told != seen.recorded and told not in seen.evidence.made:
        return True
    return any(not seen.evidence.guards(pod) for pod in seen.pods if pod.job_uid == told)
