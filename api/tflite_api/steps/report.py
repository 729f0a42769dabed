"""What the convert step measures for the report page. It is untrusted: the model's code may have written it."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from tflite_api.resource.quantization import LayerName
from tflite_api.resource.status import Decimal, SampleSource
from tflite_api.schema import Integer, Schema

DATA_BYTES: Final = 1024 * 1024
"""No honest data come near this size: the most layers and outputs with names as long as they may be stay below it."""
NAME_CHARACTERS: Final = 256
SENTENCE_CHARACTERS: Final = 600
BINS: Final = 41
"""Of a distribution: odd, so that one stands for hardly any error."""
SHOWN_OUTPUTS: Final = 32
SHOWN_LAYERS: Final = 300
SHOWN_OPERATORS: Final = 200
SHOWN_TYPES: Final = 32
WORST_SAMPLES: Final = 5
SUSPECTS: Final = 10


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds control characters")
    return text


Name = Annotated[str, StringConstraints(max_length=NAME_CHARACTERS), AfterValidator(_printable)]
Sentence = Annotated[str, StringConstraints(max_length=SENTENCE_CHARACTERS), AfterValidator(_printable)]
PrintableLayerName = Annotated[LayerName, AfterValidator(_printable)]
Count = Annotated[Integer, Field(ge=0, le=2**63 - 1)]


class _Measured(Schema):
    """Built when it is first used: most conversions ask for no report."""

    model_config = ConfigDict(defer_build=True)


class TypeSize(_Measured):
    """What the tensors of one type take."""

    dtype: Annotated[Name, StringConstraints(max_length=32)]
    tensors: Count
    size_bytes: Count


class OperatorUse(_Measured):
    """How often an operator is used with certain types of what varies."""

    name: Name
    types: Name
    count: Count


class WorstSample(_Measured):
    """A sample on which an output is far off, and the element that is furthest off."""

    number: Count
    """Counts from 0, in the order of the dataset."""
    snr_decibels: Decimal
    max_absolute_error: Decimal
    position: Annotated[tuple[Count, ...], Field(max_length=16)]
    expected: Decimal
    """The model's value there."""
    found: Decimal
    """The artifact's."""


class OutputErrors(_Measured):
    """How the errors of an output are spread over all elements of all samples."""

    name: Name
    elements: Count
    mean_error: Decimal
    """With its sign: far from 0 it is a bias."""
    median_error: Decimal
    """Half of all elements have at most this absolute error."""
    p99_error: Decimal
    """99 % of them have."""
    max_absolute_error: Decimal
    counts: Annotated[tuple[Count, ...], Field(min_length=BINS, max_length=BINS)]
    """Elements in bins of equal width from minus the largest absolute error to plus it."""
    worst: Annotated[tuple[WorstSample, ...], Field(max_length=WORST_SAMPLES)]


class LayerError(_Measured):
    """How far what a layer computes is from the same in floats."""

    name: Name
    """Of the tensor that it writes."""
    operator: Name
    snr_decibels: Decimal
    error_in_steps: Decimal | None = None
    """Root mean square of the error by the quantization's step; rounding alone gives 0.29."""


class FloatTrial(_Measured):
    """What came of leaving some layers in floats, in an artifact that was made and measured for the report alone."""

    tensors: Annotated[tuple[PrintableLayerName, ...], Field(min_length=1, max_length=SUSPECTS)]
    snr_before: Decimal
    """Of the published artifact's worst output, on the samples of the trial (dB)."""
    snr_after: Decimal
    size_bytes: Count


class Layers(_Measured):
    """The comparison layer by layer."""

    method: Literal["Debugger", "SideBySide"]
    """TensorFlow's quantization debugger (each layer's own error), or both files side by side (errors add up)."""
    samples: Count
    layers: Annotated[tuple[LayerError, ...], Field(max_length=SHOWN_LAYERS)]
    """In the order in which they are computed; the worst of them, where there are more."""
    omitted: Count = 0
    note: Sentence | None = None
    trial: FloatTrial | None = None


class ReportData(_Measured):
    """All that the page shows beyond the spec and the step's result."""

    model_sizes: Annotated[tuple[TypeSize, ...], Field(max_length=SHOWN_TYPES)]
    artifact_sizes: Annotated[tuple[TypeSize, ...], Field(max_length=SHOWN_TYPES)]
    operators: Annotated[tuple[OperatorUse, ...], Field(max_length=SHOWN_OPERATORS)]
    outputs: Annotated[tuple[OutputErrors, ...], Field(max_length=SHOWN_OUTPUTS)]
    """Empty where nothing could be compared."""
    source: SampleSource | None = None
    layers: Layers | None = None
    layers_absent: Sentence | None = None
    """Why there are none."""
