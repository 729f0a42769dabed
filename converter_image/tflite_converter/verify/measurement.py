"""An artifact against its model: as a whole, by what the samples were drawn from, and sample by sample."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tflite_api.resource.status import Distribution, DistributionError, MeasuredError, SampleSource
from tflite_converter.core.tensors import Outputs
from tflite_converter.verify.metrics import Accuracy, Comparison, decibels

_STILL: Final = 1.0
"""By how many dB the worst tenth may move while the samples become twice as many."""
_SHARE_OF_RANGE: Final = 1 / 100
"""Of what an operator can give: outputs that are smaller on average are judged as if they were of this size. Eight bits
have steps of 1/256."""


_SHARE_OF_OTHERS: Final = 1 / 10
"""Of the usual size of an output on all distributions: where it is smaller on one, it is judged there as if it were of
this size, 20 dB below."""


@dataclass
class Measurement:
    """The error of an artifact, gathered one sample at a time."""

    ranges: Mapping[str, float] = field(default_factory=dict)
    """The largest number that an output's operator can give, where it has one."""
    whole: Comparison = field(default_factory=Comparison)
    by_distribution: dict[Distribution, Comparison] = field(default_factory=dict)
    by_sample: list[float] = field(default_factory=list)
    """SNR (dB) of the worst output of each sample."""

    def add(self, expected: Outputs, found: Outputs, distribution: Distribution | None = None) -> None:
        """Take in one sample's outputs.

        Args:
            expected: what the model gives.
            found: what the artifact gives.
            distribution: what the sample was drawn from; None where it was given.

        Raises:
            StepFailure: VerificationFailed where an output is missing, has another shape, or is not finite.
        """
        alone = Comparison()
        alone.add(expected, found)
        self.whole.merge(alone)
        if distribution is not None:
            self.by_distribution.setdefault(distribution, Comparison()).merge(alone)
        self.by_sample.append(min((self._judged(*item) for item in alone.outputs.items()), default=float("inf")))

    @property
    def samples(self) -> int:
        """How many there were."""
        return self.whole.samples

    def worst(self) -> tuple[float, str, Distribution | None]:
        """Return the lowest SNR (dB) that is held against the gate, with the output and the distribution it is of."""
        found: list[tuple[float, str, Distribution | None]] = [
            (self._judged(name, accuracy), name, None) for name, accuracy in self.whole.outputs.items()
        ]
        for drawn, part in self.by_distribution.items():
            found += [(self._judged_alone(name, part), name, drawn) for name in part.outputs]
        return min(found, key=lambda item: item[0])

    def vanishing(self) -> list[str]:
        """Name the outputs that are so small on all samples that only their operator's range was left to judge by."""
        return [
            name
            for name, accuracy in self.whole.outputs.items()
            if accuracy.snr_decibels < self._judged(name, accuracy)
        ]

    def _judged(self, name: str, accuracy: Accuracy, size: float = 0.0) -> float:
        # Rows of probabilities never vanish as a whole: each sums to 1.
        is_of_rows = accuracy.top1_agreement is not None
        return accuracy.against(max(size, 0.0 if is_of_rows else _SHARE_OF_RANGE * self.ranges.get(name, 0.0)))

    def _judged_alone(self, name: str, part: Comparison) -> float:
        """Judge an output on one distribution: what vanishes beside the others is judged as if it did not."""
        sizes = [one.outputs[name].size for one in self.by_distribution.values() if name in one.outputs]
        return self._judged(name, part.outputs[name], _SHARE_OF_OTHERS * statistics.median(sizes))

    def summary(self, source: SampleSource) -> MeasuredError:
        """Return it as status shows it."""
        parts = tuple(
            DistributionError(
                name=name,
                samples=part.samples,
                snr_decibels=decibels(min(self._judged_alone(output, part) for output in part.outputs)),
            )
            for name, part in self.by_distribution.items()
        )
        return self.whole.summary(source).model_copy(
            update={
                "worst_sample_snr_decibels": decibels(min(self.by_sample)) if self.by_sample else None,
                "distributions": parts or None,
            }
        )


def is_still(by_sample: Sequence[float], before: int) -> bool:
    """Return whether the worst tenth of the samples is where it was with `before` of them."""
    earlier, now = _worst_tenth(by_sample[:before]), _worst_tenth(by_sample)
    return earlier == now or abs(earlier - now) <= _STILL


def _worst_tenth(by_sample: Sequence[float]) -> float:
    """Return the best of the worst tenth."""
    return sorted(by_sample)[(len(by_sample) - 1) // 10]
