"""What passes between `tflite-convert compare` and the child that runs the files: the order in, the findings out."""

from pydantic import ConfigDict

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric
from tflite_api.resource.status import MeasuredError
from tflite_api.schema import Integer, Schema


class ComparisonOrder(Schema):
    """What the child is to do."""

    artifact: str
    reference_artifact: str | None = None
    """Absent if the reference is a SavedModel."""
    model_dir: str | None = None
    """Of the SavedModel; absent if the reference is a .tflite."""
    tags: tuple[str, ...] | None = None
    key: str | None = None
    """Of the signature to compare; absent for all that both have."""
    samples: str | None = None
    """A dataset's path; absent to generate samples."""
    max_samples: Integer
    metrics: tuple[Metric, ...] = ()
    """What is measured on the labels of the samples; outputs are called as the reference calls them."""
    findings: str
    """Path of the file to write."""
    proof: str
    """See ConversionOrder."""


class FileContents(Schema):
    """What is in a .tflite file."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    constants: dict[str, Integer]
    """How many numbers of each dtype its weights and other constants have."""
    operations: tuple[str, ...]
    """Its kinds of operators."""


class ComparedSignature(Schema):
    """A signature of both, and how far the artifact's outputs are from the reference's."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key: str
    """The artifact's."""
    reference_key: str
    """The reference's: another where each has one signature only."""
    inputs: tuple[str, ...]
    """What it was given, as `name: dtype [shape]`; -1 was tried at several sizes."""
    error: MeasuredError | None = None
    """The worst of each measure over all outputs, and each output; absent if nothing can be said."""
    caveat: Reason | None = None
    """Why nothing can be said (docs/reasons.md), or why a small error says little."""
    message: str | None = None
    """The same in words."""


class ComparisonFindings(Schema):
    """What the child found."""

    artifact: FileContents
    reference: FileContents | None = None
    signatures: tuple[ComparedSignature, ...]
