"""A model of mixed precision, or of float64, is converted in float32, and the cause is named where that cannot be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.convert.refused.test_causes import refusal, save
from tests.unit.converter.convert.test_conversion import convert, verdict
from tflite_api.reasons import Reason
from tflite_converter.model import operations
from tflite_converter.model.operations import LackingOperations

pytestmark = pytest.mark.tensorflow


def mixed(dtype: str) -> Callable[..., Any]:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.nn.conv2d(tf.cast(x, dtype), tf.cast(weights(3, 3, 3, 8), dtype), 1, "SAME")
        y = tf.nn.relu(y + tf.cast(weights(8), dtype))
        return {"y": tf.nn.softmax(tf.cast(tf.reduce_mean(y, [1, 2]), tf.float32)), "raw": y}

    return call


@pytest.mark.parametrize(("dtype", "gate"), [("float16", 45), ("bfloat16", 30), ("float64", 90)])
def test_it_is_computed_in_float32(tmp_path: Path, dtype: str, gate: int) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        outputs = mixed(dtype)(tf, weights, x)
        return {**outputs, "raw": tf.cast(outputs["raw"], tf.float32)}

    save(call, tmp_path / "model", x=([None, 6, 6, 3], "float32"))
    converted = convert(tmp_path / "model", tmp_path, minSnrDecibels=gate)
    assert (converted.verdict, converted.strategy) == (Reason.SNR_SUFFICIENT, "Float32"), converted.message
    assert "it computes in float32" in converted.message


@pytest.mark.parametrize("kind", ["DynamicRange", "Int8"])
def test_it_is_quantized_as_well(tmp_path: Path, kind: str) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.cast(mixed("float16")(tf, weights, x)["raw"], tf.float32)}

    save(call, tmp_path / "model", x=([1, 6, 6, 3], "float32"))
    quantization = {"type": kind, **({"calibration": {"synthetic": True}} if kind == "Int8" else {})}
    converted = convert(tmp_path / "model", tmp_path, quantization=quantization, minSnrDecibels=20)
    assert converted.verdict is verdict(kind), converted.message
    assert converted.strategy.startswith("Float32")


def test_inputs_and_outputs_keep_their_types(tmp_path: Path) -> None:
    save(mixed("float16"), tmp_path / "model", x=([2, 6, 6, 3], "float16"))
    converted = convert(tmp_path / "model", tmp_path, minSnrDecibels=40)
    assert converted.strategy == "Float32", converted.message
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
