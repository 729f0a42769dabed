"""What the published artifact calls what the new one has: another export may name the only input otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tflite_converter.core.baseline import unusable
from tflite_converter.core.tensors import Array, Outputs, Sample, SignatureFacts, TensorFacts
from tflite_converter.scoring.fitting import is_real, is_whole
from tflite_converter.verify.metrics import all_finite


@dataclass(frozen=True)
class Pair:
    """A signature of the published artifact, and its names by those of the new one."""

    key: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    """Those that metrics are of."""


def pair(
    ours: SignatureFacts, theirs: Mapping[str, SignatureFacts], outputs: Sequence[str], given: Sequence[Sample]
) -> Pair:
    """Pair a signature with one of the published artifact: by name, or where each side has but one.

    Args:
        ours: the new artifact's.
        theirs: the published one's by key.
        outputs: those that metrics are of.
        given: what it has to take.

    Raises:
        StepFailure: BaselineUnusable where there is no such signature, input or output, or it takes others.
    """
    found = theirs.get(ours.key) or (next(iter(theirs.values())) if len(theirs) == 1 else None)
    if found is None:
        raise unusable(f"it has no signature {ours.key}, but only {', '.join(sorted(theirs)) or 'none'}")
    inputs = _names("input", ours.inputs, found.inputs, [tensor.name for tensor in ours.inputs])
    by_name = {tensor.name: tensor for tensor in found.inputs}
    for tensor in ours.inputs:
        _check_input(tensor, by_name[inputs[tensor.name]], given)
    if more := sorted(by_name.keys() - set(inputs.values())):
        raise unusable(f"it takes the input {', '.join(more)} as well")
    return Pair(found.key, inputs, _names("output", ours.outputs, found.outputs, outputs))


def _names(
    side: str, ours: Sequence[TensorFacts], theirs: Sequence[TensorFacts], wanted: Sequence[str]
) -> dict[str, str]:
    if len(ours) == len(theirs) == 1:
        return dict.fromkeys(wanted, theirs[0].name)
    there = {tensor.name for tensor in theirs}
    if lacking := [name for name in wanted if name not in there]:
        raise unusable(f"it has no {side} {', '.join(lacking)}, but only {', '.join(sorted(there)) or 'none'}")
    return {name: name for name in wanted}


def _check_input(ours: TensorFacts, theirs: TensorFacts, given: Sequence[Sample]) -> None:
    fits = theirs.shape is None or all(
        len(shape) == len(theirs.shape)
        and all(size in {-1, have} for size, have in zip(theirs.shape, shape, strict=True))
        for shape in {tuple(sample[ours.name].shape) for sample in given}
    )
    if ours.dtype != theirs.dtype or not fits:
        raise unusable(f"it takes {theirs}, and the new one {ours}")


def check_outputs(found: Outputs, expected: Outputs) -> None:
    """Check that the published artifact answers as the model does: so labels that fit one fit the other.

    Raises:
        StepFailure: BaselineUnusable.
    """
    for name, value in found.items():
        wanted = expected[name]
        if _kind(value) != _kind(wanted) or value.shape != wanted.shape:
            theirs, ours = (f"{array.dtype} {list(array.shape)}" for array in (value, wanted))
            raise unusable(f"its output {name} is {theirs}, and the new model's {ours}")
    if not all_finite(found):
        raise unusable("it gives infinities or NaN on the samples of verification.samples")


def _kind(array: Array) -> str:
    return "real" if is_real(array) else "whole" if is_whole(array) else array.dtype.kind
