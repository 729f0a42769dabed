"""Where the seconds of one conversion go, told from what a watch of its pod saw, and when. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tflite_api.names import CONVERT, PREPARE, PUBLISH, STEPS

Object = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A version of the pod."""

    moment: float
    """Seconds after the conversion was applied."""
    pod: Object


NAMES: Final = (
    "until the pod is there",
    *(f"{stage} {step}" for step in STEPS for stage in ("until there runs", "in")),
    "until Ready",
)
"""The stages from apply to Ready, one after the other."""


def stages(seen: Sequence[Seen], ready: float) -> dict[str, float]:
    """Return the seconds of each stage; they add up to `ready`, the seconds from apply to Ready."""
    ends = [seen[0].moment if seen else ready]
    for step in STEPS:
        ended = _first(seen, step, "terminated", ready)
        ends += [min(_first(seen, step, "running", ended), ended), ended]
    ends.append(ready)
    begins = [0.0, *ends[:-1]]
    return {name: end - begin for name, begin, end in zip(NAMES, begins, ends, strict=True)}


def told(seen: Sequence[Seen]) -> dict[str, float]:
    """Return the seconds that each step measured itself, from its report."""
    found = {}
    for name, status in _statuses(seen[-1].pod).items() if seen else ():
        message = status.get("state", {}).get("terminated", {}).get("message")
        if message and name in {PREPARE, CONVERT, PUBLISH}:
            found[name] = float(json.loads(message).get("durationSeconds", 0.0))
    return found


def _first(seen: Sequence[Seen], step: str, state: str, otherwise: float) -> float:
    """Return when a container was first seen in a state; a short one may never be seen running."""
    for version in seen:
        if state in _statuses(version.pod).get(step, {}).get("state", {}):
            return version.moment
    return otherwise


def _statuses(pod: Object) -> Mapping[str, Object]:
    status = pod.get("status", {})
    both = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return {one["name"]: one for one in both}
