"""Models that count, sort, search and round, as what stands before and behind a network does."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.corpus.kinds.kind import (
    NOT_IN_16_BITS,
    NOT_IN_INTEGERS,
    OR_GATE,
    UNSUPPORTED,
    Array,
    Kind,
    below,
    everywhere,
    normal,
    uniform,
)
from tests.corpus.kinds.saving import save
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import CALIBRATED, QuantizationType


def _division(folder: Path) -> None:
    """Integers divided and taken modulo, of both signs; halves rounded to even."""

    def call(tf: Any, weights: Any, a: Any, b: Any, x: Any) -> Any:
        return {
            "quotient": a // b,
            "rest": a % b,
            "rounded": tf.round(x * 2) / 2,
            "y": tf.cast(a % 7, tf.float32) @ weights("k", 6, 4),
        }

    save(folder, call, a=([1, 6], "int32"), b=([1, 6], "int32"), x=([1, 6], "float32"))


def _missing(folder: Path) -> None:
    """Frames of landmarks of which some are missing (NaN), as sign language recognisers get them."""

    def call(tf: Any, weights: Any, frames: Any) -> Any:
        missing = tf.math.is_nan(frames)
        x = tf.where(missing, tf.zeros_like(frames), frames)
        count = tf.reduce_sum(tf.cast(~missing, tf.float32), 1)
        mean = tf.reduce_sum(x, 1) / tf.maximum(count, 1.0)
        return {"y": tf.nn.softmax(mean @ weights("k", 6, 5))}

    save(folder, call, frames=([1, 9, 6], "float32"))


def _with_gaps(generator: np.random.Generator) -> Array:
    frames = generator.normal(size=(1, 9, 6))
    frames[generator.uniform(size=frames.shape) < 0.3] = np.nan
    return frames.astype(np.float32)


def _sorting(folder: Path) -> None:
    """The order of scores, and the values in it."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        scores = tf.sigmoid(x @ weights("k", 8, 12, scale=1.0))
        order = tf.argsort(scores, direction="DESCENDING")
        return {"order": order, "sorted": tf.gather(scores, order, batch_dims=1), "up": tf.sort(scores)}

    save(folder, call, x=([1, 8], "float32"))


def _discretized(folder: Path) -> None:
    """Numbers put into buckets by Keras' layer, beside a category."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    age, kind = layers.Input((1,), name="age"), layers.Input((1,), dtype="int32", name="kind")
    bucket = layers.Discretization([20.0, 30.0, 50.0])(age)
    hot = layers.CategoryEncoding(4, "one_hot")(bucket), layers.CategoryEncoding(5, "one_hot")(kind)
    tf.keras.Model([age, kind], layers.Dense(3)(layers.Concatenate()(list(hot)))).export(str(folder), verbose=False)


def _cumulative(folder: Path) -> None:
    """Sums up to each place, exclusive and in reverse; a triangle cut out of a product."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = x @ weights("k", 6, 6)
        return {
            "before": tf.cumsum(y, 1, exclusive=True),
            "after": tf.cumsum(y, 1, reverse=True),
            "band": tf.linalg.band_part(tf.matmul(y, y, transpose_b=True), -1, 0),
        }

    save(folder, call, x=([1, 5, 6], "float32"))


