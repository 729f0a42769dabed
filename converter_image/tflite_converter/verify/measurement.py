"""An artifact against its model: as a whole, by what the samples were drawn from, and sample by sample."""

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
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
"""Of the usual size of an output: where it is smaller on one distribution, or one sample, it is judged there as if it
were of this size, 20 dB below."""
_TIES: Final = 1 / 10
"""Share of the samples, the worst ones, in which the place of the largest may be another: of two that are nearly the
same either is as good, and how far apart their places are says nothing."""


@dataclass
class Measurement:
    """The error of an artifact, gathered one sample at a time."""

    ranges: Mapping[str, float] = field(default_factory=dict)
    """The largest number that an output's operator can give, if it has one."""
    choosing: Sequence[str] = ()
    """The artifact's operators that choose: what they give are places, if it is whole numbers."""
    whole: Comparison = field(default_factory=Comparison)
    parts: list[Comparison] = field(default_factory=list)
    """Each sample by itself."""
    drawn: list[Distribution | None] = field(default_factory=list)
    """What each sample was drawn from."""
    runtime: str | None = None
    """What runs the artifact."""

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
        self.parts.append(alone)
        self.drawn.append(distribution)

    @property
    def samples(self) -> int:
        """How many there were."""
        return self.whole.samples

    @property
    def by_sample(self) -> list[float]:
        """SNR (dB) of the worst output of each sample."""
        floors = {name: _SHARE_OF_OTHERS * whole.size for name, whole in self.whole.outputs.items()}
        return [
            min((self._judged(name, one, floors[name]) for name, one in part.outputs.items()), default=math.inf)
            for part in self.parts
        ]

    @property
    def ties(self) -> dict[str, frozenset[int]]:
        """Return the numbers of the samples that are left out, by the outputs that are places."""
        most = int(_TIES * len(self.parts))
        if not self.choosing or most == 0:
            return {}
        found = {}
        for name in (name for name, whole in self.whole.outputs.items() if whole.is_whole):
            noise = {number: part.outputs[name].noise for number, part in enumerate(self.parts) if name in part.outputs}
            worst_first = sorted(noise, key=lambda number: noise[number], reverse=True)
            found[name] = frozenset(number for number in worst_first[:most] if noise[number])
        return {name: numbers for name, numbers in found.items() if numbers}

    @property
    def judged(self) -> Comparison:
        """All samples, but for ties."""
        ties = self.ties
        return self._merged(range(len(self.parts)), ties) if ties else self.whole

    @property
    def by_distribution(self) -> dict[Distribution, Comparison]:
        """The same by what samples were drawn from."""
        ties = self.ties
        numbers: dict[Distribution, list[int]] = {}
        for number, drawn in enumerate(self.drawn):
            if drawn is not None:
                numbers.setdefault(drawn, []).append(number)
        return {drawn: self._merged(of_it, ties) for drawn, of_it in numbers.items()}

    def _merged(self, numbers: Sequence[int], ties: Mapping[str, frozenset[int]]) -> Comparison:
        merged = Comparison(samples=len(numbers))
        for number in numbers:
            for name, accuracy in self.parts[number].outputs.items():
                if number not in ties.get(name, ()):
                    merged.outputs.setdefault(name, Accuracy()).merge(accuracy)
        return merged

    def worst(self) -> tuple[float, str, Distribution | None]:
        """Return the lowest SNR (dB) that is held against the gate, with the output and the distribution it is of."""
        found: list[tuple[float, str, Distribution | None]] = [
            (self._judged(name, accuracy), name, None) for name, accuracy in self.judged.outputs.items()
        ]
        by_distribution = self.by_distribution
        for drawn, part in by_distribution.items():
            found += [(self._judged_alone(name, part, by_distribution.values()), name, drawn) for name in part.outputs]
        return min(found, key=lambda item: item[0])

    def worst_of(self, parts: Sequence[Comparison], names: Collection[str]) -> float:
        """Return the lowest SNR (dB) of these outputs over some samples, these or those of another measurement."""
        whole = Comparison()
        for part in parts:
            whole.merge(part)
        return min(self._judged(name, whole.outputs[name]) for name in names if name in whole.outputs)

    def vanishing(self) -> list[str]:
        """Name the outputs that are so small on all samples that only their operator's range was left to judge by."""
        return [
            name
            for name, accuracy in self.judged.outputs.items()
            if accuracy.snr_decibels < self._judged(name, accuracy)
        ]

    def _judged(self, name: str, accuracy: Accuracy, size: float = 0.0) -> float:
        # Rows of probabilities never vanish as a whole: each sums to 1.
        is_of_rows = accuracy.top1_agreement is not None
        return accuracy.against(max(size, 0.0 if is_of_rows else _SHARE_OF_RANGE * self.ranges.get(name, 0.0)))

    def _judged_alone(self, name: str, part: Comparison, parts: Collection[Comparison]) -> float:
        """Judge an output on one distribution: what vanishes beside the others is judged as if it did not."""
        sizes = [one.outputs[name].size for one in parts if name in one.outputs]
        return self._judged(name, part.outputs[name], _SHARE_OF_OTHERS * statistics.median(sizes))

    def summary(self, source: SampleSource) -> MeasuredError:
        """Return it as status shows it."""
        by_sample, by_distribution = self.by_sample, self.by_distribution
        parts = tuple(
            DistributionError(
                name=name,
                samples=part.samples,
                snr_decibels=decibels(
                    min(self._judged_alone(output, part, by_distribution.values()) for output in part.outputs)
                ),
            )
            for name, part in by_distribution.items()
            if part.outputs
        )
        return self.judged.summary(source).model_copy(
            update={
                "worst_sample_snr_decibels": decibels(min(by_sample)) if by_sample else None,
                "distributions": parts or None,
                "runtime": self.runtime,
            }
        )


def is_still(by_sample: Sequence[float], before: int) -> bool:
    """Return whether the worst tenth of the samples is where it was with `before` of them."""
    earlier, now = _worst_tenth(by_sample[:before]), _worst_tenth(by_sample)
    return earlier == now or abs(earlier - now) <= _STILL


def _worst_tenth(by_sample: Sequence[float]) -> float:
    """Return the best of the worst tenth."""
    return sorted(by_sample)[(len(by_sample) - 1) // 10]
