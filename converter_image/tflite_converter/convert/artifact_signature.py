"""The signature that an artifact really has, beside the one that was wanted."""

from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.status import ArtifactSignature, Tensor
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

_SHOWN_TENSORS: Final = 64
"""What ArtifactSignature has room for."""
_REAL: Final = frozenset({"float16", "bfloat16", "float32", "float64"})


def checked(facts: ArtifactFacts, wanted: SignatureFacts, *, integer_io: bool = False) -> ArtifactSignature:
    """Return the signature of a file.

    Args:
        facts: what is in the file.
        wanted: the signature of the model.
        integer_io: whether integers were asked for in the place of its real inputs and outputs.

    Raises:
        StepFailure: ConversionFailed if it, or one of its tensors, is lost or takes integers unasked.
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
        if not integer_io:
            _check_real(side, asked, given)
    return ArtifactSignature(
        key=found.key,
        inputs=_tensors(found.inputs[:_SHOWN_TENSORS]),
        outputs=_tensors(found.outputs[:_SHOWN_TENSORS]),
        truncated=True if max(len(found.inputs), len(found.outputs)) > _SHOWN_TENSORS else None,
    )


def _check_real(side: str, asked: tuple[TensorFacts, ...], given: tuple[TensorFacts, ...]) -> None:
    """Refuse integers in the place of real numbers: samples are quantized for the comparison, as an application's
    inputs would not be.
    """
    dtypes = {tensor.name: tensor.dtype for tensor in given}
    for tensor in asked:
        if tensor.dtype in _REAL and dtypes[tensor.name] not in _REAL:
            raise StepFailure(
                Reason.CONVERSION_FAILED,
                f"TensorFlow's converter made {side} {tensor.name} {dtypes[tensor.name]}, which is {tensor.dtype} in"
                " the model: it did away with the quantization that the model simulates there",
                "Use quantization.type Int8, or export the model without the quantization that it simulates",
            )


def _tensors(facts: tuple[TensorFacts, ...]) -> tuple[Tensor, ...]:
    return tuple(Tensor(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape or ()) for tensor in facts)
