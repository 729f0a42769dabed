"""Bringing an output and its labels into the form that a metric takes, or saying why they do not fit."""

import math
from collections.abc import Collection, Sequence
from typing import Final, NoReturn

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import LEAST_K, OF_CLASSES, Metric, MetricName
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, Shape
from tflite_converter.datasets.labelled import Labels
from tflite_converter.scoring.placing import PlacedMetric

_MOST_PLACES: Final = 512
"""Of the last axis for R2, which is of each by itself: resampling keeps three sums for each and each example."""

MOST_CLASSES: Final = 256
"""Of masks: each takes two numbers a sample."""


def is_real(array: Array) -> bool:
    """Return whether an array has real numbers; NumPy has no kind for bfloat16."""
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def is_whole(array: Array) -> bool:
    """Return whether an array has whole numbers."""
    return array.dtype.kind in "iu"


_NUMBERS: Final = (frozenset({"real", "whole"}), "numbers")
_TAKES: Final[dict[MetricName, tuple[Collection[str], str]]] = {
    MetricName.TOP1_ACCURACY: (frozenset({"real", "whole"}), "a number for each class, or classes as whole numbers"),
    MetricName.TOPK_ACCURACY: (frozenset({"real"}), "a real number for each class"),
    MetricName.MEAN_ABSOLUTE_ERROR: _NUMBERS,
    MetricName.ROOT_MEAN_SQUARED_ERROR: _NUMBERS,
    MetricName.R2: _NUMBERS,
    MetricName.COSINE_SIMILARITY: (frozenset({"real"}), "real numbers"),
    MetricName.INTERSECTION_OVER_UNION: (
        frozenset({"real", "whole", "bool"}),
        "masks: numbers by class, one number to compare with threshold, classes, or true and false",
    ),
    MetricName.WORD_ERROR_RATE: (frozenset({"whole"}), "sequences of whole numbers, such as the ids of words"),
}
_OF_SCORES: Final = frozenset({MetricName.TOP1_ACCURACY, MetricName.TOPK_ACCURACY})


def check_output(placed: PlacedMetric, output: Array) -> None:
    """Check that a metric can be measured on an output of this dtype and shape.

    Raises:
        StepFailure: MetricMismatch.
    """
    metric = placed.metric
    words = f"is {output.dtype} {list(output.shape)}"
    kinds, wanted = _TAKES[metric.name]
    if _kind(output) not in kinds:
        _unsuitable(placed, f"{words}, and {metric.name} takes {wanted}", _others(output))
    if metric.name is MetricName.WORD_ERROR_RATE and output.ndim == 0:
        _unsuitable(placed, f"{words}, and {metric.name} takes {wanted}", "name another output")
    _check_places(placed, output)
    if not is_real(output):
        return
    classes = output.shape[-1] if output.ndim else 1
    if metric.name in _OF_SCORES and classes < 2:
        cure = "name the output that has a number for each class, or measure MeanAbsoluteError"
        _unsuitable(placed, f"{words}, without a number for each of several classes", cure)
    if metric.k is not None and metric.k >= classes:
        cure = f"lower k to {classes - 1}" if classes > LEAST_K else "measure Top1Accuracy"
        _unsuitable(placed, f"{words}, of whose {classes} classes the first {metric.k} are all", cure)
    is_mask = metric.name is MetricName.INTERSECTION_OVER_UNION and not is_compared(metric, output)
    if is_mask and classes > MOST_CLASSES:
        cure = "name the output that has the masks"
        _unsuitable(placed, f"{words}, of more classes than the {MOST_CLASSES} that masks may have", cure)


def _check_places(placed: PlacedMetric, output: Array) -> None:
    """R2 is of each place of the last axis, and resampling takes memory for each."""
    if placed.metric.name is MetricName.R2 and output.ndim > 1 and output.shape[-1] > _MOST_PLACES:
        found = f"has {output.shape[-1]} places in its last axis, and R2 is computed for {_MOST_PLACES} at most"
        _unsuitable(placed, found, "use RootMeanSquaredError")


