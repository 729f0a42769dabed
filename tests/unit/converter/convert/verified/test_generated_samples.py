"""What an artifact is worth that was measured on generated inputs: each model here went wrong on unfitting ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_converter.artifact import output_ranges
from tflite_converter.core.failure import StepFailure

pytestmark = pytest.mark.tensorflow

INT8 = {"quantization": {"type": "Int8", "calibration": {"synthetic": True}}, "minSnrDecibels": 10}
GENERATOR = np.random.default_rng(7)


def weights(*shape: int) -> Any:
    return GENERATOR.normal(0, np.prod(shape[:-1]) ** -0.5, shape).astype(np.float32)


def export(folder: Path, body: Any, **inputs: tuple[list[int | None], str]) -> Path:
    """Save a function of inputs, each given as (shape, dtype)."""
    import tensorflow as tf

    module = tf.Module()
    specs = {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in inputs.items()}
    module.call = tf.function(body)
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(**specs))
    return folder


def verified_on(folder: Path, samples: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an order says of a dataset for the verification."""
    folder.mkdir()
    np.savez(folder / "samples.npz", **samples)
    dataset = {"path": str(folder / "samples.npz"), "digest": "sha256:" + "0" * 64}
    return {"verificationSamples": {}, "datasets": {"verification": dataset}}


