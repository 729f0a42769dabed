"""What a spec says about the artifact for the programs that use it: TensorFlow Lite Model Metadata."""

import re
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.schema import Schema

DECIMAL_PATTERN: Final = r"^-?[0-9]{1,9}(?:\.[0-9]{1,9})?$"


def _decimal(text: str) -> str:
    if not re.fullmatch(DECIMAL_PATTERN.strip("^$"), text):
        raise ValueError('must be a decimal number as text: write for example "127.5"')
    return text


def above_zero(numbers: tuple[str, ...]) -> tuple[str, ...]:
    """Return decimal numbers back, all of which must be above zero."""
    if any(Decimal(number) <= 0 for number in numbers):
        raise ValueError("must be above zero")
    return numbers


def _one_line(label: str) -> str:
    if "\n" in label or "\r" in label:
        raise ValueError("must be one line: a label file has a label a line")
    return label


DecimalText = Annotated[str, AfterValidator(_decimal)]
"""A number as text: the Kubernetes API conventions keep floating point out of resources."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Numbers = Annotated[tuple[DecimalText, ...], Field(min_length=1, max_length=256)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_one_line)]


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
    outputs: Annotated[tuple[OutputMetadata, ...], Field(max_length=32)] | None = None

    @model_validator(mode="after")
    def _name_each_tensor_once(self) -> Self:
        for field, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [tensor.name for tensor in tensors or ()]
            if len(set(names)) != len(names):
                raise ValueError(f"{field} names a tensor twice: write each once")
        return self
