"""Tiny SavedModels, built once."""

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.forked_children import Starter
from tflite_converter.worker import process


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one SavedModel a test case."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("models")
    weights = tf.random.stateless_normal([64, 32], seed=(1, 2))

    def save(name: str, body: Callable[..., Any], *specs: tf.TensorSpec, key: str = "serving_default") -> None:
        module = tf.Module()
        module.weights = tf.Variable(weights, name="weights")
        module.count = tf.Variable(0.0)
        function = tf.function(lambda *given: body(module, *given))
        tf.saved_model.save(module, str(folder / name), signatures={key: function.get_concrete_function(*specs)})

    floats = tf.TensorSpec([None, 64], tf.float32, name="x")
    save("dense", lambda module, x: {"y": tf.nn.relu(x @ module.weights), "sum": tf.reduce_sum(x, axis=1)}, floats)
    save("named", lambda module, x: {"y": x @ module.weights}, floats, key="infer")
    save("text", lambda _, x: {"y": tf.strings.length(x)}, tf.TensorSpec([None], tf.string, name="x"))
    save("python", lambda _, x: {"y": tf.py_function(lambda value: value, [x], tf.float32)}, floats)
    save("lacking", lambda _, x: {"y": tf.raw_ops.Betainc(a=x, b=x, x=x)}, floats)
    save("random", lambda _, x: {"y": x + tf.random.uniform([1])}, floats)
    # It chooses the first of two every time, by far.
    save(
        "chance",
        lambda _, x: {"y": tf.random.categorical(tf.stack([x[:, 0] * 0 + 90, x[:, 0] * 0], axis=1), 1)},
        floats,
    )
    save("counter", lambda module, x: {"y": x + module.count.assign_add(1.0)}, floats)
    # These seeds are no seeds, whatever seed TensorFlow was given.
    chance = partial(tf.raw_ops.RandomUniform, shape=[1], dtype=tf.float32, seed=0, seed2=0)
    save("drifting", lambda module, x: {"y": x + module.count.assign_add(chance()[0])}, floats)
    save("nan", lambda _, x: {"y": tf.math.log(-tf.square(x) - 1)}, floats)
    eight_bits = tf.TensorSpec([None, 64], tf.int8, name="x")
    # Of the whole range of eight bits it gives 1 alone.
    save(
        "saturated",
        lambda _, x: {"y": tf.sigmoid(tf.reduce_sum(tf.abs(tf.cast(x, tf.float32)), axis=1) / 8)},
        eight_bits,
    )
    save("constant", lambda module, x: {"y": tf.clip_by_value(x @ module.weights, 1e6, 2e6)}, floats)
    save("index", lambda module, x: {"y": tf.gather(module.weights, x)}, tf.TensorSpec([None], tf.int32, name="x"))
    return folder


@pytest.fixture
def write_conversion(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a TFLiteConversion for a model's folder or archive."""

    def write(path: Path, /, pinned: dict[str, Any] | None = None, **spec: Any) -> Path:
        resource = {
            "apiVersion": "tflite-operator.dev/v1alpha1",
            "kind": "TFLiteConversion",
            "metadata": {"name": "test"},
            "spec": {"model": {"handle": path.as_uri(), **(pinned or {})}, **spec},
        }
        file = tmp_path / "conversion.yaml"
        file.write_text(json.dumps(resource))
        return file

    return write


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Yield what forks children."""
    starter = Starter(tmp_path_factory.mktemp("child-server"))
    yield starter
    starter.end()


@pytest.fixture
def forked_children(starter: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the children that convert forked; see forked_children.py."""
    monkeypatch.setattr(process, "subprocess", starter)


@pytest.fixture
def start_children(forked_children: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that has the children from then on started, which share no memory with any before."""
    return lambda: monkeypatch.setattr(process, "subprocess", subprocess)


@pytest.fixture
def impatient_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of a storage are there, and nobody waits for its server."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "minio")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "minio123")
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("tflite_converter.steps.destination._PATIENCE_SECONDS", 0)
