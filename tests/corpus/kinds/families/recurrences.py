"""Models of Keras' layers over time, and of loops that are no layer of Keras."""

from pathlib import Path
from typing import Any, Final

from tests.corpus.kinds.kind import NOT_IN_16_BITS, NOT_IN_INTEGERS, Kind, below, everywhere, normal
from tests.corpus.kinds.saving import save
from tflite_api.reasons import Reason


def _layers(folder: Path, shape: tuple[int | None, ...], *make: Any) -> None:
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    x = given = layers.Input(shape, name="sequence")
    for one in make:
        x = one(layers)(x)
    tf.keras.Model(given, x).export(str(folder), verbose=False)


def _stateful(folder: Path) -> None:
    """An LSTM that remembers the last call, as speech comes in frames."""
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    layers = tf_keras.layers
    given = layers.Input((4, 5), batch_size=1, name="sequence")
    tf_keras.Model(given, layers.Dense(3)(layers.LSTM(8, stateful=True)(given))).save(folder, save_format="tf")


def _convolved(folder: Path) -> None:
    """A recurrent layer whose product is a convolution: weather, frame by frame."""
    _layers(folder, (4, 8, 8, 2), lambda keras: keras.ConvLSTM2D(4, 3, padding="same"))


def _both_ways(folder: Path) -> None:
    _layers(
        folder,
        (6, 5),
        lambda keras: keras.Bidirectional(keras.GRU(6, return_sequences=True)),
        lambda keras: keras.TimeDistributed(keras.Dense(4)),
    )


def _multi_head(folder: Path) -> None:
    """A transformer's block from Keras' layers."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    given = layers.Input((10, 16), name="sequence")
    x = layers.LayerNormalization()(given + layers.MultiHeadAttention(2, 8)(given, given, use_causal_mask=True))
    x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, "gelu")(x)))
    tf.keras.Model(given, layers.Dense(4)(layers.GlobalAveragePooling1D()(x))).export(str(folder), verbose=False)


def _sequence_to_sequence(folder: Path) -> None:
    """An encoder whose state begins the decoder, with attention over what it gave."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    given, before = layers.Input((6, 5), name="sequence"), layers.Input((4,), dtype="int32", name="before")
    encoded, *state = layers.LSTM(8, return_sequences=True, return_state=True)(given)
    decoded = layers.LSTM(8, return_sequences=True)(layers.Embedding(9, 6)(before), initial_state=state)
    joined = layers.Concatenate()([decoded, layers.Attention()([decoded, encoded])])
    model = tf.keras.Model([given, before], layers.Dense(9, "softmax")(joined))
    model.export(str(folder), verbose=False)


def _reversed(folder: Path) -> None:
    """Sequences of different lengths, each read from its own end."""

    def call(tf: Any, weights: Any, x: Any, lengths: Any) -> Any:
        back = tf.reverse_sequence(x, lengths, seq_axis=1, batch_axis=0)
        mask = tf.cast(tf.sequence_mask(lengths, 7), tf.float32)[..., None]
        return {"y": tf.reduce_sum(tf.tanh(tf.tensordot(tf.concat([x, back], -1), weights("k", 8, 6), 1)) * mask, 1)}

    save(folder, call, x=([2, 7, 4], "float32"), lengths=([2], "int32"))


def _until_the_end(folder: Path) -> None:
    """Words until the one that ends them, so that as many come out as there are."""

    def call(tf: Any, weights: Any, context: Any) -> Any:
        table, recurrent, out = weights("t", 12, 8), weights("r", 8, 8), weights("o", 8, 12, scale=2.0)

        def step(i: Any, token: Any, h: Any, tokens: Any) -> Any:
            h = tf.tanh(tf.gather(table, token) @ recurrent + h)
            token = tf.argmax(h @ out, -1, output_type=tf.int32)
            return i + 1, token, h, tf.concat([tokens, token], 0)

        begin = (0, tf.zeros([1], tf.int32), context, tf.zeros([0], tf.int32))
        shapes = (tf.TensorShape([]), tf.TensorShape([1]), tf.TensorShape([1, 8]), tf.TensorShape([None]))
        more = lambda i, token, *_: tf.logical_and(i < 9, tf.reduce_all(token != 5)) | (i < 1)  # noqa: E731 - a condition
        return {"tokens": tf.while_loop(more, step, begin, shape_invariants=shapes)[3]}

    save(folder, call, context=([1, 8], "float32"))


