"""Each operator has a bias of its own before it is quantized to 16 bits."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.unit.converter.small_artifacts import Graph, behind
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize import biases

_KERNEL = np.ones((2, 2), np.float32)


def layers(bias: list[float], count: int, *, is_added: bool = False) -> bytes:
    """Return layers with one bias, which is added to their result as well."""
    graph = Graph()
    x = graph.input("x", [1, 2])
    kernel, shared = graph.constant(_KERNEL), graph.constant(np.array(bias, np.float32))
    for _ in range(count):
        x = graph.operator("FULLY_CONNECTED", [x, kernel, shared], [1, 2])
    return graph.file({"y": graph.operator("ADD", [x, shared], [1, 2]) if is_added else x})


def read(file: bytes) -> list[tuple[int, list[float]]]:
    """Return the buffer that each operator reads last, and its values."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0))
    [graph] = model.subgraphs
    buffers = [graph.tensors[operator.inputs[-1]].buffer for operator in graph.operators]
    return [(buffer, model.buffers[buffer].data.view(np.float32).tolist()) for buffer in buffers]


@pytest.mark.parametrize(("count", "is_added"), [(3, False), (1, True), (2, True)])
def test_each_operator_reads_its_own(count: int, is_added: bool) -> None:
    found = read(biases.apart(layers([1.0, 2.0], count, is_added=is_added)))
    assert len({buffer for buffer, _ in found}) == len(found) == count + is_added
    assert all(values == [1.0, 2.0] for _, values in found)


@pytest.mark.parametrize(("bias", "count"), [([1.0, 2.0], 1), ([0.0, 0.0], 3)])
def test_a_file_stays_as_it_is_where_none_is_shared_or_all_are_0(bias: list[float], count: int) -> None:
    file = layers(bias, count)
    assert biases.apart(file) is file


def test_a_file_of_more_than_2_gb_with_shared_ones_is_refused() -> None:
    with pytest.raises(StepFailure, match=r"a bias for each operator.*use quantization\.type Int8") as caught:
        biases.apart(behind(layers([1.0, 2.0], 2)))
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
