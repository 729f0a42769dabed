"""Constants of zeros in 16 bits: the quantizer gives them the scale 0, by which LiteRT's kernels of sums divide."""

from collections.abc import Iterator
from typing import Any

from tflite_converter.artifact import flatbuffer
from tflite_converter.artifact.flatbuffer import RESCALING


def scaled(content: bytes) -> bytes:
    """Return an artifact in which such a constant has the scale of what it is added to: 0 is 0 at any scale."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    changed = bytearray(content)
    model = schema.Model.GetRootAs(changed, 0)
    for tensor, other in _summed(model, schema.TensorType.INT16):
        scale = _scale(other)
        values = flatbuffer.values(changed, model, tensor)
        if _scale(tensor) == 0 and scale and values is not None and not values.any():
            # A view of what is changed.
            tensor.Quantization().ScaleAsNumpy()[:] = scale
    return bytes(changed)


def _summed(model: Any, kind: int) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - generated without types
    """Yield each tensor of a type that is added, with what it is added to."""
    for name, graph, operator in flatbuffer.operators(model, flatbuffer.operator_names(model)):
        if name in RESCALING:
            first, second = (graph.Tensors(operator.Inputs(position)) for position in (0, 1))
            if first.Type() == second.Type() == kind:
                yield first, second
                yield second, first


def _scale(tensor: Any) -> float | None:  # noqa: ANN401 - see above
    scheme = tensor.Quantization()
    return float(scheme.Scale(0)) if scheme is not None and scheme.ScaleLength() == 1 else None
