"""The status of a TFLiteConversion."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tflite_api.resource.quantization import (
    MOST_TRIALS,
    ChosenQuantization,
    FixedType,
    Granularity,
    KeepFloat,
    KeepInt8,
)
from tflite_api.schema import Boolean, Integer, Schema

Text = Annotated[str, StringConstraints(max_length=1024)]
Address = Annotated[str, StringConstraints(max_length=2048)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Decimal = Annotated[str, StringConstraints(pattern=r"^(-?(inf|[0-9]{1,40}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,4})?)|nan)$")]
"""A measured number as text: the Kubernetes API conventions keep floating point out of resources."""

Measure = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$")]
"""A measured amount as text: never below 0, and always a number."""

REQUEST_CHARACTERS: Final = 256
"""How much of the annotation requestedAt counts."""
MOST_SLOW_OPERATORS: Final = 5
OPERATOR_CHARACTERS: Final = 64
_NO_INTERVAL: Final = ("-inf", "inf")

SampleSource = Literal["Generated", "Calibration", "Verification"]
"""Where the inputs came from on which artifact and model were compared."""

Distribution = Literal["Normal", "SmallNormal", "Uniform", "SymmetricUniform", "Sparse", "WholeNumbers"]
"""What generated inputs were drawn from: normal numbers, these times 0.3, 0 to 1, -1 to 1, mostly 0; or integers."""

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Schema):
    """A condition as in metav1.Condition."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    status: ConditionStatus
    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    message: Annotated[str, StringConstraints(max_length=32768)]
    observed_generation: Integer
    last_transition_time: str


class Cause(Schema):
    """Why a conversion is not done: a failure, or what has to be there first."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    message: Text
    """What was found, without what follows from it."""
    cure_given: Boolean | None = None
    """True if the message says what to change; else the reason's own cure does."""


class Artifact(Schema):
    """The object in the bucket."""

    uri: Address
    sha256: Digest
    size_bytes: Annotated[Integer, Field(ge=1)]
    etag: Text | None = None
    report_uri: Address | None = Field(default=None, alias="reportURI")
    """Where the report page is."""


class Attestation(Schema):
    """The object in the bucket that says what the artifact was made of and how."""

    uri: Address
    sha256: Digest
    key_id: Annotated[str | None, StringConstraints(max_length=128), Field(alias="keyID")] = None
    """Fingerprint of the public key that verifies it, as `ssh-keygen -l` prints it; absent if it is not signed."""


class Tensor(Schema):
    """An input or output of the artifact's signature; -1 in a shape is flexible."""

    name: Text
    dtype: Annotated[str, StringConstraints(max_length=32)]
    shape: Annotated[tuple[Integer, ...], Field(max_length=16)]


class ArtifactSignature(Schema):
    """The signature that the artifact really has."""

    key: Text
    inputs: Annotated[tuple[Tensor, ...], Field(max_length=64)]
    outputs: Annotated[tuple[Tensor, ...], Field(max_length=64)]
    truncated: Boolean | None = None
    """True if tensors were left out for lack of room."""


class OutputError(Schema):
    """How far one output of the artifact is from the model's, over all samples."""

    name: Text
    snr_decibels: Decimal
    max_absolute_error: Decimal
    cosine: Decimal
    top1_agreement: Annotated[Decimal | None, Field(alias="top1Agreement")] = None
    """Share of the rows in which the largest value is at the same place; only where the output is a classifier's."""


class DistributionError(Schema):
    """How far the artifact is from the model on inputs of one distribution, at its worst output."""

    name: Distribution
    samples: Annotated[Integer, Field(ge=1)]
    snr_decibels: Decimal


class Estimate(Schema):
    """A figure, and the interval that holds 95 % of what resampled samples give."""

    value: Decimal
    low: Decimal
    high: Decimal
    """-inf and inf where there was no room for the interval."""

    @property
    def has_interval(self) -> bool:
        """Return whether it says how sure it is."""
        return (self.low, self.high) != _NO_INTERVAL

    def without_interval(self) -> Self:
        """Return the figure alone."""
        return self.model_copy(update=dict(zip(("low", "high"), _NO_INTERVAL, strict=True)))


class MeasuredMetric(Schema):
    """A metric on labelled samples, of the model and of the artifact."""

    name: Annotated[str, StringConstraints(max_length=64)]
    output: Text
    k: Integer | None = None
    samples: Annotated[Integer, Field(ge=1)]
    """How many labelled examples."""
    model: Estimate
    artifact: Estimate
    baseline: Estimate | None = None
    """Of the published artifact, where that is the baseline."""
    drop: Estimate
    """By how much the artifact is worse than its baseline, sample by sample."""

    @property
    def has_intervals(self) -> bool:
        """Return whether any of its figures says how sure it is."""
        return any(figure.has_interval for figure in self._figures.values())

    def without_intervals(self) -> Self:
        """Return the figures alone."""
        return self.model_copy(update={name: figure.without_interval() for name, figure in self._figures.items()})

    @property
    def _figures(self) -> dict[str, Estimate]:
        found = {"model": self.model, "artifact": self.artifact, "baseline": self.baseline, "drop": self.drop}
        return {name: figure for name, figure in found.items() if figure is not None}


