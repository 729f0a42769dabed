"""How weights and activations are stored: what a spec asks for, and what came of it where that is left open."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.field_types import HOST, PRINTABLE, Quantity, Sha256, hold_bytes, quantity, unique
from tflite_api.resource.metadata import DecimalText, above_zero
from tflite_api.resource.quantization_types import (
    CALIBRATED,
    FIXED,
    MIXED,
    OF_SOME_WEIGHTS,
    SCALED,
    SELECTIVE,
    WITH_INTEGER_IO,
    QuantizationType,
    named,
)
from tflite_api.schema import Boolean, Integer, Schema, matching

DEFAULT_MAX_SAMPLES: Final = 100
DEFAULT_UNQUANTIZED_UP_TO: Final = "64Ki"

DATASET_PATTERN: Final = rf"^(?:https?://{HOST}/[A-Za-z0-9._~%!$&()*+,;=:@/-]+|s3://[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9]/[A-Za-z0-9!_.*'()=+@/-]+)$"

Dataset = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    matching(
        DATASET_PATTERN,
        "must be an s3://, https:// or http:// address of a .npz, .npy or TFRecord file, an archive or a folder of"
        " images: write for example s3://datasets/calibration.npz",
    ),
]
Channels = Annotated[tuple[DecimalText, ...], Field(min_length=1, max_length=4)]
OperationName = Annotated[
    str,
    StringConstraints(max_length=64),
    matching(r"^[A-Z][A-Z0-9_]*$", "must be a LiteRT operator: write for example SOFTMAX"),
]
LAYER_NAME_CHARACTERS: Final = 2048
"""The converter names a tensor after all operations that it fused into one."""
LayerName = Annotated[str, StringConstraints(min_length=1, max_length=LAYER_NAME_CHARACTERS), PRINTABLE]
MOST_KEPT_OPERATIONS: Final = 32
MOST_KEPT_TENSORS: Final = 64
LAYERS_BYTES: Final = 16384
"""Of the names of tensors that stay in floats."""


class ImagePreprocessing(Schema):
    """How an image becomes an input: resized to the input's height and width, then (value - mean) / std by channel."""

    color_space: Literal["RGB", "BGR", "Grayscale"] = "RGB"
    fit: Literal["Stretch", "CenterCrop", "Pad"] = "Stretch"
    mean: Channels | None = None
    std: Annotated[Channels, AfterValidator(above_zero)] | None = None


class Samples(Schema):
    """What is taken from a dataset of inputs, and how."""

    sha256: Sha256 | None = None
    max_samples: Annotated[Integer, Field(ge=1, le=10_000)] = DEFAULT_MAX_SAMPLES
    images: ImagePreprocessing | None = None


class Calibration(Samples):
    """The samples on which the ranges of activations are measured."""

    dataset: Dataset | None = None
    synthetic: Boolean | None = None

    @model_validator(mode="after")
    def _name_one_source(self) -> Self:
        if bool(self.synthetic) == (self.dataset is not None):
            raise ValueError("needs either a dataset or synthetic: true")
        if self.dataset is None and (self.sha256 is not None or self.images is not None):
            raise ValueError("sha256 and images describe a dataset: set dataset")
        return self


KeptOperations = Annotated[tuple[OperationName, ...], Field(max_length=MOST_KEPT_OPERATIONS), AfterValidator(unique)]
KeptLayers = Annotated[tuple[LayerName, ...], Field(max_length=MOST_KEPT_TENSORS), AfterValidator(unique)]


class KeepFloat(Schema):
    """What an integer quantization leaves in float."""

    operations: KeptOperations | None = None
    tensors: KeptLayers | None = None

    @model_validator(mode="after")
    def _fit_into_a_step_request(self) -> Self:
        hold_bytes(self.tensors or (), LAYERS_BYTES, "the names of tensors", "keep fewer in floats")
        return self


