"""What is remembered of an object: what a decision reads, and no more. Pure.

Whole objects of 5000 finished conversions with their Jobs and pods are 150 MB of JSON; a decision reads a tenth of it.
An object in which only the rest has changed is nothing to look at.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tflite_api import names
from tflite_operator.core.fields import Object, mapping, objects

Keep = Callable[[Object], dict[str, Any]]

_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "ownerReferences",
    "labels",
)
_OURS: Final = f"{names.GROUP}/"
_POD_CONDITIONS: Final = frozenset({"PodScheduled", "DisruptionTarget"})
_JOB_CONDITIONS: Final = frozenset({"Complete", "Failed"})
_CONDITION: Final = ("type", "status", "reason", "message", "lastTransitionTime")
_CONTAINER_STATUS: Final = ("name", "image", "imageID", "state")


def keep_conversion(conversion: Object) -> dict[str, Any]:
    """Keep a conversion: all but what others noted in its metadata."""
    metadata = _metadata(conversion) | _some(mapping(conversion, "metadata"), ("finalizers",))
    return {"metadata": metadata} | _some(conversion, ("spec", "status"))


def keep_job(job: Object) -> dict[str, Any]:
    """Keep a Job: who it belongs to, how it ended, and of its containers the memory limit and the image."""
    pod = mapping(job, "spec", "template", "spec")
    containers = {
        kind: [_some(one, ("name", "image")) | _limits(one) for one in objects(pod, kind)]
        for kind in ("initContainers", "containers")
    }
    spec = _some(mapping(job, "spec"), ("ttlSecondsAfterFinished", "suspend"))
    return {
        "metadata": _metadata(job),
        "spec": spec | {"template": {"spec": containers}},
        "status": {"conditions": _of_types(objects(job, "status", "conditions"), _JOB_CONDITIONS)},
    }


def keep_pod(pod: Object) -> dict[str, Any]:
    """Keep a pod: who it belongs to, and what its containers say."""
    status = mapping(pod, "status")
    containers = {
        kind: [_some(one, _CONTAINER_STATUS) for one in objects(status, kind)]
        for kind in ("initContainerStatuses", "containerStatuses")
    }
    conditions = {"conditions": _of_types(objects(status, "conditions"), _POD_CONDITIONS)}
    return {
        "metadata": _metadata(pod),
        "status": _some(status, ("phase", "reason", "message")) | conditions | containers,
    }


def _metadata(value: Object) -> dict[str, Any]:
    metadata = mapping(value, "metadata")
    kept = _some(metadata, _METADATA)
    annotations = {key: text for key, text in mapping(metadata, "annotations").items() if key.startswith(_OURS)}
    return kept | {"annotations": annotations} if annotations else kept


def _some(value: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value[key] for key in keys if key in value}


def _limits(container: Object) -> dict[str, Any]:
    limits = _some(mapping(container, "resources", "limits"), ("memory",))
    return {"resources": {"limits": limits}} if limits else {}


def _of_types(conditions: Iterable[Object], types: frozenset[str]) -> list[Object]:
    return [_some(one, _CONDITION) for one in conditions if isinstance(one.get("type"), str) and one["type"] in types]
