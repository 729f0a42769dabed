"""Weights as integers in a float file, by litert-quantizer: for what TensorFlow's converter does not do itself."""

import logging
from pathlib import Path
from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_api.spec import QuantizationType
from tflite_converter.core.failure import OWN_CURE, StepFailure, one_line
from tflite_converter.core.step_files import write_whole

TYPES: Final[frozenset[QuantizationType]] = frozenset({"WeightOnlyInt8", "WeightOnlyInt4"})


def apply(path: Path, kind: QuantizationType) -> None:
    """Replace a float .tflite by one with integer weights.

    Args:
        path: the file, all of whose weights are float32.
        kind: WeightOnlyInt8 or WeightOnlyInt4, computed in floats; or DynamicRange, computed with 8-bit activations.

    Raises:
        StepFailure: ConversionFailed, with the quantizer's words.
    """
    from litert_quantizer import quantizer, recipe  # noqa: PLC0415 - takes seconds

    recipes: dict[QuantizationType, Any] = {
        "WeightOnlyInt8": recipe.weight_only_wi8_afp32,
        "WeightOnlyInt4": recipe.weight_only_wi4_afp32,
        "DynamicRange": recipe.dynamic_wi8_afp32,
    }
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        work = quantizer.Quantizer(str(path))
        work.load_quantization_recipe(recipes[kind]())
        content = work.quantize().quantized_model
    except (ValueError, RuntimeError, NotImplementedError, KeyError) as error:
        words = f"litert-quantizer gave up: {one_line(str(error), 400)}"
        raise StepFailure(Reason.CONVERSION_FAILED, words, OWN_CURE) from error
    write_whole(path, bytes(content))
