"""The cause that is named is the cause, and the cure that is named works."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import yaml

from tests.unit.converter import exported_models
from tests.unit.converter.convert.test_conversion import convert, verdict
from tflite_api.reasons import Reason
from tflite_converter.convert.pinned import pinning
from tflite_converter.core.failure import RunRefused, StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.quantize import calibrator
from tflite_converter.verify import kernels, observation
from tflite_converter.verify.kernels import CannotRun
from tflite_converter.verify.observation import Inputs
from tflite_converter.verify.reference import GivenSamples

pytestmark = pytest.mark.tensorflow

INT8: Final[dict[str, Any]] = {
    "quantization": {"type": "Int8", "calibration": {"synthetic": True}},
    "minSnrDecibels": 10,
}


def save(call: Callable[..., Any], folder: Path, **inputs: tuple[Any, str]) -> None:
    """Save a function of TensorFlow's module, weights by shape, and inputs by name."""
    import tensorflow as tf

    module = tf.Module()
    kept = dict[tuple[int, ...], Any]()

    def weights(*shape: int) -> Any:
        if shape not in kept:
            values = np.random.default_rng(len(kept)).normal(0, 0.3, shape).astype(np.float32)
            with tf.init_scope():
                kept[shape] = tf.Variable(values)
                setattr(module, f"weights_{len(kept)}", kept[shape])
        return kept[shape]

    module.call = tf.function(lambda **given: call(tf, weights, **given), autograph=False)
    specs = {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in inputs.items()}
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(**specs))


