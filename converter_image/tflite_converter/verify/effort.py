"""On how many generated samples models and artifacts are run: by what they compute, and so alike on every machine."""

import time
from typing import Final

from tflite_converter.core.tensors import Work
from tflite_converter.datasets.generated import LEAST, MOST

_MULTIPLICATIONS: Final = 12e9
"""For all generated samples of a model: about half a second of a processor's time (own measurement: TensorFlow does 12
to 60 billion a second of what is worth counting)."""
_AN_OPERATION: Final = 20_000
"""Multiplications in whose time an operation begins and ends (own measurement: 1 to 3 microseconds)."""
_IN_16_BITS: Final = 13
"""How many times as long they take in LiteRT's kernels of 16 bits (own measurement: 1.8 billion a second)."""
_BYTES: Final = 64 * 2**20
"""For all samples with their outputs."""
SECONDS: Final = 5.0
"""Of the processor's time, after which no more samples are run whatever was counted: loops may take any number of
steps. Ten times what was counted on, so that slow machines and busy ones come to the same number of samples."""


def cost(work: Work) -> int:
    """Return in multiplications how much a model computes in TensorFlow."""
    return work.multiplications + _AN_OPERATION * work.operations


def cost_in_16_bits(work: Work) -> int:
    """Return the same for an artifact of it that computes in 16 bits: those of other types take no longer than it."""
    return _IN_16_BITS * work.multiplications


def affordable(cost: int, size: int, share: float, most: int = MOST) -> int:
    """Return how many samples to run: the least, doubled as often as there is room.

    Args:
        cost: multiplications of one run.
        size: bytes of a sample with its outputs.
        share: of all multiplications.
        most: of samples.
    """
    count = LEAST
    while 2 * count <= min(most, share * _MULTIPLICATIONS / max(cost, 1), _BYTES / max(size, 1)):
        count *= 2
    return count


class Patience:
    """The time after which no more samples are run."""

    def __init__(self) -> None:
        """Begin."""
        self._end = time.process_time() + SECONDS

    @property
    def is_over(self) -> bool:
        """Return whether it is spent."""
        return time.process_time() > self._end
