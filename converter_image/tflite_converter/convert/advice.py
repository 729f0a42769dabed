"""What to say of an artifact that fails the comparison with its model, and what to change."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.quantization_types import Tool
from tflite_api.resource.status import MeasuredError
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize import quantization
from tflite_converter.scoring.gates import ModelMisses, Unmeasurable
from tflite_converter.verify import reference
from tflite_converter.verify.gate import NAME_REAL_ONES
from tflite_converter.verify.kernels import CannotRun
from tflite_converter.verify.reference import Reference

_CURE_OF_FLOATS: Final = (
    "Name inputs that the model is made for in verification.samples, or pin other shapes in signature.inputs; where"
    " that changes nothing, TensorFlow's converter gets this model wrong"
)
_ROUNDED: Final = 0.05
"""By how much a figure in decibels may be less than it is shown as."""
_LEAST_OF_HALVES: Final = 15
"""What rounding to bfloat16 leaves of a deep model (dB): one that is further from its artifact is so for a reason of
another kind. One rounding leaves 53 dB, as its numbers have 8 bits."""
_NEEDS_SINGLE_BATCH: Final = "LiteRT's loops over time steps need a batch of 1, and the model has another"


@dataclass(frozen=True)
class Compared:
    """An artifact that was compared."""

    facts: ArtifactFacts
    quantization: Quantization
    """That it was converted with."""
    references: Sequence[Reference]
    batch_cure: str | None
    """What to change about pinned batches, where that may be what is wrong."""
    in_half_precision: bool = False
    """Whether the model itself computes in float16 or bfloat16."""


def advised(failure: StepFailure, compared: Compared) -> StepFailure:
    """Return a failed comparison in words that say what to change."""
    if isinstance(failure, ModelMisses | Unmeasurable):
        return failure
    asked, references = compared.quantization, compared.references
    is_of_type = asked.type.facts.is_calibrated and compared.batch_cure is None
    if is_of_type and isinstance(failure, CannotRun) and failure.operator and not failure.is_explained:
        return quantization.lacks_kernel(asked, failure.operator, failure.words)
    found, cure = failure.found, failure.cure
    guessed = reference.all_guessed(references)
    if failure.reason is Reason.VERIFICATION_FAILED and guessed not in found and not isinstance(failure, CannotRun):
        found, cure = f"{found}; {guessed}", NAME_REAL_ONES
    if failure.reason is Reason.VERIFICATION_FAILED and compared.facts.has_sums_cut_off:
        found, cure = f"{found}; {quantization.SUMS_CUT_OFF}", quantization.cure_by_8_bits(())
    found = "; ".join((found, *reference.state_in_words(references)))
    is_of_loop = isinstance(failure, CannotRun) and failure.is_of_loop
    if asked.type.facts.tool is Tool.NOBODY and failure.reason is Reason.VERIFICATION_FAILED and not is_of_loop:
        cure = _cure_of_rounding(compared, _reached(failure.verification)) or _CURE_OF_FLOATS
    if compared.batch_cure is not None:
        found, cure = f"{_NEEDS_SINGLE_BATCH} ({found})", compared.batch_cure
    return StepFailure(failure.reason, found, cure, verification=failure.verification)


def _reached(error: MeasuredError | None) -> int:
    """Return the highest gate (dB) that an artifact passes."""
    figures = [error.snr_decibels, *(part.snr_decibels for part in error.distributions or ())] if error else []
    return math.floor(min(map(float, figures), default=0.0) - _ROUNDED)


def _cure_of_rounding(compared: Compared, reached: int) -> str | None:
    """Return what to change where the model rounds otherwise than its artifact; None where both compute in float32."""
    lowered = f"set verification.minSNRDecibels to {reached}, which it reaches, or " if reached > 0 else ""
    if "QUANTIZE" in compared.facts.operations:
        return (
            f"The model simulates integers, which the artifact has in earnest: {lowered}export the model without the"
            " quantization that it simulates"
        )
    if compared.in_half_precision and reached >= _LEAST_OF_HALVES:
        return (
            "The model rounds to float16 or bfloat16 what the artifact computes in float32, and the error holds that:"
            f" {lowered}export the model in float32"
        )
    return None
