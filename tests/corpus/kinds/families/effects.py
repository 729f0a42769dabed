"""Models that do more than compute: assert, print, draw, count, look up, call Python, or are still in training."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.corpus.kinds.kind import (
    NOT_IN_16_BITS,
    NOT_IN_INTEGERS,
    UNSUPPORTED,
    Array,
    Kind,
    below,
    everywhere,
    normal,
    uniform,
)
from tests.corpus.kinds.saving import save, values
from tflite_api.reasons import Reason


def _asserting(folder: Path) -> None:
    """Checks of what comes in, and a message of what goes out."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        checks = [
            tf.debugging.assert_equal(tf.shape(x)[1], 8),
            tf.debugging.assert_less(tf.reduce_max(tf.abs(x)), 1e6, message="too large"),
        ]
        with tf.control_dependencies(checks):
            y = tf.debugging.check_numerics(x @ weights("k", 8, 4), "not a number")
        return {"y": tf.ensure_shape(y, [None, 4])}

    save(folder, call, x=([None, 8], "float32"))


def _printing(folder: Path) -> None:
    """What was left in from looking for a fault."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = x @ weights("k", 8, 4)
        with tf.control_dependencies([tf.print("mean:", tf.reduce_mean(y))]):
            return {"y": tf.identity(y)}

    save(folder, call, x=([1, 8], "float32"))


def _python(folder: Path) -> None:
    """A function of Python's, which no file holds."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.numpy_function(lambda v: v * 2, [x @ weights("k", 8, 4)], tf.float32)
        return {"y": tf.ensure_shape(y, [1, 4])}

    save(folder, call, x=([1, 8], "float32"))


def _dropping(folder: Path) -> None:
    """Saved in training mode: dropout that is on."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.nn.dropout(tf.nn.relu(x @ weights("k", 8, 16)), 0.5) @ weights("o", 16, 4)}

    save(folder, call, x=([1, 8], "float32"))


def _batch_statistics(folder: Path) -> None:
    """A normalization by the batch's own mean and variance, channels last."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.conv2d(image, weights("k", 3, 3, 3, 8), 1, "SAME")
        ones, zeros = tf.ones([8]), tf.zeros([8])
        y = tf.compat.v1.nn.fused_batch_norm(y, ones, zeros, is_training=True, epsilon=1e-3)[0]
        return {"y": tf.nn.relu(y)}

    save(folder, call, image=([2, 8, 8, 3], "float32"))


def _mutable_table(folder: Path) -> None:
    """A table that can be added to."""
    import tensorflow as tf

    module = tf.Module()
    module.table = tf.lookup.experimental.DenseHashTable(tf.int64, tf.int64, -1, empty_key=-2, deleted_key=-3)
    module.table.insert(tf.range(10, dtype=tf.int64), tf.range(10, dtype=tf.int64) % 4)
    module.rows = tf.Variable(values("t", 4, 8))
    module.call = tf.function(lambda items: {"y": tf.gather(module.rows, module.table.lookup(items))})
    spec = tf.TensorSpec([3], tf.int64, name="items")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(spec))


def _text(folder: Path) -> None:
    """Text as it is typed, made into numbers by Keras' layer."""
    import tensorflow as tf

    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(3)
    vectorize = layers.TextVectorization(20, output_sequence_length=6, vocabulary=["one", "two", "three"])
    given = layers.Input((1,), dtype="string", name="text")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8)(vectorize(given)))
    tf.keras.Model(given, layers.Dense(2)(x)).export(str(folder), verbose=False)


def _noisy(folder: Path) -> None:
    """An autoencoder that draws its code, with a seed."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        noise = tf.random.stateless_normal([1, 4], [1, 2])
        code = x @ weights("m", 8, 4) + tf.exp(0.5 * (x @ weights("s", 8, 4))) * noise
        return {"y": code @ weights("o", 4, 8)}

    save(folder, call, x=([1, 8], "float32"))


def _spectrogram(folder: Path) -> None:
    """What TensorFlow's own tutorial of words in speech writes: its own operations for the spectrum and its cosines."""

    def call(tf: Any, weights: Any, sound: Any) -> Any:
        spectrum = tf.raw_ops.AudioSpectrogram(input=sound, window_size=256, stride=128, magnitude_squared=True)
        features = tf.raw_ops.Mfcc(spectrogram=spectrum, sample_rate=16000, dct_coefficient_count=10)
        return {"scores": tf.nn.softmax(tf.reduce_mean(features, 1) @ weights("k", 10, 3, scale=0.05))}

    save(folder, call, sound=([1024, 1], "float32"))


def _frames(folder: Path) -> None:
    """Overlapping frames of a signal of any length, with a window, and their energy."""

    def call(tf: Any, weights: Any, signal: Any) -> Any:
        frames = tf.signal.frame(signal, 64, 32) * tf.signal.hann_window(64)
        return {"y": tf.math.log(tf.reduce_sum(frames**2, -1, keepdims=True) + 1e-6) @ weights("k", 1, 4)}

    save(folder, call, signal=([1, None], "float32"))


def _clipped_gradient(folder: Path) -> None:
    """Where the network looked: the gradient of a score by the picture."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        kernel, out = weights("k", 3, 3, 3, 8), weights("o", 8, 3)
        with tf.GradientTape() as tape:
            tape.watch(image)
            scores = tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME")), [1, 2]) @ out
            best = tf.reduce_max(scores)
        return {"scores": scores, "saliency": tf.reduce_max(tf.abs(tape.gradient(best, image)), -1)}

    save(folder, call, image=([1, 8, 8, 3], "float32"))


def _typed(generator: np.random.Generator) -> Array:
    return np.array([[" ".join(generator.choice(["one", "two", "three", "four"], 3))]])


KINDS: Final = (
    Kind("assertions", _asserting, {"x": normal(2, 8)}),
    Kind("prints", _printing, {"x": normal(1, 8)}),
    Kind("python-function", _python, {"x": normal(1, 8)}, expected=everywhere(UNSUPPORTED)),
    Kind(
        "dropout-left-on",
        _dropping,
        {"x": normal(1, 8)},
        # Comparisons, which dropout makes, have no form in 16 bits.
        expected={**everywhere(Reason.NON_DETERMINISTIC.value), **NOT_IN_16_BITS},
    ),
    Kind("batch-statistics", _batch_statistics, {"image": normal(2, 8, 8, 3)}),
    Kind("mutable-table", _mutable_table, {"items": below(10, 3, dtype="int64")}, expected=everywhere(UNSUPPORTED)),
    Kind("text", _text, {"text": _typed}, expected=everywhere(Reason.INPUT_UNSUPPORTED.value)),
    # Constant though it is: what LiteRT lacks is not computed ahead.
    Kind("noise-with-a-seed", _noisy, {"x": normal(1, 8)}, expected=everywhere(UNSUPPORTED)),
    Kind("speech-operations", _spectrogram, {"sound": uniform(1024, 1, low=-1)}, expected=NOT_IN_INTEGERS),
    # The whole numbers by which frames of a signal of any length are found have no form in 16 bits.
    Kind("framed-signal", _frames, {"signal": normal(1, 400)}, expected=NOT_IN_16_BITS),
    # LiteRT has no ReluGrad.
    Kind("saliency", _clipped_gradient, {"image": normal(1, 8, 8, 3)}, expected=everywhere(UNSUPPORTED)),
)
