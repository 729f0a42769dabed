"""Which constants of 16 bits look as if they had been others."""

import numpy as np
import pytest

from tests.unit.converter.small_artifacts import Graph
from tflite_converter.quantize import halves


def artifact(values: list[float] | list[list[float]], kind: str) -> bytes:
    constant = np.array(values, kind)
    graph = Graph()
    x = graph.input("x", [1, 2])
    expanded = graph.operator("DEQUANTIZE", [graph.constant(constant)], [*constant.shape])
    return graph.file({"y": graph.operator("ADD", [x, expanded], [1, 2])})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[1e6, 1.0]], "1 of them are beyond 65504"),
        ([[1e-9, -1e-9]], "2 of them are so small"),
        ([[1e-9, 65504.0]], None),
        ([[0.0, 0.0]], None),
    ],
    ids=str,
)
def test_what_half_floats_do_not_hold_is_said(values: list[list[float]], words: str | None) -> None:
    said = halves.beyond(artifact(values, "float32"))
    assert said is None if words is None else words in (said or "")


@pytest.mark.parametrize(
    ("values", "kind", "suspect"),
    [
        ([[65472.0, -65472.0]], "float16", False),
        ([[1.0, 65504.0]], "float16", True),
        ([[-65504.0, 1.0]], "float16", True),
        ([-np.inf, 1.0], "float16", True),
        ([[0.0, 0.0]], "float16", True),
        ([[-0.0, 6e-8]], "float16", False),
        ([0.0, 0.0], "float16", False),
        ([[1e6, 0.0]], "float32", False),
    ],
    ids=str,
)
def test_the_largest_number_and_weights_of_zeros_are_suspect(
    values: list[float] | list[list[float]], kind: str, suspect: bool
) -> None:
    assert halves.are_suspect(artifact(values, kind)) is suspect
