"""What the values of an input stand for, as far as the graph shows, and values that suit it."""

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from tflite_api.resource.status import Distribution
from tflite_converter.core.tensors import Array, Shape
from tflite_converter.datasets.distributions import draw

_LARGEST_PIXEL: Final = 255
_LARGEST_DIVISOR: Final = 9
_SIGNED_FROM: Final = 2**14
"""Whole numbers that are divided by this much are sound, which goes to both sides of 0; smaller ones are counts."""


class Meaning(Protocol):
    """What the values of an input stand for."""

    @property
    def words(self) -> str:
        """What the values are."""

    @property
    def is_real(self) -> bool:
        """Return whether they follow the distribution that is asked for."""

    def values(self, generator: np.random.Generator, shape: Shape, number: int, distribution: Distribution) -> Array:
        """Return values for the sample of this number."""


@dataclass(frozen=True)
class Indices:
    """Places in a table."""

    first: int
    count: int
    is_real = False

    @property
    def words(self) -> str:
        """What the values are."""
        return f"indices from {self.first} to {self.first + self.count - 1}"

    def values(self, generator: np.random.Generator, shape: Shape, number: int, distribution: Distribution) -> Array:
        """Return any places."""
        del number, distribution
        return generator.integers(self.first, self.first + self.count, shape)


@dataclass(frozen=True)
class Different:
    """Places at which something is replaced, one for each thing."""

    words = "places of which no two are the same"
    is_real = False

    def values(self, generator: np.random.Generator, shape: Shape, number: int, distribution: Distribution) -> Array:
        """Return as many as there are, in any order."""
        del number, distribution
        return generator.permutation(math.prod(shape)).reshape(shape)


@dataclass(frozen=True)
class Divisors:
    """What whole numbers are divided by: TensorFlow and LiteRT refuse 0."""

    is_real = False

    @property
    def words(self) -> str:
        """What the values are."""
        return f"divisors from 1 to {_LARGEST_DIVISOR}"

    def values(self, generator: np.random.Generator, shape: Shape, number: int, distribution: Distribution) -> Array:
        """Return any of them."""
        del number, distribution
        return generator.integers(1, _LARGEST_DIVISOR + 1, shape)


@dataclass(frozen=True)
class Mask:
    """Which places count: 1, or 0."""

    words = "a mask of 0 and 1"
    is_real = False

    def values(self, generator: np.random.Generator, shape: Shape, number: int, distribution: Distribution) -> Array:
        """Return ones alone in the first sample; then in turns those that end somewhere, as padding does, and any."""
        del distribution
        if number == 0 or not shape:
            return np.ones(shape, np.int64) if number == 0 else generator.integers(0, 2, shape)
        if number % 2 == 0:
            return generator.integers(0, 2, shape)
        ends = generator.integers(1, max(shape[-1], 1) + 1, (*shape[:-1], 1))
        return np.asarray(np.arange(shape[-1]) < ends).astype(np.int64)


@dataclass(frozen=True)
class Pixels:
    """Brightness from 0 to 255."""

    words = "pixels from 0 to 255"
    is_real = True

    def values(self, generator: np.random.Generator, shape: Shape, number: int, distribution: Distribution) -> Array:
        """Return noise around grey or on black, in whole numbers."""
        del number
        drawn = draw(distribution, generator, shape)
        bright = np.abs(drawn) if distribution in {"Uniform", "Sparse"} else (1 + drawn) / 2
        return np.asarray(np.round(np.clip(bright, 0, 1) * _LARGEST_PIXEL))


@dataclass(frozen=True)
class Scaled:
    """Numbers that the model brings to the usual size first."""

    center: tuple[float, ...]
    """What it subtracts: one number, or one for each place of the last dimension."""
    scale: tuple[float, ...]
    """What it divides by, likewise."""
    whole: bool = False
    is_real = True

    @property
    def words(self) -> str:
        """What the values are."""
        kind = "whole numbers" if self.whole else "numbers"
        sizes = sorted({abs(self.scale[0]), *map(abs, self.scale)})
        size = f"{sizes[0]:.3g}" if len(sizes) == 1 else f"{sizes[0]:.3g} to {sizes[-1]:.3g}"
        around = "" if not any(self.center) else f" around {self._middle:.3g}"
        return f"{kind} of the size {size}{around}, by which the model divides them"

    @property
    def _middle(self) -> float:
        return float(np.mean(self.center))

    def values(self, generator: np.random.Generator, shape: Shape, number: int, distribution: Distribution) -> Array:
        """Return numbers that are of the usual size once the model has brought them there."""
        del number
        drawn = draw(distribution, generator, shape)
        if not any(self.center):
            drawn = np.clip(drawn, -1, 1)
            if self.whole and max(map(abs, self.scale)) < _SIGNED_FROM:
                drawn = np.abs(drawn)
        values = np.asarray(self.center) + np.abs(self.scale) * drawn
        return np.asarray(np.round(values) if self.whole else values)


def fitted(values: Array, kind: np.dtype[Any]) -> Array:
    """Return values as a type that may hold fewer of them."""
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        values = np.clip(values, limits.min, limits.max)
    return np.asarray(values).astype(kind)
