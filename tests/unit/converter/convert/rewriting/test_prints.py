"""What a model prints is left out, as LiteRT has nowhere to print to: no such line costs an artifact."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.convert.refused.test_causes import save
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason

pytestmark = pytest.mark.tensorflow


def printed(tf: Any, weights: Any, x: Any) -> dict[str, Any]:
    y = x @ weights(4, 3)
    with tf.control_dependencies([tf.print("mean:", tf.reduce_mean(y), "of", tf.shape(x))]):
        return {"y": tf.identity(y)}


def printed_on_the_way(tf: Any, weights: Any, x: Any) -> dict[str, Any]:
    y = tf.raw_ops.Print(input=x @ weights(4, 3), data=[x, tf.shape(x)], message="y:")
    return {"y": tf.tanh(y)}


def printed_in_a_call(tf: Any, weights: Any, x: Any) -> dict[str, Any]:
    def inner(given: Any) -> Any:
        return {**printed(tf, weights, given), "z": printed_on_the_way(tf, weights, given)["y"]}

    return tf.function(inner)(x)  # type: ignore[no-any-return] # TensorFlow has no types


@pytest.mark.parametrize("call", [printed, printed_on_the_way, printed_in_a_call])
def test_a_model_that_prints_is_converted_without(tmp_path: Path, call: Any) -> None:
    save(call, tmp_path / "model", x=([2, 4], "float32"))
    converted = convert(tmp_path / "model", tmp_path)
    assert converted.verdict is Reason.SNR_SUFFICIENT, converted.message
