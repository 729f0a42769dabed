"""Seeded inputs on which model and artifact are compared."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tflite_converter.core.tensors import Array, Sample, TensorFacts

COUNT: Final = 4
_SEED: Final = 20_240_229
_PAIRS: Final = ((32, 48), (64, 96), (128, 192), (224, 256), (16, 24), (8, 12), (1, 2))
"""For flexible dimensions other than the first, two sizes until the model accepts both: convolutions refuse what is too
small, and an artifact that has one size baked in is right at that size only."""
_SINGLES: Final = tuple((sizes[0],) for sizes in _PAIRS)
"""For models that take one size only, although they say otherwise."""
_BOUNDS: Final = (10, 2, 1)
"""For integers that may be indices into a table of unknown length: these below the bound, from 0 on."""
STRENGTHS: Final = (0.1, 10.0)
"""For models that give the same for everything of the usual size: most are saturated by it."""
_PRESENT: Final = 1 / 8
"""Share of weak integers of eight bits that may be other than 0: boards, masks and one-hot codes are like that."""
_BATCHES: Final = ((1, 2), (1,))
"""For a flexible first dimension, in turns; the second sees artifacts that are wrong for more than one."""


@dataclass(frozen=True)
class Sampling:
    """How flexible dimensions and integers are filled."""

    batches: tuple[int, ...]
    sizes: tuple[int, ...]
    bound: int
    whole: bool = False
    """Whether real inputs, too, are whole numbers below the bound: some models cast them to indices."""
    strength: float = 1.0
    """What real inputs are multiplied with; below 1, integers of eight bits are mostly 0, else -1 and 1."""

    def shape(self, tensor: TensorFacts, number: int) -> tuple[int, ...]:
        """Return the concrete shape of an input in the sample of this number."""
        batch = self.batches[number % len(self.batches)]
        size = self.sizes[number // len(self.batches) % len(self.sizes)]
        return tuple(
            dimension if dimension != -1 else (batch if axis == 0 else size)
            for axis, dimension in enumerate(tensor.shape or ())
        )

    def in_words(self, inputs: Sequence[TensorFacts]) -> str:
        """Return which sizes the flexible dimensions took; empty if there are none."""
        words = []
        if any(tensor.shape and tensor.shape[0] == -1 for tensor in inputs):
            words.append(f"first dimension {' and '.join(map(str, self.batches))}")
        if any(-1 in (tensor.shape or ())[1:] for tensor in inputs):
            words.append(f"other flexible dimensions {' and '.join(map(str, self.sizes))}")
        if self.strength != 1:
            words.append(f"inputs of {self.strength:g} times the usual size, to which it responds")
        return ", ".join(words)


def samplings(inputs: Sequence[TensorFacts]) -> Iterator[Sampling]:
    """Return ways to fill these inputs, the likeliest first; a model may refuse some."""
    flexible_batch = any(tensor.shape and tensor.shape[0] == -1 for tensor in inputs)
    flexible_size = any(-1 in (tensor.shape or ())[1:] for tensor in inputs)
    choices = itertools.product(
        (*_PAIRS, *_SINGLES) if flexible_size else _SINGLES[:1],
        _BOUNDS,
        (False, True),
        _BATCHES if flexible_batch else _BATCHES[1:],
    )
    return (Sampling(batches, sizes, bound, whole) for sizes, bound, whole, batches in choices)


def generate(
    inputs: Sequence[TensorFacts], sampling: Sampling, bounds: Mapping[str, int], count: int = COUNT, series: int = 0
) -> Iterator[Sample]:
    """Yield samples: the same for the same arguments, on every machine.

    Args:
        inputs: what to give values.
        sampling: how to fill flexible dimensions, and integers of unknown meaning.
        bounds: for inputs that index a table its length: whole numbers from 0 to below it, whatever the dtype.
        count: how many.
        series: tells samples for different purposes apart.
    """
    for number in range(count):
        generator = np.random.default_rng([_SEED + series, number])
        yield {tensor.name: _values(generator, tensor, number, sampling, bounds.get(tensor.name)) for tensor in inputs}


def _values(
    generator: np.random.Generator, tensor: TensorFacts, number: int, sampling: Sampling, bound: int | None
) -> Array:
    kind, shape = np.dtype(tensor.dtype), sampling.shape(tensor, number)
    if kind.kind == "b":
        return generator.integers(0, 2, shape).astype(kind)
    if bound is not None:
        return generator.integers(0, bound, shape).astype(kind)
    # Eight bits are rarely an index: pictures and quantized values use them whole.
    if kind.kind in "iu" and kind.itemsize == 1:
        return _eight_bits(generator, kind, shape, sampling.strength)
    if kind.kind in "iu" or sampling.whole:
        return generator.integers(0, sampling.bound, shape).astype(kind)
    values = _real(generator, shape, number)
    if kind.kind == "c":
        return (sampling.strength * (values + 1j * _real(generator, shape, number))).astype(kind)
    return (sampling.strength * values).astype(kind)


def _eight_bits(generator: np.random.Generator, kind: np.dtype[Any], shape: tuple[int, ...], strength: float) -> Array:
    if strength < 1:
        present = generator.random(shape) < _PRESENT
        return (present * generator.integers(-1 if kind.kind == "i" else 0, 2, shape)).astype(kind)
    limits = np.iinfo(kind)
    return generator.integers(limits.min, limits.max + 1, shape).astype(kind)


def _real(generator: np.random.Generator, shape: tuple[int, ...], number: int) -> Array:
    match number % 3:
        case 0:
            return np.asarray(generator.standard_normal(shape))
        case 1:
            return np.asarray(generator.uniform(0, 1, shape))
        case _:
            return np.asarray(generator.uniform(-1, 1, shape))
