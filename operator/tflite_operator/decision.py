"""What a policy decides."""

from dataclasses import dataclass
from datetime import datetime

from tflite_api.reasons import Reason
from tflite_api.step import StepResult
from tflite_operator.observed_job import ObservedJob


@dataclass(frozen=True)
class CreateJob:
    """Make the Job of an attempt."""

    attempt: int
    failures: int


@dataclass(frozen=True)
class DeleteJob:
    """Delete a Job and, in the background, its pods."""

    name: str
    uid: str


@dataclass(frozen=True)
class SetJobTTL:
    """Let the cluster remove a Job some time after its end; done once the outcome is in the status."""

    name: str
    uid: str
    seconds: int


@dataclass(frozen=True)
class EmitEvent:
    """Tell people of a turning point."""

    warning: bool
    reason: Reason
    message: str


Action = CreateJob | DeleteJob | SetJobTTL | EmitEvent


@dataclass(frozen=True)
class Rest:
    """Nothing to do and nothing to say."""


@dataclass(frozen=True)
class Start:
    """Make the next attempt's Job; what the status says follows from the Job."""

    attempt: int
    failures: int


@dataclass(frozen=True)
class Progress:
    """It goes on by itself."""

    reason: Reason
    message: str
    job: ObservedJob | None = None
    next_attempt: datetime | None = None
    look_again: datetime | None = None
    """When the decision may become another one although nothing is heard."""


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


Decision = Rest | Start | Progress | Success | Failure
