"""How much graphs compute, as TensorFlow makes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter import exported_models
from tflite_converter.core.tensors import Work
from tflite_converter.model import saved_model, selection, work
from tflite_converter.model.running import loader

pytestmark = pytest.mark.tensorflow


def counted(body: Callable[[Any, Any], Any], *shape: int | None, dtype: str = "float32") -> Work:
    import tensorflow as tf

    function = tf.function(lambda x: body(tf, x), autograph=False)
    return work.of(function.get_concrete_function(tf.TensorSpec(shape, dtype)))


Counted = tuple[Callable[[Any, Any], Any], tuple[int | None, ...], int]
PRODUCTS: dict[str, Counted] = {
    "dense": (lambda tf, x: x @ tf.ones((8, 16)), (4, 8), 4 * 8 * 16),
    "transposed": (lambda tf, x: tf.matmul(x, tf.ones((4, 16)), transpose_a=True), (4, 8), 4 * 8 * 16),
    "stacked": (lambda tf, x: tf.matmul(x, tf.ones((3, 8, 16))), (3, 4, 8), 3 * 4 * 8 * 16),
    "convolved": (lambda tf, x: tf.nn.conv2d(x, tf.ones((3, 3, 2, 5)), 2, "SAME"), (1, 8, 8, 2), 4 * 4 * 9 * 2 * 5),
    "by channel": (
        lambda tf, x: tf.nn.depthwise_conv2d(x, tf.ones((3, 3, 2, 1)), [1, 1, 1, 1], "SAME"),
        (1, 8, 8, 2),
        8 * 8 * 9 * 2,
    ),
    "any batch": (lambda tf, x: x @ tf.ones((8, 16)), (None, 8), 8 * 16),
    "any length": (lambda tf, x: tf.matmul(x, tf.ones((1, 8, 16))), (1, None, 8), 32 * 8 * 16),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_are_counted(name: str) -> None:
    body, shape, expected = PRODUCTS[name]
    found = counted(body, *shape).multiplications
    assert expected < found < 1.6 * expected


def test_what_a_graph_calls_is_counted_as_often_as_it_is_called() -> None:
    import tensorflow as tf

    called = tf.function(lambda x: x @ tf.ones((64, 64)), autograph=False)
    once = counted(lambda _, x: called(x), 4, 64)
    assert once.multiplications > 4 * 64 * 64
    twice = counted(lambda _, x: called(called(x)), 4, 64)
    assert twice == once * 2


def test_a_loop_counts_as_several_steps() -> None:
    def body(tf: Any, x: Any) -> Any:
        return tf.while_loop(lambda y: tf.reduce_sum(y) < 9.0, lambda y: (y @ tf.ones((64, 64)),), [x])

    assert counted(body, 4, 64).multiplications > 10 * 4 * 64 * 64


def test_nothing_is_counted_of_what_only_passes_on() -> None:
    assert counted(lambda tf, x: tf.identity(tf.reshape(x, [32])), 4, 8).multiplications == 0


MADE: dict[Callable[[Path], None], str] = {
    exported_models.convolutional: "serving_default",
    exported_models.reference_variables: "serving_default",
    exported_models.policy: "action",
}


@pytest.mark.parametrize(("make", "key"), MADE.items())
def test_what_was_saved_is_counted_however_it_is_loaded(tmp_path: Path, make: Callable[[Path], None], key: str) -> None:
    make(tmp_path / "model")
    graph = selection.choose_graph(saved_model.read(tmp_path / "model"), None)
    model = loader.load(tmp_path / "model", graph, None)
    found = work.of(model.function(model.signatures[key]))
    assert found.operations > 0
    assert found.multiplications > 4 * 3
