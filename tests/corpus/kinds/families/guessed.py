"""Models whose generated inputs have to suit them: what they are calibrated and verified on is all guessed."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.corpus.kinds.kind import NOT_IN_16_BITS, RIGHT, Array, Draw, Kind, below, everywhere, normal
from tests.corpus.kinds.saving import save
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import CALIBRATED, QuantizationType

_NOT_SEEN: Final = everywhere(Reason.REAL_DATA_NOT_SEEN.value, *CALIBRATED)
_OR_GATE_NOT_SEEN: Final = everywhere((Reason.REAL_DATA_NOT_SEEN.value, Reason.VERIFICATION_FAILED.value), *CALIBRATED)


def _pooled(folder: Path) -> None:
    """The mean of the words that a mask leaves: it is multiplied in, and counted."""

    def call(tf: Any, weights: Any, ids: Any, present: Any) -> Any:
        x = tf.tanh(tf.gather(weights("table", 50, 16), ids) @ weights("k", 16, 16))
        counted = tf.cast(present, tf.float32)
        total = (counted[:, None, :] @ x)[:, 0]
        return {"y": total / tf.maximum(tf.reduce_sum(counted, 1, keepdims=True), 1.0) @ weights("o", 16, 4)}

    save(folder, call, ids=([1, 12], "int32"), present=([1, 12], "int32"))


def _unscaled(folder: Path) -> None:
    """A picture of whole numbers that goes into the first convolution as it is."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        x = tf.nn.conv2d(tf.cast(image, tf.float32), weights("k", 3, 3, 3, 8, scale=0.002), 2, "SAME")
        return {"y": tf.reduce_mean(tf.nn.relu(x + weights("b", 8, scale=0.3)), [1, 2]) @ weights("o", 8, 4)}

    save(folder, call, image=([1, 16, 16, 3], "int32"))


def _resized(folder: Path) -> None:
    """A picture of any size, as cameras give it: resized before it is scaled."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        x = tf.image.resize(image, [16, 16]) / 127.5 - 1.0
        x = tf.nn.relu(tf.nn.conv2d(x, weights("k", 3, 3, 3, 8), 2, "SAME"))
        return {"y": tf.nn.softmax(tf.reduce_mean(x, [1, 2]) @ weights("o", 8, 4, scale=4.0))}

    save(folder, call, image=([1, 24, 24, 3], "float32"))


def _measured_features(folder: Path) -> None:
    """Readings of four sensors in their own units, normalized by what was measured of them."""

    def call(tf: Any, weights: Any, readings: Any) -> Any:
        mean = tf.constant([[1013.0, 0.02, -40.0, 7.0]])
        variance = tf.constant([[400.0, 1e-4, 25.0, 1.0]])
        x = (readings - mean) / tf.maximum(tf.sqrt(variance), 1e-7)
        return {"y": tf.nn.relu(x @ weights("k", 4, 16)) @ weights("o", 16, 2)}

    save(folder, call, readings=([1, 4], "float32"))


def _readings(generator: np.random.Generator) -> Array:
    return (generator.normal(size=(1, 4)) * [20.0, 0.01, 5.0, 1.0] + [1013.0, 0.02, -40.0, 7.0]).astype(np.float32)


def _vanishing(folder: Path) -> None:
    """An alarm that is off for whatever it is given at random."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"alarm": tf.sigmoid(x @ weights("k", 8, 1) - 37.0)}

    save(folder, call, x=([1, 8], "float32"))


def _classifier(folder: Path) -> None:
    """A trained classifier of six steps of seventeen features, whose LSTM becomes one operator."""
    import tf_keras as keras

    keras.utils.set_random_seed(1)
    generator = np.random.default_rng(1)
    x = generator.normal(size=(600, 6, 17)).astype(np.float32)
    label = np.argmax(x.mean(1) @ generator.normal(size=(17, 5)), -1)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((6, 17), name="features"), layers.LSTM(24), layers.Dense(5, activation="softmax")]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(x, label, epochs=10, batch_size=64, verbose=0)
    model.save(str(folder), save_format="tf")


def _mask(generator: np.random.Generator) -> Array:
    return (np.arange(12) < generator.integers(3, 13))[None].astype(np.int32)


_PICTURE: Final[Draw] = lambda generator: generator.integers(0, 256, (1, 24, 24, 3)).astype(np.float32)  # noqa: E731 - as the others are

KINDS: Final = (
    Kind(
        "pooled-by-a-mask",
        _pooled,
        {"ids": below(50, 1, 12), "present": _mask},
        {**_NOT_SEEN, **NOT_IN_16_BITS},
        synthetic=True,
    ),
    Kind(
        "unscaled-integer-image",
        _unscaled,
        {"image": below(256, 1, 16, 16, 3)},
        {**_NOT_SEEN, **NOT_IN_16_BITS},
        synthetic=True,
    ),
    Kind("resized-picture", _resized, {"image": _PICTURE}, _NOT_SEEN, synthetic=True),
    # One scale for the whole input leaves nothing of its small columns, which numbers around 0 would not show.
    Kind(
        "normalized-readings",
        _measured_features,
        {"readings": _readings},
        everywhere(Reason.VERIFICATION_FAILED.value, *CALIBRATED),
        synthetic=True,
    ),
    Kind(
        "vanishing-alarm",
        _vanishing,
        {"x": normal(1, 8)},
        everywhere((RIGHT, Reason.INSENSITIVE.value)) | everywhere(Reason.INSENSITIVE.value, QuantizationType.INT8),
        synthetic=True,
    ),
    Kind(
        "lstm-of-17-features",
        _classifier,
        {"features": normal(1, 6, 17)},
        _OR_GATE_NOT_SEEN,
        synthetic=True,
    ),
)