class KeepInt8(Schema):
    """What a quantization to fewer bits stores in 8."""

    tensors: Annotated[KeptLayers, Field(min_length=1)]

    @model_validator(mode="after")
    def _fit_into_a_step_request(self) -> Self:
        hold_bytes(self.tensors, LAYERS_BYTES, "the names of tensors", "store fewer in 8 bits")
        return self


def _fixed(kind: QuantizationType) -> QuantizationType:
    if kind not in FIXED:
        raise ValueError(f"must be one of {', '.join(FIXED)}")
    return kind


FixedType = Annotated[QuantizationType, AfterValidator(_fixed), Field(json_schema_extra={"enum": list(FIXED)})]
"""A type that an artifact can have."""
MOST_TRIALS: Final = 32
DEFAULT_MAX_TRIALS: Final = 12


class Auto(Schema):
    """What type Auto tries, and what it prefers of what holds."""

    candidates: Annotated[tuple[FixedType, ...], Field(min_length=1, max_length=7), AfterValidator(unique)] | None = (
        None
    )
    objective: Literal["Size", "Latency"] = "Size"
    max_trials: Annotated[Integer, Field(ge=1, le=MOST_TRIALS)] = DEFAULT_MAX_TRIALS


_AUTO: Final = Auto()
IOType = Literal["Float32", "Int8", "UInt8"]
Granularity = Literal["PerChannel", "PerTensor"]


class ChosenCalibration(Samples):
    """The samples on which a type that was chosen measures the ranges of activations."""

    dataset: Annotated[str, StringConstraints(max_length=2048)] | None = None
    """May be a file of the machine of a run without a cluster."""
    synthetic: Boolean | None = None


class ChosenQuantization(Schema):
    """What type Auto came to, as a person would write it to get the artifact at once."""

    type: FixedType
    calibration: ChosenCalibration | None = None
    keep_float: KeepFloat | None = None
    keep_int8: KeepInt8 | None = None
    granularity: Granularity | None = None

    @classmethod
    def of(cls, written: "Quantization") -> Self:
        """Take what a spec would say."""
        fields = {"type", "calibration", "keepFloat", "keepInt8", "granularity"}
        return cls.from_object({name: value for name, value in written.to_object().items() if name in fields})


class VariantQuantization(Schema):
    """How a variant stores weights and activations; what else belongs to its type is that of the spec."""

    type: FixedType
    io: IOType | None = None
    granularity: Granularity | None = None

    @model_validator(mode="after")
    def _fit_the_type(self) -> Self:
        if self.type not in WITH_INTEGER_IO and self.io not in {None, "Float32"}:
            raise ValueError(f"io Int8 and UInt8 are for {named(WITH_INTEGER_IO)}: leave it out")
        if self.type not in SCALED and self.granularity == "PerTensor":
            raise ValueError(f"granularity PerTensor is for {named(SCALED)}: leave it out")
        return self


