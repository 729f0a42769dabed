"""Every quantization type comes out as asked, on files that are read to prove it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter import exported_models
from tests.unit.converter.convert.refused.test_causes import save
from tests.unit.converter.convert.test_conversion import convert, verdict
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import FIXED, QuantizationType
from tflite_converter.artifact import flatbuffer
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.convert.rewriting.loop_steps import MOST_STEPS
from tflite_converter.core.failure import StepFailure

pytestmark = pytest.mark.tensorflow

SYNTHETIC = {"synthetic": True, "maxSamples": 20}


@pytest.fixture(scope="module")
def convolutional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("convolutional") / "model"
    exported_models.convolutional(folder)
    return folder


def quantized(model: Path, tmp_path: Path, gate: int = 10, **quantization: Any) -> tuple[Any, ArtifactFacts]:
    converted = convert(model, tmp_path, quantization=quantization, minSnrDecibels=gate)
    return converted, flatbuffer.read(tmp_path / "output" / "model.tflite")


def weights(facts: ArtifactFacts) -> set[str]:
    return {constant.dtype for constant in facts.constants if constant.elements >= 1024}


@pytest.mark.parametrize(
    ("kind", "dtypes", "gate"),
    [
        ("Float16", {"float16"}, 50),
        ("DynamicRange", {"int8"}, 25),
        ("Int8", {"int8"}, 20),
        ("Int16x8", {"int8"}, 25),
        ("WeightOnlyInt8", {"int8"}, 30),
        ("WeightOnlyInt4", {"int4"}, 5),
    ],
)
def test_weights_have_the_type_asked_for(
    convolutional: Path, tmp_path: Path, kind: str, dtypes: set[str], gate: int
) -> None:
    calibration = {"calibration": SYNTHETIC} if kind in {"Int8", "Int16x8"} else {}
    converted, facts = quantized(convolutional, tmp_path, gate, type=kind, **calibration)
    assert weights(facts) == dtypes
    assert converted.verdict is verdict(kind)
    content = (tmp_path / "output" / "model.tflite").read_bytes()
    assert flatbuffer.computes_in_16_bits(content) == (kind == "Int16x8")
    if calibration:
        assert facts.float_operations <= {"QUANTIZE", "DEQUANTIZE"}
        assert (converted.calibration.source, converted.calibration.samples) == ("Synthetic", 20)


@pytest.mark.parametrize(("io", "dtype"), [("Float32", "float32"), ("Int8", "int8"), ("UInt8", "uint8")])
def test_inputs_and_outputs_have_the_type_asked_for(convolutional: Path, tmp_path: Path, io: str, dtype: str) -> None:
    converted, facts = quantized(convolutional, tmp_path, 20, type="Int8", io=io, calibration=SYNTHETIC)
    tensors = (*converted.signature.inputs, *converted.signature.outputs)
    assert {tensor.dtype for tensor in tensors} == {dtype}
    assert (dtype == "float32") == bool(facts.float_operations)
    assert converted.verification is not None


def test_what_is_kept_in_floats_stays_there_and_the_rest_does_not(convolutional: Path, tmp_path: Path) -> None:
    kept = {"operations": ["FULLY_CONNECTED"]}
    _, facts = quantized(convolutional, tmp_path, type="Int8", calibration=SYNTHETIC, keepFloat=kept)
    assert facts.float_operations - {"QUANTIZE", "DEQUANTIZE"} == {"FULLY_CONNECTED"}


def test_a_kept_operation_that_the_model_does_not_have_is_named(convolutional: Path, tmp_path: Path) -> None:
    with pytest.raises(
        StepFailure, match=r"keepFloat\.operations names SOFTMAXX, but the artifact has: .*CONV_2D"
    ) as e:
        quantized(convolutional, tmp_path, type="Int8", calibration=SYNTHETIC, keepFloat={"operations": ["SOFTMAXX"]})
    assert e.value.reason is Reason.INVALID_SPEC
    with pytest.raises(StepFailure, match=r"keepFloat\.tensors names nowhere"):
        quantized(convolutional, tmp_path, type="Int8", calibration=SYNTHETIC, keepFloat={"tensors": ["nowhere"]})


def fetched(path: Path) -> dict[str, str]:
    return {"path": str(path), "digest": f"sha256:{'0' * 64}"}


def test_the_users_samples_calibrate_and_verify(convolutional: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(1).uniform(0, 1, (12, 8, 8, 3)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", image=images)
    converted = convert(
        convolutional,
        tmp_path,
        quantization={"type": "Int8", "calibration": {"dataset": "s3://abc/samples.npz"}},
        minSnrDecibels=20,
        datasets={"calibration": fetched(tmp_path / "samples.npz")},
    )
    assert converted.calibration.to_object() == {
        "source": "Dataset",
        "samples": 12,
        "digest": f"sha256:{'0' * 64}",
    }
    assert (converted.verification.source, converted.verification.samples) == ("Calibration", 12)


def test_a_sample_that_does_not_fit_ends_the_conversion(convolutional: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "samples.npz", image=np.zeros((12, 9, 8, 3), np.float32))
    with pytest.raises(StepFailure, match=r"\[9, 8, 3\] for input image, which is \[-1, 8, 8, 3\]") as caught:
        convert(
            convolutional,
            tmp_path,
            quantization={"type": "Int8", "calibration": {"dataset": "s3://abc/samples.npz"}},
            datasets={"calibration": fetched(tmp_path / "samples.npz")},
        )
    assert caught.value.reason is Reason.DATASET_MISMATCH


def test_samples_for_the_verification_alone_are_compared_on_whatever_the_type(
    convolutional: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "own.npz", image=np.random.default_rng(1).random((3, 8, 8, 3), np.float32))
    own = {"verificationSamples": {"maxSamples": 5}, "datasets": {"verification": fetched(tmp_path / "own.npz")}}
    plain = convert(convolutional, tmp_path, **own)
    assert (plain.verification.source, plain.verification.samples) == ("Verification", 3)
    synthetic = {"quantization": {"type": "Int8", "calibration": SYNTHETIC}, "minSnrDecibels": 10}
    integers = convert(convolutional, tmp_path, **synthetic, **own)
    assert (integers.verification.source, integers.verification.samples) == ("Verification", 3)
    assert (integers.calibration.source, integers.calibration.samples) == ("Synthetic", SYNTHETIC["maxSamples"])


def test_a_verification_sample_that_does_not_fit_ends_the_conversion(convolutional: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", image=np.zeros((3, 9, 8, 3), np.float32))
    own = {"verificationSamples": {}, "datasets": {"verification": fetched(tmp_path / "own.npz")}}
    with pytest.raises(StepFailure, match=r"\[9, 8, 3\] for input image") as caught:
        convert(convolutional, tmp_path, **own)
    assert caught.value.reason is Reason.DATASET_MISMATCH


def test_an_operation_without_an_integer_kernel_is_named_with_what_to_write(tmp_path: Path) -> None:
    exported_models.with_cosine(tmp_path / "model")
    with pytest.raises(StepFailure, match=r"COS still compute.*keepFloat\.operations: \[COS\]") as caught:
        quantized(tmp_path / "model", tmp_path, type="Int8", calibration=SYNTHETIC)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    _, facts = quantized(
        tmp_path / "model", tmp_path, type="Int8", calibration=SYNTHETIC, keepFloat={"operations": ["COS"]}
    )
    assert "COS" in facts.float_operations
    assert "FULLY_CONNECTED" not in facts.float_operations


def scattering(folder: Path) -> None:
    """Numbers above 0 alone are put into a matrix that is 0 elsewhere."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        return {"y": tf.scatter_nd([[0], [2], [5]], tf.nn.sigmoid(x @ kernel) + 1.0, [8, 16])}

    module = tf.Module()
    kernel = module.kernel = tf.Variable(np.random.default_rng(1).normal(0, 0.2, (64, 16)).astype(np.float32))
    module.call = tf.function(call)
    spec = tf.TensorSpec([3, 64], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(spec))


