"""Which flexible dimensions have to be pinned, where an operation needs them fixed: found by trying.

LiteRT has some operations for fixed shapes alone (a StridedSlice that adds a dimension, a BroadcastTo of more than some
ranks); the converter then says that it lacks them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Shape, SignatureFacts, TensorFacts
from tflite_converter.model.signature import single_batch

_MOST: Final = 4
"""Dimensions that are tried one by one: each costs a conversion."""
Shapes = Mapping[str, Shape]
"""Of an input, by its name: a shape that the model is known to take."""


@dataclass(frozen=True)
class Pin:
    """Some dimensions pinned."""

    words: str
    """Which ones."""
    signatures: tuple[SignatureFacts, ...]

    def in_yaml(self, before: Sequence[SignatureFacts]) -> str:
        """Return what to write into signature.inputs."""
        pairs = (
            zip(ours.inputs, theirs.inputs, strict=True) for ours, theirs in zip(self.signatures, before, strict=True)
        )
        changed = {ours.name: ours.shape for ours, theirs in chain.from_iterable(pairs) if ours.shape != theirs.shape}
        return ", ".join(f"{{name: {name}, shape: {list(shape or ())}}}" for name, shape in changed.items())


def pins(signatures: tuple[SignatureFacts, ...], taken: Shapes) -> Iterator[Pin]:
    """Return what to try, that which leaves most flexible first: the batch, each other dimension, all.

    Args:
        signatures: with flexible dimensions.
        taken: shapes that the model took when it ran.
    """
    batch = tuple(map(single_batch, signatures))
    places = dict.fromkeys(
        (tensor.name, axis)
        for signature in signatures
        for tensor in signature.inputs
        for axis, size in enumerate(tensor.shape or ())
        if size == -1 and axis > 0 and tensor.name in taken
    )
    tried = [Pin("the first dimensions", batch)]
    tried += [
        Pin(f"dimension {axis} of {name}", _pinned(signatures, taken, {(name, axis)}))
        for name, axis in islice(places, _MOST)
    ]
    tried.append(Pin("all", _pinned(batch, taken, set(places))))
    seen = [signatures]
    for pin in tried:
        if pin.signatures not in seen:
            seen.append(pin.signatures)
            yield pin


def _pinned(
    signatures: tuple[SignatureFacts, ...], taken: Shapes, places: set[tuple[str, int]]
) -> tuple[SignatureFacts, ...]:
    def fixed(tensor: TensorFacts) -> TensorFacts:
        shape = tensor.shape or ()
        sizes = (taken[tensor.name][axis] if (tensor.name, axis) in places else size for axis, size in enumerate(shape))
        return replace(tensor, shape=tuple(sizes)) if tensor.shape is not None else tensor

    return tuple(replace(signature, inputs=tuple(map(fixed, signature.inputs))) for signature in signatures)


def advised(
    failure: StepFailure,
    signatures: tuple[SignatureFacts, ...],
    taken: Shapes,
    converts: Callable[[tuple[SignatureFacts, ...]], bool],
) -> StepFailure:
    """Return a failure with the cure that was found to work, or with what was tried in vain, where anything was.

    Args:
        failure: that of a conversion.
        signatures: what was converted.
        taken: shapes that the model took when it ran.
        converts: tries signatures with other shapes.
    """
    tried = []
    for pin in pins(signatures, taken):
        if converts(pin.signatures):
            found = f"{failure.found}, but not where shapes are fixed"
            return StepFailure(failure.reason, found, f"Write into signature.inputs: [{pin.in_yaml(signatures)}]")
        tried.append(pin.words)
    if not tried:
        return failure
    found = f"{failure.found} (pinning dimensions was tried in vain: {', '.join(tried)})"
    return StepFailure(failure.reason, found, failure.cure)
