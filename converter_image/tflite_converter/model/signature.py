"""Choosing a MetaGraph, a signature and the shapes of its inputs: decisions on plain data, without TensorFlow."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tflite_api.names import DEFAULT_SIGNATURE_KEY
from tflite_api.reasons import Reason
from tflite_api.resource.spec import InputPin, Signature
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.tensors import Shape, SignatureFacts, TensorFacts

NUMERIC: Final = frozenset(
    {
        *("float16", "float32", "float64", "complex64", "bool"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    }
)
"""What LiteRT takes as an input or output here (tensorflow/compiler/mlir/lite/schema/schema.fbs); strings it can hold,
but no delegate and no phone's tensor API can do anything with them."""


def choose_tags(available: Sequence[frozenset[str]], asked: Collection[str] | None) -> frozenset[str]:
    """Choose the MetaGraph by its tags: the asked set, else the only one, the one for serving, or the one without tags.

    TensorFlow 1 Hub modules have a MetaGraph without tags beside others for training.

    Raises:
        StepFailure: TagsNotFound, listing the sets there are.
    """
    if asked is not None:
        wanted = [frozenset(asked)]
    elif len(set(available)) == 1:
        wanted = [available[0]]
    else:
        wanted = [frozenset({"serve"}), frozenset()]
    for tags in wanted:
        if tags in available:
            return tags
    listing = ", ".join(_tags_in_words(tags) for tags in available) or "none"
    if asked is None:
        words = f"The model has several sets of tags: {listing}"
        raise StepFailure(Reason.TAGS_NOT_FOUND, words, "Choose one with model.tags")
    words = f"The model has no set of tags {_tags_in_words(asked)}; it has: {listing}"
    raise StepFailure(Reason.TAGS_NOT_FOUND, words, OWN_CURE)


def _tags_in_words(tags: Collection[str]) -> str:
    return f"[{', '.join(sorted(tags))}]"


@dataclass(frozen=True)
class Obstacle:
    """Why a signature that nobody asked for is left out."""

    words: str
    is_final: bool
    """Whether it is in the way of one that is asked for as well."""


def choose_signatures(
    signatures: Mapping[str, SignatureFacts], asked: Signature, obstacle: Callable[[SignatureFacts], Obstacle | None]
) -> tuple[SignatureFacts, ...]:
    """Choose what to convert: the asked ones, else serving_default, else the only one, else all without an obstacle.

    Args:
        signatures: those of the model, by key.
        asked: what the spec asks for.
        obstacle: says why a signature that nobody asked for is left out; None where it is not.

    Raises:
        StepFailure: SignatureNotFound, listing the keys there are.
    """
    if not signatures:
        words = "The model has no signatures and no function to call"
        raise StepFailure(Reason.SIGNATURE_NOT_FOUND, words, "export it with at least one")
    if asked.key is not None or asked.keys is not None:
        keys = asked.keys or (asked.key or "",)
        lacking = [key for key in keys if key not in signatures]
        if lacking:
            listing = ", ".join(sorted(signatures))
            message = f"The model has no signature {', '.join(lacking)}; it has: {listing}"
            cure = OWN_CURE if asked.keys is None else "Name in signature.keys those that it has"
            raise StepFailure(Reason.SIGNATURE_NOT_FOUND, message, cure)
        return tuple(signatures[key] for key in keys)
    if DEFAULT_SIGNATURE_KEY in signatures:
        return (signatures[DEFAULT_SIGNATURE_KEY],)
    if len(signatures) == 1:
        return tuple(signatures.values())
    obstacles = {key: obstacle(signature) for key, signature in sorted(signatures.items())}
    if free := tuple(signatures[key] for key, why in obstacles.items() if why is None):
        return free
    found = {key: why for key, why in obstacles.items() if why is not None}
    listing = "; ".join(f"{key} {why.words}" for key, why in found.items())
    words = f"The model has no signature {DEFAULT_SIGNATURE_KEY}, and none that is converted unasked: {listing}"
    possible = " or ".join(key for key, why in found.items() if not why.is_final)
    cure = f"Choose {possible} with signature.key" if possible else "Export one of which that does not hold"
    raise StepFailure(Reason.SIGNATURE_NOT_FOUND, words, cure)