def check_classes(placed: PlacedMetric, output: Array, labels: Sequence[Labels]) -> None:
    """Check that all labels of a dataset are classes of an output: so that what is said of them is about all.

    Raises:
        StepFailure: DatasetMismatch.
    """
    metric = placed.metric
    if metric.name not in OF_CLASSES or metric.name is MetricName.WORD_ERROR_RATE:
        return
    given = [each.values[metric.labels] for each in labels]
    if all(is_whole(each) for each in given):
        _check_range(placed, output, [_counted(metric, each) for each in given])


def _check_range(placed: PlacedMetric, output: Array, labels: Sequence[Array]) -> None:
    classes = _classes_of(placed.metric, output)
    some = [each for each in labels if each.size]
    if classes is None or not some:
        return
    low, high = min(int(each.min()) for each in some), max(int(each.max()) for each in some)
    if low >= 0 and high < classes:
        return
    cure = "correct them, or say with ignoreLabel which number stands for no class"
    if (low, high) == (1, classes):
        cure = "subtract 1 from each, as the first class is 0"
    _unfit(placed, f"reach from {low} to {high}, but the classes are 0 to {classes - 1}", cure)


def _classes_of(metric: Metric, output: Array) -> int | None:
    """Return how many classes labels may name; None for any."""
    is_mask = metric.name is MetricName.INTERSECTION_OVER_UNION
    if _is_binary(metric, output):
        return 2
    return int(output.shape[-1]) if is_real(output) else MOST_CLASSES if is_mask else None


def _counted(metric: Metric, labels: Array) -> Array:
    return labels if metric.ignore_label is None else labels[labels != metric.ignore_label]


def _kind(output: Array) -> str:
    return "real" if is_real(output) else "whole" if is_whole(output) else output.dtype.name


def _others(output: Array) -> str:
    """Return what to do with an output that a metric does not take."""
    fitting = [str(name) for name in _TAKES if _may_be_measured(name, output)]
    return f"name another output, or measure {', '.join(fitting)}" if fitting else "name another output"


def _may_be_measured(name: MetricName, output: Array) -> bool:
    """Return whether there are labels with which a metric can be measured on an output."""
    if _kind(output) not in _TAKES[name][0]:
        return False
    size = output.shape[-1] if output.ndim else 1
    match name:
        case MetricName.WORD_ERROR_RATE:
            return output.ndim > 1
        case MetricName.TOPK_ACCURACY:
            return size > LEAST_K
        case MetricName.TOP1_ACCURACY | MetricName.COSINE_SIMILARITY if is_real(output):
            return size > 1
        case MetricName.INTERSECTION_OVER_UNION if is_real(output):
            return size <= MOST_CLASSES
        case _:
            return True


def is_compared(metric: Metric, output: Array) -> bool:
    """Return whether an output of real numbers has one for each place of a mask, which is compared with threshold."""
    return metric.threshold is not None or output.ndim == 0 or output.shape[-1] == 1


def fitted(placed: PlacedMetric, output: Array, labels: Labels) -> Array:
    """Return the labels of a sample in the shape and the type that the metric needs for an output.

    Raises:
        StepFailure: DatasetMismatch where they do not fit, MetricMismatch where the output is too short for the metric.
    """
    metric = placed.metric
    given = labels.values[metric.labels]
    if metric.name in OF_CLASSES:
        _check_classes(placed, given, output)
    if metric.name is MetricName.WORD_ERROR_RATE:
        return _ids(placed, given, output)
    if metric.name in OF_CLASSES:
        return _classes(placed, labels, output)
    if not (is_real(given) or is_whole(given)):
        _unfit(placed, f"are {given.dtype}", "write numbers")
    if metric.name is MetricName.COSINE_SIMILARITY and output.size <= labels.examples:
        found = f"is {output.dtype} {list(output.shape)}, one number for each example, of which no angle says anything"
        _unsuitable(placed, found, "name the output that has a vector, or measure MeanAbsoluteError")
    shaped = _shaped(placed, labels, output.shape).astype(np.float64)
    if not np.all(np.isfinite(shaped)):
        _unfit(placed, "hold infinities or NaN", "remove such examples from the dataset")
    return shaped


