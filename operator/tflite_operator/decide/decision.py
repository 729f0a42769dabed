"""What a policy decides."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.steps.step import StepResult
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.observe.job import ObservedJob

PATIENCE: Final = timedelta(seconds=2)
"""How long things that take an instant may take before they are looked at again."""


@dataclass(frozen=True)
class CreateJob:
    """Make the Job of an attempt."""

    attempt: Attempt


@dataclass(frozen=True)
class DeleteJob:
    """Delete a Job and, in the background, its pods."""

    name: str
    uid: str


@dataclass(frozen=True)
class CreateCleanup:
    """Make the Job that deletes the artifact."""


@dataclass(frozen=True)
class SetFinalizer:
    """Hold the conversion until its artifact is deleted, or let it go."""

    present: bool


@dataclass(frozen=True)
class SetJobTTL:
    """Let the cluster remove a Job some time after its end; done once the outcome is in the status."""

    name: str
    uid: str
    seconds: int


@dataclass(frozen=True)
class EmitEvent:
    """Emit an Event about a turning point."""

    warning: bool
    reason: Reason
    message: str
    elsewhere: bool = False
    """Whether the conversion's namespace is on its way out, and takes no Events any more."""


Action = CreateJob | DeleteJob | CreateCleanup | SetFinalizer | SetJobTTL | EmitEvent


@dataclass(frozen=True)
class NoChange:
    """Nothing to do and nothing to say."""


@dataclass(frozen=True)
class Start:
    """Make the next attempt's Job; what the status says follows from the Job."""

    attempt: Attempt


@dataclass(frozen=True)
class Following:
    """The attempt that follows a failed one by itself."""

    attempt: int
    when: datetime


@dataclass(frozen=True)
class Progress:
    """It goes on by itself."""

    reason: Reason
    message: str | None
    """None where the status keeps what it says."""
    job: ObservedJob | None = None
    following: Following | None = None
    look_again: datetime | None = None
    """When the decision may become another one although nothing is heard."""
    obstacle: Reason | None = None
    """What it fails with if nothing changes, where it has not gone on for so long that it does so already."""
    supersedes: bool = False
    """Whether one more run was asked for, and the Job that the status speaks of counts no more."""
    cure_given: bool = False
    """Whether the message says what to change; else the reason's own cure does."""


@dataclass(frozen=True)
class Pause:
    """The spec wants nothing to run."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Success:
    """The artifact is in the bucket."""

    result: StepResult
    job: ObservedJob
    image: str
    ended: datetime | None


@dataclass(frozen=True)
class Failure:
    """The spec, or what it names, must change."""

    reason: Reason
    message: str
    job: ObservedJob | None = None
    result: StepResult | None = None
    ended: datetime | None = None
    cure_given: bool = False
    """Whether the message says what to change; else the reason's own cure does."""


Reported = Progress | Pause | Success | Failure
"""A decision that the status tells of."""
Decision = NoChange | Start | Reported
