"""What a dataset says beside the inputs: how the outputs should be."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, Sample


@dataclass(frozen=True)
class Labels:
    """The labels of one sample."""

    values: Mapping[str, Array]
    """By name."""
    examples: int
    """How many examples of the dataset the sample is made of."""
    is_stacked: bool
    """Whether the first axis counts the examples: not where the only one has the dimension of the batch itself."""


@dataclass(frozen=True)
class LabelledSample:
    """Inputs of a signature, and how its outputs should be."""

    inputs: Sample
    labels: Labels


def of_examples(examples: Sequence[Mapping[str, Array]], names: Collection[str], *, is_whole: bool) -> Labels:
    """Return the labels of the sample that some examples become.

    Args:
        examples: with their labels.
        names: of the labels.
        is_whole: whether the only example has the dimension of the batch itself.

    Raises:
        StepFailure: DatasetMismatch where the labels of the examples have different shapes.
    """
    if is_whole:
        return Labels({name: np.asarray(examples[0][name]) for name in names}, 1, is_stacked=False)
    found = {name: [np.asarray(example[name]) for example in examples] for name in names}
    for name, arrays in found.items():
        shapes = sorted({array.shape for array in arrays})
        if len(shapes) > 1:
            listing = ", ".join(str(list(shape)) for shape in shapes)
            words = f"The examples of one batch have labels {name} of the shapes {listing}"
            raise StepFailure(Reason.DATASET_MISMATCH, words, "give all examples labels of the same shape")
    return Labels({name: np.stack(arrays) for name, arrays in found.items()}, len(examples), is_stacked=True)
