"""Models by their weights: shared, lopsided, sparse, too large for half floats, or of unusual ranks."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.corpus.kinds.kind import NOT_IN_16_BITS, NOT_IN_INTEGERS, OR_GATE, Kind, below, everywhere, normal
from tests.corpus.kinds.saving import save, values
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import CALIBRATED, QuantizationType


def _tied(folder: Path) -> None:
    """A language model whose table of words is its last layer as well."""

    def call(tf: Any, weights: Any, ids: Any) -> Any:
        table = weights("t", 200, 32, scale=0.5)
        x = tf.gather(table, ids)
        x = tf.tanh(tf.reduce_mean(x, 1) @ weights("k", 32, 32))
        return {"logits": tf.matmul(x, table, transpose_b=True)}

    save(folder, call, ids=([1, 8], "int32"))


def _masked(folder: Path) -> None:
    """Attention under a stored triangle of -1e9, which half floats do not hold."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        triangle = tf.constant(np.triu(np.full((16, 16), -1e9, np.float32), 1))
        q, k, v = (x @ weights(name, 16, 16) for name in "qkv")
        scores = tf.matmul(q, k, transpose_b=True) / 4 + triangle
        return {"y": tf.nn.softmax(scores) @ v @ weights("o", 16, 8)}

    save(folder, call, x=([1, 16, 16], "float32"))


def _multiplied_mask(folder: Path) -> None:
    """The same with a mask that is subtracted from 1 and multiplied, so that infinity meets 0."""

    def call(tf: Any, weights: Any, x: Any, present: Any) -> Any:
        penalty = tf.constant(np.full((16,), -3.4e38, np.float32)) * (1.0 - present)[:, None, :]
        scores = tf.matmul(x, x @ weights("k", 16, 16), transpose_b=True) / 4 + penalty
        return {"y": tf.nn.softmax(scores) @ x @ weights("o", 16, 8)}

    save(folder, call, x=([1, 16, 16], "float32"), present=([1, 16], "float32"))


def _small(folder: Path) -> None:
    """Weights that half floats have no digits for, between layers that undo it."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.tanh((x @ weights("k", 32, 32, scale=1e-9)) * 4e8) @ weights("o", 32, 8)}

    save(folder, call, x=([1, 32], "float32"))


def _large(folder: Path) -> None:
    """A table of amounts of money, beyond what half floats hold."""

    def call(tf: Any, weights: Any, item: Any) -> Any:
        return {"price": tf.gather(weights("prices", 300, 16, scale=1e6), item) @ weights("mix", 16, 4)}

    save(folder, call, item=([None], "int32"))


def _lopsided(folder: Path) -> None:
    """Channels of very different size, as folded normalizations leave them."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        sizes = tf.constant(10.0 ** np.linspace(-3, 1, 16), tf.float32)
        y = tf.nn.relu(tf.nn.conv2d(image, weights("k", 3, 3, 3, 16) * sizes, 1, "SAME"))
        return {"y": tf.nn.conv2d(y / sizes, weights("o", 1, 1, 16, 4), 1, "SAME")}

    save(folder, call, image=([1, 10, 10, 3], "float32"))


def _heads_of_two_sizes(folder: Path) -> None:
    """Prices and probabilities joined in one output."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.nn.relu(x @ weights("k", 12, 32))
        price, chance = y @ weights("p", 32, 2) * 5000, tf.sigmoid(y @ weights("c", 32, 2))
        return {"joined": tf.concat([price, chance], 1), "chance": chance}

    save(folder, call, x=([1, 12], "float32"))


def _pruned(folder: Path) -> None:
    """Nine weights of ten are 0."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        kept = tf.constant(np.random.default_rng(5).uniform(size=(64, 64)) < 0.1)
        kernel = tf.where(kept, weights("k", 64, 64, scale=0.4), 0.0)
        return {"y": tf.nn.relu(x @ kernel) @ weights("o", 64, 8)}

    save(folder, call, x=([1, 64], "float32"))