def test_what_fills_with_the_integer_0_is_named(tmp_path: Path) -> None:
    scattering(tmp_path / "model")
    with pytest.raises(StepFailure, match=r"keepFloat\.operations: \[SCATTER_ND\]") as caught:
        quantized(tmp_path / "model", tmp_path, type="Int8", calibration=SYNTHETIC)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    kept = {"operations": ["SCATTER_ND"]}
    converted, facts = quantized(tmp_path / "model", tmp_path, 30, type="Int8", calibration=SYNTHETIC, keepFloat=kept)
    assert (converted.verdict, facts.misfilling_operations) == (Reason.REAL_DATA_NOT_SEEN, frozenset())
    with pytest.raises(StepFailure, match=r"SCATTER_ND does not take .* Int8 with .*\[SCATTER_ND\]"):
        quantized(tmp_path / "model", tmp_path, type="Int16x8", calibration=SYNTHETIC)


def test_a_convolution_with_a_computed_kernel_is_named_with_what_to_write(tmp_path: Path) -> None:
    def matched(tf: Any, weights: Any, template: Any, picture: Any) -> Any:
        found = tf.nn.conv2d(picture, tf.transpose(template, [1, 2, 3, 0]), 1, "VALID")
        return {"y": tf.reshape(found, [1, 25]) @ weights(25, 4)}

    model = tmp_path / "model"
    save(matched, model, template=([1, 4, 4, 3], "float32"), picture=([1, 8, 8, 3], "float32"))
    # No gate would find it.
    with pytest.raises(StepFailure, match=r"CONV_2D takes kernels of 8 bits alone.*Int8 with .*\[CONV_2D\]") as caught:
        quantized(model, tmp_path, 0, type="Int16x8", calibration=SYNTHETIC)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    quantized(model, tmp_path, type="Int8", calibration=SYNTHETIC, keepFloat={"operations": ["CONV_2D"]})


