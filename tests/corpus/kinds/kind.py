"""A kind of model: how one is made, what it is asked in use, and what is right to come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import CALIBRATED, FIXED, QuantizationType

UNSUPPORTED: Final = Reason.UNSUPPORTED_OPERATION.value
NOT_QUANTIZABLE: Final = Reason.OPERATION_NOT_QUANTIZABLE.value
RIGHT: Final = "right"
"""Converted, and right on samples that the conversion never saw."""
OR_GATE: Final = (RIGHT, Reason.VERIFICATION_FAILED.value)
"""Right or refused by the gate: an index of the largest, or a number of rows, that few bits may change."""
Array = npt.NDArray[Any]
Call = Mapping[str, Array]
Outcome = str | tuple[str, ...]
"""`RIGHT`, or the reason or verdict that is right; several where it depends on numbers that differ between machines."""
Draw = Callable[[np.random.Generator], Array]


@dataclass(frozen=True)
class Kind:
    """A kind of model."""

    name: str
    save: Callable[[Path], None]
    """Writes a SavedModel into a new folder."""
    inputs: Mapping[str, Draw] = field(default_factory=dict)
    """How what the model is given in use is drawn, by the name of the input; the artifact is judged on that."""
    expected: Mapping[QuantizationType, Outcome] = field(default_factory=dict)
    """What is right to come of a type; of those that are not named, `RIGHT`."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """What the resource says beside the model and the quantization."""
    pin: Mapping[str, Any] | None = None
    """`signature` of a spec with shapes that suit, where a refusal asks for them without giving them."""
    key: str = "serving_default"
    """The signature that is judged."""
    stateful: bool = False
    """Whether a call depends on those before it."""
    reference: Callable[[Path], None] | None = None
    """Writes a model that computes the same, where TensorFlow cannot run this one on a CPU."""
    synthetic: bool = False
    """Whether integers are calibrated on generated inputs, and not on what the model is given in use."""
    least: float | None = None
    """What the artifact has to reach in use (dB) where that is not the type's own gate."""

    def outcomes(self, kind: QuantizationType) -> tuple[str, ...]:
        """Return what is right to come of a type."""
        outcome = self.expected.get(kind, RIGHT)
        return (outcome,) if isinstance(outcome, str) else outcome

    def calls(self, seed: int, number: int) -> list[dict[str, Array]]:
        """Return what the model is given in use, so many times."""
        generator = np.random.default_rng(seed)
        return [{name: draw(generator) for name, draw in self.inputs.items()} for _ in range(number)]


def everywhere(outcome: Outcome, *kinds: QuantizationType) -> dict[QuantizationType, Outcome]:
    """Return the same outcome for some types, or for all."""
    return dict.fromkeys(kinds or FIXED, outcome)


NOT_IN_16_BITS: Final = everywhere(NOT_QUANTIZABLE, QuantizationType.INT16X8)
NOT_IN_INTEGERS: Final = everywhere(NOT_QUANTIZABLE, *CALIBRATED)


def normal(*shape: int, scale: float = 1.0) -> Draw:
    """Return a drawing of real numbers around 0."""
    return lambda generator: (generator.normal(size=shape) * scale).astype(np.float32)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Draw:
    """Return a drawing of real numbers of a range."""
    return lambda generator: generator.uniform(low, high, shape).astype(np.float32)


def below(limit: int, *shape: int, dtype: str = "int32") -> Draw:
    """Return a drawing of whole numbers from 0."""
    return lambda generator: generator.integers(0, limit, shape).astype(dtype)
