"""What holds of every version of a conversion that a watch may show. Each rule names what breaks it. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, Final

Object = dict[str, Any]

MANAGER: Final = "tflite-operator"
"""The field manager of what the operator writes."""
_STEPS: Final = {"Pending", "Preparing", "Converting", "Publishing"}
"""What each pod tells; then comes the outcome."""
_SHAPES: Final = {
    (("Ready", "Unknown"), ("Reconciling", "True")): "under way",
    (("Ready", "False"), ("Stalled", "True")): "failed",
    (("Ready", "True"),): "done",
    (("Ready", "Unknown"),): "suspended",
    (): "not seen yet",
}


def reading(conversion: Object) -> str:
    """Return kstatus' word for how a person who looks at generations and conditions would read a conversion."""
    metadata, status = conversion["metadata"], conversion.get("status", {})
    if "deletionTimestamp" in metadata:
        return "Terminating"
    if status.get("observedGeneration") != metadata["generation"]:
        return "InProgress"
    if _holds(status, "Stalled", metadata["generation"]):
        return "Failed"
    done = _holds(status, "Ready", metadata["generation"]) and bool(artifacts(status))
    return "Current" if done else "InProgress"


def artifacts(status: Object) -> list[Object]:
    """Return the artifact that a status tells of, or those of its variants; none where one of them has none."""
    of_variants = [one.get("artifact") for one in status.get("variants", [])]
    found = of_variants or [status.get("artifact")]
    return [one for one in found if one is not None] if None not in found else []


def _holds(status: Object, kind: str, generation: int) -> bool:
    return any(
        one["type"] == kind and one["status"] == "True" and one["observedGeneration"] == generation
        for one in status.get("conditions", [])
    )


def is_of_the_operator(conversion: Object) -> bool:
    """Return whether nobody has written the status since the operator did."""
    times: dict[bool, list[datetime]] = {True: [], False: []}
    for entry in conversion["metadata"].get("managedFields", []):
        if entry.get("subresource") == "status":
            times[entry["manager"] == MANAGER].append(datetime.fromisoformat(entry["time"]))
    return not times[False] or (bool(times[True]) and max(times[True]) > max(times[False]))


def broken_by(conversion: Object) -> Iterator[str]:
    """Name what is wrong with one version."""
    for entry in conversion["metadata"].get("managedFields", []):
        if entry["manager"] == MANAGER:
            fields = entry["fieldsV1"]
            owned = set(fields) | {f"f:metadata.{name}" for name in fields.get("f:metadata", {})}
            if not owned <= {"f:status", "f:metadata", "f:metadata.f:finalizers"}:
                yield f"the operator owns {sorted(owned)}"
    if is_of_the_operator(conversion):
        yield from _wrong_conditions(conversion)


def _wrong_conditions(conversion: Object) -> Iterator[str]:
    status = conversion.get("status", {})
    conditions: list[Object] = status.get("conditions", [])
    seen = status.get("observedGeneration")
    main = tuple((one["type"], one["status"]) for one in conditions if one["type"] != "Verified")
    shape = _SHAPES.get(main)
    if shape is None or (shape == "not seen yet") != (seen == -1):
        yield f"the conditions of generation {seen} are {main}"
    if shape == "suspended" and conditions[0]["reason"] != "Suspended":
        yield "Ready is Unknown, but nothing is under way"
    if {one["reason"] for one in conditions if one["type"] != "Verified"} - {conditions[0]["reason"] if main else ""}:
        yield "the conditions give different reasons"
    for one in conditions:
        if one["observedGeneration"] != seen and (one["type"] != "Verified" or shape == "done"):
            yield f"{one['type']} speaks of generation {one['observedGeneration']}, the status of {seen}"
    if shape == "done" and not (artifacts(status) and "provenance" in status and _is_verified(status)):
        yield "done without an artifact, its provenance or its verification"


def _is_verified(status: Object) -> bool:
    variants: list[Object] = status.get("variants", [])
    return all("verified" in one for one in variants) if variants else "verification" in status


def broken_between(versions: Sequence[Object], pods: int = 1) -> Iterator[str]:
    """Name what is wrong with the order of the versions of any number of conversions.

    Args:
        versions: in the order in which they were seen.
        pods: how many a Job needed, one after the other, where somebody took them away.
    """
    by_uid = sorted(versions, key=lambda one: str(one["metadata"]["uid"]))
    for _, group in groupby(by_uid, key=lambda one: one["metadata"]["uid"]):
        mine = list(group)
        yield from _changed_specs(mine)
        yield from _steps_back(mine)
        yield from _too_many_writes(mine, pods * len(_STEPS) + 1)


def _changed_specs(versions: Sequence[Object]) -> Iterator[str]:
    for old, new in pairwise(versions):
        same = old["metadata"]["generation"] == new["metadata"]["generation"]
        if same and old["spec"] != new["spec"]:
            yield f"{_name(new)}: the spec of generation {new['metadata']['generation']} changed"


def _steps_back(versions: Sequence[Object]) -> Iterator[str]:
    for old, new in pairwise(versions):
        before, after = (one.get("status", {}).get("observedGeneration", -1) for one in (old, new))
        if before > after and is_of_the_operator(new):
            yield f"{_name(new)}: from generation {before} back to {after}"


def _too_many_writes(versions: Sequence[Object], most: int) -> Iterator[str]:
    """Count the writes of what needed one attempt and met no obstacle: an obstacle is told as well."""
    for generation, group in groupby(versions, key=lambda one: one.get("status", {}).get("observedGeneration", -1)):
        told = [one["status"] for one in group if generation != -1]
        writes = [new for old, new in pairwise([{}, *told]) if old != new]
        if len(writes) > most and all(map(_is_step, writes[:-1])) and _waits_once(writes):
            yield f"{_name(versions[0])}: {len(writes)} writes: {[_ready(one).get('reason') for one in writes]}"


def _is_step(status: Object) -> bool:
    is_first_attempt = status.get("job", {}).get("attempt", 1) == 1 and "nextAttemptTime" not in status
    return is_first_attempt and _ready(status).get("reason") in _STEPS


def _waits_once(writes: Sequence[Object]) -> bool:
    pending = [_ready(one).get("message") for one in writes if _ready(one).get("reason") == "Pending"]
    return len(set(pending)) == 1


def _ready(status: Object) -> Object:
    found: list[Object] = status.get("conditions", [])
    return next((one for one in found if one["type"] == "Ready"), {})


def _name(conversion: Object) -> str:
    return f"{conversion['metadata']['namespace']}/{conversion['metadata']['name']}"
