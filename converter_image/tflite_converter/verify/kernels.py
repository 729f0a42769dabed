"""What LiteRT's kernels mean by the words with which they refuse to run: conditions of their source, mostly."""

import re
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.text import one_line
from tflite_converter.core.failure import StepFailure

_NODE: Final = re.compile(r"Node number \d+ \((\w+)\) failed to (?:prepare|invoke)")
_DELEGATE: Final = "Delegate"
_FLEX: Final = "Flex"
"""Begins the names of TensorFlow's own operations in an artifact."""
_POWER_OF_TWO: Final = "IsPowerOfTwo"
_ANOTHER_LENGTH: Final = "export it with an fft_length of 256, 512, 1024 and so on (tf.signal.stft fills up with zeros)"
_NEVER: Final = "failed to prepare"
"""What is said of a kernel that takes no values of these types and shapes."""
_OTHER_TYPES: Final = "Use another quantization.type, or other shapes in signature.inputs"
_OTHER_VALUES: Final = "Name inputs that it takes in verification.samples"
_LOOP: Final = "WHILE"
_OTHER_LOOP: Final = "Export it with loops whose variables keep their shapes from step to step"
"""LiteRT runs the body of a loop, but takes no result of another size (own measurement)."""


class CannotRun(StepFailure):
    """An artifact that LiteRT cannot run."""

    def __init__(self, words: str, shapes: str) -> None:
        """Take LiteRT's words, and the shapes of the inputs in words."""
        self.operator = _operator(words)
        self.words = one_line(words, 300)
        self.is_explained = _POWER_OF_TWO in words
        self.is_of_loop = self.operator == _LOOP and _NEVER not in words
        if self.is_explained:
            super().__init__(Reason.UNSUPPORTED_OPERATION, _of_powers(self.operator or "RFFT2D"), _ANOTHER_LENGTH)
        else:
            named = (
                f"LiteRT cannot run the artifact's {self.operator}"
                if self.operator
                else "LiteRT cannot run the artifact"
            )
            super().__init__(
                Reason.VERIFICATION_FAILED,
                f"{named} (inputs {shapes}): {one_line(words, 400)}",
                _OTHER_TYPES if _NEVER in words else _OTHER_LOOP if self.is_of_loop else _OTHER_VALUES,
            )


def of_the_float_file(words: str) -> StepFailure | None:
    """Return why the calibrator cannot run the model's file in floats; None where its words are no kernel's."""
    operator = _operator(words)
    if _POWER_OF_TWO in words:
        return StepFailure(Reason.UNSUPPORTED_OPERATION, _of_powers(operator or "RFFT2D"), _ANOTHER_LENGTH)
    if operator is None:
        return None
    if operator.startswith(_FLEX):
        return StepFailure(
            Reason.OPERATION_NOT_QUANTIZABLE,
            "The calibrator has none of TensorFlow's own operations, and the model needs"
            f" {operator.removeprefix(_FLEX)}",
            "use quantization.type DynamicRange",
        )
    return StepFailure(
        Reason.OPERATION_NOT_QUANTIZABLE,
        f"LiteRT cannot run the model's {operator} on these samples, so its activations cannot be measured"
        f" ({one_line(words, 300)})",
        f"use quantization.type {QuantizationType.DYNAMIC_RANGE}"
        if _NEVER in words
        else "give samples that it takes in quantization.calibration.dataset",
    )


def _operator(words: str) -> str | None:
    """Name the operator that failed: the outermost is named last."""
    named = [name for name in _NODE.findall(words) if not name.endswith(_DELEGATE)]
    return named[-1] if named else None


def _of_powers(operator: str) -> str:
    return f"LiteRT's {operator} takes only lengths that are a power of two, and this model's is none"
