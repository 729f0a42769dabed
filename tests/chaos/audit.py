"""What the API server's audit log, and the S3 server's access log, say that happened in a namespace and a bucket."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.fixtures.conversions import Object
from tflite_api.names import REQUESTED_AT_ANNOTATION
from tflite_operator.core.labels import ATTEMPT_ANNOTATION, CONVERSION_LABEL, GENERATION_ANNOTATION

OPERATOR: Final = "system:serviceaccount:tflite-operator-system:tflite-operator"
_TIMED_OUT: Final = 504
_UPLOAD: Final = re.compile(r" s3_PutObject (?P<key>\S+) /(?P<bucket>[^/ ]+)/\S+ 200 ")
"""As versitygw writes it: nearly Amazon's form."""


@dataclass(frozen=True)
class Change:
    """A change that the API server made."""

    user: str
    verb: str
    resource: str
    """With its subresource."""
    name: str
    asked: Object
    answered: Object

    @property
    def uid(self) -> str:
        """The UID of what was changed."""
        return str(self.answered.get("metadata", {}).get("uid", ""))

    @property
    def is_status_write(self) -> bool:
        """Return whether the operator writes a status with it."""
        return self.resource == "tfliteconversions/status" and self.user == OPERATOR

    @property
    def is_new_job(self) -> bool:
        """Return whether it makes an attempt's Job."""
        notes = self.answered.get("metadata", {}).get("annotations", {})
        return (self.verb, self.resource) == ("create", "jobs") and ATTEMPT_ANNOTATION in notes

    @property
    def asks_for_a_run(self) -> bool:
        """Return whether it asks for one more run."""
        notes = self.asked.get("metadata", {}).get("annotations", {})
        return self.resource == "tfliteconversions" and REQUESTED_AT_ANNOTATION in notes


@dataclass(frozen=True)
class Attempt:
    """Which attempt at which conversion a Job is."""

    uid: str
    generation: int
    number: int

    @classmethod
    def of(cls, job: Object) -> "Attempt":
        """Read it from a Job as the operator made it."""
        metadata = job["metadata"]
        notes = metadata["annotations"]
        number, generation = int(notes[ATTEMPT_ANNOTATION]), int(notes[GENERATION_ANNOTATION])
        return cls(metadata["labels"][CONVERSION_LABEL], generation, number)


@dataclass(frozen=True)
class Ledger:
    """All changes of a namespace, in their order."""

    changes: tuple[Change, ...]
    unanswered_jobs: tuple[Object, ...] = ()
    """Jobs whose creation is logged as timed out (504), as the operator was gone before the answer: made or not."""

    def made_jobs(self) -> list[Attempt]:
        """Return the attempt that each Job of a conversion was."""
        return [Attempt.of(job) for job in self._jobs() if ATTEMPT_ANNOTATION in job["metadata"]["annotations"]]

    def made_cleanups(self) -> list[str]:
        """Return the conversion's UID of each Job that deleted an artifact."""
        jobs = [job["metadata"] for job in self._jobs()]
        return [job["labels"][CONVERSION_LABEL] for job in jobs if ATTEMPT_ANNOTATION not in job["annotations"]]

    def perhaps_made_jobs(self) -> list[Attempt]:
        """Return the attempts whose Jobs may have been made besides."""
        return [Attempt.of(job) for job in self.unanswered_jobs if ATTEMPT_ANNOTATION in job["metadata"]["annotations"]]

    def perhaps_made_cleanups(self) -> set[str]:
        """Return the conversions' UIDs of Jobs that may have been made besides, and have deleted an artifact."""
        jobs = [job["metadata"] for job in self.unanswered_jobs]
        return {job["labels"][CONVERSION_LABEL] for job in jobs if ATTEMPT_ANNOTATION not in job["annotations"]}

    def _jobs(self) -> list[Object]:
        """Return each Job that existed for certain, as the log first shows it.

        That is at its creation, or at a later change where the creation was not answered.
        """
        first: dict[str, Object] = {}
        for one in self.changes:
            if one.resource == "jobs" and one.answered.get("kind") == "Job":
                first.setdefault(one.uid, one.answered)
        return list(first.values())

    def status_writes(self) -> list[Change]:
        """Return the operator's writes to statuses."""
        return [one for one in self.changes if one.is_status_write]


def read(log: Path, namespace: str) -> Ledger:
    """Read what succeeded in a namespace; the log may have been put aside when it grew."""
    files = [*sorted(log.parent.glob(f"{log.stem}-*{log.suffix}")), log]
    here = [entry for file in files for entry in _entries(file) if _is_complete(entry, namespace)]
    here.sort(key=lambda entry: entry["stageTimestamp"])
    unanswered = (_change(entry) for entry in here if entry["responseStatus"]["code"] == _TIMED_OUT)
    return Ledger(
        tuple(_change(entry) for entry in here if entry["responseStatus"]["code"] < 300),
        tuple(one.asked for one in unanswered if (one.verb, one.resource) == ("create", "jobs")),
    )


def uploads(log: Path, bucket: str) -> Counter[str]:
    """Count how often an object was written to each key of a bucket."""
    found = (_UPLOAD.search(line) for line in log.read_text().splitlines())
    return Counter(one["key"] for one in found if one and one["bucket"] == bucket)


def _entries(file: Path) -> Iterator[Object]:
    with file.open() as lines:
        yield from (json.loads(line) for line in lines)


def _is_complete(entry: Object, namespace: str) -> bool:
    return bool(entry["stage"] == "ResponseComplete" and entry["objectRef"].get("namespace") == namespace)


def _change(entry: Object) -> Change:
    what = entry["objectRef"]
    return Change(
        user=entry["user"]["username"],
        verb=entry["verb"],
        resource="/".join(part for part in (what["resource"], what.get("subresource")) if part),
        name=what.get("name", ""),
        asked=entry.get("requestObject") or {},
        answered=entry.get("responseObject") or {},
    )


def names(attempts: Iterable[Attempt]) -> str:
    """Return attempts as text for a message."""
    return ", ".join(f"{one.uid} generation {one.generation} attempt {one.number}" for one in attempts)
