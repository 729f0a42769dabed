"""How the errors of an output are spread, and on which samples they are worst: numpy alone."""

import heapq
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from tflite_api.steps.report import BINS, WORST_SAMPLES, OutputErrors, WorstSample
from tflite_converter.artifact.inventory import shown
from tflite_converter.core.tensors import Array, Outputs
from tflite_converter.verify.metrics import Accuracy, as_doubles

_FINE_BINS: Final = 4096
"""For the shares: an error is known to a 4096th of the largest."""


class ErrorDistribution:
    """The errors of one output, gathered a sample at a time; nothing of the arrays is kept."""

    def __init__(self, largest: float) -> None:
        """Take the largest absolute error of all samples, which the first comparison found."""
        self._largest = largest
        self._signed = np.zeros(BINS, np.int64)
        self._absolute = np.zeros(_FINE_BINS, np.int64)
        self._sum = 0.0
        self._elements = 0
        self._worst: list[tuple[float, int, WorstSample]] = []

    def add(self, number: int, expected: Array, found: Array) -> None:
        """Take in an output on the sample of this number."""
        wanted, given = as_doubles(expected), as_doubles(found)
        if wanted.size == 0:
            return
        errors = given - wanted
        self._elements += errors.size
        self._sum += float(errors.sum())
        # A range of no width is none.
        bound = self._largest or 1.0
        self._signed += np.histogram(errors, BINS, (-bound, bound))[0]
        self._absolute += np.histogram(np.abs(errors), _FINE_BINS, (0, bound))[0]
        accuracy = Accuracy()
        accuracy.add(expected, found)
        furthest = int(np.abs(errors).argmax())
        sample = WorstSample(
            number=number,
            snr_decibels=f"{accuracy.snr_decibels:.1f}",
            max_absolute_error=decimal(accuracy.largest),
            position=_position(expected, furthest),
            expected=decimal(float(wanted[furthest])),
            found=decimal(float(given[furthest])),
        )
        # The heap's first is the best of the worst; the number decides between equals.
        heapq.heappush(self._worst, (-accuracy.snr_decibels, -number, sample))
        if len(self._worst) > WORST_SAMPLES:
            heapq.heappop(self._worst)

    def summary(self, name: str) -> OutputErrors:
        """Return what the page shows of the output of this name."""
        worst_first = sorted(self._worst, key=lambda item: item[:2], reverse=True)
        return OutputErrors(
            name=shown(name),
            elements=self._elements,
            mean_error=decimal(self._sum / max(self._elements, 1)),
            median_error=decimal(self._below(0.5)),
            p99_error=decimal(self._below(0.99)),
            max_absolute_error=decimal(self._largest),
            counts=tuple(int(count) for count in self._signed),
            worst=tuple(sample for _, _, sample in worst_first),
        )

    def _below(self, share: float) -> float:
        """Return the error that this share of all elements does not exceed."""
        if self._largest == 0 or not self._elements:
            return 0.0
        reached = int(np.searchsorted(np.cumsum(self._absolute), share * self._elements))
        return (min(reached, _FINE_BINS - 1) + 1) / _FINE_BINS * self._largest


def distributions(
    largest: Mapping[str, float], pairs: Iterable[tuple[int, Outputs, Outputs]]
) -> dict[str, ErrorDistribution]:
    """Gather the distribution of every output that is named.

    Args:
        largest: the largest absolute error by output.
        pairs: by sample its number, the model's outputs and the artifact's.
    """
    gathered = {name: ErrorDistribution(bound) for name, bound in largest.items()}
    for number, expected, found in pairs:
        for name, distribution in gathered.items():
            if name in expected:
                distribution.add(number, expected[name], found[name])
    return gathered


def decimal(value: float) -> str:
    """Write a measured number with four digits."""
    return f"{value:.4g}"


def _position(array: Array, flat: int) -> tuple[int, ...]:
    # A complex number became two.
    return tuple(int(axis) for axis in np.unravel_index(flat % array.size, array.shape))
