"""What the operator hands to a step, and what a step reports back."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, StringConstraints

from tflite_api.field_types import ClusterID
from tflite_api.names import TERMINATION_LOG_BYTES
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.quantization import ChosenQuantization
from tflite_api.resource.spec import MOST_VARIANTS, ConversionSpec
from tflite_api.resource.status import (
    Artifact,
    ArtifactSignature,
    Attestation,
    Benchmark,
    CalibrationData,
    Digest,
    MeasuredError,
    Provenance,
    TargetFit,
    Text,
    Trial,
    Trials,
    VariantOutcome,
)
from tflite_api.resource.targets import MOST_TARGETS
from tflite_api.schema import Boolean, Integer, Schema
from tflite_api.steps import variants
from tflite_api.text import MESSAGE_CHARACTERS


class ExitCode(IntEnum):
    """How a step ends, and a command of `tflite-convert`; any other code is a crash."""

    SUCCEEDED = 0
    USAGE = 2
    """The command line is wrong, and nothing was begun; click ends so."""
    SPEC_MUST_CHANGE = 3
    TRY_AGAIN = 4


SIGNAL_BASE: Final = 128
"""A container that a signal ended has the exit code of this and the signal's number."""

EXIT_CODES: Final[Mapping[Outcome, ExitCode]] = {
    Outcome.SUCCESS: ExitCode.SUCCEEDED,
    Outcome.PROGRESS: ExitCode.SUCCEEDED,  # it hands on to the next step
    Outcome.DELETION: ExitCode.SUCCEEDED,
    Outcome.STALLED: ExitCode.SPEC_MUST_CHANGE,
    Outcome.RETRIED: ExitCode.TRY_AGAIN,
}


def exit_code(reason: Reason) -> ExitCode:
    """Return the exit code of a step that ends for this reason.

    Raises:
        ValueError: the reason is none that ends a step.
    """
    if reason.outcome not in EXIT_CODES:
        raise ValueError(f"{reason} ends no step")
    return EXIT_CODES[reason.outcome]


def _verdict(reason: Reason) -> Reason:
    if reason.outcome is not Outcome.VERDICT:
        raise ValueError(f"{reason} is no verdict")
    return reason


VerdictReason = Annotated[Reason, AfterValidator(_verdict)]
"""A reason of the Verified condition: what the accuracy measurement was worth."""


TargetFits = Annotated[tuple[TargetFit, ...], Field(max_length=MOST_TARGETS)]


class FetchLimits(Schema):
    """How much of an untrusted model, and of a dataset, `prepare` takes in."""

    max_archive_bytes: Annotated[Integer, Field(ge=1)] = 4 * 1024**3
    max_unpacked_bytes: Annotated[Integer, Field(ge=1)] = 8 * 1024**3
    max_files: Annotated[Integer, Field(ge=1)] = 10_000
    max_ratio: Annotated[Integer, Field(ge=1)] = 200
    """Unpacked bytes for each byte of archive; only beyond the first 64 MiB unpacked."""
    timeout_seconds: Annotated[Integer, Field(ge=1)] = 1800
    allow_local_addresses: Boolean = False
    """Whether handles and redirects may lead to loopback and link-local addresses."""


class Invocation(Schema):
    """Which run of which image this is, for the attestation."""

    id: str
    """The conversion's UID, the generation of its spec and the number of the attempt."""
    image: str
    """The converter image as the administrator names it."""


class StepRequest(Schema):
    """What each container of a converter pod is told."""

    spec: ConversionSpec
    owner: Annotated[str, StringConstraints(max_length=512)]
    """namespace/name of the conversion: written beside the artifact, so that two conversions do not share a key."""
    cluster: ClusterID
    """Whose conversion it is: written there too, so that two clusters do not either."""
    limits: FetchLimits = FetchLimits()
    forced: Boolean = False
    """Convert even if the bucket holds the artifact of this recipe already."""
    invocation: Invocation | None = None
    """Absent if nothing is made: in the cleanup."""

    @property
    def by_variant(self) -> dict[str, Self]:
        """The same for each variant, as if it were a conversion of its own; nothing where there are no variants."""
        return {name: self.model_copy(update={"spec": spec}) for name, spec in self.spec.by_variant.items()}


Changes = dict[str, Any]
"""Fields of a result in which another differs from it."""