def test_sums_in_16_bits_are_named_where_the_gate_fails_and_the_cure_holds_it(tmp_path: Path) -> None:
    model = tmp_path / "model"
    save(lambda tf, weights, x: {"y": tf.reduce_sum(x @ weights(8, 8), 1)}, model, x=([1, 512, 8], "float32"))
    with pytest.raises(StepFailure, match=r"larger sums are cut off.* use quantization\.type Int8, or Dyn") as caught:
        quantized(model, tmp_path, 25, type="Int16x8", calibration=SYNTHETIC)
    assert caught.value.reason is Reason.VERIFICATION_FAILED
    quantized(model, tmp_path, 10, type="Int8", calibration=SYNTHETIC)


Body = Callable[[Any, Any, Any], Any]
ZEROS: dict[str, Body] = {
    "subtracted from": lambda tf, weights, x: tf.zeros([8]) - tf.nn.tanh((x @ weights(8, 8))[0]),
    "subtracted": lambda tf, weights, x: tf.nn.tanh(x @ weights(8, 8)) - tf.zeros([8]),
    "added": lambda tf, weights, x: tf.nn.tanh(x @ weights(8, 8)) + tf.zeros([8]),
    "added to several": lambda tf, weights, x: tf.stack([x @ weights(8, 8), x * 50.0], 1) + tf.zeros([1, 2, 8]),
}
_EPSILON = 1e-3


def normalized(tf: Any, x: Any, axis: int) -> Any:
    mean, variance = tf.nn.moments(x, axis, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + _EPSILON)


SQUARES: dict[str, Body] = {
    "of a layer": lambda tf, weights, x: normalized(tf, x @ weights(8, 32), -1),
    "of a picture": lambda tf, weights, x: normalized(tf, tf.reshape(x @ weights(8, 32), [1, 4, 4, 2]), 1),
    "of a batch": lambda tf, weights, x: tf.compat.v1.nn.fused_batch_norm(
        tf.reshape(x @ weights(8, 32), [1, 4, 4, 2]), tf.ones([2]), tf.zeros([2]), is_training=True
    )[0],
    "alone": lambda tf, weights, x: tf.square(x @ weights(8, 8)) @ weights(8, 4),
    "of distances": lambda tf, weights, x: tf.math.squared_difference(x @ weights(8, 8), weights(8)),
}


def in_16_bits(tmp_path: Path, body: Body) -> ArtifactFacts:
    model = tmp_path / "model"
    save(lambda tf, weights, x: {"y": body(tf, weights, x)}, model, x=([1, 8], "float32"))
    converted, facts = quantized(model, tmp_path, 15, type="Int16x8", calibration={"synthetic": True})
    assert converted.verdict is Reason.REAL_DATA_NOT_SEEN
    return facts


@pytest.mark.parametrize("name", ZEROS)
def test_zeros_in_16_bits_have_a_scale(tmp_path: Path, name: str) -> None:
    """LiteRT ends the process at a constant of zeros with the scale that TensorFlow's quantizer gives it."""
    assert not in_16_bits(tmp_path, ZEROS[name]).aborting_operations


@pytest.mark.parametrize("name", SQUARES)
def test_squares_in_16_bits_are_written_out(tmp_path: Path, name: str) -> None:
    """LiteRT has no kernel for them, and so none for what is normalized by its own mean."""
    facts = in_16_bits(tmp_path, SQUARES[name])
    assert not facts.operations & {"SQUARE", "SQUARED_DIFFERENCE"}
    assert facts.float_operations <= {"QUANTIZE", "DEQUANTIZE"}