class Baseline(Schema):
    """What metrics with `baseline: Published` were held against."""

    source: Literal["Model", "Published"]
    """Model where nothing was published yet."""
    sha256: Digest | None = None
    """Of the published artifact."""

    @model_validator(mode="after")
    def _name_what_is_published(self) -> Self:
        if (self.source == "Published") != (self.sha256 is not None):
            raise ValueError("sha256 is for Published, which needs it")
        return self


class ReferenceKernels(Schema):
    """The artifact run by LiteRT's reference kernels, beside the runtime's own on the same samples."""

    snr_decibels: Decimal
    runtime_snr_decibels: Annotated[Decimal, Field(alias="runtimeSNRDecibels")]
    """Of the worst output over these samples alone."""
    samples: Annotated[Integer, Field(ge=1)]


class MeasuredError(Schema):
    """How far the artifact is from the model: the worst of all outputs over all samples."""

    snr_decibels: Decimal
    max_absolute_error: Decimal
    cosine: Decimal
    samples: Annotated[Integer, Field(ge=1)]
    source: SampleSource
    worst_sample_snr_decibels: Annotated[Decimal | None, Field(alias="worstSampleSNRDecibels")] = None
    """Of the sample, and the output of it, that is furthest off."""
    runtime: Annotated[str | None, StringConstraints(max_length=64)] = None
    """What ran the artifact, with its version."""
    reference_kernels: ReferenceKernels | None = None
    """Absent where they took too long, or cannot run it."""
    distributions: Annotated[tuple[DistributionError, ...], Field(max_length=8)] | None = None
    """By what generated inputs were drawn from; absent for samples that were given."""
    metrics: Annotated[tuple[MeasuredMetric, ...], Field(max_length=8)] | None = None
    """On labelled samples, in the order of the spec."""
    baseline: Baseline | None = None
    """Absent where no metric asks for another than the model."""
    outputs: Annotated[tuple[OutputError, ...], Field(max_length=64)] | None = None
    truncated: Boolean | None = None
    """True if outputs or metrics were left out for lack of room."""


class TrialMetric(Schema):
    """A metric of the artifact of a trial."""

    name: Annotated[str, StringConstraints(max_length=64)]
    artifact: Decimal
    drop: Decimal
    """By how much it is worse than the model, or than what is published where that is the baseline."""


TrialOutcome = Literal["Chosen", "Held", "Missed", "TooLarge", "OverBudget", "NotSmaller", "Failed"]
"""What came of a trial: it is the artifact; it holds all that is asked; it misses a gate; it exceeds the budget's size;
it exceeds the rest of the budget, as it runs; it was not measured, as one that holds is no larger; there is no
artifact."""


class Trial(Schema):
    """A quantization that type Auto tried."""

    type: FixedType
    kept_layers: Annotated[Integer, Field(ge=1)] | None = None
    """How many operators and tensors it leaves in floats, or in 8 bits."""
    keep_float: KeepFloat | None = None
    keep_int8: KeepInt8 | None = None
    """Which; both are absent where there was no room for them."""
    granularity: Granularity | None = None
    """PerTensor where its weights have one scale a tensor."""
    size_bytes: Annotated[Integer, Field(ge=1)] | None = None
    snr_decibels: Decimal | None = None
    metrics: Annotated[tuple[TrialMetric, ...], Field(max_length=8)] | None = None
    latency_milliseconds: Measure | None = None
    """What nine in ten inferences took at most."""
    relative_latency: Measure | None = None
    outcome: TrialOutcome
    reason: Annotated[str, StringConstraints(max_length=64)] | None = None
    """Of a failure."""
    message: Annotated[str, StringConstraints(max_length=256)] | None = None


Trials = Annotated[tuple[Trial, ...], Field(max_length=MOST_TRIALS)]
"""In the order in which they were made."""


class OperatorElsewhere(Schema):
    """An operator that does not run on a target."""

    name: Annotated[str, StringConstraints(max_length=64)]
    count: Annotated[Integer, Field(ge=1)]
    why: Annotated[str | None, StringConstraints(max_length=160)] = None
    """What the target's tool says of it."""


