"""Where the pods of a conversion run and how they are marked: what the administrator says, and what the spec says."""

from collections.abc import Mapping
from typing import Any, Final

from tflite_api.resource.pods.affinity import Affinity
from tflite_api.resource.pods.metadata import PodMetadata
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.fields import Object, mapping, objects
from tflite_operator.settings import Settings

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_NODES: Final = "nodeAffinity"
_PARTS: Final = (_NODES, "podAffinity", "podAntiAffinity")
_TERMS: Final = "nodeSelectorTerms"


def placement(spec: ConversionSpec, settings: Settings) -> dict[str, Any]:
    """Return the fields of a pod's spec that say where and before whom it runs."""
    wanted = {
        "nodeSelector": {**settings.converter_node_selector, **(spec.node_selector or {})},
        "tolerations": [one.to_object() for one in (*(spec.tolerations or ()), *settings.converter_tolerations)],
        "affinity": both(settings.converter_affinity.to_object(), (spec.affinity or Affinity()).to_object()),
        "topologySpreadConstraints": [one.to_object() for one in spec.topology_spread_constraints or ()],
        "priorityClassName": spec.priority_class_name,
        "runtimeClassName": spec.runtime_class_name or settings.converter_runtime_class_name,
    }
    return {name: value for name, value in wanted.items() if value}


def marks(
    spec: ConversionSpec, settings: Settings, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Return the metadata of a pod.

    Args:
        spec: its labels and annotations stand in the place of the administrator's.
        settings: what the administrator says.
        labels: the operator's own, which nobody may choose; if somebody could, these would count.
        annotations: likewise.
    """
    wanted = spec.pod_metadata or PodMetadata()
    return {
        "labels": {**settings.converter_pod_labels, **(wanted.labels or {}), **labels},
        "annotations": {**settings.converter_pod_annotations, **(wanted.annotations or {}), **annotations},
    }


def both(first: Object, second: Object) -> dict[str, Any]:
    """Return the affinity that holds where two hold, so that a spec loosens nothing that the administrator requires."""
    parts = {part: _part(part, mapping(first, part), mapping(second, part)) for part in _PARTS}
    return {part: wanted for part, wanted in parts.items() if wanted}


def _part(part: str, first: Object, second: Object) -> dict[str, Any]:
    required: Any = (
        _nodes(mapping(first, _REQUIRED), mapping(second, _REQUIRED))
        if part == _NODES
        else [*objects(first, _REQUIRED), *objects(second, _REQUIRED)]
    )
    wanted = {_REQUIRED: required, _PREFERRED: [*objects(first, _PREFERRED), *objects(second, _PREFERRED)]}
    return {name: value for name, value in wanted.items() if value}


def _nodes(first: Object, second: Object) -> dict[str, Any]:
    """Return the terms, one of which holds of a node where one of the first and one of the second do."""
    ours, theirs = list(objects(first, _TERMS)), list(objects(second, _TERMS))
    if not ours or not theirs:
        return {_TERMS: ours or theirs} if ours or theirs else {}
    return {_TERMS: [_term(one, other) for one in ours for other in theirs]}


def _term(first: Object, second: Object) -> dict[str, Any]:
    kinds = ("matchExpressions", "matchFields")
    wanted = {kind: [*objects(first, kind), *objects(second, kind)] for kind in kinds}
    return {kind: value for kind, value in wanted.items() if value}