def _ranks(folder: Path) -> None:
    """Dense layers over three and four axes, and products of stacks of matrices."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.tensordot(x, weights("a", 8, 16), 1)
        y = tf.nn.relu(y + weights("b", 16, scale=0.1))
        y = tf.einsum("bstd,sde->bste", y, weights("c", 3, 16, 16))
        return {"y": tf.matmul(y, tf.reshape(weights("e", 3, 64), [3, 16, 4]))}

    save(folder, call, x=([1, 3, 5, 8], "float32"))


def _perceptron_over_time(folder: Path) -> None:
    """A dense layer of three axes that is all there is."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.tensordot(x, weights("k", 5, 40), 1) + weights("b", 40)}

    save(folder, call, x=([1, 30, 5], "float32"))


def _rare_words(folder: Path) -> None:
    """A table of words with ids of 64 bits, most of what the model weighs."""

    def call(tf: Any, weights: Any, ids: Any) -> Any:
        x = tf.reduce_mean(tf.gather(weights("t", 500, 64, scale=1.0), ids), 1)
        return {"y": x @ weights("o", 64, 3)}

    save(folder, call, ids=([None, 12], "int64"))


def _factorized(folder: Path) -> None:
    """A recommender: two tables, and the product of a row of each."""

    def call(tf: Any, weights: Any, user: Any, item: Any) -> Any:
        u, i = tf.gather(weights("u", 300, 32, scale=0.3), user), tf.gather(weights("i", 400, 32, scale=0.3), item)
        bias = tf.gather(weights("b", 400, scale=0.5), item)
        return {"score": tf.reduce_sum(u * i, -1) + bias}

    save(folder, call, user=([None], "int32"), item=([None], "int32"))


def _dead(folder: Path) -> None:
    """A branch that is always 0, and a layer without effect."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = x @ weights("k", 16, 16)
        dead = tf.nn.relu(y - 100.0)
        return {"y": tf.nn.relu(y) @ weights("o", 16, 4) + dead @ weights("d", 16, 4), "dead": dead}

    save(folder, call, x=([1, 16], "float32"))


def _simulated(folder: Path) -> None:
    """Trained with ranges that are measured on the way: quantized and dequantized in the graph."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        fake = tf.quantization.quantize_and_dequantize_v2
        y = tf.nn.relu(fake(x, -4.0, 4.0, range_given=True) @ fake(weights("k", 16, 32), -1.0, 1.0, range_given=True))
        return {"y": y @ weights("o", 32, 4)}

    save(folder, call, x=([1, 16], "float32"))


def _binary(folder: Path) -> None:
    """Weights that are signs alone, and what comes in by its sign."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.conv2d(image, weights("f", 3, 3, 3, 16), 1, "SAME")
        y = tf.nn.conv2d(tf.sign(y), tf.sign(weights("k", 3, 3, 16, 16)), 1, "SAME")
        return {"y": tf.reduce_mean(y, [1, 2]) @ weights("o", 16, 4, scale=0.05)}

    save(folder, call, image=([1, 10, 10, 3], "float32"))


def _long_sum(folder: Path) -> None:
    """Means over so many numbers that integers run over."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv2d(image, weights("k", 3, 3, 3, 8), 1, "SAME") + 2.0)
        return {"sum": tf.reduce_sum(y, [1, 2]), "mean": tf.reduce_mean(y, [1, 2]) @ weights("o", 8, 4)}

    save(folder, call, image=([1, 64, 64, 3], "float32"))


def _unused(folder: Path) -> None:
    """Variables of integers, bools and strings that serving never reads, and some that it does."""
    import tensorflow as tf

    module = tf.Module()
    module.k = tf.Variable(values("k", 8, 16))
    module.steps, module.title = tf.Variable(7, dtype=tf.int64), tf.Variable("model of today")
    module.enabled, module.columns = tf.Variable([True, False] * 4), tf.Variable([3, 1, 2])
    module.optimizer = tf.Variable(values("moments", 8, 16))

    def call(x: Any) -> Any:
        y = tf.where(module.enabled, x, 0.0) @ module.k
        return {"y": tf.gather(y, module.columns, axis=1)}

    module.call = tf.function(call)
    spec = tf.TensorSpec([1, 8], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(spec))


