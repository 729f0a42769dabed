"""What the containers of a conversion's pods ask for and may use."""

from collections.abc import Mapping
from typing import Any, Final

from tflite_api.field_types import quantity
from tflite_api.names import CLEANUP, CONVERT, PREPARE, PUBLISH
from tflite_api.resource.spec import ConversionSpec, ResourceList, Resources
from tflite_operator.settings import Settings

_SMALL: Final = Resources(
    requests=ResourceList(cpu="100m", memory="128Mi"),
    limits=ResourceList(memory="256Mi"),
)
"""Of prepare, publish and cleanup, none of which imports TensorFlow: prepare takes 75 MiB, and 85 with the most files
that it fetches (own measurement); to decompress an archive may take 65 more (`man xz`)."""
_LARGE: Final = Resources(
    requests=ResourceList(cpu="500m", memory="2Gi"),
    limits=ResourceList(memory="4Gi"),
)
"""Of convert. No CPU limit: idle cores would stay idle."""
_BUILT_IN: Final[Mapping[str, Resources]] = {PREPARE: _SMALL, CONVERT: _LARGE, PUBLISH: _SMALL, CLEANUP: _SMALL}


def resources_of(step: str, spec: ConversionSpec, settings: Settings) -> dict[str, Any]:
    """Return a container's requests and limits: the spec's, then the administrator's, then those that all have."""
    requests: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for layer in (_wanted(step, spec), settings.converter_resources.of(step), _BUILT_IN[step]):
        if layer is not None:
            _fill(requests, limits, layer)
    return {"requests": requests, "limits": limits}


def _wanted(step: str, spec: ConversionSpec) -> Resources | None:
    if step == CONVERT:
        return spec.resources
    return spec.step_resources.of(step) if spec.step_resources is not None else None


def _fill(requests: dict[str, Any], limits: dict[str, Any], layer: Resources) -> None:
    """Add what is not there yet. It must not contradict what is: a request above its limit would be refused."""
    for name, amount in _amounts(layer.limits).items():
        limits.setdefault(name, max(amount, requests.get(name, amount), key=quantity))
    for name, amount in _amounts(layer.requests).items():
        requests.setdefault(name, min(amount, limits.get(name, amount), key=quantity))


def _amounts(given: ResourceList | None) -> dict[str, Any]:
    return given.to_object() if given is not None else {}
