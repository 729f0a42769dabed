"""What a quantization type asks of the converter, and whether the artifact's weights and operations show it."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import MOST_KEPT_OPERATIONS, KeepFloat, Quantization
from tflite_api.resource.quantization_types import SELECTIVE, Activations, Proof, QuantizationType, Tool
from tflite_api.text import one_line
from tflite_converter.artifact import flatbuffer, layer_names
from tflite_converter.artifact.flatbuffer import ArtifactFacts, Constant
from tflite_converter.core.failure import OWN_CURE, StepFailure

_FLOATS: Final = frozenset({"float32", "float64"})
_NO_WEIGHTS: Final = frozenset({"int16", "int32", "int64", "bool", "string"})
"""Shapes, axes, indices and biases, and the constants that Int16x8 treats as activations."""
_BETWEEN_TYPES: Final = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST"})
"""Operators whose very purpose is to have floats on one side."""
_BLIND: Final = frozenset({"SHAPE", "RANK", "ASSIGN_VARIABLE", "READ_VARIABLE"})
"""Operators that look at no value of what they read, or only keep it: LiteRT's variables have no scale."""
_NOT_CALIBRATED: Final = frozenset({"WHILE", "IF", "CALL", "STABLEHLO_WHILE"})
"""TensorFlow 2.21's calibrator follows no subgraph: it crashes on them (own measurement on recurrent models). It runs
CALL_ONCE, which only fills variables."""
_NO_INTEGERS: Final = re.compile(r"not yet supported for op: '(\w+)'")
"""tensorflow/lite/tools/optimize/quantize_model.cc: how it names what it has no 16-bit form of."""
_NO_RANGE: Final = re.compile(r"should be recorded during calibration: Failed for tensor (\S+)")
"""tensorflow/lite/tools/optimize/model_utils.cc: a tensor on the way that the calibrator gave no range."""
SUMS_CUT_OFF: Final = "the quantizer gives a SUM of 16 bits the scale of what it sums, so that larger sums are cut off"
"""Own measurement: of 4 numbers a sum has 15 dB, of 4096 it has 0.9, where Int8 gives 50."""
OF_HALVES_CURE: Final = "Use quantization.type DynamicRange or None, or export the model with other weights"
"""Where floats of 16 bits do not hold weights."""
_SHOWN: Final = 10


