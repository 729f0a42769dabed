"""The spec of a TFLiteConversion. Rules and defaults are those of the CRD; a test holds that."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from tflite_api.field_types import (
    KEY_CHARACTERS,
    PRINTABLE,
    ObjectName,
    Quantity,
    hold_bytes,
    quantity,
)
from tflite_api.names import ATTESTATION_SUFFIX, REPORT_SUFFIX, VARIANT_PLACE
from tflite_api.resource.attestation_spec import AttestationSpec
from tflite_api.resource.budget import Benchmarking, Budget
from tflite_api.resource.destination import Destination
from tflite_api.resource.metadata import ModelMetadata
from tflite_api.resource.metrics import MOST_METRICS, Metric, hold_names
from tflite_api.resource.pods.affinity import Affinity
from tflite_api.resource.pods.metadata import PodMetadata
from tflite_api.resource.pods.scheduling import NodeSelector, Toleration, TopologySpread
from tflite_api.resource.quantization import Dataset, Quantization, Samples, VariantQuantization
from tflite_api.resource.quantization_types import CALIBRATED, FLOATING, QuantizationType
from tflite_api.resource.targets import MOST_TARGETS, OF_ONE_SIGNATURE, Target, TargetName
from tflite_api.resource.targets import hold_names as hold_target_names
from tflite_api.schema import Boolean, Integer, Schema, describe, matching
from tflite_api.sources.model_source import ModelSource


def _not_zero(dimension: int) -> int:
    if dimension == 0:
        raise ValueError("must be -1 (flexible) or at least 1")
    return dimension


TensorName = Annotated[str, StringConstraints(min_length=1, max_length=256), PRINTABLE]
SIGNATURE_BYTES: Final = 8192
"""Of the names in a signature's keys and inputs, as JSON: what the steps are told has to fit into a variable."""
Dimension = Annotated[Integer, Field(ge=-1, le=2**31 - 1), AfterValidator(_not_zero)]


class InputPin(Schema):
    """The shape to which an input of the signature is pinned; -1 keeps a dimension flexible."""

    name: TensorName
    shape: Annotated[tuple[Dimension, ...], Field(max_length=8)]


class Signature(Schema):
    """Which signature to convert, or which several into one file, and to which shapes to pin their inputs."""

    key: TensorName | None = None
    keys: Annotated[tuple[TensorName, ...], Field(min_length=1, max_length=16)] | None = None
    inputs: Annotated[tuple[InputPin, ...], Field(max_length=32)] | None = None

    @model_validator(mode="after")
    def _name_each_input_once(self) -> Self:
        names = [pin.name for pin in self.inputs or ()]
        if len(set(names)) != len(names):
            raise ValueError("inputs names an input twice: write each once")
        return self

    @model_validator(mode="after")
    def _name_signatures_one_way(self) -> Self:
        if self.key is not None and self.keys is not None:
            raise ValueError("set key for one signature or keys for several, not both")
        if self.keys is not None and len(set(self.keys)) != len(self.keys):
            raise ValueError("keys names a signature twice: write each once")
        return self

    @model_validator(mode="after")
    def _fit_into_a_step_request(self) -> Self:
        names = [*(self.keys or ()), *(pin.name for pin in self.inputs or ())]
        hold_bytes(names, SIGNATURE_BYTES, "the names in keys and inputs", "pin fewer inputs, or name fewer keys")
        return self


class Ops(Schema):
    """Which operations the artifact may use beyond LiteRT's own."""

    select_tf: Annotated[Boolean, Field(alias="selectTF")] = False


class ImageClasses(Schema):
    """Which number each class has, where the images of a class are in a folder of its name."""

    sorted: Boolean | None = None
    label_file: (
        Annotated[
            str,
            StringConstraints(max_length=128),
            matching(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "must be the name of a file: write for example labels.txt"),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _name_one_order(self) -> Self:
        if bool(self.sorted) == (self.label_file is not None):
            raise ValueError("needs either sorted: true or labelFile")
        return self


class LabelledSamples(Samples):
    """The same of a dataset that may say how the outputs should be."""

    classes: ImageClasses | None = None


class VerificationSamples(LabelledSamples):
    """The samples on which the artifact is compared with its model."""

    dataset: Dataset


Gate = Annotated[Integer, Field(ge=0, le=200)]


class Verification(Schema):
    """How the artifact is held against its model: on which samples, and the gate; 0 measures and reports only."""

    min_snr_decibels: Gate | None = Field(default=None, alias="minSNRDecibels")
    samples: VerificationSamples | None = None
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=MOST_METRICS)] | None = None

    @model_validator(mode="after")
    def _have_labels(self) -> Self:
        if self.metrics is not None and self.samples is None:
            raise ValueError("metrics are measured on labelled samples: set samples.dataset")
        hold_names(self.metrics or ())
        return self


