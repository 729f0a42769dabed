"""Squares in 16 bits are written out as products."""

import numpy as np
import pytest

from tests.unit.converter.small_artifacts import Graph, behind
from tflite_api.reasons import Reason
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize import squares


def artifact(name: str, inputs: int) -> bytes:
    graph = Graph()
    x = graph.operator("ADD", [graph.input("x", [1, 2]), graph.constant(np.ones((1, 2), np.float32))], [1, 2])
    return graph.file({"y": graph.operator(name, [x] * inputs, [1, 2])})


@pytest.mark.parametrize(("name", "inputs"), [("SQUARE", 1), ("SQUARED_DIFFERENCE", 2)])
def test_squares_become_products_and_a_file_of_more_than_2_gb_is_refused(name: str, inputs: int) -> None:
    written = flatbuffer.parse(squares.written_out(artifact(name, inputs))).operations
    assert "MUL" in written
    assert name not in written
    with pytest.raises(StepFailure, match=f"{name}, which .* but for files of more than 2 GB") as caught:
        squares.written_out(behind(artifact(name, inputs)))
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE


def test_a_large_file_without_squares_stays_as_it_is() -> None:
    large = behind(artifact("ABS", 1))
    assert squares.written_out(large) == large
