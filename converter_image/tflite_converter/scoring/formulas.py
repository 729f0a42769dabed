"""The formulas of the metrics, in numpy: each is a function of numbers that are added up over examples.

So that resampling examples is a product of matrices. scikit-learn has most of them, at the price of 150 MB with SciPy;
these follow its definitions (https://scikit-learn.org/stable/modules/model_evaluation.html), that of the intersection
over union the one of Keras (https://keras.io/api/metrics/segmentation_metrics/), and the word error rate jiwer's
(https://jitsi.github.io/jiwer/); the tests hold them to the examples of their documents.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tflite_api.resource.metrics import Metric, MetricName
from tflite_converter.core.tensors import Array
from tflite_converter.scoring.fitting import MOST_CLASSES, is_compared, is_real

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What model or artifact gives for a sample, and how it should be."""

    metric: Metric
    output: Array
    labels: Array
    """As `fitting.fitted` gives them."""
    examples: int
    """How many examples the sample is made of."""
    origin: float
    """A number near the labels, the same for all samples: far from it squares would lose their digits."""


@dataclass(frozen=True)
class Formula:
    """A metric as a function of sums."""

    parts: Callable[[Answer], Numbers]
    """What is added up, a row for each example."""
    value: Callable[[Numbers], Numbers]
    """Of sums, along the last axis; NaN where it is not defined."""
    undefined: str
    """What labels are like of which it is not defined."""
    is_share: bool = False
    """Whether it is a share of what could be right, or wrong."""
    is_of_right_answers: bool = False
    """Whether the parts are right answers and all answers."""


def _by_example(values: Array, examples: int) -> Numbers:
    """Return the sum of the values of each example."""
    return np.asarray(np.asarray(values, dtype=np.float64).reshape(examples, -1).sum(axis=1))


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan))


def _share(sums: Numbers) -> Numbers:
    return _ratio(sums[..., 0], sums[..., 1])


def _counted(answer: Answer) -> Array:
    """Return which labels stand for something."""
    ignored = answer.metric.ignore_label
    return np.ones(answer.labels.shape, dtype=bool) if ignored is None else answer.labels != ignored


def _hits(answer: Answer) -> Numbers:
    """Count the labels among the first k classes; of equal numbers the first place counts, as for numpy.argmax."""
    counted, labels = _counted(answer), answer.labels
    if is_real(answer.output):
        scores = answer.output.astype(np.float64)
        at = np.where(counted, labels, 0)[..., None]
        own = np.take_along_axis(scores, at, axis=-1)
        before = (scores > own) | ((scores == own) & (np.arange(scores.shape[-1]) < at))
        right = before.sum(axis=-1) < (answer.metric.k or 1)
    else:
        right = answer.output.astype(np.int64) == labels
    return np.stack([_by_example(part, answer.examples) for part in (right & counted, counted)], axis=1)


def _errors(answer: Answer) -> Numbers:
    error = answer.output.astype(np.float64) - answer.labels
    with np.errstate(over="ignore"):
        parts = (np.abs(error), error**2, np.ones(answer.labels.shape))
    return np.stack([_by_example(part, answer.examples) for part in parts], axis=1)


def _mean_absolute(sums: Numbers) -> Numbers:
    return _ratio(sums[..., 0], sums[..., 2])


def _root_mean_squared(sums: Numbers) -> Numbers:
    return np.asarray(np.sqrt(_ratio(sums[..., 1], sums[..., 2])))


def _errors_by_place(answer: Answer) -> Numbers:
    """Add up squared errors, labels and squared labels, each by the place in the last axis, and count the labels."""
    places = answer.labels.shape[-1] if answer.labels.ndim > 1 and answer.labels.size else 1
    error = answer.output.astype(np.float64) - answer.labels
    labels = answer.labels - answer.origin
    with np.errstate(over="ignore"):
        parts = (error**2, labels, labels**2)
    sums = [np.asarray(part, np.float64).reshape(answer.examples, -1, places).sum(axis=1) for part in parts]
    count = np.full((answer.examples, 1), labels.size / (answer.examples * places))
    return np.concatenate([*sums, count], axis=1)


def _r2(sums: Numbers) -> Numbers:
    """Return the mean of the R2 of each place whose labels vary, as scikit-learn's `uniform_average`."""
    error, labels, squares = np.split(sums[..., :-1], 3, axis=-1)
    variation = squares - _ratio(labels**2, sums[..., -1:])
    # What is left of labels that are all the same is rounding.
    varies = variation > _ROUNDING * squares
    explained = np.where(varies, 1 - _ratio(error, np.where(varies, variation, 0.0)), 0.0)
    return _ratio(explained.sum(axis=-1), varies.sum(axis=-1))


