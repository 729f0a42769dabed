"""The signature that an artifact really has, beside the one that was wanted."""

from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.status import ArtifactSignature, Tensor
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

_SHOWN_TENSORS: Final = 64
"""What ArtifactSignature has room for."""


def checked(facts: ArtifactFacts, wanted: SignatureFacts) -> ArtifactSignature:
    """Return the signature of a file.

    Raises:
        StepFailure: ConversionFailed where it, or one of its tensors, is lost.
    """
    found = next((candidate for candidate in facts.signatures if candidate.key == wanted.key), None)
    if found is None:
        words = f"TensorFlow's converter lost the signature {wanted.key}"
        raise StepFailure(Reason.CONVERSION_FAILED, words, "Convert others with signature.key or signature.keys")
    for side, asked, given in (("input", wanted.inputs, found.inputs), ("output", wanted.outputs, found.outputs)):
        lost = {tensor.name for tensor in asked} - {tensor.name for tensor in given}
        if lost:
            raise StepFailure(
                Reason.CONVERSION_FAILED,
                f"TensorFlow's converter lost the {side} {', '.join(sorted(lost))}",
                "Export the signature without it",
            )
    return ArtifactSignature(
        key=found.key,
        inputs=_tensors(found.inputs[:_SHOWN_TENSORS]),
        outputs=_tensors(found.outputs[:_SHOWN_TENSORS]),
        truncated=True if max(len(found.inputs), len(found.outputs)) > _SHOWN_TENSORS else None,
    )


def _tensors(facts: tuple[TensorFacts, ...]) -> tuple[Tensor, ...]:
    return tuple(Tensor(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape or ()) for tensor in facts)