def refusal(model: Path, tmp_path: Path, **changes: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        convert(model, tmp_path, **changes)
    return caught.value


def pinned(**shapes: list[int]) -> dict[str, Any]:
    return {"inputs": [{"name": name, "shape": shape} for name, shape in shapes.items()]}


@pytest.mark.parametrize("length", [400, 512])
def test_an_fft_needs_a_power_of_two(tmp_path: Path, length: int) -> None:
    def spectrogram(tf: Any, _: Any, waveform: Any) -> Any:
        return {"y": tf.abs(tf.signal.stft(waveform, 400, 160, length))}

    save(spectrogram, tmp_path / "model", waveform=([2000], "float32"))
    if length == 512:
        assert convert(tmp_path / "model", tmp_path).verdict is Reason.SNR_SUFFICIENT
    else:
        refused = refusal(tmp_path / "model", tmp_path)
        assert refused.reason is Reason.UNSUPPORTED_OPERATION
        assert "RFFT2D takes only lengths that are a power of two" in refused.message
        assert "fft_length of 256, 512" in refused.message


def test_a_batch_that_is_pinned_stays_and_its_cure_is_named(tmp_path: Path) -> None:
    exported_models.recurrent(tmp_path / "model", None)
    name = "sequence"
    refused = refusal(tmp_path / "model", tmp_path, signature=pinned(**{name: [4, -1, 3]}))
    assert refused.reason is Reason.VERIFICATION_FAILED
    assert f"Pin the first dimension at 1 in signature.inputs, instead of {name} at 4" in refused.message
    converted = convert(tmp_path / "model", tmp_path, signature=pinned(**{name: [1, -1, 3]}))
    assert converted.verdict is Reason.SNR_SUFFICIENT


def test_several_inputs_of_flexible_batch_are_calibrated_together(tmp_path: Path) -> None:
    def joined(tf: Any, weights: Any, a: Any, b: Any) -> Any:
        return {"y": tf.concat([a @ weights(6, 8), b], 1) @ weights(11, 5)}

    save(joined, tmp_path / "model", a=([None, 6], "float32"), b=([None, 3], "float32"))
    converted = convert(tmp_path / "model", tmp_path, **INT8)
    assert converted.verdict is Reason.REAL_DATA_NOT_SEEN
    assert "first dimension 1 and 2" in converted.message


def masked(tf: Any, weights: Any, x: Any, mask: Any) -> Any:
    hidden = (1 - mask)[:, None, None, :] * -1e9
    return {"y": tf.nn.softmax((x @ weights(4, 4))[:, None] @ tf.transpose(x, [0, 2, 1])[:, None] + hidden)}


def test_a_dimension_that_an_operation_needs_fixed_is_found_by_trying(tmp_path: Path) -> None:
    save(masked, tmp_path / "model", x=([None, None, 4], "float32"), mask=([None, None], "float32"))
    refused = refusal(tmp_path / "model", tmp_path)
    assert refused.reason is Reason.UNSUPPORTED_OPERATION
    assert "StridedSlice, but not where shapes are fixed" in refused.message
    assert "selectTF" not in refused.message
    cure = refused.message.partition("Write into signature.inputs: ")[2]
    inputs = yaml.safe_load(cure)
    assert {pin["name"]: pin["shape"][0] for pin in inputs} == {"x": 1, "mask": 1}
    converted = convert(tmp_path / "model", tmp_path, signature={"inputs": inputs})
    assert converted.verdict is Reason.SNR_SUFFICIENT


@pytest.mark.parametrize("rows", [None, 2])
def test_what_was_tried_in_vain_is_told(tmp_path: Path, rows: int | None) -> None:
    save(lambda tf, _, x: {"y": tf.math.bessel_i0e(x)}, tmp_path / "model", x=([rows, 4], "float32"))
    words = "BesselI0e (pinning dimensions was tried in vain: the first dimensions)"
    assert (words in refusal(tmp_path / "model", tmp_path).message) == (rows is None)


def test_what_is_lacking_for_sure_is_not_tried(models: Path, tmp_path: Path) -> None:
    assert "in vain" not in refusal(models / "lacking", tmp_path).message


def test_pins_leave_most_flexible_first() -> None:
    inputs = (TensorFacts("x", "float32", (-1, -1, 4)), TensorFacts("y", "float32", (-1, -1)))
    shapes = [
        {tensor.name: tensor.shape for tensor in pin.signatures[0].inputs}
        for pin in pinning.pins((SignatureFacts("key", inputs, ()),), {"x": (1, 32, 4), "y": (1, 48)})
    ]
    assert shapes == [
        {"x": (1, -1, 4), "y": (1, -1)},
        {"x": (-1, 32, 4), "y": (-1, -1)},
        {"x": (-1, -1, 4), "y": (-1, 48)},
        {"x": (1, 32, 4), "y": (1, 48)},
    ]


def test_only_samples_that_change_several_inputs_at_once_begin_anew() -> None:
    def sample(*rows: int) -> tuple[str, dict[str, Any]]:
        return "key", {str(number): np.zeros((count, 2)) for number, count in enumerate(rows)}

    calls = [sample(1, 1), sample(1, 1), sample(2, 1), sample(1, 2), sample(1, 2), sample(2, 2)]
    assert [len(list(group)) for group in calibrator.groups(iter(calls))] == [3, 3]
    assert [len(list(group)) for group in calibrator.groups(iter([sample(1), sample(2), sample(1)]))] == [3]


@pytest.mark.parametrize("given", [None, GivenSamples([{"x": np.zeros((1, 2), np.float32)}] * 2, "Calibration")])
def test_channels_first_on_a_cpu_are_not_the_samples_fault(given: GivenSamples | None) -> None:
    def refusing(_: Any) -> Any:
        raise RunRefused("Default MaxPoolingOp only supports NHWC on device type CPU")

    with pytest.raises(StepFailure, match=r"channels first.*export it with channels last") as caught:
        observation.observe(refusing, Inputs([TensorFacts("x", "float32", (1, 2))], {}), given, assigns_state=False)
    assert caught.value.reason is Reason.UNSUPPORTED_OPERATION


def test_a_kernel_that_a_type_lacks_is_named_with_what_to_write(tmp_path: Path) -> None:
    def scattered(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.scatter_nd([[3], [0]], x @ weights(8, 16), [4, 16])}

    save(scattered, tmp_path / "model", x=([2, 8], "float32"))
    int16 = {"quantization": {"type": "Int16x8", "calibration": {"synthetic": True}}, "minSnrDecibels": 10}
    refused = refusal(tmp_path / "model", tmp_path, **int16)
    assert refused.reason is Reason.OPERATION_NOT_QUANTIZABLE, refused.message
    kept = {"operations": ["SCATTER_ND"]}
    assert "Int8 with quantization.keepFloat.operations: [SCATTER_ND]" in refused.message
    cured = {**INT8, "quantization": {**INT8["quantization"], "keepFloat": kept}}
    assert convert(tmp_path / "model", tmp_path, **cured).verdict is Reason.REAL_DATA_NOT_SEEN


def test_a_signature_of_many_inputs_and_outputs_is_shown_in_part(tmp_path: Path) -> None:
    def many(_: Any, __: Any, **given: Any) -> Any:
        return {f"y{number}": value * (number + 1) for number, value in enumerate(given.values())}

    save(many, tmp_path / "model", **{f"x{number}": ([2], "float32") for number in range(70)})
    converted = convert(tmp_path / "model", tmp_path)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    assert converted.signature.truncated
    assert (len(converted.signature.inputs), len(converted.signature.outputs)) == (64, 64)


def test_of_nested_operators_the_outermost_is_named_and_no_delegate() -> None:
    words = (
        "XNNPack delegate failed to reshape runtimeNode number 25 (TfLiteXNNPackDelegate) failed to prepare."
        "Node number 3 (WHILE) failed to invoke."
    )
    assert CannotRun(words, "x [4]").operator == "WHILE"
    assert CannotRun("something else", "x [4]").operator is None


def test_floats_are_not_told_to_take_a_gentler_type(tmp_path: Path) -> None:
    def deep(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.nn.softmax(tf.tanh(x @ weights(64, 512)) @ weights(512, 64))}

    save(deep, tmp_path / "model", x=([2, 64], "float32"))
    refused = refusal(tmp_path / "model", tmp_path, minSnrDecibels=400)
    assert refused.reason is Reason.VERIFICATION_FAILED
    assert refused.cure_given
    assert "quantization.type" not in refused.message
    assert "verification.samples" in refused.message


def trained_for_integers(tf: Any, weights: Any, x: Any) -> Any:
    fake = tf.quantization.fake_quant_with_min_max_args
    kernel = fake(weights(3, 3, 3, 16), -1.0, 1.0, narrow_range=True)
    y = fake(tf.nn.relu(tf.nn.conv2d(fake(x, -4.0, 4.0), kernel, 1, "SAME")), 0.0, 6.0)
    return {"y": fake(tf.reduce_mean(y, [1, 2]) @ fake(weights(16, 10), -1.0, 1.0, narrow_range=True), -4.0, 4.0)}


def sorted_out(tf: Any, weights: Any, x: Any) -> Any:
    y = tf.math.cos(x @ weights(8, 8)) + tf.math.square(x)
    best = tf.argmax(y, -1, output_type=tf.int32)
    return {"y": y, "changes": tf.where(best > 3, best, -1)}


@pytest.mark.parametrize(
    ("call", "shape", "cure", "kept"),
    [
        (trained_for_integers, [1, 8, 8, 3], "Int8, or DynamicRange", []),
        (sorted_out, [4, 8], "Int8 with quantization.keepFloat.operations: [", ["COS"]),
        (lambda tf, weights, x: {"y": tf.nn.depth_to_space(x * weights(4), 2)}, [1, 4, 4, 4], "Int8, or", []),
    ],
)
def test_what_16_bits_lack_comes_with_what_8_bits_need(
    tmp_path: Path, call: Any, shape: list[int], cure: str, kept: list[str]
) -> None:
    """Followed: what is named is enough, and each of the types does."""
    save(call, tmp_path / "model", x=(shape, "float32"))
    synthetic = {"calibration": {"synthetic": True}}
    refused = refusal(tmp_path / "model", tmp_path, quantization={"type": "Int16x8", **synthetic}, minSnrDecibels=25)
    assert refused.reason is Reason.OPERATION_NOT_QUANTIZABLE
    assert f"use quantization.type {cure}" in refused.message
    named = yaml.safe_load(refused.message.partition("operations: ")[2].partition("]")[0] + "]") if kept else []
    assert set(kept) <= set(named)
    keep = {"keepFloat": {"operations": named}} if named else {}
    for kind, details in {"Int8": {**synthetic, **keep}, "DynamicRange": {}}.items():
        quantization = {"type": kind, **details}
        converted = convert(tmp_path / "model", tmp_path, quantization=quantization, minSnrDecibels=10)
        assert converted.verdict is verdict(kind)


def test_a_model_that_was_trained_for_integers_is_told_to_keep_them(tmp_path: Path) -> None:
    save(trained_for_integers, tmp_path / "model", x=([1, 8, 8, 3], "float32"))
    refused = refusal(tmp_path / "model", tmp_path, quantization={"type": "Float16"}, minSnrDecibels=35)
    assert refused.reason is Reason.QUANTIZATION_NOT_APPLIED
    assert "trained for integers, by fake quantization. Use quantization.type None" in refused.message
    assert convert(tmp_path / "model", tmp_path).verdict is Reason.SNR_SUFFICIENT


@pytest.mark.parametrize("kind", ["None", "Int8", "Int16x8"])
def test_a_power_of_two_is_named_whatever_the_type(tmp_path: Path, kind: str) -> None:
    def call(length: int) -> Callable[..., Any]:
        return lambda tf, _, waveform: {"y": tf.abs(tf.signal.stft(waveform, 400, 160, length))}

    quantization = {"type": kind, **({"calibration": {"synthetic": True}} if kind != "None" else {})}
    save(call(400), tmp_path / "model", waveform=([2000], "float32"))
    refused = refusal(tmp_path / "model", tmp_path, quantization=quantization)
    assert refused.reason is Reason.UNSUPPORTED_OPERATION
    assert "fft_length of 256, 512" in refused.message


def test_what_fails_while_activations_are_measured_is_named() -> None:
    failure = kernels.of_the_float_file(
        "tensorflow/lite/kernels/x.cc:1 a != b Node number 3 (GATHER) failed to invoke."
    )
    assert failure is not None
    assert failure.reason is Reason.OPERATION_NOT_QUANTIZABLE
    assert "cannot run the model's GATHER on these samples" in failure.message
    assert kernels.of_the_float_file("Unable to find min/max value for output 0 in LOG") is None


def expert(tf: Any, weights: Any, x: Any, number: Any, *, nested: bool) -> Any:
    first, second, third = (lambda: x @ weights(8, 8), lambda: x * weights(8), lambda: tf.nn.relu(x))
    if not nested:
        return {"y": tf.switch_case(number, [first, second, third])}
    return {"y": tf.cond(number < 1, first, lambda: tf.cond(number < 2, second, third))}


def test_conditions_of_more_than_two_sides_are_named_and_nested_ones_convert(tmp_path: Path) -> None:
    inputs: dict[str, Any] = {"x": ([1, 8], "float32"), "number": ([], "int32")}
    save(partial(expert, nested=False), tmp_path / "model", **inputs)
    refused = refusal(tmp_path / "model", tmp_path)
    assert refused.reason is Reason.UNSUPPORTED_OPERATION
    assert "some of more (tf.switch_case)" in refused.message
    assert "VariableOp" not in refused.message
    assert "Export it with tf.cond in tf.cond" in refused.message
    save(partial(expert, nested=True), tmp_path / "nested", **inputs)
    assert convert(tmp_path / "nested", tmp_path).verdict is Reason.SNR_SUFFICIENT


def cepstrum(tf: Any, weights: Any, x: Any, *, complex_numbers: bool) -> Any:
    spectrum = tf.signal.rfft(x @ weights(16, 64))
    if complex_numbers:
        part = spectrum[:, :20]
        return {"y": tf.math.real(part) + tf.math.imag(part)}
    return {"y": tf.math.real(spectrum)[:, :20] + tf.math.imag(spectrum)[:, :20]}


def test_complex_numbers_are_named_and_their_parts_convert(tmp_path: Path) -> None:
    save(partial(cepstrum, complex_numbers=True), tmp_path / "model", x=([1, 16], "float32"))
    refused = refusal(tmp_path / "model", tmp_path)
    assert refused.reason is Reason.UNSUPPORTED_OPERATION
    assert "no kernels of these operations for complex numbers: StridedSlice" in refused.message
    assert "real and imaginary parts by themselves" in refused.message
    save(partial(cepstrum, complex_numbers=False), tmp_path / "parts", x=([1, 16], "float32"))
    assert convert(tmp_path / "parts", tmp_path).verdict is Reason.SNR_SUFFICIENT


@pytest.mark.parametrize("deep", [False, True])
def test_a_model_that_simulates_integers_is_told_apart(tmp_path: Path, deep: bool) -> None:
    def simulated(tf: Any, weights: Any, x: Any) -> Any:
        fake = tf.quantization.quantize_and_dequantize_v2
        y = fake(x, -4.0, 4.0, range_given=True) @ fake(weights(16, 64), -1.0, 1.0, range_given=True)
        # On one distribution it is further off than on all.
        return {"y": tf.nn.relu(y) @ weights(64, 4) if deep else y}

    model = tmp_path / "model"
    save(simulated, model, x=([1, 16], "float32"))
    refused = refusal(model, tmp_path, minSnrDecibels=60)
    assert refused.reason is Reason.VERIFICATION_FAILED
    reached = re.search(r"set verification\.minSNRDecibels to (\d+), which it reaches", refused.message)
    assert reached is not None, refused.message
    assert int(reached[1]) > 20
    assert convert(model, tmp_path, minSnrDecibels=int(reached[1])).verdict is Reason.SNR_SUFFICIENT
    refused = refusal(model, tmp_path, quantization={"type": "Float16"}, minSnrDecibels=25)
    assert refused.reason is Reason.CONVERSION_FAILED
    assert "made input x uint8, which is float32 in the model" in refused.message
    assert "Use quantization.type Int8" in refused.message
    assert convert(model, tmp_path, **INT8).verdict in {Reason.SNR_SUFFICIENT, Reason.REAL_DATA_NOT_SEEN}
