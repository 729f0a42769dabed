"""Metrics on labelled samples: what a spec asks for, and whether what was measured holds it."""

from collections.abc import Sequence
from decimal import Context, Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tflite_api.field_types import PRINTABLE, hold_bytes
from tflite_api.resource.metadata import DecimalText
from tflite_api.resource.status import MeasuredError, MeasuredMetric
from tflite_api.schema import Integer, Schema, matching

MOST_METRICS: Final = 8
METRICS_BYTES: Final = 4096
"""Of the names of outputs and labels, as JSON: what the steps are told has to fit into a variable."""
SHARE_PATTERN: Final = r"^[0-9]{1,9}(?:\.[0-9]{1,9})?$"

_TEN_DIGITS: Final = Context(prec=10, traps=[])
"""Figures have five: what is more would not fit into the status. What is not defined is NaN."""

LEAST_K: Final = 2
"""Of TopKAccuracy: with 1 it would be Top1Accuracy."""
OutputName = Annotated[str, StringConstraints(min_length=1, max_length=512), PRINTABLE]
LabelsName = Annotated[str, StringConstraints(min_length=1, max_length=256), PRINTABLE]
Drop = Annotated[
    str,
    StringConstraints(max_length=32),
    matching(SHARE_PATTERN, 'must be a decimal number of 0 or more as text: write for example "0.01"'),
]
Gate = Literal["min", "max", "maxDrop"]
Baseline = Literal["Model", "Published"]


class MetricName(StrEnum):
    """The values of verification.metrics[].name."""

    TOP1_ACCURACY = "Top1Accuracy"
    TOPK_ACCURACY = "TopKAccuracy"
    MEAN_ABSOLUTE_ERROR = "MeanAbsoluteError"
    ROOT_MEAN_SQUARED_ERROR = "RootMeanSquaredError"
    R2 = "R2"
    COSINE_SIMILARITY = "CosineSimilarity"
    INTERSECTION_OVER_UNION = "IntersectionOverUnion"
    WORD_ERROR_RATE = "WordErrorRate"

    @property
    def is_error(self) -> bool:
        """Return whether less of it is better."""
        return self in _ERRORS


_ERRORS: Final = frozenset(
    {MetricName.MEAN_ABSOLUTE_ERROR, MetricName.ROOT_MEAN_SQUARED_ERROR, MetricName.WORD_ERROR_RATE}
)
OF_CLASSES: Final = (
    MetricName.TOP1_ACCURACY,
    MetricName.TOPK_ACCURACY,
    MetricName.INTERSECTION_OVER_UNION,
    MetricName.WORD_ERROR_RATE,
)
"""Those whose labels are whole numbers, of which one may stand for nothing."""


