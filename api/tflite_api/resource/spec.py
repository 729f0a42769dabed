"""The spec of a TFLiteConversion. Rules and defaults are those of the CRD; a test holds that."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tflite_api.field_types import (
    HOST,
    KEY_CHARACTERS,
    PRINTABLE,
    ObjectName,
    Quantity,
    Sha256,
    hold_bytes,
    quantity,
    unique,
)
from tflite_api.names import ATTESTATION_SUFFIX, REPORT_SUFFIX
from tflite_api.resource.attestation_spec import AttestationSpec
from tflite_api.resource.budget import Budget
from tflite_api.resource.destination import Destination
from tflite_api.resource.metadata import DecimalText, ModelMetadata, above_zero
from tflite_api.resource.metrics import MOST_METRICS, Metric, hold_names
from tflite_api.resource.pods.affinity import Affinity
from tflite_api.resource.pods.metadata import PodMetadata
from tflite_api.resource.pods.scheduling import NodeSelector, Toleration, TopologySpread
from tflite_api.resource.quantization_types import (
    CALIBRATED,
    FLOATING,
    OF_SOME_WEIGHTS,
    SELECTIVE,
    WITH_INTEGER_IO,
    QuantizationType,
    named,
)
from tflite_api.resource.targets import MOST_TARGETS, OF_ONE_SIGNATURE, Target, TargetName
from tflite_api.resource.targets import hold_names as hold_target_names
from tflite_api.schema import Boolean, Integer, Schema, matching
from tflite_api.sources.model_source import ModelSource

DEFAULT_MAX_SAMPLES: Final = 100
DEFAULT_UNQUANTIZED_UP_TO: Final = "64Ki"

DATASET_PATTERN: Final = rf"^(?:https?://{HOST}/[A-Za-z0-9._~%!$&()*+,;=:@/-]+|s3://[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9]/[A-Za-z0-9!_.*'()=+@/-]+)$"


def _not_zero(dimension: int) -> int:
    if dimension == 0:
        raise ValueError("must be -1 (flexible) or at least 1")
    return dimension


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
TensorName = Annotated[str, StringConstraints(min_length=1, max_length=256), PRINTABLE]
LAYER_NAME_CHARACTERS: Final = 2048
"""The converter names a tensor after all operations that it fused into one."""
LayerName = Annotated[str, StringConstraints(min_length=1, max_length=LAYER_NAME_CHARACTERS), PRINTABLE]
SIGNATURE_BYTES: Final = 8192
"""Of the names in a signature's keys and inputs, as JSON: what the steps are told has to fit into a variable."""
LAYERS_BYTES: Final = 16384
"""Of the names of tensors that stay in floats."""
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


class KeepFloat(Schema):
    """What an integer quantization leaves in float."""

    operations: Annotated[tuple[OperationName, ...], Field(max_length=32), AfterValidator(unique)] | None = None
    tensors: Annotated[tuple[LayerName, ...], Field(max_length=64), AfterValidator(unique)] | None = None

    @model_validator(mode="after")
    def _fit_into_a_step_request(self) -> Self:
        hold_bytes(self.tensors or (), LAYERS_BYTES, "the names of tensors", "keep fewer in floats")
        return self


class Quantization(Schema):
    """How weights and activations are stored in the artifact."""

    type: QuantizationType = QuantizationType.NONE
    io: Literal["Float32", "Int8", "UInt8"] = "Float32"
    calibration: Calibration | None = None
    keep_float: KeepFloat | None = None
    unquantized_up_to: Quantity | None = None
    granularity: Literal["PerChannel", "PerTensor"] | None = None

    @model_validator(mode="after")
    def _fit_the_type(self) -> Self:
        if self.type.facts.is_calibrated and self.calibration is None:
            raise ValueError(
                f"type {self.type} measures activations: set calibration.dataset, or calibration.synthetic: true"
            )
        if not self.type.facts.is_calibrated and self.calibration is not None:
            raise ValueError(f"calibration is for {named(CALIBRATED)}: leave it out")
        if not self.type.facts.integer_io and self.io != "Float32":
            raise ValueError(f"io Int8 and UInt8 are for {named(WITH_INTEGER_IO)}: leave it out")
        if not self.type.facts.selective and self.keep_float is not None:
            raise ValueError(f"keepFloat is for {named(SELECTIVE)}: leave it out")
        if not self.type.facts.is_calibrated and self.is_per_tensor:
            raise ValueError(f"granularity PerTensor is for {named(CALIBRATED)}: leave it out")
        if self.type not in OF_SOME_WEIGHTS and self.unquantized_up_to is not None:
            raise ValueError(f"unquantizedUpTo is for {named(OF_SOME_WEIGHTS)}: leave it out")
        return self

    @property
    def is_per_tensor(self) -> bool:
        """Return whether all weights of a tensor share one scale; else each channel of a large one has its own."""
        return self.granularity == "PerTensor"

    @property
    def unquantized_bytes(self) -> int:
        """How much the weights may take where no operator takes any of them as integers; more is refused."""
        if self.type not in OF_SOME_WEIGHTS:
            return 0
        return int(
            quantity(self.unquantized_up_to if self.unquantized_up_to is not None else DEFAULT_UNQUANTIZED_UP_TO)
        )


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


class Verification(Schema):
    """How the artifact is held against its model: on which samples, and the gate; 0 measures and reports only."""

    min_snr_decibels: Annotated[Integer, Field(ge=0, le=200)] | None = Field(default=None, alias="minSNRDecibels")
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
    targets: Annotated[tuple[Target, ...], Field(max_length=MOST_TARGETS)] | None = None
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
        key = self.destination.s3.key if self.destination is not None else ""
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

    @property
    def without_placement(self) -> Self:
        """The same without what is about its pods alone: the steps need none of it."""
        return self.model_copy(update=dict.fromkeys(PLACEMENT))

    @property
    def min_snr_decibels(self) -> int:
        """The gate in force (dB): the spec's, else the default for its quantization type."""
        if self.verification is not None and self.verification.min_snr_decibels is not None:
            return self.verification.min_snr_decibels
        return self.quantization.type.facts.min_snr_decibels

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics to measure on labelled samples."""
        return (self.verification.metrics or ()) if self.verification is not None else ()
