"""Constants that floats of 16 bits do not hold.

With an epsilon of 1e-10, which they make 0, goes what it kept from a division by 0. What is beyond 65504 the converter
cuts off there.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tflite_converter.artifact import flatbuffer

Floats = NDArray[np.float32]

_VANISHING: Final = 2.0**-25
"""The largest that becomes 0: half the least number of 16 bits, and ties go to even (IEEE 754, binary16)."""
_LARGEST: Final = 65504
"""The largest finite number of 16 bits."""
_LARGEST_AS_BITS: Final = 0x7BFF
_WITHOUT_SIGN: Final = 0x7FFF
_LARGEST_BYTES: Final = 1024**2
"""Of a constant that is looked at in a graph: what has more values than an epsilon has weights among them."""


def vanish(graph: Any) -> bool:  # noqa: ANN401 - TensorFlow has no types
    """Return whether a GraphDef has constants that become 0 in 16 bits, and are not."""
    from tensorflow.core.framework import types_pb2  # noqa: PLC0415 - takes seconds

    nodes = chain(graph.node, *(function.node_def for function in graph.library.function))
    values = (
        node.attr["value"].tensor
        for node in nodes
        if node.op == "Const" and node.attr["dtype"].type == types_pb2.DT_FLOAT
    )
    small = (value for value in values if value.ByteSize() <= _LARGEST_BYTES)
    return any(_vanishes(_written(value)) for value in small)


def _written(value: Any) -> Floats:  # noqa: ANN401 - see above
    """Return the numbers that a TensorProto holds: one that is repeated all over a large tensor stands there once."""
    if value.tensor_content:
        return np.frombuffer(value.tensor_content, "<f4")
    return np.fromiter(value.float_val, np.float32)


def are_suspect(content: bytes) -> bool:
    """Return whether a file has constants of 16 bits that look as if they had been others.

    These are any with the largest number that there is, or beyond, and weights that are all 0. Biases often are.
    """
    # As bits, which compare a hundred times faster than NumPy's halves.
    bits = ((tensor.ShapeLength() > 1, data.view(np.uint16)) for tensor, data in _constants(content, "FLOAT16"))
    return any(
        bool(np.any(values & _WITHOUT_SIGN >= _LARGEST_AS_BITS)) or (is_weight and not np.any(values))
        for is_weight, values in bits
    )


def beyond(content: bytes) -> str | None:
    """Return what of a file's constants of 32 bits 16 do not hold, in words; None where they hold all."""
    floats = [data.view(np.float32) for _, data in _constants(content, "FLOAT32")]
    large = sum(int(np.count_nonzero(np.abs(values) > _LARGEST)) for values in floats)
    small = sum(values.size for values in floats if _vanishes(values))
    if large:
        return f"{large} of them are beyond 65504, the largest half float"
    return f"{small} of them are so small that half floats make them 0" if small else None


def _constants(content: bytes, kind: str) -> Iterator[tuple[Any, NDArray[np.uint8]]]:
    """Yield each tensor of a type whose values are in a file, with their bytes."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            buffer = model.Buffers(tensor.Buffer())
            if tensor.Type() == getattr(schema.TensorType, kind) and buffer.DataLength():
                yield tensor, buffer.DataAsNumpy()


def restored(halves: bytes, floats: bytes) -> bytes:
    """Return a file whose constants have 16 bits, with those in 32 that 16 do not hold.

    Args:
        halves: the file.
        floats: the same conversion without a quantization. Where its operators are others, nothing is restored.
    """
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    roots = [schema.Model.GetRootAs(content, 0) for content in (halves, floats)]
    names, names_of_floats = (list(flatbuffer.operator_names(root)) for root in roots)
    model, whole = (schema.ModelT.InitFromObj(root) for root in roots)
    found = False
    for graph, twin in zip(model.subgraphs, whole.subgraphs, strict=False):
        expanded = _expanded(model, graph, names)
        used = [operator for operator in graph.operators if expanded.isdisjoint(operator.outputs)]
        if [names[one.opcodeIndex] for one in used] != [names_of_floats[one.opcodeIndex] for one in twin.operators]:
            continue
        lost = _lost(zip(used, twin.operators, strict=True), expanded, whole, twin)
        for number, value in lost.items():
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(value.tobytes(), np.uint8)
            model.buffers.append(buffer)
            graph.tensors[number].buffer = len(model.buffers) - 1
        graph.operators = [operator for operator in graph.operators if lost.keys().isdisjoint(operator.outputs)]
        found = found or bool(lost)
    if not found:
        return halves
    _empty_what_nothing_reads(model)
    return flatbuffer.packed(model, len(halves))


def _empty_what_nothing_reads(model: Any) -> None:  # noqa: ANN401 - generated without types
    """Take the values from constants that were expanded, and no longer are."""
    read = {
        graph.tensors[number].buffer
        for graph in model.subgraphs
        for number in chain(graph.outputs, *(operator.inputs for operator in graph.operators))
        if number >= 0
    }
    for tensor in chain.from_iterable(graph.tensors for graph in model.subgraphs):
        if tensor.buffer not in read:
            model.buffers[tensor.buffer].data = None


def _expanded(model: Any, graph: Any, names: Sequence[str]) -> set[int]:  # noqa: ANN401 - generated without types
    """Return the numbers of the tensors of floats that constants of 16 bits are expanded to."""
    return {
        operator.outputs[0]
        for operator in graph.operators
        if names[operator.opcodeIndex] == "DEQUANTIZE"
        and model.buffers[graph.tensors[operator.inputs[0]].buffer].data is not None
    }


def _lost(
    pairs: Iterable[tuple[Any, Any]],
    expanded: set[int],
    whole: Any,  # noqa: ANN401 - see above
    twin: Any,  # noqa: ANN401 - see above
) -> dict[int, Floats]:
    """Return what 16 bits do not hold, by the number of the tensor that it is expanded to."""
    values = {
        ours: _value(whole, twin.tensors[theirs])
        for operator, same in pairs
        for ours, theirs in zip(operator.inputs, same.inputs, strict=True)
        if ours in expanded
    }
    return {number: value for number, value in values.items() if value is not None and _is_lost(value)}


def _value(model: Any, tensor: Any) -> Floats | None:  # noqa: ANN401 - see above
    """Return a constant's floats; None where it is no constant, or not of floats."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    data = model.buffers[tensor.buffer].data
    is_of_floats = tensor.type == schema.TensorType.FLOAT32 and data is not None
    return np.asarray(data, np.uint8).view(np.float32) if is_of_floats else None


def _vanishes(value: Floats) -> bool:
    return bool(0 < np.abs(value).max(initial=0.0) <= _VANISHING)


def _is_lost(value: Floats) -> bool:
    return _vanishes(value) or bool(np.abs(value).max(initial=0.0) > _LARGEST)
