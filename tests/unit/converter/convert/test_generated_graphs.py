"""Small generated graphs, through every quantization type: what comes out is right, or refused by name.

In a process of their own, so that a crash is a failed test. TFLITE_GRAPHS has more of them tried.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.unit.converter.convert.test_conversion import convert, verdict
from tflite_api.names import DEFAULT_SIGNATURE_KEY
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure

pytestmark = pytest.mark.tensorflow

GATES: Final = {
    "None": 60,
    "Float16": 35,
    "DynamicRange": 15,
    "Int8": 10,
    "Int16x8": 25,
    "WeightOnlyInt8": 15,
    "WeightOnlyInt4": 10,
}
LEAST: Final = {"None": 60.0}
"""What an artifact has to reach on inputs that it was not verified on (dB); others than these, `OF_INTEGERS`."""
OF_INTEGERS: Final = 3.0


def looped(tf: Any, module: Any, x: Any) -> Any:
    return tf.while_loop(lambda i, _: i < 3, lambda i, h: (i + 1, tf.tanh(h @ module.kernel)), [tf.constant(0), x])[1]


def until(tf: Any, module: Any, x: Any) -> Any:
    del module
    return tf.while_loop(lambda h: tf.reduce_max(tf.abs(h)) > 0.7, lambda h: (h / 2,), [x])[0]


def looking_up(tf: Any, module: Any, x: Any) -> Any:
    def step(i: Any, h: Any) -> Any:
        return i + 1, tf.tanh(h + tf.gather(module.table, tf.argmax(h, axis=1, output_type=tf.int32)))

    return tf.while_loop(lambda i, _: i < 2, step, [tf.constant(0), x])[1]


def counting(tf: Any, module: Any, x: Any) -> Any:
    return x + tf.sin(module.count.assign_add(1.0))


def remembering(tf: Any, module: Any, x: Any) -> Any:
    return module.state.assign(tf.tanh(module.state + tf.reduce_mean(x, axis=0))) + x


def scanned(tf: Any, module: Any, x: Any) -> Any:
    del module
    return tf.scan(lambda before, row: before / 2 + row, x)


def nested(tf: Any, module: Any, x: Any) -> Any:
    return tf.function(lambda y: tf.nn.relu(y @ module.kernel) + 1)(x)


def in_either(tf: Any, module: Any, x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0, lambda: x @ module.kernel, lambda: x * 3)


PARTS: Final[dict[str, Callable[[Any, Any, Any], Any]]] = {
    "matrix": lambda tf, module, x: x @ module.kernel,
    "large matrix": lambda tf, module, x: (x @ module.wide) @ tf.transpose(module.wide) / 64,
    "softmax": lambda tf, module, x: tf.nn.softmax(x),
    "tanh": lambda tf, module, x: tf.tanh(x),
    "loop": looped,
    "loop until": until,
    "loop that looks up": looking_up,
    "scan": scanned,
    "condition": in_either,
    "choice": lambda tf, module, x: tf.where(x > 0, x, x * module.share),
    "counter": counting,
    "memory": remembering,
    "function": nested,
    "whole numbers": lambda tf, module, x: tf.cast(tf.cast(x * 4, tf.int32) % 5, tf.float32),
    "halves": lambda tf, module, x: tf.cast(tf.cast(x, tf.float16) * 2, tf.float32),
    "doubles": lambda tf, module, x: tf.cast(tf.sqrt(tf.abs(tf.cast(x, tf.float64))), tf.float32),
    "bytes": lambda tf, module, x: tf.cast(tf.saturate_cast(x * 9, tf.uint8), tf.float32),
    "sorting": lambda tf, module, x: tf.math.top_k(x, 4)[0],
    "sums": lambda tf, module, x: tf.cumsum(x, axis=1),
    "split": lambda tf, module, x: tf.concat(tf.split(x, 2, axis=1)[::-1], axis=1),
    "norm": lambda tf, module, x: x - tf.reduce_mean(x, axis=1, keepdims=True),
    "convolution": lambda tf, module, x: tf.nn.conv1d(x[:, :, None], module.filter, 1, "SAME")[:, :, 0],
}
GRAPHS: Final = st.tuples(
    st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=4),
    st.sampled_from(["float32", "int32", "uint8", "float64", "bool", "int64", "float16"]),
    st.sampled_from([1, 2, None]),
)


def save(parts: Sequence[str], dtype: str, rows: int | None, folder: Path) -> None:
    import tensorflow as tf

    numbers = np.random.default_rng(8)

    def variable(*shape: int) -> Any:
        return tf.Variable(numbers.normal(0, 0.6, shape).astype(np.float32))

    module = tf.Module()
    module.kernel, module.wide, module.table = variable(4, 4), variable(4, 512), variable(4, 4)
    module.filter, module.share = variable(3, 1, 1), variable(4)
    module.count, module.state = tf.Variable(0.5), variable(4)

    def call(x: Any) -> Any:
        value = tf.cast(x, tf.float32)
        for part in parts:
            value = PARTS[part](tf, module, value)
        return {"y": value}

    module.call = tf.function(call, autograph=False)
    signature = module.call.get_concrete_function(tf.TensorSpec([rows, 4], tf.as_dtype(dtype), name="x"))
    tf.saved_model.save(module, str(folder), signatures=signature)


def outcome(parts: Sequence[str], dtype: str, rows: int | None, kind: str, work: Path) -> tuple[str, str, float]:
    """Convert such a graph: what came of it, in which words, and how far it is from the model on other inputs (dB)."""
    save(parts, dtype, rows, work / "model")
    quantization = {"type": kind, **({"calibration": {"synthetic": True}} if kind in {"Int8", "Int16x8"} else {})}
    try:
        converted = convert(work / "model", work, quantization=quantization, minSnrDecibels=GATES[kind])
    except StepFailure as failure:
        return failure.reason.value, failure.message, 0.0
    if converted.verdict is not verdict(kind):
        return converted.verdict.value, converted.message, 0.0
    shape = [1 if rows is None else rows, 4]
    return converted.verdict.value, converted.message, distance(work, [inputs(dtype, shape, seed) for seed in range(6)])


def inputs(dtype: str, shape: Sequence[int], seed: int) -> Any:
    numbers = np.random.default_rng([9, seed])
    return (numbers.normal(0, 1, shape) if np.dtype(dtype).kind == "f" else numbers.integers(0, 2, shape)).astype(dtype)


def distance(work: Path, samples: Sequence[Any]) -> float:
    """Measure an artifact against its model, both fresh, over calls in a row."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    model = tf.saved_model.load(str(work / "model")).signatures[DEFAULT_SIGNATURE_KEY]
    interpreter = Interpreter(model_path=str(work / "output/model.tflite"))
    runner = interpreter.get_signature_runner(DEFAULT_SIGNATURE_KEY)
    signal = noise = 0.0
    for sample in samples:
        expected = model(x=tf.constant(sample))["y"].numpy().astype(np.float64)
        found = np.array(runner(x=sample)["y"]).astype(np.float64)
        signal += float(np.sum(expected**2))
        noise += float(np.sum((found - expected) ** 2))
    return float("inf") if noise == 0 else 10 * float(np.log10(max(signal, 1e-300) / noise))


@pytest.fixture(scope="module")
def process() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@settings(
    max_examples=int(os.environ.get("TFLITE_GRAPHS", "16")),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(graph=GRAPHS, kind=st.sampled_from(sorted(GATES)))
def test_what_comes_of_a_graph_is_right_or_refused_by_name(
    process: ProcessPoolExecutor, tmp_path_factory: pytest.TempPathFactory, graph: Any, kind: str
) -> None:
    parts, dtype, rows = graph
    work = partial(outcome, parts, dtype, rows, kind, tmp_path_factory.mktemp("graph"))
    reason, words, decibels = process.submit(work).result()
    event(f"{kind}: {reason}")
    assert reason not in {Reason.INTERNAL_ERROR, Reason.CONVERSION_CRASHED}
    assert words
    if reason == verdict(kind):
        assert decibels >= LEAST.get(kind, OF_INTEGERS), words
