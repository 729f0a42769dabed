"""Memory is that of the tensors which are there at once, whatever their shapes and wherever they lie."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.converter.small_artifacts import KEY, Graph, dense
from tflite_converter.budget import arena
from tflite_converter.verify.kernels import CannotRun

FLOATS = 4
WIDTH = 64


@pytest.mark.parametrize(
    ("spans", "bytes_covered"),
    [
        ([], 0),
        ([(0, 64)], 64),
        ([(0, 1)], 64),
        ([(0, 64), (0, 64)], 64),
        ([(128, 256), (0, 64)], 192),
        # What one tensor leaves the next one has.
        ([(0, 256), (64, 128), (192, 320)], 320),
        ([(0, 65), (64, 65)], 128),
    ],
)
def test_a_byte_counts_once(spans: list[tuple[int, int]], bytes_covered: int) -> None:
    assert arena.covered(spans) == bytes_covered


def taken(content: bytes, folder: Path, batch: int = 1) -> int:
    file = folder / "model.tflite"
    file.write_bytes(content)
    return arena.arena_bytes(file, {KEY: {"x": np.ones([batch, WIDTH], np.float32)}})


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("layers", [2, 5, 40])
def test_layers_in_a_row_need_room_for_three_tensors_however_many_there_are(
    tmp_path: Path, layers: int, batch: int
) -> None:
    # The input keeps its place, as it may be read again; of the others there are two at a time.
    assert taken(dense(layers), tmp_path, batch) == 3 * batch * WIDTH * FLOATS


def test_what_is_needed_until_the_end_is_there_until_the_end(tmp_path: Path) -> None:
    graph = Graph()
    first = graph.input("x", [1, WIDTH])
    tensors = [first]
    for _ in range(4):
        tensors.append(graph.operator("TANH", [tensors[-1]], [1, WIDTH]))
    # Weights are no part of it.
    total = graph.operator("ADD", [tensors[-1], graph.constant(np.ones([1, WIDTH], np.float32))], [1, WIDTH])
    for tensor in tensors[1:]:
        total = graph.operator("ADD", [total, tensor], [1, WIDTH])
    # All four, the sum, which is added to where it is, and the input.
    assert taken(graph.file({"y": total}), tmp_path) == 6 * WIDTH * FLOATS


def test_what_litert_cannot_run_says_so(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    graph = Graph()
    total = graph.operator("ADD", [graph.input("x", [1, 3]), graph.constant(np.ones([1, 2], np.float32))], [1, 3])
    file.write_bytes(graph.file({"y": total}))
    with pytest.raises(CannotRun, match=r"inputs x \[1, 3\]"):
        arena.arena_bytes(file, {KEY: {"x": np.ones([1, 3], np.float32)}})
