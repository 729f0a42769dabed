"""Time and memory of a converter pod's containers, read from their termination messages."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from dev.testing.kubectl import Object
from tflite_api.names import GROUP, STEPS
from tflite_api.steps.step import StepResult


@dataclass(frozen=True)
class StepSpent:
    """Time and memory of one container."""

    seconds: float
    peak_mebibytes: float


@dataclass(frozen=True)
class Spent:
    """Time and memory of one pod."""

    steps: tuple[StepSpent | None, ...]
    pod_seconds: float
    """From the start of the first container to the end of the last."""


def spent(pods: list[Object]) -> dict[str, Spent]:
    """Return what each conversion's latest pod took, by the conversion's name."""
    return {_conversion(pod): _spent(pod) for pod in pods if _ended(pod)}


def _conversion(pod: Object) -> str:
    name: str = pod["metadata"]["annotations"][f"{GROUP}/conversion-name"]
    return name


def _ended(pod: Object) -> list[Object]:
    status = pod["status"]
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    ended = [one["state"]["terminated"] | {"name": one["name"]} for one in containers if "terminated" in one["state"]]
    # A container that never started carries a start time of nothing.
    return [one for one in ended if one.get("startedAt")]


def _spent(pod: Object) -> Spent:
    ended = {one["name"]: one for one in _ended(pod)}
    times = [datetime.fromisoformat(one[end]) for one in ended.values() for end in ("startedAt", "finishedAt")]
    steps = tuple(_step(ended.get(name, {}).get("message", "")) for name in STEPS)
    return Spent(steps, (max(times) - min(times)).total_seconds())


def _step(message: str) -> StepSpent | None:
    try:
        result = StepResult.model_validate_json(message)
    except ValidationError:
        return None
    if result.duration_seconds is None or result.peak_memory_bytes is None:
        return None
    return StepSpent(result.duration_seconds, result.peak_memory_bytes / 2**20)