@pytest.mark.parametrize("is_scaled", [False, True])
def test_layers_in_16_bits_that_share_a_bias_read_it_alike(tmp_path: Path, is_scaled: bool) -> None:
    """TensorFlow's quantizer gives it the scale of the first: 15.8 dB with three layers."""
    model = tmp_path / "model"

    def thrice(tf: Any, weights: Any, x: Any) -> Any:
        for _ in range(3):
            x = (x @ weights(8, 8) + weights(8)) * 0.5
        return {"y": x * weights(8) if is_scaled else x}

    save(thrice, model, x=([1, 8], "float32"))
    converted, _ = quantized(model, tmp_path, 40, type="Int16x8", calibration=SYNTHETIC)
    assert converted.verdict is Reason.REAL_DATA_NOT_SEEN


INFINITE: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "a division by 0": lambda tf, weights, x, divisor: tf.nn.tanh((x @ weights(8, 8)) / divisor),
    # TensorFlow's quantizer ends the process at a scale without end.
    "a logarithm of 0": lambda tf, weights, x, divisor: tf.math.log(tf.nn.relu(x @ weights(8, 8))) * divisor,
}


@pytest.mark.parametrize("name", INFINITE)
def test_what_is_infinite_as_it_is_measured_is_said(tmp_path: Path, name: str) -> None:
    def call(tf: Any, weights: Any, x: Any, divisor: Any) -> Any:
        return {"y": INFINITE[name](tf, weights, x, divisor)}

    model = tmp_path / "model"
    save(call, model, x=([1, 8], "float32"), divisor=([], "float32"))
    with pytest.raises(
        StepFailure, match=r"is infinite on the samples .*: use quantization\.type DynamicRange"
    ) as caught:
        quantized(model, tmp_path, type="Int8", calibration=SYNTHETIC)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    quantized(model, tmp_path, type="DynamicRange")


def test_an_operation_without_a_16_bit_form_is_named_with_what_to_write(tmp_path: Path) -> None:
    exported_models.with_cosine(tmp_path / "model")
    words = r"Int16x8 has no integers for COS: use quantization\.type Int8 with .*keepFloat\.operations: \[COS\]"
    with pytest.raises(StepFailure, match=words) as caught:
        quantized(tmp_path / "model", tmp_path, type="Int16x8", calibration=SYNTHETIC)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE


def test_activations_that_are_never_finite_cannot_be_measured(tmp_path: Path) -> None:
    exported_models.never_finite(tmp_path / "model")
    with pytest.raises(StepFailure, match=r"converter gave up: Unable to find min/max value .* in LOG") as caught:
        quantized(tmp_path / "model", tmp_path, type="Int16x8", calibration=SYNTHETIC)
    assert caught.value.reason is Reason.CONVERSION_FAILED


@pytest.mark.parametrize("kind", ["Int8", "Int16x8"])
def test_a_short_loop_is_written_out_for_integers(tmp_path: Path, kind: str) -> None:
    exported_models.recurrent(tmp_path / "model")
    # On inputs of 0 alone its outputs are small; the type's own gate holds for these as for the others.
    gate = QuantizationType(kind).facts.min_snr_decibels
    converted, facts = quantized(tmp_path / "model", tmp_path, gate, type=kind, calibration={"synthetic": True})
    assert (converted.verdict, converted.strategy) == (verdict(kind), "SingleBatch+UnrolledLoops")
    assert "loops are written out" in converted.message
    assert "WHILE" not in facts.operations
    assert facts.float_operations <= {"QUANTIZE", "DEQUANTIZE"}


@pytest.mark.parametrize(
    ("steps", "words"),
    [(MOST_STEPS + 1, f"has more than the {MOST_STEPS} steps"), (None, r"pin .* signature\.inputs")],
)
def test_a_loop_that_cannot_be_written_out_has_no_integer_form_and_does_not_crash(
    tmp_path: Path, steps: int | None, words: str
) -> None:
    exported_models.recurrent(tmp_path / "model", steps)
    with pytest.raises(StepFailure, match=words) as caught:
        quantized(tmp_path / "model", tmp_path, type="Int8", calibration=SYNTHETIC)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    assert "DynamicRange" in caught.value.message


def test_small_weights_are_quantized_too(tmp_path: Path) -> None:
    exported_models.pinned_to_gpu(tmp_path / "model")
    converted, facts = quantized(tmp_path / "model", tmp_path, type="DynamicRange")
    assert converted.strategy == "Plain+SmallWeights"
    assert "int8" in {constant.dtype for constant in facts.constants}


def test_every_type_is_tried_here() -> None:
    assert set(FIXED) == {
        "None",
        "Float16",
        "DynamicRange",
        "Int8",
        "Int16x8",
        "WeightOnlyInt8",
        "WeightOnlyInt4",
    }
