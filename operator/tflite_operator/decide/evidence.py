"""What is known of who made a conversion's Jobs and pods. Labels, owners and names prove nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tflite_operator.observe.job import ObservedJob
from tflite_operator.observe.pod import ObservedPod


@dataclass(frozen=True)
class Evidence:
    """What speaks for Jobs and pods, and against them."""

    made: frozenset[str] = frozenset()
    """UIDs of the Jobs that this process made."""
    guarded_since: datetime | None = None
    """Since when the admission policies keep everybody else from making any; None where they do not."""
    doubts: Mapping[str, str] | None = None
    """In a few words what is wrong with them, by their UIDs, if they were compared with what was asked for."""

    def doubt_of_job(self, job: ObservedJob, recorded: str) -> str | None:
        """Return why a Job may be somebody else's: nothing where it is not, None where that is not known yet.

        Args:
            job: one that claims to be the conversion's.
            recorded: UID of the Job that the status speaks of; its writer had made it, or examined it.
        """
        if job.uid in self.made or job.uid == recorded or self._guards(job.created):
            return ""
        return None if self.doubts is None else self.doubts.get(job.uid, "")

    def doubt_of_pod(self, pod: ObservedPod) -> str | None:
        """Return why a pod may be none that its Job made: nothing where it is, None where that is not known yet."""
        if self._guards(pod.created):
            return ""
        return None if self.doubts is None else self.doubts.get(pod.uid, "")

    def guards(self, pod: ObservedPod) -> bool:
        """Return whether nobody but the Job controller can have made a pod."""
        return self._guards(pod.created)

    def with_made(self, uid: str) -> "Evidence":
        """Return the same with one more Job that this process made."""
        return replace(self, made=self.made | {uid})

    def with_doubts(self, doubts: Mapping[str, str]) -> "Evidence":
        """Return the same after more has been compared."""
        return replace(self, doubts={**(self.doubts or {}), **doubts})

    def _guards(self, created: datetime | None) -> bool:
        return created is not None and self.guarded_since is not None and created > self.guarded_since


NOTHING_KNOWN: Final = Evidence()
