"""Weights as integers in a float file, by litert-quantizer: for what TensorFlow's converter does not do itself."""

import logging
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.quantization_types import QuantizationType, Tool
from tflite_api.text import one_line
from tflite_converter.artifact import layer_names
from tflite_converter.artifact.flatbuffer import Constant
from tflite_converter.core import stand_ins
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.step_files import write_whole
from tflite_converter.quantize.quantization import has_weights

BITS: Final = {"int8": 8, "int4": 4}
"""Of what weight-only types store weights as."""
_EIGHT: Final = 8
_PER_CHANNEL: Final = "CHANNELWISE"
_PER_TENSOR: Final = "TENSORWISE"


def is_left_to_do(kind: QuantizationType, constants: Collection[Constant]) -> bool:
    """Return whether the weights of a file that TensorFlow's converter wrote are still to be stored as a type asks for.

    TensorFlow's dynamic range quantization leaves weights of fewer than 1024 values alone
    (tensorflow/compiler/mlir/lite/transforms/prepare_quantize_dynamic_range.cc); litert-quantizer takes them.
    """
    facts = kind.facts
    return facts.recipe is not None and (facts.tool is Tool.LITERT_QUANTIZER or not has_weights(kind, constants))


def apply(path: Path, asked: Quantization) -> None:
    """Replace a float .tflite by one whose weights are stored as a type with a recipe asks for.

    Args:
        path: the file, all of whose weights are float32.
        asked: the type, and the layers that have 8 bits in its place.

    Raises:
        StepFailure: InvalidSpec where keepInt8 names what the file does not have; ConversionFailed, with the
            quantizer's words.
    """
    wanted = asked.keep_int8.tensors if asked.keep_int8 is not None else ()
    eights, unknown = layer_names.full(wanted, path.read_bytes()) if wanted else ((), ())
    if unknown:
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"quantization.keepInt8.tensors names {', '.join(unknown)}, which the artifact does not have",
            "look at the names in the artifact of type None",
        )

    def with_recipe(work: Any, recipe: Any) -> None:  # noqa: ANN401 - litert-quantizer is loaded late
        steps = getattr(recipe, str(asked.type.facts.recipe))()
        for step in steps if asked.is_per_tensor else ():
            step["op_config"]["weight_tensor_config"]["granularity"] = _PER_TENSOR
        work.load_quantization_recipe(steps)
        for name in eights:
            work.add_weight_only_config(_only(name), "*", _EIGHT, _granularity(per_tensor=asked.is_per_tensor))

    write_whole(path, _quantized(path, with_recipe))


def of_one_layer(path: Path, kind: QuantizationType, name: str, *, per_tensor: bool = False) -> bytes:
    """Return a float .tflite of which one layer's weights alone are stored with the bits of a weight-only type.

    Args:
        path: the file, all of whose weights are float32.
        kind: the type.
        name: of the layer.
        per_tensor: whether they have one scale, and not one a channel.

    Raises:
        StepFailure: ConversionFailed, with the quantizer's words.
    """
    bits, scales = BITS[kind.facts.weights], _granularity(per_tensor=per_tensor)
    return _quantized(path, lambda work, _: work.add_weight_only_config(_only(name), "*", bits, scales))


def _granularity(*, per_tensor: bool) -> str:
    return _PER_TENSOR if per_tensor else _PER_CHANNEL


def _only(name: str) -> str:
    """Return the pattern of one layer: litert-quantizer joins the names of what an operator writes with semicolons."""
    return f"(^|;){re.escape(name)}(;|$)"


def _quantized(path: Path, configure: Callable[[Any, Any], None]) -> bytes:
    """Return what a litert-quantizer that was configured makes; it is handed over with the module of its recipes."""
    # It imports SciPy, which takes 110 MB, for GPTQ, which no recipe of ours asks for.
    with stand_ins.in_place_of("scipy", "scipy.linalg"):
        from litert_quantizer import quantizer, recipe  # noqa: PLC0415 - takes seconds
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        work = quantizer.Quantizer(str(path))
        configure(work, recipe)
        content = work.quantize().quantized_model
    except (ValueError, RuntimeError, NotImplementedError, KeyError) as error:
        words = f"litert-quantizer gave up: {one_line(str(error), 400)}"
        raise StepFailure(Reason.CONVERSION_FAILED, words, OWN_CURE) from error
    return bytes(content)
