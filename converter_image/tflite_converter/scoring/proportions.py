"""Intervals of shares of right answers, where each example has one: closed formulas, which hold near 0 and 1 as well.

Resampling gives a single number for 100 right of 100, and one that is too narrow for 99. Brown, Cai and DasGupta,
Interval Estimation for a Binomial Proportion, Statistical Science 16, 2001, recommend Wilson's; for the difference of
two shares of the same examples these are combined as in Newcombe, Improved Confidence Intervals for the Difference
Between Binomial Proportions Based on Paired Data, Statistics in Medicine 17, 1998 (method 10).
"""

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from tflite_converter.scoring.formulas import Numbers

Interval = tuple[float, float]

_Z: Final = NormalDist().inv_cdf(0.975)


def wilson(share: float, examples: float) -> Interval:
    """Return the 95 % interval of a share of so many examples."""
    scale = 1 + _Z**2 / examples
    middle = (share + _Z**2 / (2 * examples)) / scale
    half = _Z * math.sqrt(share * (1 - share) / examples + _Z**2 / (4 * examples**2)) / scale
    # At the ends rounding must not leave the share itself outside.
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def unseen(examples: float) -> float:
    """Return the largest share, in the same sense, of what none of so many examples shows."""
    return wilson(0.0, examples)[1]


def paired(first: Numbers, second: Numbers) -> Interval:
    """Return the 95 % interval of the difference of two shares.

    Args:
        first: 1 for each example that one of the two has right, else 0.
        second: the same of the other, which is subtracted.
    """
    count = len(first)
    both, neither = float(np.sum(first * second)), float(np.sum((1 - first) * (1 - second)))
    one, other = float(np.sum(first)), float(np.sum(second))
    correlation = _correlation(both, one - both, other - both, neither)
    (low, high), (other_low, other_high) = wilson(one / count, count), wilson(other / count, count)
    below = _combined(one / count - low, other_high - other / count, correlation)
    above = _combined(high - one / count, other / count - other_low, correlation)
    difference = (one - other) / count
    return difference - below, difference + above


def _correlation(both: float, one: float, other: float, neither: float) -> float:
    margins = (both + one) * (other + neither) * (both + other) * (one + neither)
    if margins == 0:
        return 0.0
    product = both * neither - one * other
    if product > 0:
        product = max(product - (both + one + other + neither) / 2, 0.0)
    return product / math.sqrt(margins)


def _combined(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(one**2 - 2 * correlation * one * other + other**2, 0.0))
