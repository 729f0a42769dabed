"""Constants that floats of 16 bits do not hold.

With an epsilon of 1e-10, which they make 0, goes what it kept from a division by 0. What is beyond 65504 the converter
cuts off there.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tflite_api.reasons import Reason
from tflite_converter.artifact import flatbuffer
from tflite_converter.artifact.flatbuffer import BIAS
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize.quantization import OF_HALVES_CURE

Floats = NDArray[np.float32]

_VANISHING: Final = 2.0**-25
"""The largest that becomes 0: half the least number of 16 bits, and ties go to even (IEEE 754, binary16)."""
_LARGEST: Final = 65504
"""The largest finite number of 16 bits."""
_LARGEST_AS_BITS: Final = 0x7BFF
_WITHOUT_SIGN: Final = 0x7FFF
_EXPANDING: Final = "DEQUANTIZE"
"""The operator that makes floats of 32 bits of 16."""


class Suspicion(IntEnum):
    """What of a file's constants of 16 bits looks as if it had been something else."""

    NONE = 0
    BIASES = 1
    """Biases that are all 0. Operators without any are given such."""
    ZEROS = 2
    """Other numbers and vectors that are all 0, with which much begins, or is compared."""
    LOST = 3
    """The largest number that there is, or beyond, and weights that are all 0."""


def suspicion(content: bytes) -> Suspicion:
    """Return the gravest of a file."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    names = flatbuffer.operator_names(model)
    found = Suspicion.NONE
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        biases = _biases(graph, names)
        for number, data in _constants(content, model, graph, "FLOAT16"):
            # As bits, which compare a hundred times faster than NumPy's halves.
            largest = int(np.max(data.view(np.uint16) & _WITHOUT_SIGN))
            is_weight = graph.Tensors(number).ShapeLength() > 1
            if largest >= _LARGEST_AS_BITS or (largest == 0 and is_weight):
                return Suspicion.LOST
            if largest == 0:
                found = max(found, Suspicion.BIASES if number in biases else Suspicion.ZEROS)
    return found


def _biases(graph: Any, names: Sequence[str]) -> frozenset[int]:  # noqa: ANN401 - generated without types
    """Return the numbers of a graph's tensors that are read, once they are expanded, as biases alone."""
    operators = list(map(graph.Operators, range(graph.OperatorsLength())))
    read = defaultdict[int, set[bool]](set)
    for one in operators:
        for position in range(one.InputsLength()):
            read[one.Inputs(position)].add(BIAS.get(names[one.OpcodeIndex()]) == position)
    expanded = (one for one in operators if names[one.OpcodeIndex()] == _EXPANDING)
    return frozenset(one.Inputs(0) for one in expanded if read[one.Outputs(0)] == {True})


def beyond(content: bytes) -> str | None:
    """Return what of a file's constants of 32 bits 16 do not hold, in words; None where they hold all."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    graphs = map(model.Subgraphs, range(model.SubgraphsLength()))
    constants = chain.from_iterable(_constants(content, model, graph, "FLOAT32") for graph in graphs)
    floats = [data.view(np.float32) for _, data in constants]
    large = sum(int(np.count_nonzero(np.abs(values) > _LARGEST)) for values in floats)
    small = sum(values.size for values in floats if vanishes(values))
    if large:
        return f"{large} of them are beyond 65504, the largest half float"
    return f"{small} of them are so small that half floats make them 0" if small else None


def _constants(
    content: bytes,
    model: Any,  # noqa: ANN401 - generated without types
    graph: Any,  # noqa: ANN401 - see above
    kind: str,
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the number of each tensor of a type whose values are in a file, with their bytes."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    for number in range(graph.TensorsLength()):
        tensor = graph.Tensors(number)
        data = flatbuffer.values(content, model, tensor)
        if tensor.Type() == getattr(schema.TensorType, kind) and data is not None:
            yield number, data


def restored(halves: bytes, floats: bytes) -> bytes:
    """Return a file whose constants have 16 bits, with those in 32 that 16 do not hold.

    Args:
        halves: the file.
        floats: the same conversion without a quantization. Where its operators are others, nothing is restored.

    Raises:
        StepFailure: QuantizationNotApplied where a file of that size cannot be written anew.
    """
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    root, whole = (schema.Model.GetRootAs(content, 0) for content in (halves, floats))
    names = flatbuffer.operator_names(root)
    model = schema.ModelT.InitFromObj(root)
    pairs = _pairs(model, names, whole)
    found = 0
    for number, graph in enumerate(model.subgraphs):
        lost = {}
        for expanded in _expanded(model, graph, names):
            twins = (whole.Subgraphs(place).Tensors(twin) for place, twin in _twins(model, pairs, number, expanded))
            values = (value for twin in twins if (value := _floats(floats, whole, twin)) is not None)
            if (value := next(values, None)) is not None and _is_lost(value):
                lost[expanded] = value
        for expanded, value in lost.items():
            buffer = schema.BufferT()
            buffer.data = value.view(np.uint8)
            model.buffers.append(buffer)
            graph.tensors[expanded].buffer = len(model.buffers) - 1
        graph.operators = [operator for operator in graph.operators if lost.keys().isdisjoint(operator.outputs)]
        found += len(lost)
    if not found:
        return halves
    _empty_what_nothing_reads(model)
    return _written_anew(model, len(halves), found)


def _pairs(model: Any, names: Sequence[str], whole: Any) -> list[list[tuple[Any, Any]]]:  # noqa: ANN401 - see above
    """Return each graph's operators with their twins, but for those that expand; none where the twins are others."""
    names_of_floats, pairs = flatbuffer.operator_names(whole), []
    for graph, twin in zip(model.subgraphs, map(whole.Subgraphs, range(whole.SubgraphsLength())), strict=False):
        expanded = _expanded(model, graph, names)
        used = [operator for operator in graph.operators if expanded.isdisjoint(operator.outputs)]
        same = list(map(twin.Operators, range(twin.OperatorsLength())))
        is_same = [names[one.opcodeIndex] for one in used] == [names_of_floats[one.OpcodeIndex()] for one in same]
        pairs.append(list(zip(used, same, strict=True)) if is_same else [])
    return pairs + [[]] * (len(model.subgraphs) - len(pairs))


