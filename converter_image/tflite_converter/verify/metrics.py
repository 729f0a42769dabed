"""How far an artifact is from its model: measures and the gate, in numpy alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tflite_api.reasons import Reason
from tflite_api.resource.status import MeasuredError, OutputError, SampleSource
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, Outputs

SELF_SNR_DECIBELS: Final = 100.0
"""A model that is closer to itself than this is deterministic: float32 sums in another order stay above 120 dB."""
_NEGLIGIBLE: Final = 1e-6
"""Where the model gives nothing but zeros there is no signal to compare with, only this bound (absolute)."""
_SUM_TOLERANCE: Final = 1e-3
"""Of a row of probabilities: float16 leaves this much."""
_LEAST_VARIATION: Final = 1e-6
"""Of an output's power between samples. Below it an artifact that ignores its inputs reaches 60 dB, the highest gate of
all quantization types."""
_SHOWN_OUTPUTS: Final = 64


@dataclass
class Accuracy:
    """The difference between two series of arrays, gathered one pair at a time; nothing of them is kept."""

    signal: float = 0.0
    noise: float = 0.0
    measured_power: float = 0.0
    product: float = 0.0
    largest: float = 0.0
    elements: int = 0
    finite: bool = field(default=True)
    rows: int = 0
    """Rows of class probabilities among the references."""
    agreeing: int = 0
    """Those of them in which the same class is first."""
    classifier: bool = True
    """Whether all references were rows of class probabilities."""
    is_whole: bool = True
    """Whether all references were whole numbers."""

    def add(self, reference: Array, measured: Array) -> None:
        """Take in a pair of equal shape, with a finite reference.

        Raises:
            ValueError: the shapes differ.
        """
        if reference.shape != measured.shape:
            raise ValueError(f"shape {list(measured.shape)} instead of {list(reference.shape)}")
        expected, found = as_doubles(reference), as_doubles(measured)
        if not np.all(np.isfinite(found)):
            self.finite = False
            return
        difference = found - expected
        self.signal += float(np.vdot(expected, expected))
        self.noise += float(np.vdot(difference, difference))
        self.measured_power += float(np.vdot(found, found))
        self.product += float(np.vdot(expected, found))
        self.largest = max(self.largest, float(np.max(np.abs(difference), initial=0.0)))
        self.elements += expected.size
        self.is_whole = self.is_whole and reference.dtype.kind in "iub"
        self._count_classes(reference, measured)

    def merge(self, other: "Accuracy") -> None:
        """Take in what another gathered."""
        for name in ("signal", "noise", "measured_power", "product", "elements", "rows", "agreeing"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.largest = max(self.largest, other.largest)
        self.finite = self.finite and other.finite
        self.classifier = self.classifier and other.classifier
        self.is_whole = self.is_whole and other.is_whole

    @property
    def size(self) -> float:
        """The root of the mean square of the reference."""
        return math.sqrt(self.signal / self.elements) if self.elements else 0.0

    def against(self, size: float) -> float:
        """Return the SNR (dB) as if the reference were of this size on average, where it is smaller."""
        floor = self.elements * size**2
        if floor <= self.signal or self.noise == 0:
            return self.snr_decibels
        return 10 * (math.log10(floor) - math.log10(self.noise)) if math.isfinite(self.noise) else -math.inf

    def _count_classes(self, reference: Array, measured: Array) -> None:
        self.classifier = self.classifier and _are_probabilities(reference)
        if not self.classifier:
            return
        expected = reference.reshape(-1, reference.shape[-1])
        first = measured.reshape(expected.shape).argmax(axis=1)
        # Of several classes that are first in the reference, any will do.
        agrees = expected[np.arange(len(expected)), first] == expected.max(axis=1)
        self.rows += len(expected)
        self.agreeing += int(np.count_nonzero(agrees))

    @property
    def top1_agreement(self) -> float | None:
        """Share of the rows in which the same class is first; None where the output is no classifier's."""
        return self.agreeing / self.rows if self.classifier and self.rows else None

    @property
    def snr_decibels(self) -> float:
        """Signal to noise ratio in dB; infinite if there is no difference."""
        if self.noise == 0 or (self.signal == 0 and self.largest <= _NEGLIGIBLE):
            return math.inf
        if self.signal == 0 or not math.isfinite(self.noise):
            return -math.inf
        return 10 * (math.log10(self.signal) - math.log10(self.noise))

    @property
    def cosine(self) -> float:
        """Cosine of the angle between the two, seen as vectors; 1 where both are zero."""
        if self.signal == 0 or self.measured_power == 0:
            return 1.0 if self.snr_decibels == math.inf else 0.0
        return max(-1.0, min(1.0, self.product / math.sqrt(self.signal) / math.sqrt(self.measured_power)))


def _are_probabilities(array: Array) -> bool:
    """Return whether an output is a classifier's: rows of at least two numbers from 0 to 1 that sum to 1."""
    if array.ndim == 0 or array.shape[-1] < 2 or array.dtype.kind != "f" or array.size == 0:
        return False
    sums = array.sum(axis=-1, dtype=np.float64)
    return bool(array.min() >= 0 and array.max() <= 1 and np.all(np.abs(sums - 1) <= _SUM_TOLERANCE))


