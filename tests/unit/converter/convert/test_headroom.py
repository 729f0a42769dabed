"""What is larger than the samples of a calibration has its value in 16 bits, and is not cut off."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.convert.refused.test_causes import save
from tests.unit.converter.convert.test_conversion import convert
from tests.unit.converter.convert.test_integers import fetched
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure

pytestmark = pytest.mark.tensorflow


def snr(expected: Any, found: Any) -> float:
    return float(10 * np.log10(np.sum(expected**2) / np.sum((expected - found) ** 2)))


@pytest.mark.parametrize("granularity", ["PerChannel", "PerTensor"])
def test_inputs_nearly_twice_as_large_as_those_of_the_calibration_are_not_cut_off(
    tmp_path: Path, granularity: str
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    kernel = np.random.default_rng(0).normal(0, 0.3, (8, 6)).astype(np.float32)
    save(lambda tf, weights, x: {"y": tf.nn.relu(x @ weights(8, 6))}, tmp_path / "model", x=([1, 8], "float32"))
    samples = np.random.default_rng(1).uniform(-1, 1, (20, 8)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", x=samples)
    asked = {"type": "Int16x8", "granularity": granularity, "calibration": {"dataset": "s3://own/samples.npz"}}
    given = {"calibration": fetched(tmp_path / "samples.npz")}
    convert(tmp_path / "model", tmp_path, quantization=asked, datasets=given, minSnrDecibels=25)
    runner = Interpreter(model_path=str(tmp_path / "output/model.tflite")).get_signature_runner()
    for factor in (1.0, 1.9):
        large = samples * np.float32(factor)
        found = np.concatenate([runner(x=row[None])["y"] for row in large])
        assert snr(np.maximum(large @ kernel, 0), found) > 35, factor


def test_what_a_variable_keeps_is_read_by_the_scale_that_it_was_written_with(tmp_path: Path) -> None:
    def step(tf: Any, weights: Any, x: Any) -> Any:
        kept = weights(1, 4)
        kept.assign(tf.tanh(x @ weights(3, 4) + kept @ weights(4, 4)))
        return {"y": kept.read_value()}

    save(step, tmp_path / "model", x=([1, 3], "float32"))
    asked = {"type": "Int16x8", "calibration": {"synthetic": True}}
    convert(tmp_path / "model", tmp_path, quantization=asked, minSnrDecibels=40)


def test_the_largest_float_is_not_made_infinite(tmp_path: Path) -> None:
    def masked(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.nn.softmax(x @ weights(4, 4) + tf.constant([np.finfo(np.float32).min, 0.0, 0.0, 0.0]))}

    save(masked, tmp_path / "model", x=([1, 4], "float32"))
    asked = {"type": "Int16x8", "calibration": {"synthetic": True}}
    with pytest.raises(StepFailure) as caught:
        convert(tmp_path / "model", tmp_path, quantization=asked, minSnrDecibels=40)
    assert caught.value.reason is Reason.VERIFICATION_FAILED
