"""What a spec says about the artifact for the programs that use it: TensorFlow Lite Model Metadata."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.field_types import PRINTABLE, hold_bytes
from tflite_api.schema import Schema, matching

DECIMAL_PATTERN: Final = r"^-?[0-9]{1,9}(?:\.[0-9]{1,9})?$"
OUTPUTS_BYTES: Final = 49152
"""Of the texts and labels of outputs, as JSON: what the steps are told has to fit into an environment variable."""
OTHERS_BYTES: Final = 12288
"""Of the other texts and numbers."""


def _decimal(text: str) -> str:
    if not re.fullmatch(DECIMAL_PATTERN.strip("^$"), text):
        raise ValueError('must be a decimal number as text: write for example "127.5"')
    return text


def above_zero(numbers: tuple[str, ...]) -> tuple[str, ...]:
    """Return decimal numbers back, all of which must be above zero."""
    if any(Decimal(number) <= 0 for number in numbers):
        raise ValueError("must be above zero")
    return numbers


DecimalText = Annotated[str, AfterValidator(_decimal)]
"""A number as text: the Kubernetes API conventions keep floating point out of resources."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=256), PRINTABLE]
Prose = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096),
    matching(r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$", "must hold no control characters but tabs and line breaks"),
]
Numbers = Annotated[tuple[DecimalText, ...], Field(min_length=1, max_length=256)]
Label = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    matching(r"^[^\x00-\x1f]*$", "must be one line without control characters: a label file has a label a line"),
]


class Normalization(Schema):
    """How the user of the artifact prepares an input: (value - mean) / std, with one number or one a channel."""

    mean: Numbers
    std: Annotated[Numbers, AfterValidator(above_zero)]

    @model_validator(mode="after")
    def _pair_the_numbers(self) -> Self:
        if len(self.mean) != len(self.std):
            raise ValueError("mean and std must have the same length")
        return self


class InputMetadata(Schema):
    """What is said about an input of the signature; with a colour space it is an image."""

    name: Line
    description: Prose | None = None
    color_space: Literal["RGB", "Grayscale"] | None = None
    normalization: Normalization | None = None


class OutputMetadata(Schema):
    """What is said about an output of the signature; the labels are those of its last dimension."""

    name: Line
    description: Prose | None = None
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=2000)] | None = None


class ModelMetadata(Schema):
    """What is said about the artifact; whatever is absent is left out of it."""

    name: Line | None = None
    description: Prose | None = None
    version: Line | None = None
    author: Line | None = None
    license: Prose | None = None
    inputs: Annotated[tuple[InputMetadata, ...], Field(max_length=32)] | None = None
    outputs: Annotated[tuple[OutputMetadata, ...], Field(max_length=20)] | None = None

    @model_validator(mode="after")
    def _name_each_tensor_once(self) -> Self:
        for field, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [tensor.name for tensor in tensors or ()]
            if len(set(names)) != len(names):
                raise ValueError(f"{field} names a tensor twice: write each once")
        return self

    @model_validator(mode="after")
    def _fit_into_a_step_request(self) -> Self:
        labelled = [text for output in self.outputs or () for text in _texts_of(output)]
        hold_bytes(labelled, OUTPUTS_BYTES, "the texts and labels of outputs", "shorten the labels, or leave them out")
        others = [self.name, self.description, self.version, self.author, self.license]
        said = [text for tensor in self.inputs or () for text in _texts_of(tensor)]
        told = [*(text for text in others if text is not None), *said]
        hold_bytes(told, OTHERS_BYTES, "the texts and numbers beside those of outputs", "shorten them")
        return self


def _texts_of(tensor: InputMetadata | OutputMetadata) -> Iterator[str]:
    yield tensor.name
    if tensor.description is not None:
        yield tensor.description
    if isinstance(tensor, OutputMetadata):
        yield from tensor.labels or ()
    elif tensor.normalization is not None:
        yield from tensor.normalization.mean
        yield from tensor.normalization.std