def foreign_tensors(signature: SignatureFacts) -> tuple[str, ...]:
    """Name the inputs and outputs that are no numbers."""
    sides = (("input", signature.inputs), ("output", signature.outputs))
    return tuple(f"{side} {tensor}" for side, tensors in sides for tensor in tensors if tensor.dtype not in NUMERIC)


def check_types(signature: SignatureFacts) -> None:
    """Refuse a signature whose inputs or outputs are no numbers, or that has no outputs.

    Raises:
        StepFailure: InputUnsupported, naming them.
    """
    if not signature.outputs:
        raise StepFailure(
            Reason.INPUT_UNSUPPORTED,
            f"Signature {signature.key} has no outputs, so there is nothing to convert",
            "choose another with signature.key, or export it with its outputs",
        )
    if foreign := foreign_tensors(signature):
        raise StepFailure(
            Reason.INPUT_UNSUPPORTED,
            f"Signature {signature.key} has {'; '.join(foreign)}: LiteRT takes arrays of numbers only",
            "Export a signature that begins after the preprocessing of strings and sparse tensors",
        )


def pin_inputs(signatures: Sequence[SignatureFacts], pins: Collection[InputPin]) -> tuple[SignatureFacts, ...]:
    """Return the signatures with their inputs' shapes pinned; an input without a pin keeps its shape.

    A pin concerns every signature that has an input of its name.

    Raises:
        StepFailure: InputNotFound or InputShapeMismatch, listing the signature's inputs.
    """
    shapes = {pin.name: pin.shape for pin in pins}
    names = {tensor.name for signature in signatures for tensor in signature.inputs}
    for name in shapes:
        if name not in names:
            listing = "; ".join(
                f"{signature.key} has {'; '.join(map(str, signature.inputs)) or 'none'}" for signature in signatures
            )
            words = f"There is no input {name}; of the inputs to be converted, {listing}"
            raise StepFailure(Reason.INPUT_NOT_FOUND, words, OWN_CURE)
    return tuple(_with_shapes(signature, shapes) for signature in signatures)


def _with_shapes(signature: SignatureFacts, shapes: Mapping[str, Shape]) -> SignatureFacts:
    def pinned(tensor: TensorFacts) -> TensorFacts:
        if tensor.name in shapes:
            return replace(tensor, shape=_pinned(tensor, shapes[tensor.name]))
        if tensor.shape is None:
            raise StepFailure(
                Reason.INPUT_SHAPE_MISMATCH,
                f"Input {tensor.name} of signature {signature.key} has no known rank",
                "give its shape in signature.inputs",
            )
        return tensor

    return replace(signature, inputs=tuple(map(pinned, signature.inputs)))


def single_batch(signature: SignatureFacts) -> SignatureFacts:
    """Return the signature with every flexible first dimension of its inputs fixed at 1."""

    def fixed(tensor: TensorFacts) -> TensorFacts:
        shape = tensor.shape or ()
        return replace(tensor, shape=(1, *shape[1:])) if shape[:1] == (-1,) else tensor

    return replace(signature, inputs=tuple(map(fixed, signature.inputs)))


def _pinned(tensor: TensorFacts, asked: Shape) -> Shape:
    if tensor.shape is None:
        return asked
    start = f"Input {tensor.name} has the shape {list(tensor.shape)} in the model, but {list(asked)} is asked"
    if len(asked) != len(tensor.shape):
        words = f"{start}: {len(asked)} dimensions instead of {len(tensor.shape)}"
        raise StepFailure(Reason.INPUT_SHAPE_MISMATCH, words, OWN_CURE)
    for axis, (model, wanted) in enumerate(zip(tensor.shape, asked, strict=True)):
        if model not in {-1, wanted}:
            words = f"{start}: dimension {axis} is fixed at {model}"
            raise StepFailure(Reason.INPUT_SHAPE_MISMATCH, words, OWN_CURE)
    return asked