def _one_layer(folder: Path) -> None:
    """One layer three times, as models that are small on disk have it: numbers of other sizes go into each."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        for _ in range(3):
            x = tf.nn.relu(x @ weights("k", 16, 16) + weights("b", 16, scale=0.3)) * 0.5
        return {"y": x}

    save(folder, call, x=([1, 16], "float32"))


def _present(generator: np.random.Generator) -> Any:
    return (np.arange(16) < generator.integers(4, 17))[None].astype(np.float32)


_INTEGERS_IN_EARNEST: Final = {
    **everywhere(Reason.VERIFICATION_FAILED.value, QuantizationType.NONE),
    **everywhere(Reason.CONVERSION_FAILED.value, QuantizationType.FLOAT16, QuantizationType.DYNAMIC_RANGE),
    **NOT_IN_16_BITS,
}
"""Of a model that simulates integers: the artifact computes in them, or even takes them."""
_BELOW_THE_GATE: Final = everywhere(Reason.VERIFICATION_FAILED.value, *CALIBRATED)
_SUMS_CUT_OFF: Final = everywhere(Reason.VERIFICATION_FAILED.value, QuantizationType.INT16X8)
"""The quantizer gives a SUM of 16 bits the scale of what it sums, so that larger sums are cut off."""
KINDS: Final = (
    Kind("tied-embeddings", _tied, {"ids": below(200, 1, 8)}),
    # One scale of eight or sixteen bits that reaches to -1e9 leaves nothing of the scores.
    Kind("stored-triangle", _masked, {"x": normal(1, 16, 16)}, expected=_BELOW_THE_GATE),
    Kind(
        "largest-float-as-mask",
        _multiplied_mask,
        {"x": normal(1, 16, 16), "present": _present},
        expected=_BELOW_THE_GATE,
    ),
    Kind("weights-of-1e-9", _small, {"x": normal(1, 32)}),
    Kind(
        "table-of-prices",
        _large,
        {"item": below(300, 4)},
        expected=everywhere(Reason.QUANTIZATION_NOT_APPLIED.value, QuantizationType.FLOAT16),
    ),
    # Of the smallest channels one scale for all leaves a few steps, of 16 bits as well.
    Kind("lopsided-channels", _lopsided, {"image": normal(1, 10, 10, 3)}, expected=_BELOW_THE_GATE),
    Kind("prices-and-chances", _heads_of_two_sizes, {"x": normal(1, 12)}),
    Kind("pruned", _pruned, {"x": normal(1, 64)}),
    Kind("dense-over-four-axes", _ranks, {"x": normal(1, 3, 5, 8)}),
    Kind("dense-over-time", _perceptron_over_time, {"x": normal(1, 30, 5)}),
    Kind("rare-words", _rare_words, {"ids": below(500, 2, 12, dtype="int64")}),
    Kind(
        "recommender",
        _factorized,
        {"user": below(300, 5), "item": below(400, 5)},
        # Tables that are only looked up have no layer whose weights alone are integers; DynamicRange takes them.
        expected={
            **everywhere(
                Reason.QUANTIZATION_NOT_APPLIED.value,
                QuantizationType.WEIGHT_ONLY_INT8,
                QuantizationType.WEIGHT_ONLY_INT4,
            ),
        },
    ),
    Kind("dead-branch", _dead, {"x": normal(1, 16)}),
    Kind("simulated-integers", _simulated, {"x": normal(1, 16)}, expected=_INTEGERS_IN_EARNEST),
    # Four bits turn over the sign of what is next to 0.
    Kind(
        "binary-weights",
        _binary,
        {"image": normal(1, 10, 10, 3)},
        expected={**NOT_IN_INTEGERS, QuantizationType.WEIGHT_ONLY_INT4: OR_GATE},
    ),
    Kind("long-sums", _long_sum, {"image": normal(1, 64, 64, 3)}, expected=_SUMS_CUT_OFF),
    Kind("one-layer-three-times", _one_layer, {"x": normal(1, 16)}),
    Kind("variables-of-all-types", _unused, {"x": normal(1, 8)}, expected=NOT_IN_16_BITS),
)