def _twins(
    model: Any,  # noqa: ANN401 - see above
    pairs: Sequence[Sequence[tuple[Any, Any]]],
    number: int,
    tensor: int,
    seen: frozenset[tuple[int, int]] = frozenset(),
) -> Iterator[tuple[int, int]]:
    """Yield what twins read where operators read a tensor of a graph, as numbers of graphs and of tensors in them.

    What is expanded before a loop or a branch is handed into it, where a twin of floats stands in it itself.
    """
    if (number, tensor) in seen:
        return
    for operator, same in pairs[number]:
        for position in (place for place, read in enumerate(operator.inputs) if read == tensor):
            inner = _inner(operator)
            for graph in inner:
                handed = position - (len(operator.inputs) - len(model.subgraphs[graph].inputs))
                if handed >= 0:
                    into = model.subgraphs[graph].inputs[handed]
                    yield from _twins(model, pairs, graph, into, seen | {(number, tensor)})
            if not inner and same.InputsLength() == len(operator.inputs) and same.Inputs(position) >= 0:
                yield number, same.Inputs(position)


def _inner(operator: Any) -> tuple[int, ...]:  # noqa: ANN401 - see above
    """Return the numbers of the graphs that an operator runs."""
    fields = ("condSubgraphIndex", "bodySubgraphIndex", "thenSubgraphIndex", "elseSubgraphIndex")
    return tuple(getattr(operator.builtinOptions, field) for field in fields if hasattr(operator.builtinOptions, field))


def _written_anew(model: Any, size: int, found: int) -> bytes:  # noqa: ANN401 - see above
    try:
        return flatbuffer.packed(model, size)
    except flatbuffer.TooLargeError as error:
        raise StepFailure(
            Reason.QUANTIZATION_NOT_APPLIED,
            f"{found} of the model's constants have numbers that half floats do not hold, either beyond 65504 or so"
            " small that they become 0, and a file of more than 2 GB cannot be written with these in float32",
            OF_HALVES_CURE,
        ) from error


def _empty_what_nothing_reads(model: Any) -> None:  # noqa: ANN401 - see above
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


def _expanded(model: Any, graph: Any, names: Sequence[str]) -> set[int]:  # noqa: ANN401 - see above
    """Return the numbers of the tensors of floats that constants of 16 bits are expanded to."""
    return {
        operator.outputs[0]
        for operator in graph.operators
        if names[operator.opcodeIndex] == _EXPANDING
        and ((buffer := model.buffers[graph.tensors[operator.inputs[0]].buffer]).data is not None or buffer.size)
    }


def _floats(content: bytes, model: Any, tensor: Any) -> Floats | None:  # noqa: ANN401 - see above
    """Return a constant's floats; None where it is no constant, or not of floats."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    data = flatbuffer.values(content, model, tensor)
    return data.view(np.float32) if tensor.Type() == schema.TensorType.FLOAT32 and data is not None else None


def vanishes(value: NDArray[Any]) -> bool:
    """Return whether 16 bits make numbers 0 of which some are not."""
    return bool(0 < np.abs(value).max(initial=0.0) <= _VANISHING)


def _is_lost(value: Floats) -> bool:
    return vanishes(value) or bool(np.abs(value).max(initial=0.0) > _LARGEST)