class ResourceList(Schema):
    """Amounts of what a container may use."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = Field(default=None, alias="ephemeral-storage")


class Resources(Schema):
    """Requests and limits of the convert container."""

    requests: ResourceList | None = None
    limits: ResourceList | None = None

    @model_validator(mode="after")
    def _keep_requests_within_limits(self) -> Self:
        if self.requests is None or self.limits is None:
            return self
        for name, field in ResourceList.model_fields.items():
            asked, most = getattr(self.requests, name), getattr(self.limits, name)
            if asked is not None and most is not None and quantity(asked) > quantity(most):
                raise ValueError(f"requests.{field.alias} must not exceed limits.{field.alias}")
        return self


class StepResources(Schema):
    """Requests and limits of the containers beside convert."""

    prepare: Resources | None = None
    publish: Resources | None = None
    cleanup: Resources | None = None

    def of(self, step: str) -> Resources | None:
        """Return those of a step; None where nothing is said of it."""
        found = getattr(self, step, None)
        return found if isinstance(found, Resources) else None


MOST_VARIANTS: Final = 8
VARIANT_NAME_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$"
Targets = Annotated[tuple[Target, ...], Field(max_length=MOST_TARGETS)]


class Variant(Schema):
    """One of several artifacts of a model: what of it is another than the spec says."""

    name: Annotated[
        str,
        StringConstraints(max_length=32),
        matching(
            VARIANT_NAME_PATTERN,
            "must be lower-case letters, digits and hyphens, with a letter or digit at both ends: write for example"
            " gpu",
        ),
    ]
    quantization: VariantQuantization | None = None
    min_snr_decibels: Gate | None = Field(default=None, alias="minSNRDecibels")
    budget: Budget | None = None
    targets: Targets | None = None


PLACEMENT: Final = (
    "node_selector",
    "tolerations",
    "affinity",
    "topology_spread_constraints",
    "priority_class_name",
    "runtime_class_name",
    "pod_metadata",
)
"""Fields of a spec that say where and before whom its pods run, and how they are marked."""


class ConversionSpec(Schema):
    """What a TFLiteConversion asks for."""

    model: ModelSource
    signature: Signature | None = None
    quantization: Quantization = Quantization()
    ops: Ops = Ops()
    metadata: ModelMetadata | None = None
    verification: Verification | None = None
    budget: Budget | None = None
    targets: Targets | None = None
    variants: Annotated[tuple[Variant, ...], Field(min_length=1, max_length=MOST_VARIANTS)] | None = None
    destination: Destination
    attestation: AttestationSpec | None = None
    resources: Resources | None = None
    step_resources: StepResources | None = None
    node_selector: NodeSelector | None = None
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] | None = None
    affinity: Affinity | None = None
    topology_spread_constraints: TopologySpread | None = None
    priority_class_name: ObjectName | None = None
    runtime_class_name: ObjectName | None = None
    pod_metadata: PodMetadata | None = None
    service_account_name: ObjectName | None = None
    active_deadline_seconds: Annotated[Integer, Field(ge=10, le=86400)] = 3600
    suspend: Boolean = False
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    report: Boolean = False

    @model_validator(mode="after")
    def _name_credentials(self) -> Self:
        where = self.destination.s3
        if where.secret_ref is None and self.service_account_name is None:
            raise ValueError("destination.s3 needs credentials: set destination.s3.secretRef, or serviceAccountName")
        if where.role_arn is not None and (where.secret_ref is not None or self.service_account_name is None):
            raise ValueError("destination.s3.roleARN is for serviceAccountName without a secretRef: leave it out")
        return self

    @model_validator(mode="after")
    def _leave_room_beside_the_artifact(self) -> Self:
        key = self.destination.s3.key if self.destination is not None and not self.variants else ""
        beside = ((self.report, REPORT_SUFFIX, "report: true"), (self.attestation, ATTESTATION_SUFFIX, "attestation"))
        for wanted, suffix, words in beside:
            most = KEY_CHARACTERS - len(suffix)
            if wanted and len(key) > most:
                raise ValueError(f"destination.s3.key must have at most {most} characters with {words}")
        return self

    @model_validator(mode="after")
    def _be_what_targets_take(self) -> Self:
        targets = self.targets or ()
        hold_target_names(targets)
        if self.variants:
            # Each is another artifact, on which this is asked again.
            return self
        names = {target.name for target in targets}
        if TargetName.ETHOS_U in names and self.quantization.type in FLOATING:
            raise ValueError(
                "targets: EthosU computes with integers, and this quantization.type with floats: set"
                f" {' or '.join(CALIBRATED)}"
            )
        keys = (self.signature.keys if self.signature else None) or ()
        if names.intersection(OF_ONE_SIGNATURE) and len(keys) > 1:
            listed = " and ".join(OF_ONE_SIGNATURE)
            raise ValueError(f"targets: {listed} are for a file of one signature: set signature.key")
        return self

    @model_validator(mode="after")
    def _can_measure_what_is_budgeted(self) -> Self:
        budget = self.budget
        # What variants are to keep within is asked of each of them again.
        is_one = not self.variants
        if is_one and self.benchmarking is not None and any(target.compiles for target in self.targets or ()):
            raise ValueError(
                "what publishCompiled publishes runs on the NPU alone, where LiteRT cannot measure it: leave out"
                " budget.maxLatencyMilliseconds, maxRelativeLatency, threads and maxArenaBytes, and auto.objective"
                " Latency; targets[].maxSRAMBytes bounds its memory, and status.targets tells its cycles"
            )
        if budget is None:
            return self
        if is_one and budget.max_relative_latency is not None and self.quantization.type is QuantizationType.NONE:
            raise ValueError(
                "budget.maxRelativeLatency compares with the artifact in floats, which is what quantization.type None"
                " makes: leave it out"
            )
        most = self.resources.limits.cpu if self.resources is not None and self.resources.limits is not None else None
        # Of a part of a CPU one thread can be had as well.
        if most is not None and budget.thread_count > 1 and budget.thread_count > quantity(most):
            raise ValueError(
                "budget.threads must not exceed resources.limits.cpu: threads that wait for a CPU are no measure of"
                " the artifact"
            )
        return self

    @property
    def benchmarking(self) -> Benchmarking | None:
        """What is measured of the artifact as it runs."""
        return Benchmarking.of(self.budget, prefers_fast=self.quantization.prefers_fast)

    @model_validator(mode="after")
    def _have_a_key_for_each_variant(self) -> Self:
        if not (self.destination.s3.key if self.destination is not None else ""):
            # Without a cluster artifacts go to folders.
            return self
        where = self.destination.s3
        if not self.variants:
            if where.is_template:
                raise ValueError(f"destination.s3.key holds {VARIANT_PLACE}, which is for variants: set them, or a key")
            return self
        if not where.is_template:
            raise ValueError(
                f"destination.s3.key does not tell the variants apart: put {VARIANT_PLACE} where their names are to be,"
                f" for example models/{VARIANT_PLACE}.tflite"
            )
        most = KEY_CHARACTERS - len(ATTESTATION_SUFFIX)
        if any(len(where.key_of(variant.name)) > most for variant in self.variants):
            raise ValueError(f"destination.s3.key must have at most {most} characters with the name of each variant")
        return self

    @model_validator(mode="after")
    def _be_right_for_each_variant(self) -> Self:
        variants = self.variants or ()
        if len({variant.name for variant in variants}) != len(variants):
            raise ValueError("variants names one twice: write each once")
        if variants and self.quantization.type is QuantizationType.AUTO:
            raise ValueError("variants have types that are known: write another quantization.type than Auto")
        for variant in variants:
            kind = variant.quantization.type if variant.quantization is not None else self.quantization.type
            if kind in CALIBRATED and self.quantization.calibration is None:
                raise ValueError(
                    f"variant {variant.name} is of type {kind}, which measures activations: set"
                    f" quantization.calibration, with quantization.type {' or '.join(CALIBRATED)}"
                )
            try:
                self._of(variant)
            except ValidationError as error:
                raise ValueError(describe(error, f"variant {variant.name}")) from error
        return self

    @property
    def by_variant(self) -> dict[str, Self]:
        """The conversions that the variants are, by name; none where there are no variants."""
        return {variant.name: self._of(variant) for variant in self.variants or ()}

    def _of(self, variant: Variant) -> Self:
        wanted = self.to_object()
        del wanted["variants"]
        if self.destination is not None:
            wanted["destination"]["s3"]["key"] = self.destination.s3.key_of(variant.name)
        if variant.quantization is not None:
            wanted["quantization"] = self.quantization.of_variant(variant.quantization).to_object()
        if variant.min_snr_decibels is not None:
            wanted.setdefault("verification", {})["minSNRDecibels"] = variant.min_snr_decibels
        changes = variant.to_object()
        wanted |= {name: changes[name] for name in ("budget", "targets") if name in changes}
        return type(self).from_object(wanted)

    @property
    def without_placement(self) -> Self:
        """The same without what is about its pods alone: the steps need none of it."""
        return self.model_copy(update=dict.fromkeys(PLACEMENT))

    @property
    def min_snr_decibels(self) -> int:
        """The gate in force (dB): the spec's, else the default for its quantization type."""
        own = self._own_gate
        return self.quantization.type.min_snr_decibels if own is None else own

    @property
    def half_precision_min_snr_decibels(self) -> int:
        """The gate in force (dB) for a model that computes in half precision."""
        own = self._own_gate
        return self.quantization.type.half_precision_min_snr_decibels if own is None else own

    @property
    def _own_gate(self) -> int | None:
        return self.verification.min_snr_decibels if self.verification is not None else None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics to measure on labelled samples."""
        return (self.verification.metrics or ()) if self.verification is not None else ()
