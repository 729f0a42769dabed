"""Which constants of 16 bits look as if they had been others, and how they come back."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.converter.small_artifacts import Graph, behind
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize import halves
from tflite_converter.quantize.halves import Suspicion


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
    ("values", "kind", "suspected"),
    [
        ([[65472.0, -65472.0]], "float16", Suspicion.NONE),
        ([[1.0, 65504.0]], "float16", Suspicion.LOST),
        ([[-65504.0, 1.0]], "float16", Suspicion.LOST),
        ([-np.inf, 1.0], "float16", Suspicion.LOST),
        ([[0.0, 0.0]], "float16", Suspicion.LOST),
        ([0.0, 0.0], "float16", Suspicion.ZEROS),
        ([-0.0, -0.0], "float16", Suspicion.ZEROS),
        ([[-0.0, 6e-8]], "float16", Suspicion.NONE),
        ([[1e6, 0.0]], "float32", Suspicion.NONE),
    ],
    ids=str,
)
def test_the_largest_number_and_nothing_but_zeros_are_suspect(
    values: list[float] | list[list[float]], kind: str, suspected: Suspicion
) -> None:
    assert halves.suspicion(artifact(values, kind)) is suspected


@pytest.mark.parametrize(("is_read_too", "suspected"), [(False, Suspicion.BIASES), (True, Suspicion.ZEROS)])
def test_zeros_that_are_read_as_biases_alone_are_the_least_suspect(is_read_too: bool, suspected: Suspicion) -> None:
    graph = Graph()
    x = graph.input("x", [1, 2])
    bias = graph.operator("DEQUANTIZE", [graph.constant(np.zeros(2, np.float16))], [2])
    y = graph.operator("FULLY_CONNECTED", [x, graph.constant(np.ones((2, 2), np.float32)), bias], [1, 2])
    file = graph.file({"y": graph.operator("DIV", [x, bias], [1, 2]) if is_read_too else y})
    assert halves.suspicion(file) is suspected


@pytest.mark.parametrize("values", [[[1e6, 1.0]], [[1e-9, 1e-9]]], ids=str)
@pytest.mark.parametrize("place", [bytes, behind])
def test_a_file_of_more_than_2_gb_is_refused_where_another_gets_its_constants_back(
    values: list[list[float]], place: Callable[[bytes], bytes]
) -> None:
    floats = Graph()
    sums = floats.operator("ADD", [floats.input("x", [1, 2]), floats.constant(np.array(values, np.float32))], [1, 2])
    whole = place(floats.file({"y": sums}))
    cut = place(artifact(np.clip(values, None, 65504).tolist(), "float16"))
    assert halves.suspicion(cut) is Suspicion.LOST
    assert halves.beyond(whole) is not None
    if place is bytes:
        assert halves.beyond(halves.restored(cut, whole)) == halves.beyond(whole)
        return
    with pytest.raises(StepFailure, match="a file of more than 2 GB cannot be written") as caught:
        halves.restored(cut, whole)
    assert caught.value.reason is Reason.QUANTIZATION_NOT_APPLIED
