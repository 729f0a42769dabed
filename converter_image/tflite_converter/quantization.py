"""What a quantization type asks of the converter, and whether the artifact's weights show that it happened."""

from collections import Counter
from collections.abc import Collection
from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_api.spec import QuantizationType
from tflite_converter.failure import StepFailure
from tflite_converter.flatbuffer import Constant

_WEIGHT_TYPE: Final[dict[QuantizationType, str]] = {"Float16": "float16", "DynamicRange": "int8"}
_FLOATS: Final = frozenset({"float32", "float64"})
_NO_WEIGHTS: Final = frozenset({"int32", "int64", "bool", "string"})
"""Shapes, axes, indices and biases."""
_SMALLEST_QUANTIZED: Final = 1024
"""Elements: the converter's dynamic range quantization leaves smaller weights alone
(tensorflow/compiler/mlir/lite/transforms/prepare_quantize_dynamic_range.cc, min_elements_for_weights)."""


def configure(converter: Any, quantization: QuantizationType) -> None:  # noqa: ANN401 - TensorFlow has no types
    """Set a tf.lite.TFLiteConverter to a quantization type.

    `supported_types` without `optimizations`, or `optimizations` as a string, give float32 without any error.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantization == "None":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "Float16":
        converter.target_spec.supported_types = [tf.float16]


def check_applied(quantization: QuantizationType, constants: Collection[Constant]) -> None:
    """Compare the types of the artifact's weights with what was asked.

    Args:
        quantization: the type asked for.
        constants: all constant tensors of the artifact.

    Raises:
        StepFailure: QuantizationNotApplied, saying which types were found.
    """
    if quantization == "None":
        return
    wanted = _WEIGHT_TYPE[quantization]
    elements = Counter[str]()
    for constant in constants:
        if constant.dtype not in _NO_WEIGHTS:
            elements[constant.dtype] += constant.elements
    largest = max((constant.elements for constant in constants if constant.dtype in _FLOATS), default=0)
    if elements[wanted] and _mostly(quantization, wanted, elements):
        return
    found = ", ".join(f"{count} {dtype}" for dtype, count in sorted(elements.items())) or "no weights at all"
    why = ""
    if quantization == "DynamicRange" and largest < _SMALLEST_QUANTIZED:
        why = f"; the converter quantizes weights from {_SMALLEST_QUANTIZED} values on, the largest here has {largest}"
    raise StepFailure(
        Reason.QUANTIZATION_NOT_APPLIED,
        f"quantization.type {quantization} asks for {wanted} weights, but the artifact has {found}{why};"
        " use quantization.type None",
    )


def _mostly(quantization: QuantizationType, wanted: str, elements: Counter[str]) -> bool:
    """Float16 concerns every weight; DynamicRange only those of operations that have kernels for it."""
    return quantization == "DynamicRange" or elements[wanted] >= sum(elements[dtype] for dtype in _FLOATS)