def configure(converter: Any, asked: Quantization) -> None:  # noqa: ANN401 - TensorFlow has no types
    """Set a tf.lite.TFLiteConverter to a quantization type.

    `supported_types` without `optimizations`, or `optimizations` as a string, give float32 without any error. The types
    that another tool applies are converted to floats here (weight_only.py).

    Raises:
        AssertionError: the table has a type for TensorFlow's converter that it is not told of here.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    sets = tf.lite.OpsSet
    facts = asked.type.facts
    converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS]
    if facts.tool is not Tool.TENSORFLOW:
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    match facts.weights, facts.activations:
        case "float16", Activations.FLOATS:
            converter.target_spec.supported_types = [tf.float16]
        case "int8", Activations.DYNAMIC:
            pass  # what it does by itself
        case "int8", Activations.INT8:
            converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
        case "int8", Activations.INT16:
            converter.target_spec.supported_ops = [sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        case weights, activations:
            raise AssertionError(f"TensorFlow's converter has no {weights} weights computed with {activations.value}")
    if asked.is_per_tensor:
        # TensorFlow has no public way, and dense layers a switch of their own.
        converter._experimental_disable_per_channel = True  # noqa: SLF001 - see above
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001 - see above
    if facts.selective and asked.keep_float is not None:
        converter.target_spec.supported_ops.append(sets.TFLITE_BUILTINS)
    if facts.integer_io:
        kind = {"Float32": tf.float32, "Int8": tf.int8, "UInt8": tf.uint8}[asked.io]
        converter.inference_input_type = converter.inference_output_type = kind


def check_calibratable(content: bytes) -> None:
    """Refuse a float file that the calibrator would crash on.

    Raises:
        LoopsNotMeasured: naming the operations.
    """
    found = sorted(_NOT_CALIBRATED & flatbuffer.parse(content).operations)
    if found:
        raise LoopsNotMeasured(f"Activations inside {', '.join(found)} cannot be measured")


def check_ranges(calibrated: bytes) -> None:
    """Refuse a float file whose ranges Int8 cannot have: at one of an infinite length its quantizer ends the process.

    Raises:
        StepFailure: OperationNotQuantizable.
    """
    if not flatbuffer.has_finite_ranges(calibrated):
        raise _infinite(QuantizationType.INT8)


class LoopsNotMeasured(StepFailure):
    """OperationNotQuantizable for a model with control flow."""

    def __init__(self, what: str, cure: str | None = None) -> None:
        """Take what is in the way, and what can be done about it besides another type."""
        super().__init__(
            Reason.OPERATION_NOT_QUANTIZABLE,
            f"{what}, so this model has no integer form",
            "use quantization.type DynamicRange, Float16 or WeightOnlyInt8" + (f", or {cure}" if cure else ""),
        )


def quantizer_failure(kind: QuantizationType, words: str) -> StepFailure:
    """Return what the quantizer meant: OperationNotQuantizable with names, else ConversionFailed with its words."""
    if (tensor := _NO_RANGE.search(words)) is not None:
        return StepFailure(
            Reason.OPERATION_NOT_QUANTIZABLE,
            f"quantization.type {kind} needs the range of the tensor {tensor[1]}, which the calibrator has none of: it"
            " holds whole numbers, or nothing computes it",
            "use quantization.type DynamicRange",
        )
    if names := sorted(set(_NO_INTEGERS.findall(words))):
        return StepFailure(
            Reason.OPERATION_NOT_QUANTIZABLE,
            f"quantization.type {kind} has no integers for {_listed(names)}",
            _cure(kind, names),
            keep_float=_kept(kind, names),
        )
    return StepFailure(Reason.CONVERSION_FAILED, f"TensorFlow's converter gave up: {words}", OWN_CURE)


def lacks_kernel(asked: Quantization, operator: str, words: str) -> StepFailure:
    """Return the failure of an integer artifact that a kernel of LiteRT does not take, with its words."""
    kept = sorted({operator, *(asked.keep_float.operations or () if asked.keep_float else ())})
    return StepFailure(
        Reason.OPERATION_NOT_QUANTIZABLE,
        f"LiteRT's {operator} does not take what quantization.type {asked.type} makes of it ({one_line(words, 300)})",
        _cure(asked.type, kept),
        keep_float=_kept(asked.type, kept),
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _cure(kind: QuantizationType, names: Sequence[str]) -> str:
    if has_custom(names):
        return f"use quantization.type {QuantizationType.DYNAMIC_RANGE}"
    if kind.facts.selective:
        return f"set {_kept_in_floats(names)} to leave them so, or use another quantization.type"
    return cure_by_8_bits(names)


def _kept(kind: QuantizationType, names: Sequence[str]) -> KeepFloat | None:
    """Return operators to leave in floats, where the type can and the spec has room for them."""
    if not kind.facts.selective or len(names) > MOST_KEPT_OPERATIONS or has_custom(names):
        return None
    return KeepFloat(operations=tuple(names))


def has_custom(names: Collection[str]) -> bool:
    """Return whether any is a custom operator, which quantization.keepFloat has no name for."""
    return any(name != name.upper() for name in names)


def _kept_in_floats(names: Collection[str]) -> str:
    return f"quantization.keepFloat.operations: [{', '.join(sorted(names))}]"


def quantize_selected(
    calibrated: bytes,
    kept: KeepFloat,
    input_type: Any,  # noqa: ANN401 - TensorFlow has no types
    output_type: Any,  # noqa: ANN401 - see above
    *,
    per_tensor: bool = False,
) -> bytes:
    """Quantize a calibrated float file but for what is to stay in floats.

    As tf.lite.experimental.QuantizationDebugger does with its deny lists (tensorflow/lite/tools/optimize/debugging).

    Args:
        calibrated: a file with the ranges of its activations.
        kept: operators and tensors to leave.
        input_type: tf.DType of the artifact's inputs, for those that are real numbers.
        output_type: the same for its outputs.
        per_tensor: whether weights have one scale, and not one a channel.

    Raises:
        StepFailure: InvalidSpec where keepFloat names what the file does not have.
    """
    layers = _kept_layers(kept, calibrated)
    from tensorflow.lite.python.convert import mlir_quantize  # noqa: PLC0415 - takes seconds

    quantized: bytes = mlir_quantize(
        calibrated,
        disable_per_channel=per_tensor,
        disable_per_channel_for_dense_layers=per_tensor,
        input_data_type=input_type,
        output_data_type=output_type,
        denylisted_ops=set(kept.operations or ()),
        denylisted_nodes=set(layers),
    )
    return quantized


def _kept_layers(kept: KeepFloat, content: bytes) -> tuple[str, ...]:
    """Return the full names of the layers that are kept, once all that is kept is known to be there."""
    operators = flatbuffer.parse(content).operations
    if unknown := sorted(set(kept.operations or ()) - operators):
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"quantization.keepFloat.operations names {', '.join(unknown)}, but the artifact has:"
            f" {', '.join(sorted(operators))}",
            "Name those that it has",
        )
    layers, lacking = layer_names.full(kept.tensors or (), content)
    if lacking:
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"quantization.keepFloat.tensors names {', '.join(lacking)}, which the artifact does not have",
            "look at the names in the artifact of type None",
        )
    return layers


def check_applied(
    asked: Quantization, facts: ArtifactFacts, beyond_halves: Callable[[], str | None] = lambda: None
) -> None:
    """Compare what the artifact holds with what was asked.

    Args:
        asked: the quantization.
        facts: of the artifact.
        beyond_halves: says which of its weights float16 does not hold.

    Raises:
        StepFailure: QuantizationNotApplied, saying which types the weights have; OperationNotQuantizable, naming the
            operators that still compute with floats.
    """
    proof, wanted = asked.type.facts.proof, asked.type.facts.weights
    if proof is Proof.NOTHING:
        return
    if asked.is_per_tensor and facts.per_channel_operations:
        raise StepFailure(
            Reason.QUANTIZATION_NOT_APPLIED,
            "quantization.granularity PerTensor asks for one scale a tensor, but there are several in the weights of"
            f" {_listed(sorted(facts.per_channel_operations))}",
            "leave out granularity",
        )
    if facts.underscaled_operations:
        raise StepFailure(
            Reason.OPERATION_NOT_QUANTIZABLE,
            "quantization.granularity PerTensor gives weights one scale a tensor, and LiteRT's"
            f" {_listed(sorted(facts.underscaled_operations))} of floats reads one for each channel",
            "leave out granularity, or use quantization.type WeightOnlyInt8",
        )
    if proof is Proof.INTEGERS_THROUGHOUT:
        _check_operations(asked, facts)
    elements = _elements(facts.constants)
    few = proof is Proof.MOST_WEIGHTS and elements[wanted] < sum(elements[dtype] for dtype in _FLOATS)
    if (elements[wanted] and not few) or not elements or unquantized(asked, facts) is not None:
        return
    listed = ", ".join(f"{count} {dtype}" for dtype, count in sorted(elements.items()))
    words = f"quantization.type {asked.type} asks for {wanted} weights, but the artifact has {listed}"
    if not _FLOATS & elements.keys() or (wanted == "float16" and elements["int8"]):
        raise StepFailure(
            Reason.QUANTIZATION_NOT_APPLIED,
            f"{words}: the model was trained for integers, by fake quantization",
            "Use quantization.type None, which keeps them",
        )
    if wanted == "float16" and (found := beyond_halves()) is not None:
        raise StepFailure(
            Reason.QUANTIZATION_NOT_APPLIED,
            f"{words}: {found}, and tensors with such stay in float32",
            OF_HALVES_CURE,
        )
    cure = "Use quantization.type None" + (" or Float16" if wanted != "float16" else "")
    if proof is Proof.SOME_WEIGHTS:
        cure += f", or accept it in floats with quantization.unquantizedUpTo: {_bytes_of_floats(elements)}"
    raise StepFailure(Reason.QUANTIZATION_NOT_APPLIED, f"{words}: none of its operations has a kernel for them", cure)


def unquantized(asked: Quantization, facts: ArtifactFacts) -> str | None:
    """Return what is accepted in floats if nothing is quantized and that is little, else None."""
    elements, wanted = _elements(facts.constants), asked.type.facts
    if wanted.proof is not Proof.SOME_WEIGHTS or elements[wanted.weights] or not _FLOATS & elements.keys():
        return None
    size = _bytes_of_floats(elements)
    if size > asked.unquantized_bytes:
        return None
    return (
        f"nothing of it is quantized: no operation takes its weights as integers, which are {size} bytes in floats"
        " (quantization.unquantizedUpTo)"
    )


def remark(asked: Quantization, facts: ArtifactFacts) -> str | None:
    """Return what whoever asked for a quantization has to know of what is still in floats; None where most is not."""
    if (accepted := unquantized(asked, facts)) is not None:
        return accepted
    elements, wanted = _elements(facts.constants), asked.type.facts
    floats = sum(elements[dtype] for dtype in _FLOATS)
    if wanted.proof is not Proof.SOME_WEIGHTS or floats <= elements.total() - floats:
        return None
    return (
        f"of its weights {elements[wanted.weights]} are {wanted.weights} and {floats} still floats: quantization.type"
        f" {asked.type} has no form for the operators that read them"
    )


def has_weights(kind: QuantizationType, constants: Collection[Constant]) -> bool:
    """Return whether any weight is stored as a type asks for."""
    return _elements(constants)[kind.facts.weights] > 0


def _bytes_of_floats(elements: Counter[str]) -> int:
    return 4 * elements["float32"] + 8 * elements["float64"]


def _elements(constants: Collection[Constant]) -> Counter[str]:
    """Count the weights by type."""
    elements = Counter[str]()
    for constant in constants:
        if constant.dtype not in _NO_WEIGHTS:
            elements[constant.dtype] += constant.elements
    return elements


def floating_operations(facts: ArtifactFacts) -> frozenset[str]:
    """Return the operators of an integer artifact that compute with floats, but for those whose purpose that is."""
    return frozenset(facts.float_operations - _BETWEEN_TYPES - _BLIND)


def operations_to_keep(facts: ArtifactFacts) -> frozenset[str]:
    """Return the operators that an integer artifact has in floats, or would have to have to be right."""
    return floating_operations(facts) | facts.misfilling_operations


def cure_by_8_bits(kept: Collection[str] | None) -> str:
    """Return what to write instead of Int16x8: Int8 with what it has to leave in floats, if that was found."""
    if kept is None:
        return f"use quantization.type {QuantizationType.DYNAMIC_RANGE}"
    with_kept = f" with {_kept_in_floats(kept)}" if kept else ""
    return f"use quantization.type {' or '.join(SELECTIVE)}{with_kept}, or {QuantizationType.DYNAMIC_RANGE}"


def _infinite(kind: QuantizationType) -> StepFailure:
    return StepFailure(
        Reason.OPERATION_NOT_QUANTIZABLE,
        f"Something in the model is infinite on the samples that quantization.type {kind} was calibrated on, so no"
        " integers can stand for it",
        f"use quantization.type {QuantizationType.DYNAMIC_RANGE}, or name samples in quantization.calibration.dataset"
        " on which nothing is (a division by 0 and the logarithm of 0 are)",
    )


def _check_operations(asked: Quantization, facts: ArtifactFacts) -> None:
    if facts.has_infinite_scales:
        raise _infinite(asked.type)
    kept = asked.keep_float
    names = frozenset(kept.operations or ()) if kept is not None else frozenset[str]()
    # What else stays in floats beside a tensor is the converter's choice.
    floating = frozenset[str]() if kept is not None and kept.tensors else floating_operations(facts) - names
    found = []
    if floating:
        found.append(f"{_listed(sorted(floating))} still compute with floats")
    if facts.misfilling_operations:
        listed = _listed(sorted(facts.misfilling_operations))
        found.append(f"LiteRT's {listed} fills with the integer 0, which stands for another number here")
    if facts.misreading_operations:
        listed = _listed(sorted(facts.misreading_operations))
        found.append(f"LiteRT's {listed} takes kernels of 8 bits alone, and the model computes some, in 16")
    if facts.aborting_operations:
        listed = _listed(sorted(facts.aborting_operations))
        found.append(f"LiteRT's {listed} would end the process: something that was always 0 has the scale 0")
    if found:
        everything = sorted(floating | facts.misfilling_operations | facts.misreading_operations | names)
        raise StepFailure(
            Reason.OPERATION_NOT_QUANTIZABLE,
            f"quantization.type {asked.type} is integers throughout, but {', and '.join(found)}",
            _cure(asked.type, everything),
            keep_float=_kept(asked.type, everything),
        )
