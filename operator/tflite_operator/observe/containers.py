"""What the spec of a pod, or of a Job's pods, says of its containers."""

from tflite_api.names import CONTAINERS
from tflite_operator.core.fields import WORD_CHARACTERS, Object, field, objects, text, word

MemoryLimits = tuple[tuple[str, str], ...]
"""Containers by name, each with its memory limit as it is written."""


def limit_of(limits: MemoryLimits, container: str) -> str:
    """Return a container's memory limit, or nothing."""
    return dict(limits).get(container, "")


def memory_limits(shown: Object, *path: str) -> MemoryLimits:
    """Return the memory limit of each container that has one, of the pod's spec at a path."""
    return tuple(
        (word(container, "name"), str(limit)[:WORD_CHARACTERS])
        for kind in ("initContainers", "containers")
        for container in objects(shown, *path, kind)
        if text(container, "name") in CONTAINERS and (limit := field(container, "resources", "limits", "memory"))
    )
