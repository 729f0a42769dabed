"""What a decision is made from: a conversion, its Jobs and pods, and what does not belong to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import Condition, ConversionStatus, JobReference
from tflite_api.text import one_line
from tflite_operator.core.fields import parse_moment
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import job_name
from tflite_operator.decide.evidence import NOTHING_KNOWN, Evidence
from tflite_operator.observe.conversion import ObservedConversion
from tflite_operator.observe.job import ObservedJob
from tflite_operator.observe.pod import ObservedPod
from tflite_operator.settings import Settings

_REASONS: Final = frozenset(Reason)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_REFUSAL_CHARACTERS: Final = 512
TERMINATION_GRACE: Final = timedelta(seconds=30)
"""How much longer than its own grace period a pod may take to be gone before the status says so."""


@dataclass(frozen=True)
class Observation:
    """What the API server shows."""

    conversion: ObservedConversion
    jobs: Sequence[ObservedJob] = ()
    """Those with the conversion's label, and whatever Job has the name that the conversion needs."""
    pods: Sequence[ObservedPod] = ()
    """Those with the conversion's label."""
    refusal: str | None = None
    """The API server's words, when it has just refused the Job."""
    pod_refusal: str | None = None
    """The Job controller's words where it cannot make the Job's pod, empty if it has none; None if nobody asked."""
    pod_warning: str | None = None
    """What the cluster says keeps the pod from starting, empty if it says nothing; None if it was not asked."""
    namespace_ends: bool = False
    """Whether the namespace is being deleted, so that no Job can be made in it."""
    evidence: Evidence = NOTHING_KNOWN
    """Who made the Jobs and pods."""

    @property
    def recorded(self) -> str:
        """Return the UID of the Job that the status speaks of."""
        known = self.conversion.status.job
        return known.uid if known is not None else ""

    def doubt_of_job(self, job: ObservedJob) -> str | None:
        """Return why a Job may be somebody else's: nothing where it is not, or where nothing follows from it."""
        identity, known = self.conversion.identity, self.conversion.status.job
        is_earlier = (
            known is not None and known.name == job_name(identity, known.attempt) and job.attempt < known.attempt
        )
        if not job.cleans_up(identity) and (is_earlier or not job.is_of(identity)):
            return ""
        return self.evidence.doubt_of_job(job, self.recorded)


@dataclass(frozen=True)
class Disruptions:
    """The pods of a Job that were taken from it: a Job replaces them, but its deadline goes on."""

    count: int = 0
    latest: datetime | None = None


