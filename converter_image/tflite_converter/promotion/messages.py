"""What passes to the process that runs the published artifact, and back."""

from typing import Final

from tflite_api.resource.metrics import Metric
from tflite_api.schema import Schema
from tflite_converter.core.tensors import SignatureFacts

REFUSED: Final = 3
"""The exit code with a refusal; Python's own, where an exception ends it, is 1."""


class MeasuredSignature(Schema):
    """One signature to compare."""

    wanted: SignatureFacts
    reference_dir: str
    """What its model computes, and the labels."""


class PublishedOrder(Schema):
    """What the process is to do."""

    file: str
    """The published artifact."""
    signatures: tuple[MeasuredSignature, ...]
    metrics: tuple[Metric, ...]
    """All of the spec."""
    figures: str
    """Path of the .npz file to write: what each metric adds up, a row for each example, by its number."""
    refusal: str
    """Path of the Refusal to write where the file cannot be the baseline."""


class Refusal(Schema):
    """Why the file cannot be the baseline."""

    why: str
