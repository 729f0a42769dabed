"""Only loops that provably have the same number of steps for all inputs are written out; others are refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tests.unit.converter.convert.test_conversion import convert
from tests.unit.converter.convert.verified.test_generated_samples import verified_on
from tflite_api.reasons import Reason
from tflite_converter.convert.rewriting import loop_unrolling
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

pytestmark = pytest.mark.tensorflow

X: Final = TensorFacts("x", "float32", (2, 4))
Body = Callable[[Any, Any], Any]
"""Takes TensorFlow's module and the input; variables are named by `module` in it."""


def save(body: Callable[..., Any], folder: Path, shape: tuple[int | None, ...] = (2, 4)) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(np.random.default_rng(3).normal(0, 0.6, (4, 4)).astype(np.float32))
    module.table = tf.Variable(np.random.default_rng(4).normal(0, 1, (7, 4)).astype(np.float32))
    module.steps = tf.Variable(5)
    module.following = tf.Variable([2, 3, 4, 1, 7])
    module.call = tf.function(lambda x: {"y": body(tf, module, x)}, autograph=False)
    signature = module.call.get_concrete_function(tf.TensorSpec(shape, tf.float32, name="x"))
    tf.saved_model.save(module, str(folder), signatures=signature)


def counted(tf: Any, module: Any, x: Any, limit: Any, start: Any = 0, step: Any = 1) -> Any:
    return tf.while_loop(
        lambda i, _: i < limit, lambda i, h: (i + step, tf.tanh(h @ module.weights)), [tf.constant(start), x]
    )[1]


def down_by_two(tf: Any, module: Any, x: Any) -> Any:
    return tf.while_loop(lambda i, _: i > 0, lambda i, h: (i - 2, h @ module.weights), [tf.constant(9), x])[1]


def by_a_share(tf: Any, module: Any, x: Any) -> Any:
    return tf.while_loop(lambda a, _: a > 0.1, lambda a, h: (a * 0.5, h @ module.weights + a), [tf.constant(1.0), x])[1]


def over_rows(tf: Any, module: Any, x: Any) -> Any:
    def step(i: Any, h: Any) -> Any:
        return i + 1, tf.tanh(h @ module.weights) + x[i]

    return tf.while_loop(lambda i, _: i < tf.shape(x)[0], step, [tf.constant(0), tf.zeros([1, 4])])[1]


def with_look_ups(tf: Any, module: Any, x: Any) -> Any:
    def step(i: Any, h: Any, token: Any) -> Any:
        h = tf.tanh(h @ module.weights + tf.gather(module.table, token))
        return i + 1, h, tf.argmax(h, axis=1, output_type=tf.int32)

    return tf.while_loop(lambda i, *_: i < 4, step, [tf.constant(0), x, tf.zeros([2], tf.int32)])[1]


def with_a_side_by_step(tf: Any, module: Any, x: Any) -> Any:
    def step(i: Any, h: Any) -> Any:
        return i + 1, tf.cond(i % 2 == 0, lambda: h @ module.weights, lambda: tf.tanh(h))

    return tf.while_loop(lambda i, _: i < 5, step, [tf.constant(0), x])[1]


def as_a_table_says(tf: Any, module: Any, x: Any) -> Any:
    def step(i: Any, h: Any) -> Any:
        return tf.gather(module.following, i), tf.tanh(h @ module.weights)

    return tf.while_loop(lambda i, _: i < 5, step, [tf.constant(0), x])[1]


def over_the_rows_of_another_loop(tf: Any, module: Any, x: Any) -> Any:
    def rows(given: Any) -> Any:
        found = tf.TensorArray(tf.float32, tf.shape(given)[0], element_shape=[4])
        return tf.while_loop(
            lambda i, _: i < tf.shape(given)[0],
            lambda i, a: (i + 1, a.write(i, tf.tanh(given[i]) + module.table[0])),
            [tf.constant(0), found],
        )[1].stack()

    return rows(rows(x))


ALIKE: Final[dict[str, Callable[..., Any]]] = {
    "counted up to a constant": lambda tf, module, x: counted(tf, module, x, 6),
    "up to a sum with a size": lambda tf, module, x: counted(tf, module, x, tf.shape(x)[0] + 2),
    "never": lambda tf, module, x: counted(tf, module, x, 0),
    "up to a variable that nothing assigns": lambda tf, module, x: counted(tf, module, x, module.steps),
    "up to a size of the input": lambda tf, module, x: counted(tf, module, x, tf.shape(x)[1]),
    "by a bound on the steps": lambda tf, module, x: tf.while_loop(
        lambda _: True, lambda h: (h @ module.weights,), [x], maximum_iterations=3
    )[0],
    "down by two": down_by_two,
    "by a share": by_a_share,
    "over rows": over_rows,
    "over the rows of another loop": over_the_rows_of_another_loop,
    "with look-ups in a variable": with_look_ups,
    "as a table says": as_a_table_says,
    "with a condition on the step": with_a_side_by_step,
}