class StepResult(Schema):
    """What a step leaves in its termination message, and `tflite-convert run` in result.json."""

    reason: Reason
    message: Annotated[str, StringConstraints(max_length=MESSAGE_CHARACTERS)]
    cure_given: Boolean | None = None
    """True if the message says what to change; else the reason's own cure does."""
    verdict: VerdictReason | None = None
    """The reason of the Verified condition, where the artifact was measured."""
    artifact: Artifact | None = None
    attestation: Attestation | None = None
    variants: Annotated[tuple[VariantOutcome, ...], Field(max_length=MOST_VARIANTS)] | None = None
    """What came of each; an artifact's address may be empty, since the spec says it."""
    signature: ArtifactSignature | None = None
    additional_signatures: Annotated[tuple[ArtifactSignature, ...], Field(max_length=16)] | None = None
    verification: MeasuredError | None = None
    quantization: ChosenQuantization | None = None
    """What type Auto chose."""
    trials: Trials | None = None
    """What it tried."""
    targets: TargetFits | None = None
    benchmark: Benchmark | None = None
    provenance: Provenance | None = None
    report_problem: Annotated[str, StringConstraints(max_length=MESSAGE_CHARACTERS)] | None = None
    """Why the artifact has no report page, where the spec asks for one."""
    duration_seconds: Annotated[float, Field(ge=0)] | None = None
    peak_memory_bytes: Annotated[Integer, Field(ge=0)] | None = None

    @property
    def outcome(self) -> Outcome:
        """What follows from the reason."""
        return self.reason.outcome

    def to_json(self, limit: int = TERMINATION_LOG_BYTES) -> str:
        """Return JSON of at most `limit` bytes, leaving out the least important parts first."""
        result = self
        while len(text := _dump(result)) > limit:
            shorter = result._shortened()
            if shorter is None:
                raise ValueError(f"a result of {len(text)} bytes does not fit in {limit}")
            result = shorter
        return text.decode()

    def _shortened(self) -> Self | None:
        """Return the same without the least important of its parts; None where nothing is left to leave out."""
        ways = (
            self._plainer_trials,
            self._plainer_variants,
            self._unnamed_operators,
            self._fewer_signatures,
            self._fewer_operators,
            self._fewer_outputs,
            self._shorter_signature,
            self._unnamed_slowest,
            self._fewer_trials,
            self._no_intervals,
            self._fewer_metrics,
            self._shorter_texts,
        )
        changes = next((changes for way in ways if (changes := way())), None)
        if changes is None and self.quantization is not None:
            changes = {"quantization": None}
        return self.model_copy(update=changes) if changes is not None else None

    def _plainer_trials(self) -> Changes:
        plainer = _without_details(self.trials or ())
        return {"trials": plainer} if plainer is not None else {}

    def _plainer_variants(self) -> Changes:
        plainer = variants.plainer(self.variants or ())
        return {"variants": plainer} if plainer is not None else {}

    def _fewer_signatures(self) -> Changes:
        return {"additional_signatures": self.additional_signatures[:-1] or None} if self.additional_signatures else {}

    def _fewer_operators(self) -> Changes:
        """Leave out what is said of an operator on a target: its counts are what a gate is held to."""
        targets = list(self.targets or ())
        longest = max(range(len(targets)), key=lambda index: len(targets[index].elsewhere or ()), default=None)
        if longest is None or not (operators := targets[longest].elsewhere):
            return {}
        explained = [index for index, operator in enumerate(operators) if operator.why is not None]
        if explained:
            plain = operators[explained[-1]].model_copy(update={"why": None})
            kept = (*operators[: explained[-1]], plain, *operators[explained[-1] + 1 :])
            changes: dict[str, object] = {"elsewhere": kept}
        else:
            changes = {"elsewhere": operators[:-1] or None, "truncated": True}
        targets[longest] = targets[longest].model_copy(update=changes)
        return {"targets": tuple(targets)}

    def _fewer_outputs(self) -> Changes:
        measured = self.verification
        if measured is None or not measured.outputs:
            return {}
        if len(measured.outputs) == 1 and measured.distributions:
            return {"verification": measured.model_copy(update={"distributions": None})}
        fewer = {"outputs": measured.outputs[:-1] or None, "truncated": True}
        return {"verification": measured.model_copy(update=fewer)}

    def _shorter_signature(self) -> Changes:
        signature = self.signature
        if signature is None:
            return {}
        if not signature.inputs and not signature.outputs:
            return {"signature": None}
        longer = "inputs" if len(signature.inputs) > len(signature.outputs) else "outputs"
        kept = getattr(signature, longer)[:-1]
        return {"signature": signature.model_copy(update={longer: kept, "truncated": True})}

    def _unnamed_operators(self) -> Changes:
        measured = self.benchmark
        if measured is None or measured.operators is None:
            return {}
        return {"benchmark": measured.model_copy(update={"operators": None})}

    def _unnamed_slowest(self) -> Changes:
        measured = self.benchmark
        if measured is None or measured.signature is None:
            return {}
        return {"benchmark": measured.model_copy(update={"signature": None})}

    def _no_intervals(self) -> Changes:
        """Leave out how sure the figures of metrics are: the figures themselves are what gates are held to."""
        measured = self.verification
        if measured is None or not any(metric.has_intervals for metric in measured.metrics or ()):
            return {}
        plain = tuple(metric.without_intervals() for metric in measured.metrics or ())
        return {"verification": measured.model_copy(update={"metrics": plain, "truncated": True})}

    def _fewer_metrics(self) -> Changes:
        measured = self.verification
        if measured is None or not measured.metrics:
            return {}
        fewer = {"metrics": measured.metrics[:-1] or None, "truncated": True}
        return {"verification": measured.model_copy(update=fewer)}

    def _fewer_trials(self) -> Changes:
        if not self.trials:
            return {}
        least = next((trial for trial in reversed(self.trials) if trial.outcome != "Chosen"), self.trials[-1])
        return {"trials": tuple(trial for trial in self.trials if trial is not least) or None}

    def _shorter_texts(self) -> Changes:
        if self.report_problem is not None and len(self.report_problem) > _SHORTEST:
            return {"report_problem": self.report_problem[: len(self.report_problem) // 2] + "…"}
        if len(self.message) > _SHORTEST:
            # A cure stands at a message's end.
            return {"message": self.message[: len(self.message) // 2] + "…", "cure_given": None}
        return {}


def _without_details(trials: tuple[Trial, ...]) -> tuple[Trial, ...] | None:
    """Return trials without the least important of their details; None where they have none left."""
    for detail in ("message", "keep_float", "keep_int8", "metrics"):
        if any(getattr(trial, detail) is not None for trial in trials):
            return tuple(trial.model_copy(update={detail: None}) for trial in trials)
    return None


_SHORTEST: Final = 2
"""Characters of a text that is cut: half of these and a dot are as many again."""


def _dump(result: StepResult) -> bytes:
    return result.model_dump_json(by_alias=True, exclude_none=True).encode()


class FetchedDataset(Schema):
    """A dataset on disk."""

    path: Annotated[str, StringConstraints(max_length=4096)]
    """A file, or a folder of images."""
    digest: Text
    """`sha256:` and the SHA-256 of the file, or of the folder's names and contents."""


class PublishedArtifact(Schema):
    """The artifact at the destination before this conversion, on disk."""

    path: Annotated[str, StringConstraints(max_length=4096)]
    sha256: Digest


class FetchedDatasets(Schema):
    """What the measurements are made on, on disk: the datasets that a spec names, and what is published."""

    calibration: FetchedDataset | None = None
    verification: FetchedDataset | None = None
    published: PublishedArtifact | None = None
    """What metrics are held against; absent where none is, or there was none."""

    def with_published(self, published: PublishedArtifact | None) -> Self:
        """Return the same with what is published."""
        return self.model_copy(update={"published": published})

    def moved(self, path: Callable[[str], str]) -> Self:
        """Return the same with other paths: of one container for those of another."""
        found = ((name, getattr(self, name)) for name in type(self).model_fields)
        return self.model_copy(
            update={name: one.model_copy(update={"path": path(one.path)}) for name, one in found if one is not None}
        )


class PreparedModel(Schema):
    """What prepare leaves at MODEL_DIR for the steps after it (convert can read it, not write it)."""

    path: Annotated[str, StringConstraints(max_length=256)] | None = None
    """The SavedModel's folder relative to MODEL_DIR; absent if the artifact was found in the bucket."""
    model_digest: Text | None = None
    """`sha256:` and the digest of the archive."""
    datasets: FetchedDatasets = FetchedDatasets()
    """With paths relative to MODEL_DIR."""
    existing_etag: Text | None = None
    """The ETag of the object that the upload replaces; absent if there is none."""
    existing_page_etag: Text | None = None
    """The same of the report page."""
    existing_attestation_etag: Text | None = None
    """The same for the attestation, where one is wanted."""
    adopted: Text | None = None
    """Whose artifact the upload replaces, where that is not this conversion's own."""
    started: Annotated[str, StringConstraints(max_length=32)] | None = None
    """When prepare began (RFC 3339); absent if nothing was to be made."""
    reused: StepResult | None = None
    """The outcome, where the bucket already holds the artifact."""


class ConvertedModel(Schema):
    """What convert leaves at OUTPUT_DIR beside the artifact: untrusted, like the artifact."""

    sha256: Digest
    verdict: VerdictReason
    message: Annotated[str, StringConstraints(max_length=MESSAGE_CHARACTERS)]
    signature: ArtifactSignature
    additional_signatures: Annotated[tuple[ArtifactSignature, ...], Field(max_length=16)] | None = None
    verification: MeasuredError | None = None
    quantization: ChosenQuantization | None = None
    """What type Auto chose; absent where the spec says which."""
    trials: Trials | None = None
    """What it tried."""
    targets: TargetFits | None = None
    benchmark: Benchmark | None = None
    calibration: CalibrationData | None = None
    tensorflow: Annotated[str, StringConstraints(max_length=64)]
    strategy: Annotated[str, StringConstraints(max_length=64)]
    report_problem: Annotated[str, StringConstraints(max_length=MESSAGE_CHARACTERS)] | None = None
    """Why there is nothing for the report page to show, where the spec asks for one."""
