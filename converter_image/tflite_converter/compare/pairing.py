"""Which signatures of an artifact and a reference are compared, and on which inputs both can be run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

_ORIGIN: Final = "Compare it with what it was converted from"


@dataclass(frozen=True)
class Pair:
    """A signature of each, and what the artifact calls the tensors of the reference."""

    artifact_key: str
    reference: SignatureFacts
    """With shapes that both take."""
    input_names: Mapping[str, str]
    """The artifact's, by the reference's."""
    output_names: Mapping[str, str]
    """The artifact's, by the reference's."""


def pair_signatures(
    artifact: Mapping[str, SignatureFacts], reference: Mapping[str, SignatureFacts], key: str | None
) -> tuple[Pair, ...]:
    """Pair the signatures of one key, or of all keys that both have; where each has one only, those two.

    Args:
        artifact: its signatures by key.
        reference: its signatures by key.
        key: of the signature to compare; None for all that can be paired.

    Raises:
        StepFailure: SignatureNotFound, InputNotFound, InputShapeMismatch or InputUnsupported, naming what differs.
    """
    shared = sorted(artifact.keys() & reference.keys()) if key is None else [key]
    if key is None and not shared and len(artifact) == len(reference) == 1:
        return (_pair(next(iter(artifact.values())), next(iter(reference.values()))),)
    if not shared or shared[0] not in artifact or shared[0] not in reference:
        what = "signature that both have" if key is None else f"signature {key} in both"
        raise StepFailure(
            Reason.SIGNATURE_NOT_FOUND,
            f"There is no {what}: the artifact has {_listed(artifact)}, the reference {_listed(reference)}",
            "Name one that both have with --signature" if artifact.keys() & reference.keys() else _ORIGIN,
        )
    return tuple(_pair(artifact[each], reference[each]) for each in shared)


def _listed(signatures: Mapping[str, SignatureFacts]) -> str:
    return ", ".join(sorted(signatures)) or "none"


def _pair(artifact: SignatureFacts, reference: SignatureFacts) -> Pair:
    inputs = _names("input", artifact.inputs, reference.inputs, reference.key)
    theirs = {tensor.name: tensor for tensor in artifact.inputs}
    shared = tuple(_shared(tensor, theirs[inputs[tensor.name]]) for tensor in reference.inputs)
    outputs = _names("output", artifact.outputs, reference.outputs, reference.key)
    return Pair(artifact.key, replace(reference, inputs=shared), inputs, outputs)


def _names(side: str, artifact: Sequence[TensorFacts], reference: Sequence[TensorFacts], key: str) -> Mapping[str, str]:
    """Match tensors by name; converters rename some, so where each has one only, those two."""
    ours, theirs = [tensor.name for tensor in reference], [tensor.name for tensor in artifact]
    if len(ours) == len(theirs) == 1:
        return {ours[0]: theirs[0]}
    if set(ours) == set(theirs):
        return {name: name for name in ours}
    raise StepFailure(
        Reason.INPUT_NOT_FOUND,
        f"The {side}s of signature {key} differ: the artifact has {', '.join(sorted(theirs)) or 'none'}, the reference"
        f" {', '.join(sorted(ours)) or 'none'}",
        _ORIGIN,
    )


def _shared(reference: TensorFacts, artifact: TensorFacts) -> TensorFacts:
    """Return an input with the most flexible shape that both take."""
    if reference.dtype != artifact.dtype:
        _differ(Reason.INPUT_UNSUPPORTED, reference, artifact)
    if reference.shape is None or artifact.shape is None:
        return replace(reference, shape=artifact.shape if reference.shape is None else reference.shape)
    if len(reference.shape) != len(artifact.shape):
        _differ(Reason.INPUT_SHAPE_MISMATCH, reference, artifact)
    pairs = list(zip(reference.shape, artifact.shape, strict=True))
    if any(-1 not in pair and pair[0] != pair[1] for pair in pairs):
        _differ(Reason.INPUT_SHAPE_MISMATCH, reference, artifact)
    return replace(reference, shape=tuple(max(pair) for pair in pairs))


def _differ(reason: Reason, reference: TensorFacts, artifact: TensorFacts) -> NoReturn:
    raise StepFailure(
        reason, f"The artifact takes {artifact}, the reference {reference}", "compare two that take the same inputs"
    )
