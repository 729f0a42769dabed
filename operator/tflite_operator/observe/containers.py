"""What the spec of a pod, or of a Job's pods, says of its containers."""

from tflite_operator.core.fields import Object, field, objects, text

MemoryLimits = tuple[tuple[str, str], ...]
"""Containers by name, each with its memory limit as it is written."""


def memory_limits(shown: Object, *path: str) -> MemoryLimits:
    """Return the memory limit of each container that has one, of the pod's spec at a path."""
    return tuple(
        (text(container, "name"), str(limit))
        for kind in ("initContainers", "containers")
        for container in objects(shown, *path, kind)
        if (limit := field(container, "resources", "limits", "memory"))
    )
