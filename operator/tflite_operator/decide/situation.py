"""What a decision is made from: a conversion, its Jobs and pods, freed of all doubt about their form."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Final

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from tflite_api.names import FINALIZER, REQUESTED_AT_ANNOTATION
from tflite_api.reasons import Reason
from tflite_api.schema import describe
from tflite_api.spec import ConversionSpec
from tflite_api.status import REQUEST_CHARACTERS, Condition, ConversionStatus, JobReference
from tflite_operator.core.fields import Object, clean, field, mapping, moment, text, texts
from tflite_operator.core.identity import Identity
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import STEP_REQUEST_BYTES, job_name, step_request
from tflite_operator.observe.job import ObservedJob, observe_job
from tflite_operator.observe.pod import ObservedPod, observe_pod
from tflite_operator.settings import Settings

_REASONS = frozenset(Reason)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_LONGEST_ATTEMPT = Attempt(number=10**9)
_TOO_DEEP: Final = "the spec is nested too deeply"
_SPECS_KEPT: Final = 1024
"""Specs that were read of late: a conversion under way is looked at ten times, and its spec stays the same."""


@dataclass(frozen=True)
class Observation:
    """What the API server says, as it says it."""

    conversion: Object
    jobs: Sequence[Object] = ()
    """Those with the conversion's label, and whatever Job has the name that the conversion needs."""
    pods: Sequence[Object] = ()
    """Those with the conversion's label."""
    refusal: str | None = None
    """The API server's words, when it has just refused the Job."""
    pod_refusal: str = ""
    """The Job controller's words, where it cannot make the Job's pod."""
    namespace_ends: bool = False
    """Whether the namespace is being deleted, so that no Job can be made in it."""


@dataclass(frozen=True)
class Situation:
    """An observation, understood."""

    identity: Identity
    deletion: datetime | None
    """When somebody asked for its deletion."""
    has_finalizer: bool
    spec: ConversionSpec | None
    spec_problem: str
    status: ConversionStatus
    """As last written; empty where it makes no sense."""
    jobs: tuple[ObservedJob, ...]
    foreign_names: frozenset[str]
    cleanup: ObservedJob | None
    """The Job that deletes the artifact."""
    pods: tuple[ObservedPod, ...]
    request: str
    """The value of the annotation requestedAt."""
    refusal: str | None
    pod_refusal: str
    namespace_ends: bool
    now: datetime
    settings: Settings

    @property
    def being_deleted(self) -> bool:
        """Hold once somebody asked for its deletion."""
        return self.deletion is not None

    @cached_property
    def attempt(self) -> int:
        """The latest attempt for this generation that is known of; 0 before the first."""
        made = [job.attempt for job in self.attempts]
        if self.known_job is not None:
            made.append(self.known_job.attempt)
        return max(made, default=0)

    @cached_property
    def attempts(self) -> tuple[ObservedJob, ...]:
        """The Jobs of this generation that exist."""
        return tuple(job for job in self.jobs if job.is_of(self.identity))

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
        """Hold when there is a later Job than the status speaks of."""
        return self.attempt > (self.known_job.attempt if self.known_job is not None else 0)

    @property
    def is_anew(self) -> bool:
        """Hold when the latest attempt converts whatever the bucket holds: those that follow it do as well."""
        latest = self.job or self.known_job
        return latest is not None and bool(latest.anew)

    @cached_property
    def is_superseded(self) -> bool:
        """Hold when one more run was asked for, and the Job that the status speaks of is the latest still."""
        if self.has_unknown_job:
            return False
        if self.known_job is not None and self.known_job.superseded:
            return True
        is_new = bool(self.request) and self.request != (self.status.last_handled_request or "")
        return is_new and (self.settled is not None or bool(self.progress and self.status.next_attempt_time))

    @cached_property
    def job(self) -> ObservedJob | None:
        """The Job of the latest attempt; None where there was none or it is gone."""
        return next((job for job in self.attempts if job.attempt == self.attempt), None)

    @cached_property
    def pod(self) -> ObservedPod | None:
        """The latest pod of that Job: a Job replaces a pod that was evicted."""
        return self.pod_of(self.job) if self.job is not None else None

    def pod_of(self, job: ObservedJob) -> ObservedPod | None:
        """Give the latest pod of a Job."""
        mine = [pod for pod in self.pods if pod.job_uid == job.uid]
        return max(mine, key=lambda pod: (pod.created or _LONG_AGO, pod.name), default=None)

    @property
    def is_crowded(self) -> bool:
        """Hold while something of an earlier attempt may still run, so that a new one must wait."""
        return any(one.end is None for one in self.unwanted_jobs) or any(
            not pod.is_over and pod.job_uid and not self._cleans_up(pod) for pod in self.pods
        )

    def _cleans_up(self, pod: ObservedPod) -> bool:
        return self.cleanup is not None and pod.job_uid == self.cleanup.uid

    def condition(self, kind: str) -> Condition | None:
        """Give a condition of the status as last written."""
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


