"""Metrics of a model, its artifact and the one that is published, gathered one sample at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import drop_of
from tflite_api.resource.status import Baseline, Estimate, MeasuredError, MeasuredMetric
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, Outputs
from tflite_converter.datasets.labelled import Labels
from tflite_converter.scoring import fitting, intervals, offsets
from tflite_converter.scoring.bootstrap import LEAST_EXAMPLES
from tflite_converter.scoring.formulas import FORMULAS, Answer, Formula, Numbers
from tflite_converter.scoring.offsets import Moved
from tflite_converter.scoring.placing import PlacedMetric
from tflite_converter.scoring.proportions import Interval

_OFFSETS: Final = {
    1: ("added to", "Add 1 to all of them: the output has a class before the first one, often for none of the others"),
    -1: ("subtracted from", "Subtract 1 from all of them: the first class is 0"),
}
_SAME: Final = (0.0, 0.0)
"""The interval of the difference between a file and itself."""


@dataclass
class _Score:
    """One metric of all."""

    placed: PlacedMetric
    model: list[Numbers] = field(default_factory=list)
    artifact: list[Numbers] = field(default_factory=list)
    published: list[Numbers] = field(default_factory=list)
    moved: tuple[Moved, ...] = field(default_factory=offsets.candidates)
    origin: float | None = None

    @property
    def formula(self) -> Formula:
        return FORMULAS[self.placed.metric.name]

    def answer(self, output: Array, labels: Array, examples: int) -> Answer:
        if self.origin is None:
            self.origin = float(labels.flat[0]) if labels.size else 0.0
        return Answer(self.placed.metric, output, labels, examples, self.origin)

    def parts(self, output: Array, labels: Array, examples: int) -> Numbers:
        return self.formula.parts(self.answer(output, labels, examples))

    def value(self, parts: Sequence[Numbers]) -> float:
        return float(self.formula.value(np.concatenate(parts).sum(axis=0)))

    def check(self) -> None:
        """Check that the model's own figure means something.

        Raises:
            StepFailure: TooFewLabels, DatasetMismatch.
        """
        where, labels = self.placed.field, self.placed.metric.labels
        rows = np.concatenate(self.model)
        count = intervals.counted_examples(rows)
        if not count or (count >= LEAST_EXAMPLES and not np.isfinite(self.value(self.model))):
            words = f"{where}: the labels {labels} {self.formula.undefined}, so that there is nothing to measure"
            raise StepFailure(Reason.DATASET_MISMATCH, words, "give others")
        if count < LEAST_EXAMPLES:
            raise StepFailure(
                Reason.TOO_FEW_LABELS,
                f"{where}: {count} labelled examples are too few to tell how far off a figure may be, {LEAST_EXAMPLES}"
                " are the least",
                "give more in verification.samples.dataset, and raise verification.samples.maxSamples where it takes"
                " fewer",
            )
        if self.formula.is_of_right_answers:
            self._check_offset(rows)

    def _check_offset(self, rows: Numbers) -> None:
        for moved in self.moved:
            if offsets.fits_far_better(moved, rows, self.formula):
                name, labels = self.placed.metric.name, self.placed.metric.labels
                done, cure = _OFFSETS[moved.by]
                found = (
                    f"{self.placed.field}: the labels {labels} are those of other classes: {name} of the model is"
                    f" {digits(self.value(self.model))}, and {digits(self.value(moved.parts))} if 1 is {done} each"
                )
                raise StepFailure(Reason.DATASET_MISMATCH, found, cure)

    def measured(self, baseline: Baseline | None, *, is_same: bool) -> MeasuredMetric:
        """Return the figures.

        Args:
            baseline: what metrics that ask for it are held against.
            is_same: whether that is the very file of the artifact.
        """
        metric = self.placed.metric
        against_published = metric.is_promotion and baseline is not None and baseline.source == "Published"
        sides = [self.published] if against_published else []
        sides += [self.model, self.artifact]
        found = intervals.of([np.concatenate(side) for side in sides], self.formula)
        shown = [_estimate(self.value(side), each) for side, each in zip(sides, found.each, strict=True)]
        drop = (-found.difference[1], -found.difference[0]) if metric.name.is_error else found.difference
        if against_published and is_same:
            drop = _SAME
        dropped = drop_of(metric.name, shown[0].value, shown[-1].value)
        return MeasuredMetric(
            name=metric.name,
            output=metric.output,
            k=metric.k,
            samples=intervals.counted_examples(np.concatenate(self.model)),
            model=shown[-2],
            artifact=shown[-1],
            baseline=shown[0] if against_published else None,
            drop=Estimate(value=in_text(dropped), low=digits(drop[0]), high=digits(drop[1])),
        )


def _estimate(value: float, interval: Interval) -> Estimate:
    return Estimate(value=digits(value), low=digits(interval[0]), high=digits(interval[1]))


def digits(value: float) -> str:
    """Return a figure with five digits: the very text that is held against the gates."""
    return in_text(Decimal(f"{value + 0.0:.4e}"))


def in_text(number: Decimal) -> str:
    """Return a number as the status shows it, with an exponent only where it is very large or small."""
    if not number.is_finite():
        return str(float(number))
    short = number.normalize()
    return f"{short:f}" if short == 0 or _SMALLEST <= short.adjusted() < _LARGEST else f"{short:e}"


_SMALLEST: Final = -10
_LARGEST: Final = 20
"""Powers of ten between which a number is written without an exponent."""


class Scores:
    """The metrics of a conversion."""

    def __init__(self, metrics: Sequence[PlacedMetric], labels: Mapping[str, Sequence[Labels]]) -> None:
        """Take the metrics, and the labels of the samples of each signature by its key."""
        self._scores = [_Score(each) for each in metrics]
        self.labels = labels
        self._measured: tuple[MeasuredMetric, ...] | None = None
        self._is_same = False
        self.baseline: Baseline | None = None
        """What metrics that ask for it are held against: known once all samples are taken in."""

    def add(self, number: int, expected: Outputs, found: Outputs) -> None:
        """Take in what model and artifact give for a sample, by names as the metrics have them."""
        for score in self._scores:
            output = score.placed.metric.output
            if output in expected:
                labels, examples = self._fitted(score.placed, number, expected[output])
                score.model.append(score.parts(expected[output], labels, examples))
                score.artifact.append(score.parts(found[output], labels, examples))

    def add_model(self, number: int, expected: Outputs) -> None:
        """Take in what the model gives for a sample, by names as the metrics have them.

        Raises:
            StepFailure: MetricMismatch or DatasetMismatch where output, labels and metric do not fit.
        """
        for score in self._scores:
            output = score.placed.metric.output
            if output in expected:
                fitting.check_output(score.placed, expected[output])
                if not score.model:
                    fitting.check_classes(score.placed, expected[output], self.labels[score.placed.key])
                labels, examples = self._fitted(score.placed, number, expected[output])
                answer = score.answer(expected[output], labels, examples)
                score.model.append(score.formula.parts(answer))
                for moved in score.moved if score.formula.is_of_right_answers else ():
                    moved.add(answer)

    def add_published(self, number: int, found: Outputs) -> None:
        """Take in what the published artifact gives for a sample, by names as the metrics have them.

        Its outputs have the shapes and the kinds of numbers of the model's.
        """
        for score in self._scores:
            output = score.placed.metric.output
            if score.placed.metric.is_promotion and output in found:
                labels, examples = self._fitted(score.placed, number, found[output])
                score.published.append(score.parts(found[output], labels, examples))

    def published(self) -> dict[int, Numbers]:
        """Return what was added up of the published artifact, by the numbers of the metrics in the spec."""
        return {score.placed.number: np.concatenate(score.published) for score in self._scores if score.published}

    def take_published(self, rows: Mapping[int, Numbers]) -> None:
        """Take in what another process added up of the published artifact.

        Raises:
            ValueError: it is not what these metrics add up.
        """
        for score in self._scores:
            if score.placed.metric.is_promotion:
                found, wanted = rows.get(score.placed.number), np.concatenate(score.artifact)
                if found is None or found.shape != wanted.shape or found.dtype != wanted.dtype:
                    raise ValueError(f"{score.placed.field} has other figures")
                score.published = [found]

    def take_as_published(self) -> None:
        """Have the artifact itself be what is published: it is the very same file."""
        self._is_same = True
        for score in self._scores:
            score.published = score.artifact

    @property
    def is_published_already(self) -> bool:
        """Return whether the published artifact is the very same file."""
        return self._is_same

    def _fitted(self, placed: PlacedMetric, number: int, output: Array) -> tuple[Array, int]:
        given = self.labels[placed.key][number]
        return fitting.fitted(placed, output, given), given.examples

    def check(self) -> None:
        """Check that the model's own figures mean something.

        Raises:
            StepFailure: TooFewLabels; DatasetMismatch where the labels do not tell anything, or of other classes.
        """
        for score in self._scores:
            score.check()

    @property
    def metrics(self) -> tuple[PlacedMetric, ...]:
        """What is measured, in the order of the spec."""
        return tuple(score.placed for score in self._scores)

    @property
    def promoted(self) -> tuple[PlacedMetric, ...]:
        """Those that are held against what is published."""
        return tuple(placed for placed in self.metrics if placed.metric.is_promotion)

    def measured(self) -> tuple[MeasuredMetric, ...]:
        """Return what was measured, once all samples are taken in, in the order of the spec; nothing where none was."""
        if self._measured is None:
            found = (score for score in self._scores if score.artifact)
            self._measured = tuple(score.measured(self.baseline, is_same=self._is_same) for score in found)
        return self._measured

    def beside(self, error: MeasuredError) -> MeasuredError:
        """Return a measurement of the error with the metrics."""
        return error.model_copy(update={"metrics": self.measured() or None, "baseline": self.baseline})