class TargetFit(Schema):
    """What of the artifact runs on a target, as the target's own tool says."""

    name: Annotated[str, StringConstraints(max_length=32)]
    config: Annotated[str | None, StringConstraints(max_length=32)] = None
    tool: Annotated[str, StringConstraints(max_length=64)]
    operators: Annotated[Integer, Field(ge=0)]
    on_target: Annotated[Integer, Field(ge=0)]
    """How many of them run there."""
    elsewhere: Annotated[tuple[OperatorElsewhere, ...], Field(max_length=8)] | None = None
    """Those that do not, the most frequent first."""
    sram_bytes: Annotated[Integer | None, Field(ge=0, alias="sramBytes")] = None
    cycles: Annotated[Integer | None, Field(ge=0)] = None
    """Of one run on the NPU, as its compiler estimates."""
    arena_bytes: Annotated[Integer | None, Field(ge=0)] = None
    """What tflite-micro allocates beside the file."""
    snr_decibels: Decimal | None = None
    """Of what tflite-micro computes against what LiteRT does with the same file."""
    compiled: Boolean | None = None
    """True where the published file is what the target's compiler made of the one that was verified."""
    verified_sha256: Annotated[Digest | None, Field(alias="verifiedSHA256")] = None
    """Of that one."""
    truncated: Boolean | None = None
    """True where operators were left out for lack of room."""


class SlowOperator(Schema):
    """An operator that takes much of an inference."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=OPERATOR_CHARACTERS)]
    """As LiteRT calls it, or XNNPACK where that computes it."""
    share: Measure
    """Of the time of all operators; together where there are several of the kind."""


class Benchmark(Schema):
    """What the artifact takes on the machine that made it, as LiteRT runs it there."""

    runtime: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """What ran it, with its version."""
    p50_milliseconds: Measure | None = None
    p90_milliseconds: Measure | None = None
    """Half of the counted inferences, and nine in ten, took at most this long; absent where nothing was timed."""
    relative_latency: Measure | None = None
    """By the medians, how many times as long as the same model in floats."""
    runs: Annotated[Integer, Field(ge=1, le=2**31 - 1)] | None = None
    threads: Annotated[Integer, Field(ge=1, le=2**31 - 1)] | None = None
    signature: Text | None = None
    """Of several signatures the slowest, which the figures are of."""
    operators: Annotated[tuple[SlowOperator, ...], Field(max_length=MOST_SLOW_OPERATORS)] | None = None
    """Where the time goes, the slowest first; absent where the profiler cannot tell, or for lack of room."""
    arena_bytes: Annotated[Integer, Field(ge=0, le=2**63 - 1)] | None = None
    """What all tensors take that are no constants, where no delegate computes them."""


class VariantOutcome(Schema):
    """What came of a variant."""

    name: Annotated[str, StringConstraints(max_length=32)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """Converted, Reused, or why there is no artifact of this spec."""
    message: Annotated[str, StringConstraints(max_length=256)] | None = None
    verified: Annotated[str, StringConstraints(max_length=64)] | None = None
    """The reason that the condition Verified would have for it alone."""
    snr_decibels: Decimal | None = None
    benchmark: Benchmark | None = None
    artifact: Artifact | None = None
    """The last good one."""
    attestation: Attestation | None = None


class CalibrationData(Schema):
    """What the ranges of activations were measured on."""

    source: Literal["Dataset", "Synthetic"]
    samples: Annotated[Integer, Field(ge=1)]
    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None


class Provenance(Schema):
    """What the artifact was made of and with."""

    model_digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    recipe_hash: Digest
    tensorflow: Annotated[str, StringConstraints(max_length=64)]
    strategy: Annotated[str, StringConstraints(max_length=64)]
    calibration: CalibrationData | None = None
    converter_image: Text | None = None


class JobReference(Schema):
    """The Job of the latest attempt."""

    name: Text
    uid: Text
    attempt: Annotated[Integer, Field(ge=1)]
    failures: Annotated[Integer, Field(ge=0)] | None = None
    """How many attempts before it count against the limit."""
    forced: Boolean | None = None
    """True if it converts whatever the bucket holds, because one more run was asked for."""
    disruptions: Annotated[Integer, Field(ge=1)] | None = None
    """How many of its pods were evicted, preempted or drained, or lost with their node; it replaced them."""
    last_disruption_time: Annotated[str, StringConstraints(max_length=64)] | None = None
    superseded: Boolean | None = None
    """True if one more run was asked for and its Job could not be made yet."""


class ConversionStatus(Schema):
    """What is known of a conversion."""

    observed_generation: Integer = -1
    conditions: tuple[Condition, ...] | None = None
    cause: Cause | None = None
    artifact: Artifact | None = None
    attestation: Attestation | None = None
    variants: tuple[VariantOutcome, ...] | None = None
    """In the order of the spec."""
    signature: ArtifactSignature | None = None
    additional_signatures: tuple[ArtifactSignature, ...] | None = None
    verification: MeasuredError | None = None
    quantization: ChosenQuantization | None = None
    """What type Auto chose, as a person would write it."""
    trials: Trials | None = None
    """What type Auto tried."""
    targets: tuple[TargetFit, ...] | None = None
    benchmark: Benchmark | None = None
    provenance: Provenance | None = None
    job: JobReference | None = None
    start_time: str | None = None
    completion_time: str | None = None
    next_attempt_time: str | None = None
    last_handled_request: Annotated[str, StringConstraints(max_length=REQUEST_CHARACTERS)] | None = None
    """The value of the annotation requestedAt that the latest Job answers."""
