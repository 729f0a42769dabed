"""A model of mixed precision, or of float64, is converted in float32, and the cause is named where that cannot be."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.convert.refused.test_causes import refusal, save
from tests.unit.converter.convert.test_conversion import convert, verdict
from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import ConvertedModel, FetchedDatasets
from tflite_converter.convert import finish
from tflite_converter.convert.child import convert_model
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.core.failure import StepFailure
from tflite_converter.model import operations
from tflite_converter.model.operations import LackingOperations
from tflite_converter.steps import accept
from tflite_converter.steps.accept import Asked

pytestmark = pytest.mark.tensorflow


def mixed(dtype: str) -> Callable[..., Any]:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.nn.conv2d(tf.cast(x, dtype), tf.cast(weights(3, 3, 3, 8), dtype), 1, "SAME")
        y = tf.nn.relu(y + tf.cast(weights(8), dtype))
        return {"y": tf.nn.softmax(tf.cast(tf.reduce_mean(y, [1, 2]), tf.float32)), "raw": y}

    return call


SPEC: dict[str, Any] = {
    "model": {"handle": "https://tfhub.dev/example/model/1"},
    "destination": {"s3": {"bucket": "models", "key": "model.tflite", "secretRef": {"name": "s3"}}},
}


def converted_as(spec: ConversionSpec, tmp_path: Path) -> ConvertedModel:
    output, scratch = tmp_path / "output", tmp_path / "scratch"
    for folder in (output, scratch):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    folders = {"model_dir": str(tmp_path / "model"), "output_dir": str(output), "scratch_dir": str(scratch)}
    return finish.measure(
        convert_model(ConversionOrder.of(spec, **folders, datasets=FetchedDatasets()), lambda _: None)
    )


def problem_with(converted: ConvertedModel, spec: ConversionSpec) -> str | None:
    return accept.problem_of(converted, converted.verdict, converted.verification, None, Asked.of(spec))


def in_and_out_of_float32(dtype: str, folder: Path) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        outputs = mixed(dtype)(tf, weights, x)
        return {**outputs, "raw": tf.cast(outputs["raw"], tf.float32)}

    save(call, folder, x=([None, 6, 6, 3], "float32"))


@pytest.mark.parametrize(
    ("dtype", "strategy", "gate"),
    [("float16", "HalfPrecision", 35), ("bfloat16", "HalfPrecision", 35), ("float64", "Float32", 60)],
)
def test_it_is_computed_in_float32_and_held_to_what_the_model_itself_rounds(
    tmp_path: Path, dtype: str, strategy: str, gate: int
) -> None:
    in_and_out_of_float32(dtype, tmp_path / "model")
    asked = ConversionSpec.from_object(SPEC)
    converted = converted_as(asked, tmp_path)
    assert (converted.verdict, converted.strategy) == (Reason.SNR_SUFFICIENT, strategy), converted.message
    assert f", {gate} dB asked" in converted.message
    assert "it computes in float32" in converted.message
    # Whoever holds its account against the spec asks for as much.
    assert problem_with(converted, asked) is None
    stricter = ConversionSpec.from_object({**SPEC, "verification": {"minSNRDecibels": 199}})
    assert problem_with(converted, stricter) == "calls the SNR sufficient for 199 dB, but does not show it"


def test_a_gate_of_ones_own_that_its_rounding_misses_names_that_and_one_that_holds(tmp_path: Path) -> None:
    in_and_out_of_float32("bfloat16", tmp_path / "model")
    with pytest.raises(StepFailure) as caught:
        converted_as(ConversionSpec.from_object({**SPEC, "verification": {"minSNRDecibels": 90}}), tmp_path)
    refused = caught.value
    assert refused.reason is Reason.VERIFICATION_FAILED
    assert "The model rounds to float16 or bfloat16 what the artifact computes in float32" in refused.message
    reached = re.search(r"set verification\.minSNRDecibels to (\d+), which it reaches", refused.message)
    assert reached is not None, refused.message
    converted_as(ConversionSpec.from_object({**SPEC, "verification": {"minSNRDecibels": int(reached[1])}}), tmp_path)


@pytest.mark.parametrize("kind", ["DynamicRange", "Int8"])
def test_it_is_quantized_as_well(tmp_path: Path, kind: str) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.cast(mixed("float16")(tf, weights, x)["raw"], tf.float32)}

    save(call, tmp_path / "model", x=([1, 6, 6, 3], "float32"))
    quantization = {"type": kind, **({"calibration": {"synthetic": True}} if kind == "Int8" else {})}
    converted = convert(tmp_path / "model", tmp_path, quantization=quantization, minSnrDecibels=20)
    assert converted.verdict is verdict(kind), converted.message
    assert converted.strategy.startswith("HalfPrecision")


def test_inputs_and_outputs_keep_their_types(tmp_path: Path) -> None:
    save(mixed("float16"), tmp_path / "model", x=([2, 6, 6, 3], "float16"))
    converted = convert(tmp_path / "model", tmp_path)
    assert converted.strategy == "HalfPrecision", converted.message
    assert {tensor.dtype for tensor in converted.signature.inputs} == {"float16"}
    assert {tensor.name: tensor.dtype for tensor in converted.signature.outputs} == {"y": "float32", "raw": "float16"}


def test_what_keeps_state_is_refused_with_the_cause(tmp_path: Path) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": mixed("float16")(tf, weights, x)["y"] * weights(1).assign_add([1.0])}

    save(call, tmp_path / "model", x=([1, 6, 6, 3], "float32"))
    refused = refusal(tmp_path / "model", tmp_path)
    assert refused.reason is Reason.UNSUPPORTED_OPERATION
    assert "cannot be retyped (it keeps state" in refused.message
    assert "export the model in float32" in refused.message


def words(*details: str) -> str:
    return "\n".join(("error: x", "TF Select ops: Conv2D, Relu", "Details:", *(f"\t{line}" for line in details)))


def test_the_types_are_the_cause_only_where_all_that_is_lacking_has_them() -> None:
    half = "tf.Relu(tensor<?x8xf16>) -> (tensor<?x8xf16>) : {}"
    scalar = "tf.Conv2D(tensor<bf16>, tensor<4xf32>) -> (tensor<4xf32>) : {}"
    whole = "tf.Conv2D(tensor<4xf32>) -> (tensor<4xf32>) : {}"
    found = operations.converter_failure(words(half, scalar))
    assert isinstance(found, LackingOperations)
    assert found.dtypes == {"float16", "bfloat16"}
    assert "no kernels of these operations for bfloat16 and float16: Conv2D, Relu" in found.message
    found = operations.converter_failure(words(half, whole))
    assert isinstance(found, LackingOperations)
    assert found.dtypes == frozenset()
    assert "float16" not in found.message
