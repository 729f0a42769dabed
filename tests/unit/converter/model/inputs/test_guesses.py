"""What inputs are taken for, on graphs as TensorFlow makes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflite_converter.core.tensors import TensorFacts
from tflite_converter.datasets.meanings import Different, Divisors, Indices, Mask, Meaning, Pixels, Scaled
from tflite_converter.model.inputs import guesses, uses

pytestmark = pytest.mark.tensorflow

WIDTH = 4


def guessed(body: Callable[..., Any], dtype: str = "int32", name: str = "x", **others: str) -> Meaning | None:
    """Return what the input `name` is taken for, beside which `body` takes others of these dtypes."""
    import tensorflow as tf

    facts = [TensorFacts(key, kind, (2, WIDTH)) for key, kind in {name: dtype, **others}.items()]
    specs = {one.name: tf.TensorSpec(one.shape, one.dtype, name=one.name) for one in facts}
    function = tf.function(lambda **given: body(*(given[one.name] for one in facts)))
    return guesses.of(function.get_concrete_function(**specs), facts).get(name)


def floats(x: Any) -> Any:
    import tensorflow as tf

    return tf.cast(x, tf.float32)


def tensorflow() -> Any:
    import tensorflow as tf

    return tf


MASKS: dict[str, Callable[[Any, Any], Any]] = {
    "compared with 0": lambda x, y: tensorflow().where(x > 0, y, 0.0),
    "compared with 1": lambda x, y: tensorflow().where(tensorflow().equal(x, 1), y, 0.0),
    "cast to truth": lambda x, y: tensorflow().where(tensorflow().cast(x, "bool"), y, 0.0),
    "multiplied": lambda x, y: floats(x) * y,
    "subtracted from 1": lambda x, y: tensorflow().nn.softmax(y + (1.0 - floats(x)) * -1e9),
    "1 subtracted": lambda x, y: tensorflow().nn.softmax(y + (floats(x) - 1.0) * 1e9),
    "added, as it hides": lambda x, y: tensorflow().nn.softmax(y + floats(x) * -1e9),
    "in another shape": lambda x, y: tensorflow().nn.softmax(y + (1.0 - floats(x[:, None, :])) * -1e4),
    "left by a sum": lambda x, y: tensorflow().matmul(floats(x), tensorflow().exp(y), transpose_b=True),
    "left by an einsum": lambda x, y: tensorflow().einsum("bt,bt->b", floats(x), tensorflow().exp(y)),
    "compared with zeros": lambda x, y: tensorflow().where(tensorflow().equal(x, tensorflow().zeros_like(x)), y, 0.0),
    "compared with ones": lambda x, y: tensorflow().where(
        tensorflow().equal(x, tensorflow().ones(tensorflow().shape(y), x.dtype)), y, 0.0
    ),
    "summed as well": lambda x, y: tensorflow().reduce_sum(floats(x) * y) / tensorflow().reduce_sum(floats(x)),
}


@pytest.mark.parametrize("use", MASKS)
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_a_mask_is_recognised(use: str, dtype: str) -> None:
    assert guessed(MASKS[use], dtype, y="float32") == Mask()


@pytest.mark.parametrize("use", ["subtracted from 1", "1 subtracted", "added, as it hides", "in another shape"])
def test_so_is_one_of_real_numbers(use: str) -> None:
    assert guessed(MASKS[use], "float32", y="float32") == Mask()


PICTURES: dict[str, Callable[[Any], Any]] = {
    "/ 255": lambda x: floats(x) / 255.0,
    "* 1/255": lambda x: floats(x) * (1 / 255),
    "/ 127.5 - 1": lambda x: floats(x) / 127.5 - 1.0,
    "(x - 127.5) / 127.5": lambda x: (floats(x) - 127.5) / 127.5,
    "(x - 128) / 128": lambda x: (floats(x) - 128.0) / 128.0,
    "- mean": lambda x: floats(x) - [123.68, 116.779, 103.939, 110.0],
    "(x - mean) / deviation": lambda x: (floats(x) - [123.7, 116.3, 103.5, 110.0]) / [58.4, 57.1, 57.4, 57.0],
    "resized": lambda x: tensorflow().image.resize(x[..., None, None], [8, 8]) / 255.0,
    "padded": lambda x: tensorflow().pad(floats(x), [[0, 0], [1, 1]]) / 127.5 - 1.0,
    "split and turned": lambda x: tensorflow().concat(
        [part - 103.9 for part in tensorflow().split(floats(x), 4, -1)[::-1]],
        -1,
    ),
    "limited": lambda x: tensorflow().minimum(floats(x), 255.0),
    "not below 0": lambda x: tensorflow().maximum(0.0, floats(x)) / 255.0,
}


@pytest.mark.parametrize("use", PICTURES)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32", "int64"])
def test_a_picture_is_recognised(use: str, dtype: str) -> None:
    assert guessed(lambda x: tensorflow().nn.relu(PICTURES[use](x)), dtype) == Pixels()


def test_what_is_looked_up_is_an_index_whatever_else_is_done_with_it() -> None:
    table = np.zeros((50, 3), np.float32)
    assert guessed(lambda x: tensorflow().gather(table, x)) == Indices(0, 50)
    assert guessed(lambda x: tensorflow().gather(table, x - 1)) == Indices(1, 50)
    assert guessed(lambda x: tensorflow().one_hot(x, 7)) == Indices(0, 7)

    def padded(x: Any) -> Any:
        return tensorflow().gather(table, x) * floats(tensorflow().not_equal(x, 0))[..., None]

    assert guessed(padded) == Indices(0, 50)


def test_nothing_is_replaced_twice() -> None:
    facts = [TensorFacts("x", "int32", (3,)), TensorFacts("y", "float32", (5, 2))]
    specs = {one.name: tensorflow().TensorSpec(one.shape, one.dtype, name=one.name) for one in facts}
    function = (
        tensorflow()
        .function(lambda x, y: tensorflow().tensor_scatter_nd_update(y, x[:, None], y[:3] * 2))
        .get_concrete_function(**specs)
    )
    assert guesses.of(function, facts) == {"x": Different()}
    assert guesses.guessed([TensorFacts("x", "int32", (5, 1))], {"x": uses.Uses(replaced=True)}) == {"x": Different()}
    assert guesses.guessed([TensorFacts("x", "int32", (5,))], {"x": uses.Uses(replaced=True)}) == {"x": Different()}
    values = Different().values(np.random.default_rng(0), (5, 1), 0, "Normal")
    assert sorted(values.ravel()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("operation", ["FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod"])
def test_no_whole_number_is_divided_by_0(operation: str) -> None:
    def divided(x: Any, y: Any) -> Any:
        return getattr(tensorflow().raw_ops, operation)(x=y, y=x)

    assert guessed(divided, y="int32") == Divisors()
    assert guessed(lambda x, y: divided(y, x), y="int32") is None
    values = Divisors().values(np.random.default_rng(0), (1000,), 0, "Normal")
    assert set(values) == set(range(1, 10))


def test_what_is_brought_to_the_usual_size_is_given_at_its_own() -> None:
    mean, deviation = [1000.0, 5.0, 0.0, -40.0], [300.0, 0.01, 1.0, 20.0]
    found = guessed(lambda x: (x - mean) / deviation, "float32")
    assert isinstance(found, Scaled)
    assert found.center == pytest.approx(mean)
    assert found.scale == pytest.approx(deviation)
    sound = guessed(lambda x: floats(x) / 32768.0, "int16")
    assert sound == Scaled((0.0,), (32768.0,), whole=True)


def convolved(dtype: str, *shape: int) -> Meaning | None:
    import tensorflow as tf

    spec = tf.TensorSpec(shape, dtype, name="x")
    kernel = np.ones((3, 3, shape[-1], 2), np.float32)
    function = tf.function(lambda x: tf.nn.conv2d(floats(x), kernel, 1, "SAME")).get_concrete_function(spec)
    return guesses.of(function, [TensorFacts("x", dtype, shape)]).get("x")


def test_wide_integers_that_are_convolved_in_colours_are_a_picture() -> None:
    assert convolved("int32", 2, 8, 8, 3) == Pixels()
    assert convolved("int64", 1, 8, 8, 1) == Pixels()
    # Planes of a board, eight bits that say their range themselves, and real numbers.
    assert convolved("int32", 1, 8, 8, 12) is None
    assert convolved("int8", 1, 8, 8, 3) is None
    assert convolved("float32", 1, 8, 8, 3) is None


def test_what_a_layer_of_normalization_divides_by_is_computed_from_its_variance() -> None:
    mean, variance = [[1000.0, 5.0, 0.0, -40.0]], [[90000.0, 0.0001, 1.0, 400.0]]

    def normalized(x: Any) -> Any:
        return (x - mean) / tensorflow().maximum(tensorflow().sqrt(tensorflow().constant(variance)), 1e-7)

    found = guessed(normalized, "float32")
    assert isinstance(found, Scaled)
    assert found.scale == pytest.approx([300.0, 0.01, 1.0, 20.0], rel=1e-3)


ORDINARY: dict[str, Callable[[Any, Any], Any]] = {
    "twice": lambda x, _: x * 2.0,
    "squared": lambda x, _: x * x,
    "gaps in features": lambda x, _: x * floats(tensorflow().reduce_any(tensorflow().not_equal(x, 0.0), -1, True)),
    "attending to itself": lambda x, _: tensorflow().matmul(x, tensorflow().nn.softmax(x), transpose_b=True),
    "gated": lambda x, y: x * tensorflow().sigmoid(y),
    "multiplied with a matrix": lambda x, _: tensorflow().matmul(x, np.ones((WIDTH, 2), np.float32)),
    "half of it and 1": lambda x, _: x / 2.0 + 1.0,
}


@pytest.mark.parametrize("use", ORDINARY)
def test_of_ordinary_numbers_nothing_is_guessed(use: str) -> None:
    assert guessed(ORDINARY[use], "float32", y="float32") is None


def test_a_step_in_time_is_no_mask_of_its_frequencies() -> None:
    def waves(x: Any) -> Any:
        tf = tensorflow()
        steps = floats(x)[..., None] * tf.exp(tf.range(8.0) * -1.15)
        return tf.concat([tf.sin(steps), tf.cos(steps)], -1)

    assert guessed(waves) is None
    # What is computed from another input is masked.
    assert guessed(lambda x, y: floats(x) * tensorflow().exp(y), y="float32") == Mask()


def test_whole_numbers_times_a_weight_are_no_mask() -> None:
    weight = tensorflow().Variable(np.ones(WIDTH, np.int32))
    assert guessed(lambda x: x * weight) is None
    assert guessed(lambda x: x * x) is None


def test_a_name_decides_where_the_graph_leaves_it_open() -> None:
    assert guessed(lambda x, y: tensorflow().stack([x, y]), "int32", "padding_mask", y="int32") == Mask()
    assert guessed(lambda x, y: tensorflow().stack([x, y]), "int32", y="int32") is None


def test_it_is_found_inside_functions_and_after_saving(tmp_path: Path) -> None:
    import tensorflow as tf

    class Model(tf.Module):  # type: ignore[misc] # untyped
        def __init__(self) -> None:
            self.table = tf.Variable(np.zeros((9, 3), np.float32))
            self.mean = tf.constant([500.0, 0.0])

        @tf.function  # type: ignore[untyped-decorator] # untyped
        def scaled(self, image: Any) -> Any:
            return floats(image) / 255.0

        @tf.function  # type: ignore[untyped-decorator] # untyped
        def __call__(self, image: Any, ids: Any, level: Any) -> Any:
            looked_up = tf.reduce_sum(tf.gather(self.table, ids))
            return {"y": tf.reduce_sum(self.scaled(image) - 0.5) + looked_up + tf.reduce_sum(level - self.mean)}

    model = Model()
    facts = [
        TensorFacts("image", "int32", (2, 3)),
        TensorFacts("ids", "int32", (2,)),
        TensorFacts("level", "float32", (1, 2)),
    ]
    specs = [tf.TensorSpec(one.shape, one.dtype, name=one.name) for one in facts]
    function = model.__call__.get_concrete_function(*specs)
    tf.saved_model.save(model, str(tmp_path), signatures={"serving_default": function})
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    found = guesses.of(loaded, facts)
    assert (found["image"], found["ids"]) == (Pixels(), Indices(0, 9))
    assert isinstance(found["level"], Scaled)
    assert found["level"].center == (500.0, 0.0)