def test_a_picture_of_whole_numbers_is_measured_on_pixels(tmp_path: Path) -> None:
    import tensorflow as tf

    first, second = weights(3, 3, 3, 16), weights(1, 1, 16, 4)

    def keypoints(image: Any) -> dict[str, Any]:
        x = tf.nn.relu6(tf.nn.conv2d((tf.cast(image, tf.float32) - 127.5) / 127.5, first, 4, "SAME"))
        heat = tf.reshape(tf.sigmoid(tf.nn.conv2d(x, second, 1, "SAME")), [1, 12 * 16, 4])
        best = tf.argmax(heat, 1, output_type=tf.int32)[0]
        places = tf.cast(tf.stack([best // 16, best % 16], -1), tf.float32) / [12.0, 16.0]
        return {"keypoints": tf.concat([places, tf.reduce_max(heat, 1)[0][:, None]], -1)}

    model = export(tmp_path / "model", keypoints, image=([1, 48, 64, 3], "int32"))
    converted = convert(model, tmp_path, quantization={"type": "DynamicRange"}, minSnrDecibels=15)
    assert converted.verdict is Reason.SNR_SUFFICIENT, converted.message
    assert "Generated: image as pixels from 0 to 255" in converted.message
    assert {part.name for part in converted.verification.distributions} == {
        *("Normal", "SmallNormal", "Uniform", "SymmetricUniform", "Sparse")
    }


def test_a_frame_is_filled_so_that_there_is_something_to_compare(tmp_path: Path) -> None:
    import tensorflow as tf

    def spectrogram(waveform: Any) -> dict[str, Any]:
        return {"magnitude": tf.abs(tf.signal.stft(waveform, 400, 160, 512))}

    model = export(tmp_path / "model", spectrogram, waveform=([None], "float32"))
    converted = convert(model, tmp_path)
    assert converted.verdict is Reason.SNR_SUFFICIENT, converted.message
    assert converted.verification.snr_decibels != "inf"
    assert "first dimension 512 and 768" in converted.message


def hidden(words: Any, mask: Any) -> dict[str, Any]:
    """Scores of which a mask leaves some: what it hides has the size of 1e9, beside which eight bits hold nothing."""
    import tensorflow as tf

    table = np.random.default_rng(3).normal(size=(50, 16)).astype(np.float32)
    x = tf.gather(table, words)
    scores = tf.matmul(x, x, transpose_b=True) / 4 + ((1 - tf.cast(mask, tf.float32)) * -1e9)[:, None, :]
    return {"y": tf.matmul(tf.nn.softmax(scores), x)}


def test_a_mask_of_zeros_and_ones_shows_what_other_numbers_hide(tmp_path: Path) -> None:
    shapes: Any = {"words": ([1, 12], "int32"), "mask": ([1, 12], "int32")}
    model = export(tmp_path / "model", hidden, **shapes)
    with pytest.raises(StepFailure, match="mask as a mask of 0 and 1, words as indices from 0 to 49") as caught:
        convert(model, tmp_path, **INT8)
    assert caught.value.reason is Reason.VERIFICATION_FAILED
    assert "verification.samples" in caught.value.message


def test_what_was_calibrated_on_generated_inputs_is_verified_on_real_ones_alone(tmp_path: Path) -> None:
    import tensorflow as tf

    dense = weights(8, 4)
    model = export(tmp_path / "model", lambda x: {"y": tf.matmul(x, dense)}, x=([1, 8], "float32"))
    converted = convert(model, tmp_path, **INT8)
    assert converted.verdict is Reason.REAL_DATA_NOT_SEEN
    assert "verification.samples" in converted.message
    assert converted.verification.samples >= 20
    assert convert(model, tmp_path, **INT8).message == converted.message
    real = verified_on(tmp_path / "data", {"x": GENERATOR.normal(size=(30, 8)).astype(np.float32)})
    cured = convert(model, tmp_path, **INT8, **real)
    assert cured.verdict is Reason.SNR_SUFFICIENT
    assert (cured.verification.samples, cured.verification.distributions) == (30, None)
    worst, whole = cured.verification.worst_sample_snr_decibels, cured.verification.snr_decibels
    assert float(worst) < float(whole)


def test_an_artifact_that_gives_no_numbers_is_told_with_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    def broken(*_: Any) -> Any:
        raise StepFailure(Reason.VERIFICATION_FAILED, "The artifact's output y holds NaN", "Try another type")

    monkeypatch.setattr("tflite_converter.verify.comparison.measure", broken)
    model = export(tmp_path / "model", lambda x: {"y": tf.cast(x, tf.float32) / 255.0}, x=([1, 8], "int32"))
    with pytest.raises(StepFailure, match="holds NaN; Generated: x as pixels from 0 to 255") as caught:
        convert(model, tmp_path, quantization={"type": "Float16"}, minSnrDecibels=10)
    assert "verification.samples" in caught.value.message
    given = verified_on(tmp_path / "data", {"x": np.ones((5, 8), np.int32)})
    with pytest.raises(StepFailure, match="holds NaN") as caught:
        convert(model, tmp_path, quantization={"type": "Float16"}, minSnrDecibels=10, **given)
    assert "Try another type" in caught.value.message


def test_probabilities_that_vanish_are_no_failure_and_no_proof(tmp_path: Path) -> None:
    import tensorflow as tf

    dense = weights(8, 4)

    def body(x: Any) -> dict[str, Any]:
        return {"y": tf.sigmoid(tf.matmul(x, dense) - 37.0)}

    model = export(tmp_path / "model", body, x=([1, 8], "float32"))
    converted = convert(model, tmp_path, **INT8)
    assert converted.verdict is Reason.INSENSITIVE, converted.message
    assert "y is vanishingly small" in converted.message


def test_an_outputs_range_is_read_from_the_operator_that_gives_it(tmp_path: Path) -> None:
    import tensorflow as tf

    def body(x: Any) -> dict[str, Any]:
        near = tf.nn.softmax(x)
        return {
            "sigmoid": tf.sigmoid(x),
            "slice": near[:, 1:2],
            "joined": tf.concat([tf.sigmoid(x), near], 1),
            "mixed": tf.concat([tf.sigmoid(x), x], 1),
            "product": tf.sigmoid(x) * tf.sigmoid(x + 1.0),
            "gated": tf.sigmoid(x) * x,
            "open": x * 3.0,
        }

    model = export(tmp_path / "model", body, x=([1, 8], "float32"))
    convert(model, tmp_path)
    found = output_ranges.of((tmp_path / "output" / "model.tflite").read_bytes())
    assert found == {"serving_default": {"sigmoid": 1.0, "slice": 1.0, "joined": 1.0, "product": 1.0}}


def lstm(folder: Path) -> Path:
    """Save a classifier of seventeen features as Keras 2 writes its LSTM, so that it can become one operator."""
    keras = pytest.importorskip("tf_keras")
    keras.utils.set_random_seed(2)
    layers = [keras.layers.Input((6, 17)), keras.layers.LSTM(16), keras.layers.Dense(5, activation="softmax")]
    keras.Sequential(layers).save(str(folder), save_format="tf")
    return folder


def test_of_an_lstms_two_forms_the_better_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = lstm(tmp_path / "model")
    converted = convert(model, tmp_path, **INT8)
    assert converted.verdict is Reason.REAL_DATA_NOT_SEEN
    figures = [float(part.snr_decibels) for part in converted.verification.distributions]
    words = converted.message.rpartition("as one operator ")[2]
    fused, written_out = (float(part.split()[-2]) for part in words.split(", "))
    assert fused != written_out
    assert min(figures) == pytest.approx(max(fused, written_out))
    assert ("FusedLSTM" in converted.strategy) == (fused > written_out)
    assert ("UnrolledLoops" in converted.strategy) == (fused < written_out)
    # A loop of more steps than that is left as it is.
    monkeypatch.setattr("tflite_converter.convert.forms.MOST_STEPS", 5)
    alone = convert(model, tmp_path, **INT8)
    assert alone.strategy.endswith("FusedLSTM")
    assert "of two forms" not in alone.message