class Quantization(Schema):
    """How weights and activations are stored in the artifact."""

    type: QuantizationType = QuantizationType.NONE
    io: IOType = "Float32"
    calibration: Calibration | None = None
    keep_float: KeepFloat | None = None
    keep_int8: KeepInt8 | None = None
    unquantized_up_to: Quantity | None = None
    granularity: Granularity | None = None
    auto: Auto | None = None

    @model_validator(mode="after")
    def _fit_the_type(self) -> Self:
        facts = None if self.type is QuantizationType.AUTO else self.type.facts
        if facts is not None and self.auto is not None:
            raise ValueError("auto is for the type Auto: leave it out")
        if facts is None:
            self._fit_the_candidates()
        elif facts.is_calibrated and self.calibration is None:
            raise ValueError(
                f"type {self.type} measures activations: set calibration.dataset, or calibration.synthetic: true"
            )
        elif not facts.is_calibrated and self.calibration is not None:
            raise ValueError(f"calibration is for {named(CALIBRATED)}: leave it out")
        if self.type not in WITH_INTEGER_IO and self.io != "Float32":
            raise ValueError(f"io Int8 and UInt8 are for {named(WITH_INTEGER_IO)}: leave it out")
        if self.type not in SELECTIVE and self.keep_float is not None:
            raise ValueError(f"keepFloat is for {named(SELECTIVE)}: leave it out")
        if self.type not in SCALED and self.is_per_tensor:
            raise ValueError(f"granularity PerTensor is for {named(SCALED)}: leave it out")
        if self.type not in MIXED and self.keep_int8 is not None:
            raise ValueError(f"keepInt8 is for {named(MIXED)}: leave it out")
        if self.type not in OF_SOME_WEIGHTS and self.unquantized_up_to is not None:
            raise ValueError(f"unquantizedUpTo is for {named(OF_SOME_WEIGHTS)}: leave it out")
        return self

    def _fit_the_candidates(self) -> None:
        given = self.auto.candidates if self.auto is not None else None
        measuring = [kind for kind in given or () if kind in CALIBRATED]
        if measuring and self.calibration is None:
            raise ValueError(
                "the candidates Int8 and Int16x8 measure activations: set calibration.dataset, or"
                " calibration.synthetic: true, or leave them out of auto.candidates"
            )
        if given is not None and not measuring and self.calibration is not None:
            raise ValueError(
                "calibration is for the candidates Int8 and Int16x8, and auto.candidates has neither: leave it out"
            )

    @property
    def is_per_tensor(self) -> bool:
        """Return whether all weights of a tensor share one scale; else each channel of a large one has its own."""
        return self.granularity == "PerTensor"

    @property
    def search(self) -> Auto:
        """How type Auto searches."""
        return self.auto or _AUTO

    @property
    def prefers_fast(self) -> bool:
        """Return whether of all that holds the fastest is taken, so that each has to be timed."""
        return self.type is QuantizationType.AUTO and self.search.objective == "Latency"

    @property
    def candidates(self) -> tuple[QuantizationType, ...]:
        """What type Auto tries: what the spec names, else all that can be."""
        if self.search.candidates is not None:
            return self.search.candidates
        return tuple(kind for kind in FIXED if self.calibration is not None or kind not in CALIBRATED)

    def as_written(
        self,
        kind: QuantizationType,
        kept: KeepFloat | None = None,
        eights: KeepInt8 | None = None,
        granularity: Granularity | None = None,
    ) -> Self:
        """Return what a person would write to get one candidate of type Auto at once.

        Args:
            kind: the candidate.
            kept: what it leaves in floats.
            eights: what it stores in 8 bits.
            granularity: how many scales its weights have, where it says so.
        """
        calibration = self.calibration if kind in CALIBRATED else None
        changes = {"type": kind, "auto": None, "calibration": calibration, "keep_float": kept, "keep_int8": eights}
        return self.model_copy(update={**changes, "granularity": granularity})

    def of_variant(self, wanted: VariantQuantization) -> Self:
        """Return the same for another type: what is not for that is left out."""
        kind = wanted.type
        kept = self.keep_float if kind in SELECTIVE else None
        written = self.as_written(kind, kept, self.keep_int8 if kind in MIXED else None)
        changes = {
            "io": wanted.io or (self.io if kind in WITH_INTEGER_IO else "Float32"),
            "granularity": wanted.granularity or (self.granularity if kind in SCALED else None),
            "unquantized_up_to": self.unquantized_up_to if kind in OF_SOME_WEIGHTS else None,
        }
        return written.model_copy(update=changes)

    @property
    def unquantized_bytes(self) -> int:
        """How much the weights may take where no operator takes any of them as integers; more is refused."""
        if self.type not in OF_SOME_WEIGHTS:
            return 0
        return int(
            quantity(self.unquantized_up_to if self.unquantized_up_to is not None else DEFAULT_UNQUANTIZED_UP_TO)
        )
