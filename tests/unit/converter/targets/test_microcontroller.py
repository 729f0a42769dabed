"""What tflite-micro runs of small files, what it lacks, and how near it comes to LiteRT."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.converter import small_artifacts
from tests.unit.converter.small_artifacts import Graph
from tests.unit.converter.targets import integer_artifacts
from tests.unit.converter.targets.subjects import drawn, subject
from tflite_api.reasons import Reason
from tflite_api.resource.status import TargetFit
from tflite_api.resource.targets import Target
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.targets import microcontroller

MICRO = Target.from_object({"name": "Microcontroller"})


@pytest.mark.parametrize("content", [integer_artifacts.dense(2), small_artifacts.dense(2, 16)])
def test_a_file_runs_and_computes_what_litert_does(tmp_path: Path, content: bytes) -> None:
    found = microcontroller.examine(MICRO, subject(tmp_path, content))
    assert (found.fit.operators, found.fit.on_target, found.fit.elsewhere) == (2, 2, None)
    assert found.fit.arena_bytes is not None
    assert 500 < found.fit.arena_bytes < 20_000
    assert float(found.fit.snr_decibels or "nan") >= 100
    assert found.misses is None


def test_every_operator_that_it_lacks_is_named(tmp_path: Path) -> None:
    graph = Graph()
    tensor = graph.input("x", [1, 16])
    for name in ("ATAN2", "RELU", "GELU", "ATAN2"):
        read = [tensor, tensor] if name == "ATAN2" else [tensor]
        tensor = graph.operator(name, read, [1, 16])
    found = microcontroller.examine(MICRO, subject(tmp_path, graph.file({"y": tensor})))
    left = found.fit.elsewhere
    assert left is not None
    assert [(each.name, each.count) for each in left] == [("ATAN2", 2), ("GELU", 1)]
    assert all(each.why == "tflite-micro has no kernel of it" for each in left)
    assert (found.fit.operators, found.fit.on_target) == (4, 1)


def test_an_operator_that_it_has_for_other_types_is_named_with_its_words(tmp_path: Path) -> None:
    graph = integer_artifacts.Integers()
    tensor = graph.operator("COS", [graph.input("x", [1, 16])], [1, 16])
    found = microcontroller.examine(MICRO, subject(tmp_path, graph.file({"y": tensor})))
    left = found.fit.elsewhere
    assert left is not None
    assert [(each.name, each.count) for each in left] == [("COS", 1)]
    assert "INT8" in (left[0].why or "")


@pytest.mark.parametrize("changes", [{"samples": []}, {"compares": False}])
def test_where_nothing_can_be_compared_the_arena_is_still_known(tmp_path: Path, changes: dict[str, object]) -> None:
    found = microcontroller.examine(MICRO, subject(tmp_path, integer_artifacts.dense(1), **changes))  # type: ignore[arg-type]
    assert found.fit.arena_bytes
    assert found.fit.snr_decibels is None


def test_a_file_that_it_does_not_read_ends_its_process_alone(tmp_path: Path) -> None:
    content = bytearray(integer_artifacts.dense(1))
    place = content.index(b"weights")
    content[place - 40 : place - 4] = b"\xff" * 36
    with pytest.raises(StepFailure) as caught:
        microcontroller.examine(MICRO, subject(tmp_path, bytes(content)))
    assert caught.value.reason in {Reason.TARGET_UNMET, Reason.VERIFICATION_FAILED}


def test_an_arena_that_no_microcontroller_has_is_told_as_such(tmp_path: Path) -> None:
    graph = Graph()
    tensor = graph.operator("RELU", [graph.input("x", [1, 40_000_000])], [1, 40_000_000])
    with pytest.raises(StepFailure) as caught:
        microcontroller.examine(MICRO, subject(tmp_path, graph.file({"y": tensor}), []))
    assert caught.value.reason is Reason.TARGET_UNMET
    assert "needs an arena of more than 256.0 MiB: use a smaller model" in caught.value.message


def test_outputs_that_are_no_arrays_are_refused(tmp_path: Path) -> None:
    (tmp_path / "output-0-0.npy").write_bytes(b"\x80\x04cos\nsystem\n.")
    main = SignatureFacts("k", (), (TensorFacts("y", "float32", (1,)),))
    with pytest.raises(StepFailure, match="left no output that can be read"):
        list(microcontroller._computed(tmp_path, main, {"y": {"quantization": (0.0, 0)}}, 1))


def test_batches_are_cut_to_the_first_and_other_sizes_left_out() -> None:
    details = {"x": {"shape": np.array([1, 16]), "shape_signature": np.array([-1, 16])}}
    samples = [{"x": np.ones([3, 16])}, {"x": np.ones([1, 17])}, {"x": np.ones([1, 16])}]
    assert [sample["x"].shape for sample in microcontroller.fitting(samples, details)] == [(1, 16), (1, 16)]


def test_an_input_of_no_one_size_beside_its_batch_is_to_be_pinned() -> None:
    def said(*shape: int) -> str | None:
        return microcontroller.flexible_input(SignatureFacts("k", (TensorFacts("x", "float32", shape),), ()))

    assert said(-1, 16) is None
    assert said() is None
    words = said(1, -1, 3)
    assert words is not None
    assert "x: float32 [1, -1, 3] is flexible: pin it in signature.inputs" in words


def test_outputs_that_are_further_off_than_the_gate_are_a_miss() -> None:
    fit = TargetFit(name="Microcontroller", tool="t", operators=1, on_target=1)
    right, wrong = {"y": np.ones(4, np.float32)}, {"y": np.full(4, 1.1, np.float32)}
    near = microcontroller.compared(fit, [right], [right], 20)
    assert (near.fit.snr_decibels, near.misses) == ("inf", None)
    far = microcontroller.compared(fit, [right], [wrong], 30)
    assert far.fit.snr_decibels == "20.0"
    assert far.misses is not None
    assert "y within 20.0 dB of LiteRT, and verification.minSNRDecibels asks for 30" in far.misses
    assert microcontroller.compared(fit, [right], [wrong], 20).misses is None
    assert microcontroller.compared(fit, [right], [wrong], 0).misses is None
    broken = microcontroller.compared(fit, [right], [{"y": np.ones(5, np.float32)}], 20)
    assert broken.misses is not None
    assert "gives the output y shape [5] instead of [4]" in broken.misses
    nothing = microcontroller.compared(fit, [right], [{"y": np.full(4, np.nan, np.float32)}], 20)
    assert nothing.fit.snr_decibels == "-inf"


def test_samples_are_taken_up_to_a_bound(tmp_path: Path) -> None:
    found = microcontroller.examine(MICRO, subject(tmp_path, integer_artifacts.dense(1), drawn(count=40)))
    assert found.fit.snr_decibels
    assert len(list((tmp_path / "micro").glob("output-*"))) == 8
