"""The facts about a Job that a decision needs."""

from dataclasses import dataclass
from datetime import datetime

from tflite_api.names import QUEUE_LABEL_PREFIX
from tflite_api.resource.status import REQUEST_CHARACTERS
from tflite_api.text import one_line
from tflite_operator.core.fields import Object, field, moment, objects, text, word
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import (
    ATTEMPT_ANNOTATION,
    CONVERSION_LABEL,
    FAILURES_ANNOTATION,
    FORCED_ANNOTATION,
    NAME_ANNOTATION,
    NAME_CHARACTERS,
    REQUEST_ANNOTATION,
    Key,
    cleanup_name,
    job_name,
)
from tflite_operator.observe.containers import MemoryLimits, memory_limits

_MOST_ATTEMPTS = 10**9


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How the Job controller says that a Job ended."""

    succeeded: bool
    reason: str
    time: datetime | None


@dataclass(frozen=True, slots=True)
class ObservedJob:
    """The facts about a Job that a decision needs."""

    namespace: str
    name: str
    uid: str
    owner_uid: str
    """UID of its controller."""
    conversion_uid: str
    """By its label, which anybody may have written."""
    conversion_name: str
    """By its annotation, which anybody may have written."""
    attempt: int
    failures: int
    request: str
    forced: bool
    created: datetime | None
    being_deleted: bool
    has_ttl: bool
    suspended: bool
    queue: str
    end: JobEnd | None
    memory_limits: MemoryLimits
    image: str

    @property
    def key(self) -> Key:
        """Return the conversion that it names, without proof."""
        return self.namespace, self.conversion_name

    def belongs_to(self, identity: Identity) -> bool:
        """Return whether this Job was made for the conversion, whatever its generation.

        A UID is public, so a Job of another namespace may claim it: owners are always of the same namespace.
        """
        return bool(self.uid) and self.namespace == identity.namespace and self.owner_uid == identity.uid

    def cleans_up(self, identity: Identity) -> bool:
        """Return whether this Job deletes the conversion's artifact; it has no owner."""
        is_ours = self.namespace == identity.namespace and self.conversion_uid == identity.uid
        return bool(self.uid) and is_ours and self.name == cleanup_name(identity)

    def is_of(self, identity: Identity) -> bool:
        """Return whether this Job was made for this very generation: annotations can be edited, the name cannot."""
        return self.belongs_to(identity) and self.name == job_name(identity, self.attempt)


def observe_job(job: Object) -> ObservedJob:
    """Read a Job."""
    return ObservedJob(
        namespace=word(job, "metadata", "namespace"),
        name=word(job, "metadata", "name"),
        uid=word(job, "metadata", "uid"),
        owner_uid=_controller(job),
        conversion_uid=word(job, "metadata", "labels", CONVERSION_LABEL),
        conversion_name=word(job, "metadata", "annotations", NAME_ANNOTATION),
        attempt=_annotated(job, ATTEMPT_ANNOTATION, 1),
        failures=_annotated(job, FAILURES_ANNOTATION, 0),
        request=one_line(text(job, "metadata", "annotations", REQUEST_ANNOTATION), REQUEST_CHARACTERS),
        forced=text(job, "metadata", "annotations", FORCED_ANNOTATION) == "true",
        created=moment(job, "metadata", "creationTimestamp"),
        being_deleted=bool(field(job, "metadata", "deletionTimestamp")),
        has_ttl=field(job, "spec", "ttlSecondsAfterFinished") is not None,
        suspended=field(job, "spec", "suspend") is True,
        queue=one_line(text(job, "metadata", "labels", f"{QUEUE_LABEL_PREFIX}queue-name"), 253),
        end=_end(job),
        memory_limits=memory_limits(job, "spec", "template", "spec"),
        image=next((word(one, "image") for one in objects(job, "spec", "template", "spec", "containers")), ""),
    )


def _controller(job: Object) -> str:
    owners = objects(job, "metadata", "ownerReferences")
    return next((word(owner, "uid") for owner in owners if owner.get("controller") is True), "")


def _annotated(job: Object, annotation: str, absent: int) -> int:
    written = text(job, "metadata", "annotations", annotation)
    number = int(written) if written.isascii() and written.isdigit() and len(written) < NAME_CHARACTERS else absent
    return min(number, _MOST_ATTEMPTS)


def _end(job: Object) -> JobEnd | None:
    for condition in objects(job, "status", "conditions"):
        kind = text(condition, "type")
        if kind in {"Complete", "Failed"} and condition.get("status") == "True":
            return JobEnd(
                succeeded=kind == "Complete",
                reason=word(condition, "reason"),
                time=moment(condition, "lastTransitionTime"),
            )
    return None
