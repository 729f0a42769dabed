"""Models of words: attention, decoders, lookups, adapters."""

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
)
from tests.corpus.kinds.saving import save
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import QuantizationType

_LENGTH: Final = 12


def _mask(generator: np.random.Generator) -> Array:
    return (np.arange(_LENGTH) < generator.integers(4, _LENGTH + 1)).astype(np.int32)[None]


def _attention(folder: Path) -> None:
    def call(tf: Any, weights: Any, input_ids: Any, attention_mask: Any) -> Any:
        x = tf.gather(weights("words", 50, 16, scale=0.5), input_ids)
        x += weights("places", 64, 16)[: tf.shape(input_ids)[1]]
        q, k, v = (tf.einsum("btd,dhe->bthe", x, weights(name, 16, 2, 8, scale=0.4)) for name in "qkv")
        hidden = (1 - tf.cast(attention_mask, tf.float32))[:, None, None, :] * -1e9
        scores = tf.nn.softmax(tf.einsum("bthe,bshe->bhts", q, k) * 8**-0.5 + hidden)
        mixed = tf.einsum("bhts,bshe->bthe", scores, v)
        x += tf.einsum("bthe,hed->btd", mixed, weights("o", 2, 8, 16, scale=0.4))
        return {"sequence": x, "pooled": tf.tanh(x[:, 0])}

    save(folder, call, input_ids=([None, None], "int32"), attention_mask=([None, None], "int32"))


def _greedy(folder: Path) -> None:
    """A decoder of 7 steps, each with the word that the last one chose."""

    def call(tf: Any, weights: Any, context: Any) -> Any:
        table, recurrent, out = weights("t", 12, 8), weights("r", 8, 8), weights("o", 8, 12, scale=2.0)

        def step(i: Any, token: Any, h: Any, tokens: Any) -> Any:
            h = tf.tanh(tf.gather(table, token) @ recurrent + h)
            token = tf.argmax(h @ out, -1, output_type=tf.int32)
            return i + 1, token, h, tokens.write(i, token)

        begin = (0, tf.zeros([1], tf.int32), context, tf.TensorArray(tf.int32, 7, element_shape=[1]))
        tokens = tf.while_loop(lambda i, *_: i < 7, step, begin)[3]
        return {"tokens": tf.transpose(tokens.stack())}

    save(folder, call, context=([1, 8], "float32"))


def _beams(folder: Path) -> None:
    """A search with three beams: the best continuations of all, each with the beam that it comes from."""

    def call(tf: Any, weights: Any, context: Any) -> Any:
        table, recurrent, out = weights("t", 10, 8), weights("r", 8, 8), weights("o", 8, 10, scale=2.0)
        states = tf.tile(context, [3, 1])
        scores = tf.constant([0.0, -1e4, -1e4])
        tokens = tf.zeros([3], tf.int32)
        history = list[Any]()
        for _ in range(4):
            states = tf.tanh(tf.gather(table, tokens) @ recurrent + states)
            candidates = scores[:, None] + tf.nn.log_softmax(states @ out)
            scores, best = tf.math.top_k(tf.reshape(candidates, [30]), 3)
            beams, tokens = best // 10, best % 10
            states = tf.gather(states, beams)
            history = [tf.gather(before, beams) for before in history] + [tokens]
        return {"tokens": tf.stack(history, 1), "scores": scores}

    save(folder, call, context=([1, 8], "float32"))


def _transducer(tf: Any, weights: Any, frames: Any) -> Any:
    return frames @ weights("k", 16, 6, scale=1.0)


def _ctc(folder: Path) -> None:
    """TensorFlow's own decoder of connectionist temporal classification."""

    def call(tf: Any, weights: Any, frames: Any) -> Any:
        logits = tf.transpose(_transducer(tf, weights, frames), [1, 0, 2])
        (decoded,), scores = tf.nn.ctc_greedy_decoder(logits, tf.fill([1], 20))
        return {"labels": tf.sparse.to_dense(decoded, default_value=-1), "scores": scores}

    save(folder, call, frames=([1, 20, 16], "float32"))


def _ctc_by_hand(folder: Path) -> None:
    """The same from simple operations: repeats and blanks become -1."""

    def call(tf: Any, weights: Any, frames: Any) -> Any:
        logits = _transducer(tf, weights, frames)
        best = tf.argmax(logits, -1, output_type=tf.int32)
        before = tf.concat([tf.fill([1, 1], -1), best[:, :-1]], 1)
        return {"labels": tf.where((best != before) & (best != 5), best, -1), "logits": logits}

    save(folder, call, frames=([1, 20, 16], "float32"))


def _lora(folder: Path) -> None:
    """A layer with adapters of low rank, one of which is chosen by its number."""

    def call(tf: Any, weights: Any, x: Any, adapter: Any) -> Any:
        down = tf.gather(weights("a", 3, 32, 4), adapter)
        up = tf.gather(weights("b", 3, 4, 32), adapter)
        y = x @ weights("base", 32, 32) + 0.5 * (x @ down) @ up
        return {"y": tf.nn.gelu(y) @ weights("out", 32, 8)}

    save(folder, call, x=([None, 32], "float32"), adapter=([], "int32"))