@dataclass(frozen=True)
class State:
    """An observation, with what belongs to the conversion told from what does not."""

    conversion: ObservedConversion
    jobs: tuple[ObservedJob, ...]
    """Those of the conversion."""
    forged_jobs: Mapping[str, tuple[ObservedJob, str]]
    """Those that only pass for its own, with what is wrong with them, by name."""
    foreign_names: frozenset[str]
    """The names of all others."""
    cleanup: ObservedJob | None
    """The Job that deletes the artifact."""
    pods: tuple[ObservedPod, ...]
    """Those of its Jobs, and of Jobs of its that are gone."""
    forged_pods: Mapping[str, str]
    """What is wrong with a pod that only passes for a Job's, by the Job's UID."""
    refusal: str | None
    pod_refusal: str | None
    pod_warning: str | None
    namespace_ends: bool
    now: datetime
    settings: Settings

    @property
    def identity(self) -> Identity:
        """Return which conversion it is."""
        return self.conversion.identity

    @property
    def spec(self) -> ConversionSpec | None:
        """Return what is wanted; None where it makes no sense."""
        return self.conversion.spec

    @property
    def status(self) -> ConversionStatus:
        """Return the status as last written; an empty one where that makes no sense."""
        return self.conversion.status

    @property
    def being_deleted(self) -> bool:
        """Return whether somebody asked for its deletion."""
        return self.conversion.being_deleted

    @cached_property
    def attempt(self) -> int:
        """The latest attempt for this generation that is known of; 0 before the first."""
        made = [job.attempt for job in self.attempts]
        if self.known_job is not None:
            made.append(self.known_job.attempt)
        return max(made, default=0)

    @cached_property
    def attempts(self) -> tuple[ObservedJob, ...]:
        """The Jobs of this generation that exist, and are not being deleted."""
        return tuple(job for job in self.jobs if job.is_of(self.identity) and not job.being_deleted)

    def leaving(self, name: str) -> str:
        """Return why a name is not free yet, although no Job that is followed has it; nothing where it may be."""
        if name in self.forged_jobs:
            return f"Job {name} is none that the operator made ({self.forged_jobs[name][1]}), and is being deleted"
        return (
            f"Job {name} is being deleted" if any(one.name == name and one.being_deleted for one in self.jobs) else ""
        )

    @property
    def outdated_jobs(self) -> tuple[ObservedJob, ...]:
        """The Jobs of earlier generations that exist."""
        return tuple(job for job in self.jobs if not job.is_of(self.identity))

    @property
    def unwanted_jobs(self) -> tuple[ObservedJob, ...]:
        """The Jobs that are not to run on: of earlier generations; all, where a new run or none is asked for."""
        none_counts = self.being_deleted or self.is_superseded or (self.spec is not None and self.spec.suspend)
        return self.jobs if none_counts else self.outdated_jobs

    @cached_property
    def known_job(self) -> JobReference | None:
        """The Job of this generation that the status speaks of."""
        job = self.status.job
        return job if job is not None and job.name == job_name(self.identity, job.attempt) else None

    @property
    def has_unknown_job(self) -> bool:
        """Return whether there is a later Job than the status speaks of."""
        return self.attempt > (self.known_job.attempt if self.known_job is not None else 0)

    @property
    def is_forced(self) -> bool:
        """Return whether the latest attempt converts whatever the bucket holds: those that follow it do as well."""
        latest = self.job or self.known_job
        return latest is not None and bool(latest.forced)

    @cached_property
    def is_superseded(self) -> bool:
        """Return whether one more run was asked for, and the Job that the status speaks of is the latest still."""
        if self.has_unknown_job:
            return False
        if self.known_job is not None and self.known_job.superseded:
            return True
        request = self.conversion.request
        is_new = bool(request) and request != (self.status.last_handled_request or "")
        waits = bool(self.progress and self.status.next_attempt_time)
        return is_new and (self.settled is not None or waits or self.progress is Reason.POD_STUCK_TERMINATING)

    @cached_property
    def job(self) -> ObservedJob | None:
        """The Job of the latest attempt; None if there was none or it is gone."""
        return next((job for job in self.attempts if job.attempt == self.attempt), None)

    @cached_property
    def pod(self) -> ObservedPod | None:
        """The latest pod of that Job: a Job replaces a pod that was evicted."""
        return self.pod_of(self.job) if self.job is not None else None

    def pod_of(self, job: ObservedJob) -> ObservedPod | None:
        """Return the latest pod of a Job."""
        mine = [pod for pod in self.pods if pod.job_uid == job.uid]
        return max(mine, key=lambda pod: (pod.created or _LONG_AGO, pod.name), default=None)

    @property
    def must_wait(self) -> bool:
        """Return whether something of an earlier attempt may still run, so that a new one must wait."""
        return any(one.end is None for one in self.unwanted_jobs) or bool(self._pods_alive)

    @property
    def _pods_alive(self) -> tuple[ObservedPod, ...]:
        return tuple(pod for pod in self.pods if not pod.is_over and pod.job_uid and not self._cleans_up(pod))

    @property
    def stuck_pod(self) -> ObservedPod | None:
        """A pod that should be gone and is not, as when its node no longer answers."""
        ends = ((pod, pod.deletion) for pod in self._pods_alive)
        return next((pod for pod, end in ends if end is not None and self.now >= end + TERMINATION_GRACE), None)

    @cached_property
    def lost_pods(self) -> tuple[ObservedPod, ...]:
        """The pods of the Job of the latest attempt that were taken from it and are in no status yet, oldest first."""
        if self.job is None:
            return ()
        uid, last = self.job.uid, self._told_disruptions.latest
        lost = ((pod.disruption, pod) for pod in self.pods if pod.job_uid == uid)
        new = [(when, pod) for when, pod in lost if when is not None and (last is None or when > last)]
        return tuple(pod for _, pod in sorted(new, key=lambda one: (one[0], one[1].name)))

    @property
    def disruptions(self) -> Disruptions:
        """The pods that were taken from the Job of the latest attempt, those that are gone included."""
        told, new = self._told_disruptions, self.lost_pods
        return Disruptions(told.count + len(new), new[-1].disruption) if new else told

    @property
    def _told_disruptions(self) -> Disruptions:
        known = self.status.job
        if known is None or self.job is None or known.uid != self.job.uid:
            return Disruptions()
        # A time that is no time would have every pod counted again at each look.
        latest = parse_moment(known.last_disruption_time or "")
        return Disruptions(known.disruptions or 0, latest) if latest is not None else Disruptions()

    def _cleans_up(self, pod: ObservedPod) -> bool:
        return self.cleanup is not None and pod.job_uid == self.cleanup.uid

    def condition(self, kind: str) -> Condition | None:
        """Return a condition of the status as last written."""
        return next((one for one in self.status.conditions or () if one.type == kind), None)

    @cached_property
    def settled(self) -> Reason | None:
        """The reason with which the status says that this generation is done or failed for good."""
        if self.status.observed_generation != self.identity.generation:
            return None
        for kind, status in (("Stalled", "True"), ("Ready", "True")):
            found = self.condition(kind)
            if found is not None and found.status == status and found.reason in _REASONS:
                return Reason(found.reason)
        return None

    @cached_property
    def progress(self) -> Reason | None:
        """The reason with which the status says that this generation is on its way."""
        found = self.condition("Reconciling")
        if found is None or self.status.observed_generation != self.identity.generation:
            return None
        return Reason(found.reason) if found.reason in _REASONS else None