@pytest.mark.parametrize("kind", ALIKE)
def test_a_loop_with_the_same_number_of_steps_for_all_inputs_is_written_out(kind: str, tmp_path: Path) -> None:
    import tensorflow as tf

    save(ALIKE[kind], tmp_path / "model")
    signature = SignatureFacts("serving_default", (X,), (TensorFacts("y", "float32", None),))
    folder = loop_unrolling.unrolled(tmp_path / "model", [signature])
    before, after = (tf.saved_model.load(str(each)) for each in (tmp_path / "model", folder))
    nodes = after.signatures["serving_default"].graph.as_graph_def()
    bodies = (nodes.node, *(function.node_def for function in nodes.library.function))
    assert not {node.op for body in bodies for node in body} & {"While", "StatelessWhile", "If", "StatelessIf"}
    for scale in (0.0, 0.1, 1.0, 10.0):
        x = tf.constant(np.random.default_rng(5).normal(0, scale, (2, 4)).astype(np.float32))
        expected = before.signatures["serving_default"](x=x)["y"]
        found = after.signatures["serving_default"](input_0=x)["y"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def until_small(tf: Any, module: Any, x: Any) -> Any:
    return tf.while_loop(lambda h: tf.reduce_max(tf.abs(h)) > 0.1, lambda h: (tf.tanh(h @ module.weights) / 2,), [x])[0]


def counted_until_small(tf: Any, module: Any, x: Any) -> Any:
    return tf.while_loop(
        lambda i, h: tf.logical_and(i < 9, tf.reduce_max(tf.abs(h)) > 0.1),
        lambda i, h: (i + 1, h @ module.weights / 2),
        [tf.constant(0), x],
    )[1]


def bounded_until_small(tf: Any, module: Any, x: Any) -> Any:
    return tf.while_loop(
        lambda h: tf.reduce_max(h) > 0.1, lambda h: (h @ module.weights / 2,), [x], maximum_iterations=9
    )[0]


def by_uneven_steps(tf: Any, module: Any, x: Any) -> Any:
    def step(i: Any, h: Any) -> Any:
        return i + tf.cast(tf.reduce_sum(h) > 0, tf.int32) + 1, h @ module.weights

    return tf.while_loop(lambda i, _: i < 9, step, [tf.constant(0), x])[1]


def through_another_variable(tf: Any, module: Any, x: Any) -> Any:
    def step(i: Any, done: Any, h: Any) -> Any:
        return i + 1, tf.logical_or(done, tf.reduce_sum(h) > 1), h @ module.weights

    goes_on = lambda i, done, _: tf.logical_and(i < 9, tf.logical_not(done))  # noqa: E731 - one of many
    return tf.while_loop(goes_on, step, [tf.constant(0), tf.constant(False), x])[2]


def after_another_loop(tf: Any, module: Any, x: Any) -> Any:
    first = tf.while_loop(
        lambda i, h: tf.reduce_max(h) > 0.1, lambda i, h: (i + 1, h / 2), [tf.constant(0), tf.abs(x)]
    )[0]
    return tf.while_loop(lambda i, _: i < first, lambda i, h: (i + 1, h @ module.weights), [tf.constant(0), x])[1]


def until_a_word(tf: Any, module: Any, x: Any) -> Any:
    def step(i: Any, token: Any, h: Any) -> Any:
        h = tf.tanh(h @ module.weights + tf.gather(module.table, token))
        return i + 1, tf.argmax(h, axis=1, output_type=tf.int32), h

    goes_on = lambda i, token, _: tf.logical_and(i < 9, tf.reduce_any(token != 1))  # noqa: E731 - one of many
    return tf.while_loop(goes_on, step, [tf.constant(0), tf.zeros([2], tf.int32), x])[2]


def by_chance(tf: Any, module: Any, x: Any) -> Any:
    return tf.while_loop(lambda _: tf.random.uniform([]) < 0.5, lambda h: (h @ module.weights,), [x])[0]


BY_VALUES: Final[dict[str, Callable[..., Any]]] = {
    "until it is small": until_small,
    "counted, or until it is small": counted_until_small,
    "until it is small, but bounded": bounded_until_small,
    "as often as the input says": lambda tf, module, x: counted(
        tf, module, x, tf.cast(tf.clip_by_value(x[0, 0] * 3, 0, 9), tf.int32)
    ),
    "from where the input says": lambda tf, module, x: tf.while_loop(
        lambda i, _: i < 5, lambda i, h: (i + 1, h @ module.weights), [tf.cast(x[0, 0] > 0, tf.int32), x]
    )[1],
    "by uneven steps": by_uneven_steps,
    "stopped through another variable": through_another_variable,
    "as often as another loop": after_another_loop,
    "until a word that is looked up": until_a_word,
}


@pytest.mark.parametrize("kind", BY_VALUES)
def test_a_loop_whose_steps_depend_on_values_is_refused_with_that_cause(kind: str, tmp_path: Path) -> None:
    save(BY_VALUES[kind], tmp_path / "model")
    with pytest.raises(StepFailure, match=r"number of steps depends on the values .*\(loop while\w*\)") as caught:
        convert(tmp_path / "model", tmp_path, quantization={"type": "Int8", "calibration": {"synthetic": True}})
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    assert "use quantization.type DynamicRange" in caught.value.message


def test_the_type_that_is_named_for_such_a_loop_converts_it(tmp_path: Path) -> None:
    save(until_small, tmp_path / "model")
    converted = convert(tmp_path / "model", tmp_path, quantization={"type": "Float16"}, minSnrDecibels=35)
    assert converted.verdict is Reason.SNR_SUFFICIENT, converted.message


def test_chance_is_named_where_it_decides(tmp_path: Path) -> None:
    save(by_chance, tmp_path / "model")
    with pytest.raises(StepFailure, match="RandomUniform decides on its number of steps"):
        convert(tmp_path / "model", tmp_path, quantization={"type": "Int8", "calibration": {"synthetic": True}})


def as_long_as_rows_of(measured: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loop whose condition itself looks at how many rows something has."""

    def call(tf: Any, module: Any, x: Any) -> Any:
        of = measured(tf, module, x)
        return tf.while_loop(
            lambda i, _: i < tf.shape(of)[0], lambda i, h: (i + 1, h @ module.weights), [tf.constant(0), x]
        )[1]

    return call


BY_SHAPES: Final[dict[str, Callable[..., Any]]] = {
    "before the loop": lambda tf, module, x: counted(tf, module, x, tf.shape(x)[0] + 2),
    "in its condition": as_long_as_rows_of(lambda tf, module, x: x),
    "of something computed": as_long_as_rows_of(lambda tf, module, x: tf.nn.relu(x @ module.weights)),
}


def test_rows_that_values_choose_are_no_shape_to_pin(tmp_path: Path) -> None:
    save(as_long_as_rows_of(lambda tf, _, x: tf.boolean_mask(x, x[:, 0] > 0)), tmp_path / "model", (None, 4))
    with pytest.raises(StepFailure, match="number of steps depends on the values"):
        convert(tmp_path / "model", tmp_path, quantization={"type": "Int8", "calibration": {"synthetic": True}})


@pytest.mark.parametrize("measured", BY_SHAPES)
def test_where_the_shape_decides_the_cure_is_to_pin_it(measured: str, tmp_path: Path) -> None:
    save(BY_SHAPES[measured], tmp_path / "model", (None, 4))
    int8 = {"quantization": {"type": "Int8", "calibration": {"synthetic": True}}, "minSnrDecibels": 10}
    with pytest.raises(StepFailure, match=r"or pin that shape in signature\.inputs$"):
        convert(tmp_path / "model", tmp_path, **int8)
    pinned = {"inputs": [{"name": "x", "shape": [1, 4]}]}
    assert convert(tmp_path / "model", tmp_path, signature=pinned, **int8).strategy == "UnrolledLoops"


def test_a_condition_is_no_loop_and_its_cure_converts(tmp_path: Path) -> None:
    def either(tf: Any, module: Any, x: Any) -> Any:
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x @ module.weights, lambda: x * 3)

    def chosen(tf: Any, module: Any, x: Any) -> Any:
        return tf.where(tf.reduce_sum(x) > 0, x @ module.weights, x * 3)

    int8 = {"quantization": {"type": "Int8", "calibration": {"synthetic": True}}, "minSnrDecibels": 10}
    save(either, tmp_path / "model")
    with pytest.raises(StepFailure, match=r"side of a condition.*\(cond\).*tf\.where") as caught:
        convert(tmp_path / "model", tmp_path, **int8)
    assert "loop" not in caught.value.message
    save(chosen, tmp_path / "cured")
    # Small generated inputs lie where integers choose the other side, so it takes the inputs that it is made for.
    real = verified_on(tmp_path / "data", {"x": np.random.default_rng(5).normal(size=(30, 4)).astype(np.float32)})
    assert convert(tmp_path / "cured", tmp_path, **int8, **real).verdict is Reason.SNR_SUFFICIENT


def test_a_loop_of_tensorflow_1_is_refused_and_the_type_that_is_named_converts_it(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    try:
        with v1.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [1, 4], name="x")
            weights = v1.get_variable("weights", [4, 4], use_resource=False)
            y = v1.while_loop(lambda i, _: i < 3, lambda i, h: (i + 1, tf.tanh(h @ weights)), [tf.constant(0), x])[1]
            session.run(v1.global_variables_initializer())
            v1.saved_model.simple_save(session, str(tmp_path / "model"), {"x": x}, {"y": y})
    finally:
        v1.enable_control_flow_v2()
    int8 = {"type": "Int8", "calibration": {"synthetic": True}}
    with pytest.raises(StepFailure, match=r"as TensorFlow 1 wrote loops.*quantization\.type DynamicRange") as caught:
        convert(tmp_path / "model", tmp_path, quantization=int8, minSnrDecibels=10)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    converted = convert(tmp_path / "model", tmp_path, quantization={"type": "DynamicRange"}, minSnrDecibels=15)
    assert converted.verdict is Reason.SNR_SUFFICIENT