def _sparse(folder: Path) -> None:
    """The mean of the table's rows for ids of which some are missing, by way of a sparse tensor."""

    def call(tf: Any, weights: Any, ids: Any) -> Any:
        places = tf.where(ids >= 0)
        sparse = tf.SparseTensor(places, tf.gather_nd(ids, places), tf.shape(ids, tf.int64))
        return {"y": tf.nn.safe_embedding_lookup_sparse(weights("t", 20, 8), sparse, combiner="mean")}

    save(folder, call, ids=([2, 5], "int32"))


def _bag(folder: Path) -> None:
    """The same as a dense sum under a mask."""

    def call(tf: Any, weights: Any, ids: Any) -> Any:
        mask = tf.cast(ids >= 0, tf.float32)[..., None]
        rows = tf.gather(weights("t", 20, 8), tf.maximum(ids, 0)) * mask
        return {"y": tf.reduce_sum(rows, 1) / tf.maximum(tf.reduce_sum(mask, 1), 1.0)}

    save(folder, call, ids=([None, 5], "int32"))


def _ragged(folder: Path) -> None:
    """Rows of different lengths in one: the ragged tensor is built inside."""

    def call(tf: Any, weights: Any, values: Any, lengths: Any) -> Any:
        ragged = tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
        return {"y": tf.tanh(tf.reduce_sum(ragged, 1) @ weights("k", 4, 6))}

    save(folder, call, values=([12, 4], "float32"), lengths=([3], "int64"))


def _lengths(generator: np.random.Generator) -> Array:
    cuts = np.sort(generator.integers(1, 12, 2))
    return np.diff([0, *cuts, 12]).astype(np.int64)


def _cached(folder: Path) -> None:
    """A decoder's step with the keys and values of the steps before handed in and out."""

    def call(tf: Any, weights: Any, token: Any, position: Any, keys: Any, values: Any) -> Any:
        x = tf.gather(weights("t", 30, 16, scale=0.5), token)
        q, k, v = (x @ weights(name, 16, 16) for name in "qkv")
        here = tf.one_hot(position, 10)[:, :, None]
        keys, values = keys * (1 - here) + k[:, None] * here, values * (1 - here) + v[:, None] * here
        seen = tf.cast(tf.range(10) <= position[:, None], tf.float32)
        scores = tf.einsum("bd,btd->bt", q, keys) / 4 + (seen - 1) * 1e4
        y = tf.einsum("bt,btd->bd", tf.nn.softmax(scores), values)
        return {"logits": (x + y) @ weights("o", 16, 30, scale=0.5), "keys": keys, "values": values}

    cache: tuple[list[int | None], str] = ([1, 10, 16], "float32")
    save(folder, call, token=([1], "int32"), position=([1], "int32"), keys=cache, values=cache)


KINDS: Final = (
    Kind(
        "attention",
        _attention,
        {"input_ids": below(50, 1, _LENGTH), "attention_mask": _mask},
        spec={"signature": {"inputs": [{"name": n, "shape": [1, -1]} for n in ("input_ids", "attention_mask")]}},
        expected={**everywhere(OR_GATE), **NOT_IN_16_BITS},
    ),
    Kind("greedy-decoder", _greedy, {"context": normal(1, 8)}, expected={**everywhere(OR_GATE), **NOT_IN_16_BITS}),
    Kind("beam-search", _beams, {"context": normal(1, 8)}, expected={**everywhere(OR_GATE), **NOT_IN_16_BITS}),
    Kind("ctc-decoder", _ctc, {"frames": normal(1, 20, 16)}, expected=everywhere(UNSUPPORTED)),
    Kind(
        "ctc-by-hand", _ctc_by_hand, {"frames": normal(1, 20, 16)}, expected={**everywhere(OR_GATE), **NOT_IN_INTEGERS}
    ),
    Kind("lora", _lora, {"x": normal(2, 32), "adapter": below(3)}),
    Kind(
        "sparse-lookup",
        _sparse,
        {"ids": lambda generator: generator.integers(-3, 20, (2, 5)).astype(np.int32)},
        expected=everywhere(UNSUPPORTED),
    ),
    Kind(
        "embedding-bag",
        _bag,
        {"ids": lambda generator: generator.integers(-3, 20, (2, 5)).astype(np.int32)},
        expected=NOT_IN_16_BITS,
    ),
    Kind(
        "ragged-batch",
        _ragged,
        {"values": normal(12, 4), "lengths": _lengths},
        expected={**everywhere(Reason.VERIFICATION_FAILED.value), **NOT_IN_INTEGERS},
    ),
    Kind(
        "cached-decoder",
        _cached,
        {"token": below(30, 1), "position": below(10, 1), "keys": normal(1, 10, 16), "values": normal(1, 10, 16)},
        expected={**NOT_IN_16_BITS, QuantizationType.INT8: OR_GATE},
    ),
)
