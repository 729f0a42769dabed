"""How far figures may lie from what more examples would show, by the way that fits what they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tflite_converter.scoring import bootstrap, proportions
from tflite_converter.scoring.formulas import Formula, Numbers
from tflite_converter.scoring.proportions import Interval


@dataclass(frozen=True)
class Intervals:
    """The 95 % intervals of the same figure of several."""

    each: tuple[Interval, ...]
    difference: Interval
    """Of the first minus the last."""


def of(parts: Sequence[Numbers], formula: Formula) -> Intervals:
    """Return the intervals of a figure.

    Args:
        parts: what is added up over examples, a row for each, of all that are compared.
        formula: the figure.
    """
    if formula.is_of_right_answers and (counted := parts[0][:, 1]).max(initial=0) == 1:
        # One answer an example. Which are counted follows from the labels, which all have in common.
        right = [one[counted == 1, 0] for one in parts]
        each = tuple(proportions.wilson(float(one.mean()), len(one)) for one in right)
        return Intervals(each, proportions.paired(right[0], right[-1]))
    *resampled, difference = bootstrap.intervals(parts, formula.value)
    if not formula.is_share:
        return Intervals(tuple(resampled), difference)
    examples = counted_examples(parts[0])
    widened = (_widened(interval, examples) for interval in resampled)
    return Intervals(tuple(widened), _widened_difference(difference, examples))


def counted_examples(parts: Numbers) -> int:
    """Return how many examples say anything: not those of which ignoreLabel leaves out all."""
    return int(np.count_nonzero(np.any(parts != 0, axis=1)))


def _widened(interval: Interval, examples: int) -> Interval:
    """Return an interval that is more than one number: as if an example were right or wrong as a whole."""
    low, high = interval
    return proportions.wilson(low, examples) if low == high and 0 <= low <= 1 else interval


def _widened_difference(interval: Interval, examples: int) -> Interval:
    """Return the interval of a difference that no example shows: as large a share of them may."""
    low, high = interval
    if low != high:
        return interval
    most = proportions.unseen(examples)
    return low - most, high + most