def _filter(folder: Path) -> None:
    """A recursive filter over a signal, sample by sample, by `tf.scan`."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        a = tf.sigmoid(weights("a", 4, scale=1.0))
        return {"y": tf.scan(lambda y, sample: a * y + (1 - a) * sample, x, tf.zeros([4]))}

    save(folder, call, x=([12, 4], "float32"))


def _graph_loop(folder: Path) -> None:
    """A loop that autograph made of Python's, over a list that grows."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        k = weights("k", 6, 6, scale=0.4)
        array = tf.TensorArray(tf.float32, 5, element_shape=[1, 6])

        def body(i: Any, h: Any, kept: Any) -> Any:
            h = tf.nn.relu(h @ k + x)
            return i + 1, h, kept.write(i, h)

        kept = tf.while_loop(lambda i, *_: i < 5, body, (0, x, array))[2].stack()
        return {"y": tf.reduce_max(kept, 0), "all": kept}

    save(folder, call, x=([1, 6], "float32"))


def _dilated_rnn(folder: Path) -> None:
    """A recurrent cell of one's own, in Keras' layer, with two states."""
    import tensorflow as tf

    class Cell(tf.keras.layers.Layer):  # type: ignore[misc] # TensorFlow has no types
        state_size, output_size = (6, 6), 6

        def build(self, shape: Any) -> None:
            self.k = self.add_weight(shape=(shape[-1], 6), name="k")
            self.r = self.add_weight(shape=(6, 6), name="r")

        def call(self, x: Any, states: Any) -> Any:
            slow, fast = states
            fast = tf.tanh(x @ self.k + fast @ self.r + slow)
            return fast, (0.9 * slow + 0.1 * fast, fast)

    tf.keras.utils.set_random_seed(3)
    given = tf.keras.layers.Input((6, 5), name="sequence")
    tf.keras.Model(given, tf.keras.layers.RNN(Cell())(given)).export(str(folder), verbose=False)


def _lengths(generator: Any) -> Any:
    return generator.integers(1, 8, 2).astype("int32")


_SEQUENCE: Final = {"sequence": normal(1, 6, 5)}
KINDS: Final = (
    # A loop that is written out would lose the state.
    Kind("lstm-stateful", _stateful, {"sequence": normal(1, 4, 5)}, stateful=True, expected=NOT_IN_INTEGERS),
    Kind("conv-lstm", _convolved, {"sequence": normal(1, 4, 8, 8, 2)}),
    Kind("bidirectional-gru", _both_ways, _SEQUENCE),
    # Keras 3's GELU negates, and the quantizer has no integers for NEG.
    Kind("multi-head-attention", _multi_head, {"sequence": normal(1, 10, 16)}, expected=NOT_IN_INTEGERS),
    # Its tokens have no range that the calibrator measures, and in 16 bits it asks for one.
    Kind(
        "sequence-to-sequence",
        _sequence_to_sequence,
        {"sequence": normal(1, 6, 5), "before": below(9, 1, 4)},
        expected=NOT_IN_16_BITS,
    ),
    Kind("reversed-sequences", _reversed, {"x": normal(2, 7, 4), "lengths": _lengths}, expected=NOT_IN_INTEGERS),
    # LiteRT's WHILE fails on a list that is empty at first, with TensorFlow's converter alone as well.
    Kind(
        "until-the-end",
        _until_the_end,
        {"context": normal(1, 8)},
        expected={**everywhere(Reason.VERIFICATION_FAILED.value), **NOT_IN_INTEGERS},
    ),
    Kind("scan", _filter, {"x": normal(12, 4)}),
    Kind("loop-with-a-list", _graph_loop, {"x": normal(1, 6)}),
    Kind("cell-of-ones-own", _dilated_rnn, _SEQUENCE),
)