def as_doubles(array: Array) -> npt.NDArray[np.float64]:
    """Return all numbers of an array in one row; of complex ones all real parts, then all imaginary ones."""
    if np.iscomplexobj(array):
        array = np.stack([array.real, array.imag])
    return array.astype(np.float64).ravel()


def responds(outputs: Sequence[Outputs]) -> bool:
    """Return whether what a model computes depends on its inputs, as far as these samples show.

    Args:
        outputs: by sample. Where only their first dimension differs, it is the batch, and rows are compared.
    """
    return len(outputs) < 2 or any(_varies([sample[name] for sample in outputs]) for name in outputs[0])


def _varies(arrays: Sequence[Array]) -> bool:
    shapes = {array.shape for array in arrays}
    if len({(len(shape), shape[1:]) for shape in shapes}) > 1:
        return True
    if len(shapes) > 1 and any(shape[0] == 0 for shape in shapes):
        # No batch is empty: how many rows there are depends on the values.
        return True
    rows = [row for array in arrays for row in (array if len(shapes) > 1 else [array])]
    # One after the other: of masks all together, in doubles, are some gigabytes.
    mean = sum((as_doubles(row) for row in rows[1:]), start=as_doubles(rows[0])) / len(rows)
    variation = sum(float(np.sum((as_doubles(row) - mean) ** 2)) for row in rows)
    return variation > _LEAST_VARIATION * sum(float(np.sum(as_doubles(row) ** 2)) for row in rows)


def all_finite(outputs: Outputs) -> bool:
    """Return whether there is neither infinity nor NaN in any output."""
    return all(bool(np.all(np.isfinite(as_doubles(output)))) for output in outputs.values())


@dataclass
class Comparison:
    """The accuracy of each output over all samples."""

    outputs: dict[str, Accuracy] = field(default_factory=dict)
    samples: int = 0

    def add(self, reference: Outputs, measured: Outputs) -> None:
        """Take in one sample's outputs.

        Raises:
            StepFailure: VerificationFailed where an output is missing, has another shape, or is not finite.
        """
        self.samples += 1
        for name, expected in reference.items():
            if name not in measured:
                raise _failed(f"The artifact lacks the output {name}")
            accuracy = self.outputs.setdefault(name, Accuracy())
            try:
                accuracy.add(expected, measured[name])
            except ValueError as error:
                raise _failed(f"The artifact's output {name} has the {error}") from error
            if not accuracy.finite:
                raise _failed(f"The artifact's output {name} holds infinities or NaN where the model's does not")

    def merge(self, other: "Comparison") -> None:
        """Take in what another gathered."""
        self.samples += other.samples
        for name, accuracy in other.outputs.items():
            self.outputs.setdefault(name, Accuracy()).merge(accuracy)

    def worst(self) -> tuple[str, Accuracy]:
        """Return the output of the lowest SNR, with its name."""
        return min(self.outputs.items(), key=lambda item: item[1].snr_decibels)

    def summary(self, source: SampleSource = "Generated") -> MeasuredError:
        """Return the worst of each measure over all outputs, as status shows it, and each output, the worst first."""
        accuracies = self.outputs.values()
        worst_first = sorted(self.outputs.items(), key=lambda item: item[1].snr_decibels)
        return MeasuredError(
            snr_decibels=decibels(min(accuracy.snr_decibels for accuracy in accuracies)),
            max_absolute_error=_three_digits(max(accuracy.largest for accuracy in accuracies)),
            cosine=_six_places(min(accuracy.cosine for accuracy in accuracies)),
            samples=self.samples,
            source=source,
            outputs=tuple(_output_error(name, accuracy) for name, accuracy in worst_first[:_SHOWN_OUTPUTS]),
            truncated=True if len(worst_first) > _SHOWN_OUTPUTS else None,
        )


def _output_error(name: str, accuracy: Accuracy) -> OutputError:
    agreement = accuracy.top1_agreement
    return OutputError(
        name=name,
        snr_decibels=decibels(accuracy.snr_decibels),
        max_absolute_error=_three_digits(accuracy.largest),
        cosine=_six_places(accuracy.cosine),
        top1_agreement=None if agreement is None else _six_places(agreement),
    )


def same(first: Outputs, second: Outputs) -> bool:
    """Return whether two runs of a model computed the same, except for sums in another order."""
    if not all_finite(first) or not all_finite(second):
        return all_finite(first) == all_finite(second)
    comparison = Comparison()
    try:
        comparison.add(first, second)
    except StepFailure:
        return False
    return all(accuracy.snr_decibels >= SELF_SNR_DECIBELS for accuracy in comparison.outputs.values())


@dataclass(frozen=True)
class Verdict:
    """What a measurement was worth, for the Verified condition."""

    reason: Reason
    message: str


def _three_digits(value: float) -> str:
    return f"{value:.3g}"


def _six_places(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def decibels(value: float) -> str:
    """Return dB as messages and status show them."""
    return f"{value:.1f}"


def _failed(message: str) -> StepFailure:
    return StepFailure(Reason.VERIFICATION_FAILED, message, "Try another quantization.type")
