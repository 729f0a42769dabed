"""How far a figure may lie from what more samples would show: the percentile bootstrap over examples.

Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from tflite_converter.scoring.formulas import Numbers
from tflite_converter.scoring.proportions import Interval

LEAST_EXAMPLES: Final = 30
"""Below, percentile intervals are far too narrow (Hesterberg, What Teachers Should Know About the Bootstrap, 2015)."""
_RESAMPLES: Final = 1000
_AT_A_TIME: Final = 50
_PERCENT: Final = (2.5, 97.5)
_SEED: Final = 20260101


def intervals(parts: Sequence[Numbers], value: Callable[[Numbers], Numbers]) -> tuple[Interval, ...]:
    """Return the 95 % intervals of a figure of several, and of the first minus the last on the same examples.

    Args:
        parts: what is added up over examples, a row for each, of all of them.
        value: the figure as a function of sums, along the last axis.
    """
    chance = np.random.default_rng(_SEED)
    examples = len(parts[0])
    found: list[list[Numbers]] = [[] for _ in parts]
    for _ in range(0, _RESAMPLES, _AT_A_TIME):
        # How often each example is drawn: the same examples for all.
        drawn = chance.multinomial(examples, np.full(examples, 1 / examples), size=_AT_A_TIME).astype(np.float64)
        for figures, rows in zip(found, parts, strict=True):
            figures.append(value(drawn @ rows))
    drawn_figures = [np.concatenate(figures) for figures in found]
    return tuple(_interval(figures) for figures in (*drawn_figures, drawn_figures[0] - drawn_figures[-1]))


def _interval(figures: Numbers) -> Interval:
    """Leave out where a figure is not defined, as of labels that are all the same by chance."""
    low, high = np.nanpercentile(figures, _PERCENT)
    return float(low), float(high)