def _check_classes(placed: PlacedMetric, given: Array, output: Array) -> None:
    """Check that labels are numbers of classes."""
    if given.dtype.kind in "SUO":
        _unfit(placed, "are texts", "write the number of each class in the place of its name")
    has_scores = is_real(output) and not _is_binary(placed.metric, output)
    # Of one-hot labels the dtype is not what is wrong with them.
    if has_scores and output.size > 1 and _squeezed(given.shape) == _squeezed(output.shape):
        found = f"have the shape {list(given.shape)} of the output itself, as if they were one-hot"
        _unfit(placed, found, "write the number of the class, for example with .argmax(-1)")
    if not is_whole(given) and given.dtype.kind != "b":
        _unfit(placed, f"are {given.dtype}", "write whole numbers, for example with .astype('int64')")


def _is_binary(metric: Metric, output: Array) -> bool:
    """Return whether an output says of each place of a mask that it belongs to it, or not."""
    is_mask = metric.name is MetricName.INTERSECTION_OVER_UNION
    return is_mask and (output.dtype.kind == "b" or (is_real(output) and is_compared(metric, output)))


def _classes(placed: PlacedMetric, labels: Labels, output: Array) -> Array:
    metric = placed.metric
    has_scores = is_real(output) and not _is_binary(metric, output)
    shaped = _shaped(placed, labels, output.shape[:-1] if has_scores else output.shape).astype(np.int64)
    _check_range(placed, output, [_counted(metric, shaped)])
    return shaped


def _ids(placed: PlacedMetric, given: Array, output: Array) -> Array:
    """Return a row for each sequence of the output."""
    rows = int(np.prod(output.shape[:-1], dtype=np.int64))
    leading = _squeezed(given.shape[:-1])
    if given.ndim == 0 or leading != _squeezed(output.shape[:-1]):
        found = f"have the shape {list(given.shape)} for an output of {list(output.shape)}"
        several = list(_squeezed(output.shape[1:-1]))
        what = f"sequences in the shape {several}" if several else "a sequence"
        _unfit(placed, found, f"give each example {what}, all filled up to the same length with ignoreLabel")
    return given.astype(np.int64).reshape(rows, given.shape[-1])


def _squeezed(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _shaped(placed: PlacedMetric, labels: Labels, shape: Shape) -> Array:
    """Return labels in the shape of what they are compared with: dimensions of 1 count for nothing.

    The numbers of a TFRecord come in one row for each example.
    """
    given = labels.values[placed.metric.labels]
    is_flat = given.ndim - labels.is_stacked <= 1 and given.size == np.prod(shape, dtype=np.int64)
    if is_flat or _squeezed(given.shape) == _squeezed(shape):
        return given.reshape(shape)
    found = f"have the shape {list(given.shape)} where {list(shape)} are compared"
    each = _each(labels, shape)
    if each is None:
        cure = f"name an output that has a row for each of the {labels.examples} examples of a batch"
        _unsuitable(placed, f"is {list(shape)} for {labels.examples} examples", cure)
    return _unfit(placed, found, f"give each example the shape {each}" if each else "give each example one number")


def _each(labels: Labels, shape: Shape) -> list[int] | None:
    """Return the shape of what one example is compared with; None where an output does not tell examples apart."""
    if not labels.is_stacked:
        return list(shape)
    if shape[:1] == (labels.examples,):
        return list(shape[1:])
    each, left = divmod(math.prod(shape), labels.examples)
    if labels.examples == 1:
        return list(shape)
    return None if left else [each]


def _unsuitable(placed: PlacedMetric, found: str, cure: str) -> NoReturn:
    raise StepFailure(Reason.METRIC_MISMATCH, f"{placed.field}: output {placed.metric.output} {found}", cure)


def _unfit(placed: PlacedMetric, found: str, cure: str) -> NoReturn:
    raise StepFailure(Reason.DATASET_MISMATCH, f"{placed.field}: the labels {placed.metric.labels} {found}", cure)
