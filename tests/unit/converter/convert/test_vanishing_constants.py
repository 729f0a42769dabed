"""An epsilon that floats of 16 bits make 0 stays as it is in Float16: it is there for what comes out of 0."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.convert.refused.test_causes import save
from tests.unit.converter.convert.test_conversion import convert

pytestmark = pytest.mark.tensorflow


def loudness(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.math.log(tf.square(tf.matmul(x, weights(8, 8))) + 1e-10)}


def normalized(tf: Any, weights: Any, x: Any) -> Any:
    y = tf.matmul(x, weights(8, 8))
    return {"y": y * tf.math.rsqrt(tf.reduce_mean(tf.square(y), -1, keepdims=True) + 1e-12)}


def inside(tf: Any, weights: Any, x: Any) -> Any:
    return tf.function(lambda y: loudness(tf, weights, y))(x + 0.0)


def counting(tf: Any, weights: Any, x: Any) -> Any:
    """An operator that changes a variable gives nothing."""
    weights(8).assign_add(tf.ones(8))
    return loudness(tf, weights, x)


@pytest.mark.parametrize("call", [loudness, normalized, inside, counting])
def test_what_comes_out_of_zeros_is_what_the_model_gives(tmp_path: Path, call: Any) -> None:
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    save(call, tmp_path / "model", x=([1, 8], "float32"))
    convert(tmp_path / "model", tmp_path, quantization={"type": "Float16"}, minSnrDecibels=0)
    runner = Interpreter(model_path=str(tmp_path / "output/model.tflite")).get_signature_runner()
    zeros = np.zeros((1, 8), np.float32)
    expected = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"](x=tf.constant(zeros))["y"]
    np.testing.assert_allclose(runner(x=zeros)["y"], expected, rtol=1e-3)
