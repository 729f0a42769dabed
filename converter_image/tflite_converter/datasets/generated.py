"""Seeded inputs on which model and artifact are compared."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from tflite_api.resource.status import Distribution
from tflite_converter.core.tensors import Array, Sample, TensorFacts
from tflite_converter.datasets import distributions
from tflite_converter.datasets.distributions import IN_TURN
from tflite_converter.datasets.meanings import Meaning, fitted

LEAST: Final = len(IN_TURN)
"""One of each distribution."""
MOST: Final = 16 * LEAST
_SEED: Final = 20_240_229
_PAIRS: Final = ((32, 48), (64, 96), (128, 192), (224, 256), (16, 24), (8, 12), (1, 2))
"""For flexible dimensions other than the first, two sizes until the model accepts both: convolutions refuse what is too
small, and an artifact that has one size baked in is right at that size only."""
_SINGLES: Final = tuple((sizes[0],) for sizes in _PAIRS)
"""For models that take one size only, although they say otherwise."""
_LONG: Final = ((64, 96), (512, 768), (4096, 6144), (16384, 24576))
"""Where shorter ones are less than a frame, a kernel or a stride, so that nothing comes out."""
_LONGEST: Final = 6144
"""But for sound: attention costs with the square of the length. How far to go is a number of steps and not a time, so
that a model is calibrated on the same samples on every machine."""
_MOST_ELEMENTS: Final = 2**21
"""Of such an input: 131 seconds of sound, or a picture of 512 by 1024."""
_BOUNDS: Final = (10, 2, 1)
"""For integers that may be indices into a table of unknown length: these below the bound, from 0 on."""
STRENGTHS: Final = (0.1, 10.0)
"""For models that give the same for everything of the usual size: most are saturated by it."""
_PRESENT: Final = 1 / 8
"""Share of weak integers of eight bits that may be other than 0: boards, masks and one-hot codes are like that."""
_BATCHES: Final = ((1, 2), (1,))
"""For a flexible first dimension, in turns; the second sees artifacts that are wrong for more than one."""
Meanings = Mapping[str, Meaning]
"""What is known of the values of inputs, by their names."""


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

    @property
    def first_is_length(self) -> bool:
        """Return whether the first dimension is filled as one of time, and not as a batch."""
        return self.batches in _LONG

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

    def described(self, tensor: TensorFacts, meaning: Meaning | None) -> str:
        """Say what the values of an input are."""
        kind = np.dtype(tensor.dtype)
        if kind.kind == "b":
            return "true and false"
        if meaning is not None:
            return meaning.words
        if kind.kind in "iu" and kind.itemsize == 1:
            return "mostly 0" if self.strength < 1 else f"all that {kind} holds"
        if kind.kind in "iu" or self.whole:
            return f"whole numbers from 0 to {self.bound - 1}"
        return "real numbers around 0"


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


def longer(inputs: Sequence[TensorFacts], sampling: Sampling, *, first: bool) -> Iterator[Sampling]:
    """Return ways to fill the same inputs with more, the shortest first.

    Args:
        inputs: what to give values.
        sampling: how they were filled.
        first: whether the first dimension, too, may be a length, and no batch.
    """
    flexible_size = any(-1 in (tensor.shape or ())[1:] for tensor in inputs)
    flexible_first = first and any(tensor.shape and tensor.shape[0] == -1 for tensor in inputs)
    lengths = _LONG if _are_sound(inputs) else [sizes for sizes in _LONG if max(sizes) <= _LONGEST]
    tried: list[Sampling] = []
    if flexible_size:
        tried += [replace(sampling, sizes=sizes) for sizes in lengths if sizes > sampling.sizes]
    if flexible_first:
        tried += [replace(sampling, batches=sizes) for sizes in lengths]
    return (one for one in tried if max(_elements(inputs, one), default=0) <= _MOST_ELEMENTS)


def _are_sound(inputs: Sequence[TensorFacts]) -> bool:
    """Return whether what is of any length is real, with one number a step."""
    flexible = [tensor for tensor in inputs if -1 in (tensor.shape or ())]
    return all(
        np.dtype(tensor.dtype).kind == "f"
        and all(size in (-1, 1) for size in tensor.shape or ())
        and (tensor.shape or ())[1:].count(-1) <= 1
        for tensor in flexible
    )


def _elements(inputs: Sequence[TensorFacts], sampling: Sampling) -> Iterator[int]:
    count = len(sampling.batches) * len(sampling.sizes)
    return (math.prod(sampling.shape(tensor, number)) for tensor in inputs for number in range(count))


def distribution(inputs: Sequence[TensorFacts], meanings: Meanings, sampling: Sampling, number: int) -> Distribution:
    """Return what the real inputs of the sample of this number are drawn from."""
    if any(_is_real(tensor, meanings.get(tensor.name), sampling) for tensor in inputs):
        return IN_TURN[number % len(IN_TURN)]
    return distributions.WHOLE


def _is_real(tensor: TensorFacts, meaning: Meaning | None, sampling: Sampling) -> bool:
    if meaning is not None:
        return meaning.is_real
    return np.dtype(tensor.dtype).kind in "fc" and not sampling.whole


def generate(
    inputs: Sequence[TensorFacts],
    sampling: Sampling,
    meanings: Meanings,
    count: int = LEAST,
    series: int = 0,
    start: int = 0,
) -> Iterator[Sample]:
    """Yield samples: the same for the same arguments, on every machine.

    Args:
        inputs: what to give values.
        sampling: how to fill flexible dimensions, and integers of unknown meaning.
        meanings: what is known of the values of inputs.
        count: how many.
        series: tells samples for different purposes apart.
        start: the number of the first.
    """
    for number in range(start, start + count):
        generator = np.random.default_rng([_SEED + series, number])
        drawn = IN_TURN[number % len(IN_TURN)]
        yield {
            tensor.name: _values(generator, tensor, number, drawn, sampling, meanings.get(tensor.name))
            for tensor in inputs
        }


def _values(
    generator: np.random.Generator,
    tensor: TensorFacts,
    number: int,
    drawn: Distribution,
    sampling: Sampling,
    meaning: Meaning | None,
) -> Array:
    kind, shape = np.dtype(tensor.dtype), sampling.shape(tensor, number)
    if kind.kind == "b":
        return generator.integers(0, 2, shape).astype(kind)
    if meaning is not None:
        return fitted(meaning.values(generator, shape, number, drawn), kind)
    # Eight bits are rarely an index: pictures and quantized values use them whole.
    if kind.kind in "iu" and kind.itemsize == 1:
        return _eight_bits(generator, kind, shape, sampling.strength)
    if kind.kind in "iu" or sampling.whole:
        return generator.integers(0, sampling.bound, shape).astype(kind)
    values = distributions.draw(drawn, generator, shape)
    if kind.kind == "c":
        return (sampling.strength * (values + 1j * distributions.draw(drawn, generator, shape))).astype(kind)
    return (sampling.strength * values).astype(kind)


def _eight_bits(generator: np.random.Generator, kind: np.dtype[Any], shape: tuple[int, ...], strength: float) -> Array:
    if strength < 1:
        present = generator.random(shape) < _PRESENT
        return (present * generator.integers(-1 if kind.kind == "i" else 0, 2, shape)).astype(kind)
    limits = np.iinfo(kind)
    return generator.integers(limits.min, limits.max + 1, shape).astype(kind)
