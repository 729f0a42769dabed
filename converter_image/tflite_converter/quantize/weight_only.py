"""Weights as integers in a float file, by litert-quantizer: for what TensorFlow's converter does not do itself."""

import logging
from collections.abc import Collection
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import QuantizationType, Tool
from tflite_api.text import one_line
from tflite_converter.artifact.flatbuffer import Constant
from tflite_converter.core import stand_ins
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.step_files import write_whole
from tflite_converter.quantize.quantization import has_weights


def is_left_to_do(kind: QuantizationType, constants: Collection[Constant]) -> bool:
    """Return whether the weights of a file that TensorFlow's converter wrote are still to be stored as a type asks for.

    TensorFlow's dynamic range quantization leaves weights of fewer than 1024 values alone
    (tensorflow/compiler/mlir/lite/transforms/prepare_quantize_dynamic_range.cc); litert-quantizer takes them.
    """
    facts = kind.facts
    return facts.recipe is not None and (facts.tool is Tool.LITERT_QUANTIZER or not has_weights(kind, constants))


def apply(path: Path, kind: QuantizationType) -> None:
    """Replace a float .tflite by one whose weights are stored as a type asks for.

    Args:
        path: the file, all of whose weights are float32.
        kind: a type with a recipe.

    Raises:
        StepFailure: ConversionFailed, with the quantizer's words.
    """
    # It imports SciPy, which takes 110 MB, for GPTQ, which no recipe of ours asks for.
    with stand_ins.in_place_of("scipy", "scipy.linalg"):
        from litert_quantizer import quantizer, recipe  # noqa: PLC0415 - takes seconds
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        work = quantizer.Quantizer(str(path))
        work.load_quantization_recipe(getattr(recipe, str(kind.facts.recipe))())
        content = work.quantize().quantized_model
    except (ValueError, RuntimeError, NotImplementedError, KeyError) as error:
        words = f"litert-quantizer gave up: {one_line(str(error), 400)}"
        raise StepFailure(Reason.CONVERSION_FAILED, words, OWN_CURE) from error
    write_whole(path, bytes(content))
