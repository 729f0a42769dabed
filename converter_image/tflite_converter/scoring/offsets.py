"""Finding labels that are counted from another number than the classes: 1001 classes and labels of 1000, or from 1."""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from tflite_converter.scoring import intervals
from tflite_converter.scoring.fitting import is_real
from tflite_converter.scoring.formulas import FORMULAS, Answer, Formula, Numbers

_TIMES: Final = 3
"""How much better moved labels must fit, by the ends of the intervals that are nearest to each other."""


@dataclass
class Moved:
    """The same metric as if every label were another by so much."""

    by: int
    fits: bool = True
    """Whether all moved labels are classes."""
    parts: list[Numbers] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Take in what the model gives for a sample."""
        ignored = answer.metric.ignore_label
        counted = np.ones(answer.labels.shape, dtype=bool) if ignored is None else answer.labels != ignored
        moved = np.where(counted, answer.labels + self.by, answer.labels)
        low, high = moved[counted].min(initial=0), moved[counted].max(initial=0)
        if low < 0 or (is_real(answer.output) and high >= answer.output.shape[-1]) or ignored in moved[counted]:
            self.fits = False
        if self.fits:
            self.parts.append(FORMULAS[answer.metric.name].parts(replace(answer, labels=moved)))


def candidates() -> tuple[Moved, ...]:
    """Return the offsets that are tried."""
    return Moved(1), Moved(-1)


def fits_far_better(moved: Moved, parts: Numbers, formula: Formula) -> bool:
    """Return whether moved labels are what was meant: no model is so much better at a wrong answer by chance.

    Args:
        moved: what was gathered with them.
        parts: the same with the labels as they are.
        formula: the metric.
    """
    if not moved.fits or not moved.parts:
        return False
    there = np.concatenate(moved.parts)
    (_, high), (low, _) = intervals.of((parts, there), formula).each
    return low > _TIMES * high
