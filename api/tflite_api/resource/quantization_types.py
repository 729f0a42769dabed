"""The quantization types: one table of what each is, which the spec, the converter, the report and the gate follow."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, Literal


class Activations(Enum):
    """What the artifact computes with."""

    FLOATS = "32-bit floats"
    DYNAMIC = "8-bit integers whose ranges are measured while it runs"
    INT8 = "8-bit integers whose ranges are measured on samples before"
    INT16 = "16-bit integers whose ranges are measured on samples before"


class Tool(Enum):
    """Who stores the weights."""

    NOBODY = "they stay as TensorFlow's converter writes them"
    TENSORFLOW = "TensorFlow's converter, while it converts"
    LITERT_QUANTIZER = "litert-quantizer, in the float file that TensorFlow's converter wrote"


class Proof(Enum):
    """What the file must show, so that no model is published that is not quantized."""

    NOTHING = "it may hold anything"
    SOME_WEIGHTS = "weights of the type; those of operations without a kernel for them may be floats"
    MOST_WEIGHTS = "more weights of the type than floats"
    INTEGERS_THROUGHOUT = "some weights of the type, and no operation that computes with floats"


@dataclass(frozen=True, kw_only=True)
class QuantizationFacts:
    """What a quantization type is."""

    weights: Literal["float32", "float16", "int8", "int4"]
    """How the file stores them; int16 and int32 are left to biases, shapes and indices."""
    activations: Activations
    tool: Tool
    recipe: str | None = None
    """The function of litert_quantizer.recipe that stores the weights: always where that is the tool, else where
    TensorFlow's converter left all of them as they were."""
    proof: Proof
    min_snr_decibels: int
    """The gate where the spec sets none; chosen on other people's models: docs/converting.md."""
    integer_io: bool = False
    """Whether the artifact's own inputs and outputs can be 8-bit integers (quantization.io)."""
    selective: bool = False
    """Whether operations can be left in floats (quantization.keepFloat), one by one, and so be compared one by one with
    TensorFlow's quantization debugger."""
    mixed: bool = False
    """Whether the weights of some layers can have 8 bits instead (quantization.keepInt8)."""

    @property
    def is_calibrated(self) -> bool:
        """Return whether the ranges of activations are measured on samples."""
        return self.activations in {Activations.INT8, Activations.INT16}


HALF_PRECISION: Final = "HalfPrecision"
"""The strategy, as provenance names it, for a model that computes in float16 or bfloat16 and an artifact that does in
float32: how far they are from each other is what the model itself rounds."""


def computes_in_half_precision(strategy: str) -> bool:
    """Return whether a model does, by the strategy that its artifact was made with."""
    return HALF_PRECISION in strategy.split("+")


class QuantizationType(StrEnum):
    """The values of quantization.type."""

    NONE = "None"
    FLOAT16 = "Float16"
    DYNAMIC_RANGE = "DynamicRange"
    INT8 = "Int8"
    INT16X8 = "Int16x8"
    WEIGHT_ONLY_INT8 = "WeightOnlyInt8"
    WEIGHT_ONLY_INT4 = "WeightOnlyInt4"
    AUTO = "Auto"
    """The one of the others that makes the best artifact of those that hold what the spec asks for."""

    @property
    def facts(self) -> QuantizationFacts:
        """What a type of FIXED is; Auto is none until it is found out."""
        return _TABLE[self]

    @property
    def min_snr_decibels(self) -> int:
        """The gate where the spec sets none."""
        return _OF_AUTO if self is QuantizationType.AUTO else self.facts.min_snr_decibels

    @property
    def half_precision_min_snr_decibels(self) -> int:
        """The same for a model that computes in half precision: no more than a file of half floats is held to."""
        return min(self.min_snr_decibels, QuantizationType.FLOAT16.facts.min_snr_decibels)


_OF_AUTO: Final = 25
"""One for all candidates: with their own, the type that is held to the least would always be taken."""


_TABLE: Final = {
    QuantizationType.NONE: QuantizationFacts(
        weights="float32",
        activations=Activations.FLOATS,
        tool=Tool.NOBODY,
        proof=Proof.NOTHING,
        min_snr_decibels=60,
    ),
    QuantizationType.FLOAT16: QuantizationFacts(
        weights="float16",
        activations=Activations.FLOATS,
        tool=Tool.TENSORFLOW,
        proof=Proof.MOST_WEIGHTS,
        min_snr_decibels=35,
    ),
    QuantizationType.DYNAMIC_RANGE: QuantizationFacts(
        weights="int8",
        activations=Activations.DYNAMIC,
        tool=Tool.TENSORFLOW,
        recipe="dynamic_wi8_afp32",
        proof=Proof.SOME_WEIGHTS,
        min_snr_decibels=15,
    ),
    QuantizationType.INT8: QuantizationFacts(
        weights="int8",
        activations=Activations.INT8,
        tool=Tool.TENSORFLOW,
        proof=Proof.INTEGERS_THROUGHOUT,
        min_snr_decibels=10,
        integer_io=True,
        selective=True,
    ),
    QuantizationType.INT16X8: QuantizationFacts(
        weights="int8",
        activations=Activations.INT16,
        tool=Tool.TENSORFLOW,
        proof=Proof.INTEGERS_THROUGHOUT,
        min_snr_decibels=25,
    ),
    QuantizationType.WEIGHT_ONLY_INT8: QuantizationFacts(
        weights="int8",
        activations=Activations.FLOATS,
        tool=Tool.LITERT_QUANTIZER,
        recipe="weight_only_wi8_afp32",
        proof=Proof.SOME_WEIGHTS,
        min_snr_decibels=15,
    ),
    QuantizationType.WEIGHT_ONLY_INT4: QuantizationFacts(
        weights="int4",
        activations=Activations.FLOATS,
        tool=Tool.LITERT_QUANTIZER,
        recipe="weight_only_wi4_afp32",
        proof=Proof.SOME_WEIGHTS,
        min_snr_decibels=10,
        mixed=True,
    ),
}


def named(kinds: Iterable[QuantizationType]) -> str:
    """Return types as a sentence names them: `the type Int8`, `the types Int8 and Int16x8`."""
    *others, last = kinds
    return f"the types {', '.join(others)} and {last}" if others else f"the type {last}"


FIXED = tuple(_TABLE)
"""Those that an artifact can have."""
CALIBRATED = tuple(kind for kind in FIXED if kind.facts.is_calibrated)
WITH_INTEGER_IO = tuple(kind for kind in FIXED if kind.facts.integer_io)
SELECTIVE = tuple(kind for kind in FIXED if kind.facts.selective)
MIXED = tuple(kind for kind in FIXED if kind.facts.mixed)
SCALED = tuple(kind for kind in FIXED if kind.facts.weights in {"int8", "int4"})
"""Those whose weights are integers with scales: one for each channel, or one a tensor (quantization.granularity)."""
OF_SOME_WEIGHTS = tuple(kind for kind in FIXED if kind.facts.proof is Proof.SOME_WEIGHTS)
FLOATING = tuple(
    kind
    for kind in FIXED
    if kind.facts.tool is not Tool.NOBODY and kind.facts.activations in {Activations.FLOATS, Activations.DYNAMIC}
)
"""Those that compute with floats, whatever the model was trained for."""