def understand(observation: Observation, now: datetime, settings: Settings) -> Situation:
    """Read an observation; whatever it holds."""
    conversion = observation.conversion
    identity = Identity.of(conversion)
    spec, problem = _spec(conversion, identity, settings)
    jobs = [observe_job(job) for job in observation.jobs]
    return Situation(
        identity=identity,
        deletion=_deletion(conversion),
        has_finalizer=FINALIZER in texts(conversion, "metadata", "finalizers"),
        spec=spec,
        spec_problem=problem,
        status=read_status(conversion),
        jobs=tuple(job for job in jobs if job.belongs_to(identity)),
        foreign_names=frozenset(job.name for job in jobs if not job.belongs_to(identity)),
        cleanup=next((job for job in jobs if job.cleans_up(identity)), None),
        pods=tuple(observe_pod(pod) for pod in observation.pods),
        request=clean(text(conversion, "metadata", "annotations", REQUESTED_AT_ANNOTATION), REQUEST_CHARACTERS),
        refusal=clean(observation.refusal, 512) if observation.refusal is not None else None,
        pod_refusal=clean(observation.pod_refusal, 512),
        namespace_ends=observation.namespace_ends,
        now=now,
        settings=settings,
    )


def _deletion(conversion: Object) -> datetime | None:
    if not field(conversion, "metadata", "deletionTimestamp"):
        return None
    return moment(conversion, "metadata", "deletionTimestamp") or _LONG_AGO


def read_status(conversion: Object) -> ConversionStatus:
    """Give a conversion's status; an empty one where it was edited into something else."""
    try:
        return ConversionStatus.from_object(dict(mapping(conversion, "status")))
    except (ValidationError, RecursionError):
        return ConversionStatus()


def _spec(conversion: Object, identity: Identity, settings: Settings) -> tuple[ConversionSpec | None, str]:
    try:
        content = to_json(dict(mapping(conversion, "spec")))
    except PydanticSerializationError:
        return None, _TOO_DEEP
    return _read_spec(content, identity, settings)


@lru_cache(maxsize=_SPECS_KEPT)
def _read_spec(content: bytes, identity: Identity, settings: Settings) -> tuple[ConversionSpec | None, str]:
    try:
        spec = ConversionSpec.from_object(from_json(content))
    except ValidationError as error:
        return None, clean(describe(error, "spec"))
    except ValueError:
        return None, _TOO_DEEP
    size = len(step_request(identity, spec, settings, _LONGEST_ATTEMPT).encode())
    if size > STEP_REQUEST_BYTES:
        return None, (
            f"the spec has {size} bytes as the steps read it, more than the {STEP_REQUEST_BYTES} that they can be told:"
            " shorten the texts and labels in spec.metadata"
        )
    return spec, ""
