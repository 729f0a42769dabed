"""Biases that several operators read, for 16 bits: each its own, with the scale of what its operator computes.

The quantizer of 16 bits gives a bias the scale of the first operator that reads it, so that the others read other
numbers (own measurement: three layers with one bias have 15.8 dB so, and 44.8 dB with three). Layers that are used
several times share theirs, and so do the steps of loops that are written out.
"""

from collections import Counter
from copy import copy
from typing import Any

from tflite_api.reasons import Reason
from tflite_converter.artifact import flatbuffer
from tflite_converter.artifact.flatbuffer import BIAS
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize import quantization


def apart(content: bytes) -> bytes:
    """Return a file of floats in which no other operator reads an operator's bias, but for those of zeros.

    Raises:
        StepFailure: OperationNotQuantizable where a file of that size cannot be written anew.
    """
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    root = schema.Model.GetRootAs(content, 0)
    names = flatbuffer.operator_names(root)
    readers, biases = _readers(root, names), _biases(content, root, names)
    if all(readers[buffer] == 1 for buffer in biases):
        return content
    model = schema.ModelT.InitFromObj(root)
    for graph in model.subgraphs:
        for operator in graph.operators:
            place = BIAS.get(names[operator.opcodeIndex])
            if place is None or len(operator.inputs) <= place or operator.inputs[place] < 0:
                continue
            buffer = graph.tensors[operator.inputs[place]].buffer
            if buffer in biases and readers[buffer] > 1:
                readers[buffer] -= 1
                operator.inputs = [*operator.inputs]
                operator.inputs[place] = _copied(model, graph, operator.inputs[place])
    try:
        return flatbuffer.packed(model, len(content))
    except flatbuffer.TooLargeError as error:
        raise StepFailure(
            Reason.OPERATION_NOT_QUANTIZABLE,
            "The quantizer of 16 bits needs a bias for each operator, some operators of this model share theirs, and a"
            " file of more than 2 GB cannot be written with more of them",
            quantization.cure_by_8_bits(()),
        ) from error


def _readers(model: Any, names: list[str]) -> Counter[int]:  # noqa: ANN401 - generated without types
    """Count by how many inputs of operators each buffer is read."""
    return Counter(
        graph.Tensors(operator.Inputs(place)).Buffer()
        for _, graph, operator in flatbuffer.operators(model, names)
        for place in range(operator.InputsLength())
        if operator.Inputs(place) >= 0
    )


def _biases(content: bytes, model: Any, names: list[str]) -> set[int]:  # noqa: ANN401 - see above
    """Return the buffers of the biases in a file that are not all 0, which is 0 at any scale."""
    found = set[int]()
    for name, graph, operator in flatbuffer.operators(model, names):
        place = BIAS.get(name)
        if place is not None and place < operator.InputsLength() and operator.Inputs(place) >= 0:
            tensor = graph.Tensors(operator.Inputs(place))
            values = flatbuffer.values(content, model, tensor)
            if values is not None and values.any():
                found.add(tensor.Buffer())
    return found


def _copied(model: Any, graph: Any, number: int) -> int:  # noqa: ANN401 - see above
    """Add a tensor with the values of another, and return its number."""
    own = copy(graph.tensors[number])
    model.buffers.append(copy(model.buffers[own.buffer]))
    own.buffer = len(model.buffers) - 1
    graph.tensors.append(own)
    return len(graph.tensors) - 1