class Metric(Schema):
    """How good an output is against labels, and what is asked of it; without a gate it is only measured."""

    name: MetricName
    output: OutputName
    labels: LabelsName
    k: Annotated[Integer, Field(ge=LEAST_K, le=1000)] | None = None
    threshold: DecimalText | None = None
    ignore_label: Annotated[Integer, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    min: DecimalText | None = None
    max: DecimalText | None = None
    max_drop: Drop | None = None
    baseline: Baseline | None = None

    @model_validator(mode="after")
    def _fit_the_name(self) -> Self:
        if (self.name is MetricName.TOPK_ACCURACY) != (self.k is not None):
            raise ValueError("k is for TopKAccuracy, which needs it: write for example k: 5")
        if self.threshold is not None and self.name is not MetricName.INTERSECTION_OVER_UNION:
            raise ValueError("threshold is for IntersectionOverUnion: leave it out")
        if self.ignore_label is not None and self.name not in OF_CLASSES:
            raise ValueError(f"ignoreLabel is for {', '.join(OF_CLASSES[:-1])} and {OF_CLASSES[-1]}: leave it out")
        if self.min is not None and self.max is not None and Decimal(self.min) > Decimal(self.max):
            raise ValueError("min must not exceed max")
        if self.baseline is not None and self.max_drop is None:
            raise ValueError('baseline is what maxDrop is measured from: set maxDrop, for example "0" for no worse')
        return self

    @property
    def is_promotion(self) -> bool:
        """Return whether the artifact is held against the one that is published."""
        return self.baseline == "Published"

    @property
    def is_gated(self) -> bool:
        """Return whether anything is asked of it."""
        return bool(self.gates)

    @property
    def gates(self) -> dict[Gate, str]:
        """What is asked of it."""
        given: dict[Gate, str | None] = {"min": self.min, "max": self.max, "maxDrop": self.max_drop}
        return {gate: bound for gate, bound in given.items() if bound is not None}


def hold_names(metrics: Sequence[Metric]) -> None:
    """Make sure that the steps can be told of all metrics.

    Raises:
        ValueError: their names are too long together.
    """
    names = [name for metric in metrics for name in (metric.output, metric.labels)]
    hold_bytes(names, METRICS_BYTES, "the names of outputs and labels", "measure fewer")


def missed(asked: Metric, measured: MeasuredMetric) -> tuple[Gate, ...]:
    """Return the gates that a measurement does not hold, by the very figures that it shows."""
    value, drop = Decimal(measured.artifact.value), Decimal(measured.drop.value)
    if not (value.is_finite() and drop.is_finite()):
        return tuple(asked.gates)
    held = {
        "min": lambda bound: value >= bound,
        "max": lambda bound: value <= bound,
        "maxDrop": lambda bound: drop <= bound,
    }
    return tuple(gate for gate, bound in asked.gates.items() if not held[gate](Decimal(bound)))


_WORDS: Final[dict[Gate, str]] = {"min": "at least", "max": "at most", "maxDrop": "a drop of at most"}


def gate_in_words(gate: Gate, bound: str) -> str:
    """Return a gate as a sentence names it: `at least 0.7`."""
    return f"{_WORDS[gate]} {bound}"


def gates_in_words(asked: Metric) -> str:
    """Return what is asked of a metric; nothing where it is only measured."""
    words = ", ".join(gate_in_words(gate, bound) for gate, bound in asked.gates.items())
    return f"{words} from what is published" if asked.is_promotion else words


def problem_of(asked: Sequence[Metric], measured: MeasuredError | None) -> str | None:
    """Return what is wrong with a measurement that is said to hold all gates of all metrics; None where it holds them.

    Args:
        asked: by the spec.
        measured: what is shown, in the same order.
    """
    shown = measured.metrics or () if measured is not None else ()
    if len(shown) != len(asked):
        return f"shows {len(shown)} metrics of the {len(asked)} asked for"
    baseline = measured.baseline if measured is not None else None
    if (baseline is not None) != any(metric.is_promotion for metric in asked):
        return "does not say what the artifact was held against" if baseline is None else "has a baseline too many"
    return _problem_with_figures(asked, shown, is_published=baseline is not None and baseline.source == "Published")


def _problem_with_figures(
    asked: Sequence[Metric], shown: Sequence[MeasuredMetric], *, is_published: bool
) -> str | None:
    for number, (metric, found) in enumerate(zip(asked, shown, strict=True)):
        if (found.name, found.output, found.k) != (metric.name, metric.output, metric.k):
            return f"shows another metric than verification.metrics[{number}] asks for"
        if (found.baseline is not None) != (metric.is_promotion and is_published):
            return f"shows another baseline of {metric.name} than was asked for"
        if not _adds_up(metric, found):
            return f"shows a drop of {metric.name} that is not that of its figures"
        if gates := missed(metric, found):
            return f"calls {metric.name} sufficient, but does not hold {', '.join(gates)}"
    return None


def drop_of(name: MetricName, baseline: str, artifact: str) -> Decimal:
    """Return by how much an artifact is worse than its baseline, below 0 where it is better."""
    before, after = Decimal(baseline), Decimal(artifact)
    return _TEN_DIGITS.subtract(after, before) if name.is_error else _TEN_DIGITS.subtract(before, after)


def _adds_up(asked: Metric, found: MeasuredMetric) -> bool:
    before = found.baseline or found.model
    values = (found.model.value, before.value, found.artifact.value, found.drop.value)
    if not all(Decimal(value).is_finite() for value in values):
        return not asked.is_gated
    return drop_of(asked.name, before.value, found.artifact.value) == Decimal(found.drop.value)
