"""Models by what goes in and comes out: names, dtypes, ranks, and outputs that are nothing new."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.corpus.kinds.kind import NOT_IN_16_BITS, NOT_IN_INTEGERS, Array, Kind, below, normal
from tests.corpus.kinds.saving import save, values


def _handed_through(folder: Path) -> None:
    """Inputs that come out as they are, one of them twice, beside what is computed of them."""

    def call(tf: Any, weights: Any, first: Any, second: Any) -> Any:
        y = tf.concat([first, second], 1) @ weights("k", 8, 4)
        return {"first": first, "again": first, "second": second, "y": y}

    save(folder, call, first=([1, 3], "float32"), second=([1, 5], "float32"))


def _constants(folder: Path) -> None:
    """Outputs that depend on nothing, as anchors and class tables do, two of them alike."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        anchors = tf.reshape(tf.range(8.0), [4, 2])
        return {"anchors": anchors, "classes": tf.eye(2), "same": tf.eye(2), "y": x @ weights("k", 6, 4)}

    save(folder, call, x=([1, 6], "float32"))


def _alike(folder: Path) -> None:
    """Two inputs of the same shape that must not be exchanged."""

    def call(_: Any, weights: Any, a: Any, b: Any) -> Any:
        return {"y": (a - 2 * b) @ weights("k", 4, 4), "difference": a - b, "sum": a + b + b}

    save(folder, call, a=([1, 4], "float32"), b=([1, 4], "float32"))


def _renamed(folder: Path) -> None:
    """Names with dots, dashes and slashes, and a structure of outputs."""
    import tensorflow as tf

    module = tf.Module()
    module.k = tf.Variable(values("k", 4, 4))

    def call(x: Any, flags: Any) -> Any:
        y = x @ module.k
        return {"head/scores": y, "head.mask-1": tf.where(flags, y, 0.0)}

    module.call = tf.function(call)
    specs = tf.TensorSpec([1, 4], tf.float32, name="x"), tf.TensorSpec([1, 4], tf.bool, name="flags")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(*specs))


def _scalars(folder: Path) -> None:
    """A scalar beside a vector: a temperature and a limit."""

    def call(tf: Any, weights: Any, x: Any, temperature: Any, limit: Any) -> Any:
        y = tf.nn.softmax(x @ weights("k", 6, 5) / temperature)
        return {"y": y, "kept": tf.cast(y > limit, tf.float32) * y}

    save(folder, call, x=([1, 6], "float32"), temperature=([], "float32"), limit=([], "float32"))


def _small_integers(folder: Path) -> None:
    """Sound as 16-bit integers, and flags as 8-bit ones."""

    def call(tf: Any, weights: Any, pcm: Any, flags: Any) -> Any:
        x = tf.cast(pcm, tf.float32) / 32768.0
        return {"y": tf.tanh(x @ weights("k", 32, 6)) + tf.cast(flags, tf.float32) @ weights("f", 6, 6)}

    save(folder, call, pcm=([1, 32], "int16"), flags=([1, 6], "int8"))


def _halves(folder: Path) -> None:
    """Half floats in and out, as models saved under a mixed policy have."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.cast(tf.tanh(tf.cast(x, tf.float32) @ weights("k", 8, 4)), tf.float16)}

    save(folder, call, x=([1, 8], "float16"))


def _six_axes(folder: Path) -> None:
    """Windows of a picture, as a shifted-window transformer cuts them: six axes and a transposition of them."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        x = tf.reshape(image, [1, 2, 4, 2, 4, 8])
        x = tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [4, 16, 8])
        q, k, v = (x @ weights(name, 8, 8) for name in "qkv")
        x = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / 3) @ v
        x = tf.transpose(tf.reshape(x, [1, 2, 2, 4, 4, 8]), [0, 1, 3, 2, 4, 5])
        return {"y": tf.roll(tf.reshape(x, [1, 8, 8, 8]), [2, 2], [1, 2])}

    save(folder, call, image=([1, 8, 8, 8], "float32"))


def _autoencoder(folder: Path) -> None:
    """A signature for each half of a model, whose variables they share in part."""
    import tensorflow as tf

    module = tf.Module()
    module.table, module.up = tf.Variable(values("t", 12, 4)), tf.Variable(values("u", 4, 12))
    module.encode = tf.function(lambda x: {"code": tf.tanh(x @ module.table)})
    module.decode = tf.function(lambda code: {"x": code @ module.up + tf.reduce_sum(module.table, 1)})
    signatures = {
        "encode": module.encode.get_concrete_function(tf.TensorSpec([None, 12], tf.float32, name="x")),
        "decode": module.decode.get_concrete_function(tf.TensorSpec([None, 4], tf.float32, name="code")),
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)


def _sparse_parts(folder: Path) -> None:
    """A sparse tensor as its three parts, put together inside."""

    def call(tf: Any, weights: Any, indices: Any, entries: Any) -> Any:
        dense = tf.scatter_nd(indices, entries, [4, 10])
        return {"y": tf.nn.relu(dense @ weights("k", 10, 6))}

    save(folder, call, indices=([7, 2], "int32"), entries=([7], "float32"))


def _places(generator: np.random.Generator) -> Array:
    flat = generator.choice(40, 7, replace=False)
    return np.stack([flat // 10, flat % 10], 1).astype(np.int32)


def _booleans(generator: np.random.Generator) -> Array:
    return generator.integers(0, 2, (1, 4)).astype(bool)


def _scalar(low: float, high: float) -> Any:
    return lambda generator: np.float32(generator.uniform(low, high))


KINDS: Final = (
    Kind("handed-through", _handed_through, {"first": normal(1, 3), "second": normal(1, 5)}),
    Kind("constant-outputs", _constants, {"x": normal(1, 6)}),
    Kind("inputs-alike", _alike, {"a": normal(1, 4), "b": normal(1, 4, scale=3.0)}),
    Kind("names-with-dots", _renamed, {"x": normal(1, 4), "flags": _booleans}, expected=NOT_IN_16_BITS),
    Kind(
        "scalars",
        _scalars,
        {"x": normal(1, 6), "temperature": _scalar(0.5, 2), "limit": _scalar(0, 0.4)},
        expected=NOT_IN_16_BITS,
    ),
    Kind(
        "small-integers",
        _small_integers,
        {
            "pcm": lambda generator: (generator.normal(size=(1, 32)) * 8000).clip(-32768, 32767).astype(np.int16),
            "flags": below(2, 1, 6, dtype="int8"),
        },
        expected=NOT_IN_16_BITS,
    ),
    Kind(
        "half-floats-in",
        _halves,
        {"x": lambda generator: generator.normal(size=(1, 8)).astype(np.float16)},
        expected=NOT_IN_16_BITS,
    ),
    Kind("shifted-windows", _six_axes, {"image": normal(1, 8, 8, 8)}),
    Kind("one-half-of-two", _autoencoder, {"code": normal(2, 4)}, spec={"signature": {"key": "decode"}}, key="decode"),
    Kind(
        "sparse-parts",
        _sparse_parts,
        {"indices": _places, "entries": normal(7)},
        expected=NOT_IN_INTEGERS,
    ),
)
