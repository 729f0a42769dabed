"""What floats of 16 bits do not hold stays in 32 in a Float16 artifact."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.convert.refused.test_causes import save
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason

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


def floored(tf: Any, weights: Any, x: Any) -> Any:
    """A floor for each of many bins."""
    energy = tf.square(tf.matmul(x, weights(8, 3000)))
    return {"y": tf.math.log(energy + tf.constant(np.full(3000, 1e-10, np.float32)))}


def kept_in_a_variable(tf: Any, weights: Any, x: Any) -> Any:
    """As one that was learned, or that somebody may want to change."""
    floor = weights()
    with tf.init_scope():
        floor.assign(1e-10)
    return {"y": tf.math.log(tf.square(tf.matmul(x, weights(8, 8))) + floor)}


def in_64_bits(tf: Any, weights: Any, x: Any) -> Any:
    floor = tf.cast(tf.constant(1e-10, tf.float64), tf.float32)
    return {"y": tf.math.log(tf.square(tf.matmul(x, weights(8, 8))) + floor)}


def a_square(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.math.log(tf.square(tf.matmul(x, weights(8, 8))) + tf.square(tf.constant(1e-5)))}


def a_bias(tf: Any, weights: Any, x: Any) -> Any:
    """What is added to a product becomes its operator's bias."""
    return {"y": tf.math.log(tf.matmul(x, weights(8, 8)) + tf.cast(tf.constant(1e-10, tf.float64), tf.float32))}


def negative(tf: Any, weights: Any, x: Any) -> Any:
    """It becomes -0, whose bits are not all 0."""
    return {"y": tf.math.log(-(tf.constant(-1e-10) - tf.square(tf.matmul(x, weights(8, 8)))))}


def in_two_loops(tf: Any, weights: Any, x: Any) -> Any:
    """What both read is handed into them."""
    floor = tf.constant(np.full(8, 1e-12, np.float32))

    def step(number: Any, y: Any) -> Any:
        z = tf.matmul(y, weights(8, 8))
        return number + 1, z / (tf.reduce_sum(tf.abs(z), -1, keepdims=True) + floor)

    steps = tf.cast(tf.reduce_sum(x) * 0 + 3, tf.int32)
    y = tf.while_loop(lambda number, _: number < steps, step, (tf.constant(0), x))[1]
    return {"y": tf.while_loop(lambda number, _: number < steps, step, (tf.constant(1), y))[1]}


def in_a_branch(tf: Any, weights: Any, x: Any) -> Any:
    y = tf.square(tf.matmul(x, weights(8, 8)))
    return {"y": tf.cond(tf.reduce_sum(x) < 1, lambda: tf.math.log(y + 1e-10), lambda: tf.math.log(y + 1e-9))}


@pytest.mark.parametrize(
    "call",
    [
        in_two_loops,
        in_a_branch,
        loudness,
        normalized,
        inside,
        counting,
        floored,
        kept_in_a_variable,
        in_64_bits,
        a_square,
        a_bias,
        negative,
    ],
)
def test_what_comes_out_of_zeros_is_what_the_model_gives(tmp_path: Path, call: Any) -> None:
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    save(call, tmp_path / "model", x=([1, 8], "float32"))
    convert(tmp_path / "model", tmp_path, quantization={"type": "Float16"}, minSnrDecibels=0)
    runner = Interpreter(model_path=str(tmp_path / "output/model.tflite")).get_signature_runner()
    zeros = np.zeros((1, 8), np.float32)
    expected = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"](x=tf.constant(zeros))["y"]
    np.testing.assert_allclose(runner(x=zeros)["y"], expected, rtol=1e-3)


def priced(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.nn.relu(x @ (weights(8, 64) * 1e6)) @ weights(64, 8)}


def scaled(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.sin(tf.matmul(x, weights(8, 8)) * 1e-3) * tf.constant(np.linspace(1e6, 2e6, 8), tf.float32)}


def tiny(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.tanh(tf.matmul(x, weights(8, 64) * 1e-9)) @ weights(64, 8)}


def halves_of(file: Path) -> set[str]:
    """Return the shapes of the constants that have 16 bits."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    graph = model.Subgraphs(0)
    tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
    constants = [one for one in tensors if model.Buffers(one.Buffer()).DataLength()]
    return {str(one.ShapeAsNumpy()) for one in constants if one.Type() == schema.TensorType.FLOAT16}


@pytest.mark.parametrize("call", [priced, scaled, tiny])
def test_what_is_too_large_or_too_small_stays_and_the_rest_has_16_bits(tmp_path: Path, call: Any) -> None:
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    save(call, tmp_path / "model", x=([1, 8], "float32"))
    converted = convert(tmp_path / "model", tmp_path, quantization={"type": "Float16"}, minSnrDecibels=50)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    artifact = tmp_path / "output/model.tflite"
    runner = Interpreter(model_path=str(artifact)).get_signature_runner()
    x = np.linspace(-1, 1, 8, dtype=np.float32)[None]
    expected = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"](x=tf.constant(x))["y"]
    np.testing.assert_allclose(runner(x=x)["y"], expected, rtol=1e-2)
    assert len(halves_of(artifact)) == 1
