"""Which models have what 16 bits may make 0."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.convert.refused.test_causes import save
from tflite_converter.quantize import vanishing
from tflite_converter.quantize.halves import Suspicion

pytestmark = pytest.mark.tensorflow
Call = Callable[[Any, Any, Any], Any]


def model(folder: Path, call: Call) -> Path:
    save(lambda tf, weights, x: {"y": call(tf, weights, x)}, folder, x=([1, 8], "float32"))
    return folder


def variable_of(value: float) -> Call:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        floor = weights(8)
        with tf.init_scope():
            floor.assign([value] * 8)
        return tf.math.log(x + floor)

    return call


@pytest.mark.parametrize(
    ("call", "zeros", "biases"),
    [
        (lambda tf, _, x: tf.math.log(x + 1e-10), True, True),
        (lambda tf, _, x: tf.math.log(x + 1e-7), False, False),
        (lambda tf, _, x: tf.maximum(x, 0.0), False, False),
        (lambda tf, _, x: x + tf.cast(tf.constant(1e-10, tf.float64), tf.float32), True, True),
        (variable_of(1e-10), True, True),
        (variable_of(1e-7), False, False),
        (lambda tf, _, x: x + tf.square(tf.constant(1e-5)), True, False),
        (lambda tf, weights, x: x / tf.exp(weights(8) - 30), True, False),
        (lambda tf, weights, x: x + tf.reshape(weights(4, 2), [8]), False, False),
        (lambda tf, _, x: x[:, : tf.constant(2) + tf.constant(3)], False, False),
    ],
)
def test_zeros_are_suspect_where_a_model_has_or_computes_what_vanishes(
    tmp_path: Path, call: Call, zeros: bool, biases: bool
) -> None:
    folder = model(tmp_path / "model", call)
    assert vanishing.confirms(Suspicion.ZEROS, folder) is zeros
    assert vanishing.confirms(Suspicion.BIASES, folder) is biases


def test_what_cannot_have_been_anything_else_needs_no_look_at_the_model(tmp_path: Path) -> None:
    assert vanishing.confirms(Suspicion.LOST, tmp_path)
    assert not vanishing.confirms(Suspicion.NONE, tmp_path)


def test_a_number_that_fills_a_huge_constant_is_read_once() -> None:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        tf.constant(1e-10, shape=[2**14, 2**14, 2**10])  # 1 TiB, were it written out
    assert vanishing.has_constant(graph.as_graph_def())
