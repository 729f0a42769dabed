"""Metrics of a model and its artifact, gathered one sample at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import drop_of
from tflite_api.resource.status import Estimate, MeasuredError, MeasuredMetric
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, Outputs
from tflite_converter.datasets.labelled import Labels
from tflite_converter.scoring import bootstrap, fitting
from tflite_converter.scoring.bootstrap import LEAST_EXAMPLES
from tflite_converter.scoring.formulas import FORMULAS, Answer, Formula, Numbers
from tflite_converter.scoring.placing import PlacedMetric


@dataclass
class _Score:
    """One metric of both."""

    placed: PlacedMetric
    model: list[Numbers] = field(default_factory=list)
    artifact: list[Numbers] = field(default_factory=list)
    origin: float | None = None

    @property
    def formula(self) -> Formula:
        return FORMULAS[self.placed.metric.name]

    def parts(self, output: Array, labels: Array, examples: int) -> Numbers:
        if self.origin is None:
            self.origin = float(labels.flat[0]) if labels.size else 0.0
        return self.formula.parts(Answer(self.placed.metric, output, labels, examples, self.origin))

    def value(self, parts: Sequence[Numbers]) -> float:
        return float(self.formula.value(np.concatenate(parts).sum(axis=0)))

    def check(self) -> None:
        """Check that the model's own figure means something.

        Raises:
            StepFailure: DatasetMismatch.
        """
        where, labels = self.placed.field, self.placed.metric.labels
        count = sum(map(len, self.model))
        if count < LEAST_EXAMPLES:
            raise StepFailure(
                Reason.DATASET_MISMATCH,
                f"{where}: {count} labelled examples are too few to tell how far off a figure may be, {LEAST_EXAMPLES}"
                " are the least",
                "add some to verification.samples.dataset, or raise verification.samples.maxSamples",
            )
        if not np.isfinite(self.value(self.model)):
            words = f"{where}: the labels {labels} {self.formula.undefined}, so that there is nothing to measure"
            raise StepFailure(Reason.DATASET_MISMATCH, words, "give others")

    def measured(self) -> MeasuredMetric:
        metric = self.placed.metric
        model, artifact = self.value(self.model), self.value(self.artifact)
        parts = (np.concatenate(self.model), np.concatenate(self.artifact))
        ours, theirs, drop = bootstrap.intervals(parts, self.formula.value)
        if metric.name.is_error:
            drop = (-drop[1], -drop[0])
        shown = (_estimate(model, ours), _estimate(artifact, theirs))
        dropped = drop_of(metric.name, shown[0].value, shown[1].value)
        return MeasuredMetric(
            name=metric.name,
            output=metric.output,
            k=metric.k,
            samples=len(parts[0]),
            model=shown[0],
            artifact=shown[1],
            drop=Estimate(value=in_text(dropped), low=digits(drop[0]), high=digits(drop[1])),
        )


def _estimate(value: float, interval: tuple[float, float]) -> Estimate:
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
        self._labels = labels
        self._measured: tuple[MeasuredMetric, ...] | None = None

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
                labels, examples = self._fitted(score.placed, number, expected[output])
                score.model.append(score.parts(expected[output], labels, examples))

    def _fitted(self, placed: PlacedMetric, number: int, output: Array) -> tuple[Array, int]:
        given = self._labels[placed.key][number]
        return fitting.fitted(placed, output, given), given.examples

    def check(self) -> None:
        """Check that the model's own figures mean something.

        Raises:
            StepFailure: DatasetMismatch where there are too few labels, or none that tell.
        """
        for score in self._scores:
            score.check()

    @property
    def metrics(self) -> tuple[PlacedMetric, ...]:
        """What is measured, in the order of the spec."""
        return tuple(score.placed for score in self._scores)

    def measured(self) -> tuple[MeasuredMetric, ...]:
        """Return what was measured, once all samples are taken in, in the order of the spec; nothing where none was."""
        if self._measured is None:
            self._measured = tuple(score.measured() for score in self._scores if score.artifact)
        return self._measured

    def beside(self, error: MeasuredError) -> MeasuredError:
        """Return a measurement of the error with the metrics."""
        return error.model_copy(update={"metrics": self.measured() or None})