def _special(folder: Path) -> None:
    """Functions that few models have: the error function, angles, logarithms near 0, softplus, powers."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = x @ weights("k", 6, 6)
        return {
            "gelu": 0.5 * y * (1 + tf.math.erf(y / 2**0.5)),
            "angle": tf.atan2(y, x),
            "log": tf.math.log1p(tf.abs(y)) + tf.math.expm1(0.1 * y),
            "power": tf.pow(tf.abs(y) + 0.1, 1.5) + tf.math.softplus(y) + tf.nn.selu(y),
            "sign": tf.sign(y) * tf.floor(y) + tf.math.ceil(x),
        }

    save(folder, call, x=([1, 6], "float32"))


def _updates(folder: Path) -> None:
    """Entries of a matrix replaced and added to."""

    def call(tf: Any, weights: Any, x: Any, places: Any) -> Any:
        y = x @ weights("k", 5, 5)
        rows = tf.reduce_sum(tf.reshape(y, [4, 5])[:2], 1)
        return {
            "replaced": tf.tensor_scatter_nd_update(y, places[:, None], tf.reshape(y, [4, 5])[:2] * 2),
            "added": tf.tensor_scatter_nd_add(y, tf.stack([places, places], 1), rows),
        }

    save(folder, call, x=([4, 5], "float32"), places=([2], "int32"))


def _two_places(generator: np.random.Generator) -> Array:
    return generator.choice(4, 2, replace=False).astype(np.int32)


def _gaussian(folder: Path) -> None:
    """A prediction with its variance: a covariance matrix is decomposed and inverted."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.reshape(x @ weights("k", 6, 16), [4, 4])
        covariance = tf.matmul(y, y, transpose_b=True) + tf.eye(4)
        return {"root": tf.linalg.cholesky(covariance), "inverse": tf.linalg.inv(covariance)}

    save(folder, call, x=([1, 6], "float32"))


def _mahalanobis(folder: Path) -> None:
    """How far from what is known: distances to centres, the nearest, and a limit of a logarithm of 0."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        centres = weights("c", 5, 8, scale=1.0)
        squares = tf.reduce_sum(tf.math.squared_difference(x[:, None], centres[None]), -1)
        nearest = tf.reduce_min(squares, 1)
        return {"nearest": tf.argmin(squares, 1), "distance": tf.sqrt(nearest), "log": tf.math.log(nearest)}

    save(folder, call, x=([2, 8], "float32"))


def _unique(folder: Path) -> None:
    """Ids without repetition: as many rows as there are different ones."""

    def call(tf: Any, weights: Any, ids: Any) -> Any:
        found, places = tf.unique(ids)
        return {"rows": tf.gather(weights("t", 10, 4), found), "places": places}

    save(folder, call, ids=([8], "int32"))


_JUMPING: Final = {**NOT_IN_INTEGERS, QuantizationType.WEIGHT_ONLY_INT4: OR_GATE}
KINDS: Final = (
    Kind(
        "integer-division",
        _division,
        {
            "a": lambda generator: generator.integers(-50, 50, (1, 6)).astype(np.int32),
            "b": lambda generator: (generator.integers(1, 9, (1, 6)) * generator.choice([-1, 1], (1, 6))).astype(
                np.int32
            ),
            "x": normal(1, 6),
        },
        expected=NOT_IN_INTEGERS,
    ),
    Kind(
        "missing-landmarks",
        _missing,
        {"frames": _with_gaps},
        expected=everywhere(Reason.DATASET_MISMATCH.value, *CALIBRATED),
    ),
    # Of scores of four bits the order is another.
    Kind("sorting", _sorting, {"x": normal(1, 8)}, expected=_JUMPING),
    Kind(
        "keras-preprocessing",
        _discretized,
        {"age": uniform(1, 1, low=5, high=80), "kind": below(5, 1, 1)},
        expected=NOT_IN_INTEGERS,
    ),
    Kind("cumulative-sums", _cumulative, {"x": normal(1, 5, 6)}, expected=NOT_IN_INTEGERS),
    # Angles and roundings jump, which is too much for four bits.
    Kind("special-functions", _special, {"x": normal(1, 6)}, expected=_JUMPING, least=7),
    Kind("scatter-updates", _updates, {"x": normal(4, 5), "places": _two_places}, expected=NOT_IN_INTEGERS),
    Kind("covariance", _gaussian, {"x": normal(1, 6)}, expected=everywhere(UNSUPPORTED)),
    Kind("nearest-centre", _mahalanobis, {"x": normal(2, 8)}, expected=NOT_IN_16_BITS),
    Kind("unique-ids", _unique, {"ids": below(10, 8)}, expected=NOT_IN_16_BITS),
)
