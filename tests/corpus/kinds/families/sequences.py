"""Models of time: recurrent ones, sound, and what keeps state between calls."""

from pathlib import Path
from typing import Any, Final

from tests.corpus.kinds.kind import (
    NOT_IN_16_BITS,
    NOT_IN_INTEGERS,
    NOT_QUANTIZABLE,
    RIGHT,
    UNSUPPORTED,
    Kind,
    everywhere,
    normal,
)
from tests.corpus.kinds.saving import save, values
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import CALIBRATED, QuantizationType


def _state(folder: Path) -> None:
    def call(tf: Any, weights: Any, frame: Any) -> Any:
        h = weights("h", 1, 4, scale=0.0)
        h.assign(tf.tanh(frame @ weights("k", 3, 4) + h @ weights("r", 4, 4)))
        return {"out": h.read_value()}

    save(folder, call, frame=([1, 3], "float32"))


def _ring(folder: Path) -> None:
    """A convolution over the last frames, which a variable keeps: sound as it comes."""

    def call(tf: Any, weights: Any, frame: Any) -> Any:
        kept = weights("kept", 1, 7, 16, scale=0.0)
        window = tf.concat([kept, frame[:, None]], 1)
        kept.assign(window[:, 1:])
        y = tf.nn.relu(tf.nn.conv1d(window, weights("k", 8, 16, 32), 1, "VALID"))
        return {"y": y[:, 0] @ weights("o", 32, 4)}

    save(folder, call, frame=([1, 16], "float32"))


def _training(folder: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.kernel, module.bias = tf.Variable(values("kernel", 6, 3)), tf.Variable(tf.zeros([3]))

    def train(x: Any, y: Any) -> Any:
        both = [module.kernel, module.bias]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ module.kernel + module.bias - y) ** 2)
        for variable, gradient in zip(both, tape.gradient(loss, both), strict=True):
            variable.assign_sub(0.1 * gradient)
        return {"loss": loss}

    x, y = tf.TensorSpec([4, 6], tf.float32, name="x"), tf.TensorSpec([4, 3], tf.float32, name="y")
    module.train, module.infer = tf.function(train), tf.function(lambda x: {"y": x @ module.kernel + module.bias})
    signatures = {
        "train": module.train.get_concrete_function(x, y),
        "infer": module.infer.get_concrete_function(tf.TensorSpec([None, 6], tf.float32, name="x")),
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)


def _keras(folder: Path, *layers: str, steps: int | None = 6) -> None:
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    stack = [_layer(tf.keras.layers, name) for name in layers]
    model = tf.keras.Sequential([tf.keras.layers.Input((steps, 5), name="sequence"), *stack, tf.keras.layers.Dense(3)])
    model.export(str(folder), verbose=False)


def _layer(layers: Any, name: str) -> Any:
    match name:
        case "bidirectional":
            return layers.Bidirectional(layers.LSTM(8))
        case "masking":
            return layers.Masking()
        case "rnn":
            return layers.SimpleRNN(8)
        case _:
            return getattr(layers, name)(8)


def _spectrogram(folder: Path, length: int) -> None:
    def call(tf: Any, _: Any, waveform: Any) -> Any:
        return {"magnitude": tf.abs(tf.signal.stft(waveform, 400, 160, length))}

    save(folder, call, waveform=([None], "float32"))


def _mel(folder: Path) -> None:
    """What a recogniser of words begins with: windows, a Fourier transform, mel bands, a logarithm, cosines."""

    def call(tf: Any, weights: Any, waveform: Any) -> Any:
        power = tf.abs(tf.signal.stft(waveform, 256, 128, 256)) ** 2
        bands = tf.signal.linear_to_mel_weight_matrix(20, 129, 16000, 60.0, 7600.0)
        features = tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(power @ bands + 1e-6))[..., :13]
        return {"scores": tf.nn.softmax(tf.reduce_mean(features, 1) @ weights("k", 13, 4, scale=0.1))}

    save(folder, call, waveform=([1, 2048], "float32"))


