"""Choosing a MetaGraph, a signature and the shapes of its inputs: decisions on plain data, without TensorFlow."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tflite_api.names import DEFAULT_SIGNATURE_KEY
from tflite_api.reasons import Reason
from tflite_api.spec import InputPin
from tflite_converter.failure import StepFailure

Shape = tuple[int, ...]

NUMERIC: Final = frozenset(
    {
        *("float16", "float32", "float64", "complex64", "bool"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    }
)
"""What LiteRT takes as an input or output here (tensorflow/compiler/mlir/lite/schema/schema.fbs); strings it can hold,
but no delegate and no phone's tensor API can do anything with them."""


@dataclass(frozen=True)
class TensorFacts:
    """An input or output: -1 in a shape is flexible, None an unknown rank."""

    name: str
    dtype: str
    shape: Shape | None

    def __str__(self) -> str:
        """Give it as messages show it: `x: float32 [-1, 224]`."""
        return f"{self.name}: {self.dtype} {list(self.shape) if self.shape is not None else 'of unknown rank'}"


@dataclass(frozen=True)
class SignatureFacts:
    """A signature as the SavedModel's proto declares it."""

    key: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]


def choose_tags(available: Sequence[frozenset[str]], asked: Collection[str] | None) -> frozenset[str]:
    """Choose the MetaGraph by its tags: the asked set, else the only one there is.

    Raises:
        StepFailure: TagsNotFound, listing the sets there are.
    """
    if asked is None and len(set(available)) == 1:
        return available[0]
    if asked is not None and frozenset(asked) in available:
        return frozenset(asked)
    listing = ", ".join(_tags_in_words(tags) for tags in available) or "none"
    if asked is None:
        raise StepFailure(
            Reason.TAGS_NOT_FOUND, f"The model has several sets of tags: {listing}; choose one with model.tags"
        )
    raise StepFailure(Reason.TAGS_NOT_FOUND, f"The model has no set of tags {_tags_in_words(asked)}; it has: {listing}")


def _tags_in_words(tags: Collection[str]) -> str:
    return f"[{', '.join(sorted(tags))}]"


def choose_signature(signatures: Mapping[str, SignatureFacts], asked: str | None) -> SignatureFacts:
    """Choose the signature: the asked one, else serving_default, else the only one there is.

    Raises:
        StepFailure: SignatureNotFound, listing the keys there are.
    """
    if asked is not None:
        key: str | None = asked
    elif DEFAULT_SIGNATURE_KEY in signatures:
        key = DEFAULT_SIGNATURE_KEY
    else:
        key = next(iter(signatures)) if len(signatures) == 1 else None
    if key is not None and key in signatures:
        return signatures[key]
    listing = ", ".join(sorted(signatures))
    if not signatures:
        message = "The model has no signatures: export it with at least one"
    elif asked is None:
        message = (
            f"The model has several signatures, none of them {DEFAULT_SIGNATURE_KEY}: {listing}; set signature.key"
        )
    else:
        message = f"The model has no signature {asked}; it has: {listing}"
    raise StepFailure(Reason.SIGNATURE_NOT_FOUND, message)


def check_types(signature: SignatureFacts) -> None:
    """Refuse a signature whose inputs or outputs are no numbers.

    Raises:
        StepFailure: InputUnsupported, naming them.
    """
    sides = (("input", signature.inputs), ("output", signature.outputs))
    foreign = [f"{side} {tensor}" for side, tensors in sides for tensor in tensors if tensor.dtype not in NUMERIC]
    if foreign:
        raise StepFailure(
            Reason.INPUT_UNSUPPORTED,
            f"Signature {signature.key} has {'; '.join(foreign)}: LiteRT takes numbers only."
            " Export a signature that begins after the preprocessing of strings",
        )


def pin_inputs(signature: SignatureFacts, pins: Collection[InputPin]) -> SignatureFacts:
    """Give the signature with its inputs' shapes pinned; an input without a pin keeps its shape.

    Raises:
        StepFailure: InputNotFound or InputShapeMismatch, listing the signature's inputs.
    """
    known = {tensor.name: tensor for tensor in signature.inputs}
    listing = "; ".join(map(str, signature.inputs)) or "none"
    for pin in pins:
        if pin.name not in known:
            raise StepFailure(
                Reason.INPUT_NOT_FOUND, f"Signature {signature.key} has no input {pin.name}; its inputs are: {listing}"
            )
        known[pin.name] = replace(known[pin.name], shape=_pinned(known[pin.name], pin.shape))
    for tensor in known.values():
        if tensor.shape is None:
            raise StepFailure(
                Reason.INPUT_SHAPE_MISMATCH,
                f"Input {tensor.name} of signature {signature.key} has no known rank:"
                " give its shape in signature.inputs",
            )
    return replace(signature, inputs=tuple(known[tensor.name] for tensor in signature.inputs))


def _pinned(tensor: TensorFacts, asked: Shape) -> Shape:
    if tensor.shape is None:
        return asked
    start = f"Input {tensor.name} has the shape {list(tensor.shape)} in the model, but {list(asked)} is asked"
    if len(asked) != len(tensor.shape):
        raise StepFailure(
            Reason.INPUT_SHAPE_MISMATCH, f"{start}: {len(asked)} dimensions instead of {len(tensor.shape)}"
        )
    for axis, (model, wanted) in enumerate(zip(tensor.shape, asked, strict=True)):
        if model not in {-1, wanted}:
            raise StepFailure(Reason.INPUT_SHAPE_MISMATCH, f"{start}: dimension {axis} is fixed at {model}")
    return asked