def _cosines(answer: Answer) -> Numbers:
    found = answer.output.astype(np.float64).reshape(answer.examples, -1)
    wanted = answer.labels.reshape(answer.examples, -1)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    cosines = np.where(lengths > 0, np.sum(found * wanted, axis=1) / np.where(lengths > 0, lengths, 1.0), 0.0)
    return np.stack([cosines, np.linalg.norm(wanted, axis=1) > 0], axis=1).astype(np.float64)


def _masks(answer: Answer) -> Numbers:
    """Count by class, for each example, where output and labels agree, and where either has it."""
    found, classes = _mask(answer.metric, answer.output)
    rows = [part.reshape(answer.examples, -1) for part in (found, answer.labels, _counted(answer))]
    overlaps = [
        _overlap(ours, theirs, counted, classes)
        for ours, theirs, counted in zip(rows[0], rows[1], rows[2], strict=True)
    ]
    return np.array(overlaps, dtype=np.float64)


def _overlap(found: Array, wanted: Array, counted: Array, classes: int) -> Array:
    found, wanted = found[counted], wanted[counted]
    # A class that there is none of agrees with nothing.
    found = np.where((found >= 0) & (found < classes), found, classes)
    both, ours, theirs = (
        np.bincount(part, minlength=classes + 1)[:classes] for part in (wanted[found == wanted], found, wanted)
    )
    return np.concatenate([both, ours + theirs - both])


def _mask(metric: Metric, output: Array) -> tuple[Array, int]:
    """Return the class of each place, and how many classes there are."""
    if output.dtype.kind == "b":
        return output.astype(np.int64), 2
    if not is_real(output):
        return output.astype(np.int64), MOST_CLASSES
    scores = output.astype(np.float64)
    if is_compared(metric, output):
        return (scores >= float(metric.threshold or _THRESHOLD)).astype(np.int64), 2
    return np.asarray(scores.argmax(axis=-1)), output.shape[-1]


def _mean_over_classes(sums: Numbers) -> Numbers:
    """Return the mean over the classes that output or labels have anywhere."""
    classes = sums.shape[-1] // 2
    ratios = _ratio(sums[..., :classes], sums[..., classes:])
    present = np.isfinite(ratios)
    return _ratio(np.where(present, ratios, 0.0).sum(axis=-1), present.sum(axis=-1).astype(np.float64))


def _edits(answer: Answer) -> Numbers:
    output = answer.output.astype(np.int64).reshape(len(answer.labels), answer.output.shape[-1])
    rows = [
        (_kept(answer.metric, found), _kept(answer.metric, wanted))
        for found, wanted in zip(output, answer.labels, strict=True)
    ]
    edits = np.array([(edit_distance(found, wanted), len(wanted)) for found, wanted in rows], dtype=np.float64)
    return np.asarray(edits.reshape(answer.examples, -1, 2).sum(axis=1))


def _kept(metric: Metric, sequence: Array) -> Array:
    return sequence if metric.ignore_label is None else sequence[sequence != metric.ignore_label]


def edit_distance(found: Array, wanted: Array) -> int:
    """Return how many ids are put in, left out or replaced at least from one sequence to the other (Levenshtein)."""
    places = np.arange(len(wanted) + 1)
    row = places.copy()
    for number, one in enumerate(found, start=1):
        through = np.minimum(row[1:] + 1, row[:-1] + (wanted != one))
        row = np.concatenate([[number], through])
        # Putting in ids costs one each, whatever came before.
        row = np.minimum.accumulate(row - places) + places
    return int(row[-1])


_ROUNDING: Final = 1e-12
_THRESHOLD: Final = "0.5"
_CONSTANT: Final = "are all the same"
_EMPTY: Final = "say nothing, as ignoreLabel leaves all of them out"
_NONE: Final = "are missing"
FORMULAS: Final[dict[MetricName, Formula]] = {
    MetricName.TOP1_ACCURACY: Formula(_hits, _share, _EMPTY, is_share=True, is_of_right_answers=True),
    MetricName.TOPK_ACCURACY: Formula(_hits, _share, _EMPTY, is_share=True, is_of_right_answers=True),
    MetricName.MEAN_ABSOLUTE_ERROR: Formula(_errors, _mean_absolute, _NONE),
    MetricName.ROOT_MEAN_SQUARED_ERROR: Formula(_errors, _root_mean_squared, _NONE),
    MetricName.R2: Formula(_errors_by_place, _r2, _CONSTANT),
    MetricName.COSINE_SIMILARITY: Formula(_cosines, _share, "are zeros throughout"),
    MetricName.INTERSECTION_OVER_UNION: Formula(_masks, _mean_over_classes, _EMPTY, is_share=True),
    MetricName.WORD_ERROR_RATE: Formula(_edits, _share, "are sequences without a single id", is_share=True),
}