def state_of(observation: Observation, now: datetime, settings: Settings) -> State:
    """Separate what belongs to the conversion from what does not, and what only seems to."""
    conversion = observation.conversion
    identity, jobs = conversion.identity, observation.jobs
    forged = _forged_jobs(observation)
    mine = tuple(job for job in jobs if job.belongs_to(identity) and job.name not in forged)
    cleanup = next((job for job in jobs if job.cleans_up(identity) and job.name not in forged), None)
    known = {job.uid for job in (*mine, *([cleanup] if cleanup is not None else []))}
    evidence = observation.evidence
    pods = [(pod, evidence.doubt_of_pod(pod)) for pod in observation.pods if _is_mine(pod, observation, known)]
    return State(
        conversion=conversion,
        jobs=mine,
        forged_jobs=forged,
        foreign_names=frozenset(
            job.name for job in jobs if job.namespace == identity.namespace and not job.belongs_to(identity)
        )
        - {job.name for job, _ in forged.values()},
        cleanup=cleanup,
        pods=tuple(pod for pod, doubt in pods if not doubt),
        forged_pods={pod.job_uid: doubt for pod, doubt in pods if doubt},
        refusal=_bounded(observation.refusal),
        pod_refusal=_bounded(observation.pod_refusal),
        pod_warning=observation.pod_warning,
        namespace_ends=observation.namespace_ends,
        now=now,
        settings=settings,
    )


def _bounded(words: str | None) -> str | None:
    return one_line(words, _REFUSAL_CHARACTERS) if words is not None else None


def _forged_jobs(observation: Observation) -> dict[str, tuple[ObservedJob, str]]:
    return {job.name: (job, doubt) for job in observation.jobs if (doubt := observation.doubt_of_job(job))}


def _is_mine(pod: ObservedPod, observation: Observation, known: set[str]) -> bool:
    """Return whether a pod is one of a Job that was the conversion's: no other is waited for."""
    evidence = observation.evidence
    is_known = pod.job_uid in known or pod.job_uid == observation.recorded or pod.job_uid in evidence.made
    return pod.namespace == observation.conversion.identity.namespace and (is_known or evidence.guards(pod))