def _resynthesis(folder: Path) -> None:
    """Sound through a spectrum and back again."""

    def call(tf: Any, weights: Any, waveform: Any) -> Any:
        spectrum = tf.signal.stft(waveform, 256, 128, 256)
        gain = tf.sigmoid(tf.abs(spectrum) @ weights("g", 129, 129, scale=0.1))
        return {"y": tf.signal.inverse_stft(spectrum * tf.cast(gain, tf.complex64), 256, 128, 256)}

    save(folder, call, waveform=([1, 1024], "float32"))


def _causal(folder: Path) -> None:
    """Dilated convolutions over time that see nothing of what comes, with gates."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        for layer, dilation in enumerate((1, 2, 4)):
            padded = tf.pad(x, [[0, 0], [dilation, 0], [0, 0]])
            y = tf.nn.conv1d(padded, weights(f"k{layer}", 2, 8, 16), 1, "VALID", dilations=dilation)
            x += tf.tanh(y[..., :8]) * tf.sigmoid(y[..., 8:])
        return {"y": x}

    save(folder, call, x=([1, 32, 8], "float32"))


def _normalizer(folder: Path) -> None:
    """Running means and a counter of calls, as in what learns on the device."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        mean, count = weights("mean", 8, scale=0.0), weights("count", 1, scale=0.0)
        count.assign_add([1.0])
        mean.assign_add((tf.reduce_mean(x, 0) - mean) / count)
        return {"y": (x - mean) @ weights("k", 8, 4), "calls": count.read_value()}

    save(folder, call, x=([4, 8], "float32"))


_SEQUENCE: Final = {"sequence": normal(1, 6, 5)}
_PINNED_WAVE: Final = {"signature": {"inputs": [{"name": "waveform", "shape": [4000]}]}}
KINDS: Final = (
    Kind("recurrent-state", _state, {"frame": normal(1, 3)}, stateful=True),
    Kind(
        "streaming-convolution",
        _ring,
        {"frame": normal(1, 16)},
        stateful=True,
        expected=everywhere(NOT_QUANTIZABLE, QuantizationType.INT8),
    ),
    Kind("running-mean", _normalizer, {"x": normal(4, 8)}, stateful=True, expected=NOT_IN_16_BITS),
    Kind("on-device-training", _training, {"x": normal(5, 6)}, spec={"signature": {"key": "infer"}}, key="infer"),
    Kind("gru", lambda folder: _keras(folder, "GRU"), _SEQUENCE),
    Kind(
        "gru-any-length",
        lambda folder: _keras(folder, "GRU", steps=None),
        _SEQUENCE,
        expected=NOT_IN_INTEGERS,
        pin={"inputs": [{"name": "sequence", "shape": [1, 6, 5]}]},
    ),
    Kind(
        "gru-batch-4",
        lambda folder: _keras(folder, "GRU"),
        {"sequence": normal(4, 6, 5)},
        spec={"signature": {"inputs": [{"name": "sequence", "shape": [4, 6, 5]}]}},
        expected={**everywhere(Reason.VERIFICATION_FAILED.value), **everywhere(RIGHT, *CALIBRATED)},
        pin={"inputs": [{"name": "sequence", "shape": [1, 6, 5]}]},
    ),
    Kind("lstm", lambda folder: _keras(folder, "LSTM"), _SEQUENCE),
    Kind(
        "bidirectional-masked",
        lambda folder: _keras(folder, "masking", "bidirectional"),
        _SEQUENCE,
        expected=NOT_IN_INTEGERS,
    ),
    Kind("simple-rnn", lambda folder: _keras(folder, "rnn"), _SEQUENCE),
    Kind("causal-convolutions", _causal, {"x": normal(1, 32, 8)}),
    Kind(
        "spectrogram-512",
        lambda folder: _spectrogram(folder, 512),
        {"waveform": normal(4000)},
        spec=_PINNED_WAVE,
        expected=NOT_IN_INTEGERS,
    ),
    Kind(
        "spectrogram-400",
        lambda folder: _spectrogram(folder, 400),
        {"waveform": normal(4000)},
        spec=_PINNED_WAVE,
        expected=everywhere(UNSUPPORTED),
    ),
    Kind("mel-cepstrum", _mel, {"waveform": normal(1, 2048, scale=0.3)}, expected=everywhere(UNSUPPORTED)),
    Kind("resynthesis", _resynthesis, {"waveform": normal(1, 1024)}, expected=everywhere(UNSUPPORTED)),
)
