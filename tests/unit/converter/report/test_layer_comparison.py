"""Layers side by side: each is compared, however few are kept at a time, and in little memory."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unit.converter.artifact import convolutions
from tflite_converter.core.tensors import Sample
from tflite_converter.report import layer_comparison
from tflite_converter.report.layer_comparison import parts

LAYERS = 24


def files(folder: Path, size: int) -> tuple[Path, Path]:
    for name, offset in (("floats", 0.0), ("artifact", 0.01)):
        (folder / name).write_bytes(convolutions.file(LAYERS, size, offset))
    return folder / "floats", folder / "artifact"


def samples(size: int, count: int = 2) -> list[Sample]:
    drawn = np.random.default_rng(1).standard_normal((count, 1, size, size, convolutions.CHANNELS)).astype(np.float32)
    return [{"x": each} for each in drawn]


@pytest.mark.parametrize("kept_bytes", [1, 3000, 2**27])
def test_what_is_compared_does_not_depend_on_how_much_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_bytes: int
) -> None:
    monkeypatch.setattr(layer_comparison, "_KEPT_BYTES", kept_bytes)
    found = layer_comparison.compare(*files(tmp_path, 8), convolutions.KEY, samples(8))
    assert [layer.name for layer in found] == [f"layer{number}" for number in range(LAYERS)]
    assert {layer.elements for layer in found} == {2 * 8 * 8 * convolutions.CHANNELS}
    decibels = [layer.snr_decibels for layer in found]
    assert decibels[0] == pytest.approx(20, abs=3)
    # An error that is made in each of them grows on the way.
    assert decibels[-1] < decibels[0] - 5


def test_a_file_beside_itself_has_no_error(tmp_path: Path) -> None:
    floats, _ = files(tmp_path, 8)
    found = layer_comparison.compare(floats, floats, convolutions.KEY, samples(8))
    assert [layer.noise for layer in found] == [0.0] * LAYERS


def test_where_there_is_no_sample_nothing_is_compared(tmp_path: Path) -> None:
    assert layer_comparison.compare(*files(tmp_path, 8), convolutions.KEY, []) == []


def test_what_convolutions_lay_out_is_not_kept(tmp_path: Path) -> None:
    """A layer has 1 MB, and what its convolution lays its input out in 25 times as much, in each of two files."""
    files(tmp_path, 256)
    measured = [sys.executable, "-m", "tests.unit.converter.report.test_layer_comparison", str(tmp_path)]
    done = subprocess.run(measured, check=True, capture_output=True, text=True)
    assert int(done.stdout.split()[-1]) < 300


def peak(folder: Path) -> int:
    """Return how many MiB this process grew by, at most, while it compared."""
    layer_comparison.compare(*files(folder, 8), convolutions.KEY, samples(8))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    layer_comparison.compare(*files(folder, 256), convolutions.KEY, samples(256, 1))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({}, []),
        ({"a": 4, "b": 4, "c": 4}, [["a", "b"], ["c"]]),
        ({"a": 20, "b": 1, "c": 9}, [["a"], ["b", "c"]]),
        ({"a": 0, "b": 10, "c": 0}, [["a", "b", "c"]]),
    ],
)
def test_layers_are_taken_in_their_order_as_many_as_fit(sizes: dict[str, int], expected: list[list[str]]) -> None:
    assert list(parts(sizes, 10)) == expected


if __name__ == "__main__":
    sys.stdout.write(f"{peak(Path(sys.argv[1]))}\n")
