"""The process that measures a new artifact against the model's outputs: LiteRT and numpy, no TensorFlow.

The converting child becomes it by exec, so that TensorFlow's half gigabyte is gone before LiteRT takes its own.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from tflite_api.reasons import Reason
from tflite_api.resource.budget import Benchmarking, Budget
from tflite_api.resource.metadata import ModelMetadata
from tflite_api.resource.metrics import Metric
from tflite_api.resource.quantization_types import Tool, computes_in_half_precision
from tflite_api.resource.status import ArtifactSignature, CalibrationData, MeasuredError
from tflite_api.resource.targets import Target
from tflite_api.schema import Boolean, Integer, Schema
from tflite_api.steps.step import ConvertedModel, PublishedArtifact
from tflite_api.text import one_line
from tflite_converter.artifact import flatbuffer, inventory, metadata
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.budget import benchmark, size
from tflite_converter.budget.benchmark import Subject
from tflite_converter.convert import advice, artifact_signature, forms, on_targets, report_material
from tflite_converter.convert.advice import Compared
from tflite_converter.convert.forms import OtherForm
from tflite_converter.convert.on_targets import Placed, Verified
from tflite_converter.convert.order import Contents
from tflite_converter.convert.report_material import MaterialOrder
from tflite_converter.core.digests import file_digest
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.local_spec import LocalQuantization
from tflite_converter.core.step_files import (
    ARTIFACT_FILE,
    CONTENTS_FILE,
    CONVERTED_FILE,
    REPORT_DATA_FILE,
    write_model,
    write_whole,
)
from tflite_converter.promotion import measurement as promotion
from tflite_converter.promotion.measurement import Promoted
from tflite_converter.promotion.messages import MeasuredSignature
from tflite_converter.quantize import halves, quantization, weight_only
from tflite_converter.scoring import gates, label_files, placing
from tflite_converter.scoring.scores import Scores
from tflite_converter.verify import comparison, gate, litert, reference, reference_kernels
from tflite_converter.verify.gate import Circumstances
from tflite_converter.verify.measurement import Measurement
from tflite_converter.verify.metrics import Verdict
from tflite_converter.verify.reference import Reference
from tflite_converter.worker import process
from tflite_converter.worker.messages import VERIFYING
from tflite_converter.worker.reporter import Report, reported

_LOG = logging.getLogger(__name__)
_MODULE: Final = "tflite_converter.convert.finish"
_ORDER_FILE: Final = "measurement.json"
_SHOWN_SIGNATURES: Final = 16
"""What ConvertedModel has room for."""
_PASSED: Final = frozenset({Reason.SNR_SUFFICIENT, Reason.REAL_DATA_NOT_SEEN, Reason.METRICS_SUFFICIENT})


class MeasurementOrder(Schema):
    """What is left to do when the converter's artifact is there."""

    output_dir: str
    sha256: str
    """Of the artifact as the converter gave it: the model, whose code ran, could have put another file in its place."""
    signatures: tuple[MeasuredSignature, ...]
    quantization: LocalQuantization
    min_snr_decibels: Integer
    metrics: tuple[Metric, ...] = ()
    """What is measured on labels, which are beside what the model computes."""
    published: PublishedArtifact | None = None
    """What metrics with that baseline are held against."""
    budget: Budget | None = None
    benchmarking: Benchmarking | None = None
    targets: tuple[Target, ...] = ()
    calibration: CalibrationData | None = None
    metadata: ModelMetadata | None = None
    tensorflow: str
    strategy: str
    notes: tuple[str, ...] = ()
    """What the artifact's user has to know."""
    batch_cure: str | None = None
    """What to change about pinned batches where the artifact is not right."""
    other_form: OtherForm | None = None
    """Another artifact of the same model, to be taken where it is better."""
    material: MaterialOrder
    """What else is made of the model, where the artifact is compared with that."""
    report: Boolean = False
    """Whether to measure what the report page shows."""
    contents: Contents | None = None
    """What is left of a trial beside its artifact; the sizes are filled in."""
    proof: str = ""
    """See ConversionOrder."""


def exec_measurement(order: MeasurementOrder, report: Report, scratch: Path) -> NoReturn:
    """Replace this process by the one that measures."""
    path = scratch / _ORDER_FILE
    content = order.model_dump_json(by_alias=True).encode()
    write_whole(path, content)
    sys.stdout.flush()
    sys.stderr.flush()
    os.set_inheritable(report.descriptor, True)
    # The digest goes no way that the model's code could reach, as a file is.
    command = [*process.command(_MODULE), str(report.descriptor), str(path), hashlib.sha256(content).hexdigest()]
    os.execv(sys.executable, command)  # noqa: S606 - no shell, and nothing of the command is untrusted


def measure(order: MeasurementOrder, settled: Callable[[], None] = lambda: None) -> ConvertedModel:
    """Finish, check and measure the artifact; writes `converted.json` beside it.

    Args:
        order: what is left to do.
        settled: is called when that file is written. What comes after is for the report alone, and may go wrong.

    Raises:
        StepFailure: ConversionFailed, QuantizationNotApplied, OperationNotQuantizable, InvalidMetadata,
            BudgetExceeded, VerificationFailed, BaselineUnusable, TargetUnmet, or ArtifactRefused where the artifact is
            another than the converter's.
    """
    artifact = Path(order.output_dir) / ARTIFACT_FILE
    references: Sequence[Reference] = [reference.load(Path(each.reference_dir)) for each in order.signatures]
    order = _of_better_form(artifact, order, references)
    _check_unchanged(artifact, order.sha256)
    facts, strategy = _quantized(artifact, order)
    quantization.check_applied(order.quantization, facts, lambda: halves.beyond(artifact.read_bytes()))
    integer_io = order.quantization.io != "Float32"
    kept = tuple(artifact_signature.checked(facts, each.wanted, integer_io=integer_io) for each in order.signatures)
    if order.metadata is not None:
        # Metadata describes the main subgraph alone; the converter makes it of the alphabetically first signature.
        metadata.write(artifact, order.metadata, min(signature.key for signature in kept))
    if order.contents is not None:
        write_model(artifact.with_name(CONTENTS_FILE), _weighed(artifact, order.contents))
    measured, scores = Measurement(), _scores(order)
    with _about(kept[0]):
        _check_size(artifact, order)
        digest = file_digest(artifact)
        try:
            verdict, references = _compare(artifact, facts, order, references, measured, scores)
        except StepFailure as failure:
            in_halves = computes_in_half_precision(order.strategy)
            compared = Compared(facts, order.quantization, references, order.batch_cure, in_halves)
            raise advice.advised(failure, compared) from failure
    error = scores.beside(measured.summary(references[0].source)) if measured.samples else None
    with _about(kept[0], error):
        taken = benchmark.measured(_subject(artifact, facts, order, references), order.benchmarking, order.budget)
    beside = reference_kernels.compare(artifact, [each.key for each in kept], references, measured)
    if error is not None:
        error = error.model_copy(update={"reference_kernels": beside.figures})
    _check_unchanged(artifact, digest)
    placed = _on_targets(artifact, facts, order, references)
    if placed.notes:
        size.hold(artifact.stat().st_size, order.budget)
        digest = file_digest(artifact)
    notes = (
        *beside.remark(measured.runtime, order.min_snr_decibels),
        *reference.sizes_in_words(references, "measured" if measured.samples else "run"),
        *(reference.state_in_words(references) if measured.samples else ()),
        *(reference.cut_in_words(references) if measured.samples else ()),
        *gates.remarks(order.metrics, references, is_measured=bool(measured.samples)),
        *reference.guesses_in_words(references),
        *order.notes,
        *placed.notes,
    )
    if (remark := quantization.remark(order.quantization, facts)) is not None:
        notes = (remark, *notes)
    converted = ConvertedModel(
        sha256=digest,
        verdict=verdict.reason,
        message=one_line("; ".join((verdict.message, *notes))),
        signature=kept[0],
        additional_signatures=kept[1 : 1 + _SHOWN_SIGNATURES] or None,
        verification=error,
        targets=placed.fits,
        benchmark=taken,
        calibration=order.calibration,
        tensorflow=order.tensorflow,
        strategy=strategy,
    )
    write_model(Path(order.output_dir) / CONVERTED_FILE, converted)
    settled()
    if not order.report:
        return converted
    try:
        _gather_for_report(order, placed.verified, references, measured)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the artifact is measured
        _LOG.exception("Nothing to show on the report page")
        problem = one_line(f"its figures could not be measured ({type(error).__name__}: {error})", 400)
        converted = converted.model_copy(update={"report_problem": problem})
        write_model(Path(order.output_dir) / CONVERTED_FILE, converted)
    return converted


def _gather_for_report(
    order: MeasurementOrder, artifact: Path, references: Sequence[Reference], compared: Measurement
) -> None:
    from tflite_converter.report import measurement  # noqa: PLC0415 - most conversions ask for no report

    asked, output = order.quantization, Path(order.output_dir)
    keys = [each.wanted.key for each in order.signatures]
    measured = measurement.MeasuredArtifact(artifact, keys, references, compared.whole, per_tensor=asked.is_per_tensor)
    scratch = Path(order.signatures[0].reference_dir).parent
    material = report_material.gather(order.material, scratch)
    data = measurement.measure(measured, asked.type, asked.keep_float, material, scratch)
    write_model(output / REPORT_DATA_FILE, data)


def _of_better_form(artifact: Path, order: MeasurementOrder, references: Sequence[Reference]) -> MeasurementOrder:
    """Return what is left to do with the better of two forms, which is then the artifact."""
    other = order.other_form
    if other is None:
        return order
    keys = [each.wanted.key for each in order.signatures]
    is_taken, words = forms.taken(artifact, other, order.quantization, keys, references)
    said = (words,) if words else ()
    if not is_taken:
        return order.model_copy(update={"notes": (*order.notes, *said)})
    notes = (*other.notes, *said)
    changes = {"strategy": other.strategy, "notes": notes, "material": other.material, "sha256": other.sha256}
    return order.model_copy(update=changes)


def _quantized(artifact: Path, order: MeasurementOrder) -> tuple[ArtifactFacts, str]:
    """Apply what TensorFlow's converter left to do of the quantization; return the file's facts and the strategy."""
    facts = _read_artifact(artifact)
    kind = order.quantization.type
    if not weight_only.is_left_to_do(kind, facts.constants):
        return facts, order.strategy
    weight_only.apply(artifact, order.quantization)
    facts = _read_artifact(artifact)
    if quantization.unquantized(order.quantization, facts) is not None:
        return facts, f"{order.strategy}+Unquantized"
    unforeseen = kind.facts.tool is not Tool.LITERT_QUANTIZER
    return facts, f"{order.strategy}+SmallWeights" if unforeseen else order.strategy


def _weighed(artifact: Path, contents: Contents) -> Contents:
    sizes = inventory.sizes_of(artifact)
    # What two operators share, an artifact may hold twice.
    floats = inventory.sizes_of(Path(contents.floats)) if contents.floats is not None else sizes
    figures = {"sizes": sizes, "scale_bytes": inventory.scale_bytes(artifact), "weights": size.values(floats)}
    return contents.model_copy(update=figures)


def _check_size(artifact: Path, order: MeasurementOrder) -> None:
    if any(target.compiles for target in order.targets):
        # The file that is published is another, which is weighed when it is there.
        return
    # Before anything is measured: no measurement changes the file, and a large artifact's takes long.
    asked = order.quantization
    size.hold(artifact.stat().st_size, order.budget, lambda: size.Contents(asked, inventory.sizes_of(artifact)))


@contextmanager
def _about(signature: ArtifactSignature, error: MeasuredError | None = None) -> Iterator[None]:
    """Have a failure say which signature the artifact has, and how far it is from its model."""
    try:
        yield
    except StepFailure as failure:
        failure.signature = signature
        failure.verification = failure.verification or error
        raise


def _subject(artifact: Path, facts: ArtifactFacts, order: MeasurementOrder, references: Sequence[Reference]) -> Subject:
    return Subject(
        artifact=artifact,
        samples={each.wanted.key: seen.given[0] for each, seen in zip(order.signatures, references, strict=True)},
        quantization=order.quantization,
        select_tf=facts.select_tf,
        floats=lambda: report_material.floats(order.material, artifact),
    )


def _on_targets(
    artifact: Path, facts: ArtifactFacts, order: MeasurementOrder, references: Sequence[Reference]
) -> Placed:
    if not order.targets:
        return Placed(artifact)
    seen = references[0]
    verified = Verified(
        artifact=artifact,
        keys=[each.wanted.key for each in order.signatures],
        # From its start alone what keeps state computes the same again.
        samples=seen.given[:1] if seen.in_sequence else seen.samples,
        compares=seen.inconclusive is None and litert.inconclusive(facts) is None,
        scratch=Path(order.signatures[0].reference_dir).parent,
        quantization=order.quantization,
        min_snr_decibels=order.min_snr_decibels,
        metadata=order.metadata,
    )
    return on_targets.place(order.targets, verified)


def _compare(
    artifact: Path,
    facts: ArtifactFacts,
    order: MeasurementOrder,
    references: Sequence[Reference],
    measured: Measurement,
    scores: Scores,
) -> tuple[Verdict, Sequence[Reference]]:
    """Return the verdict, and the references as far as they were used."""
    promoted = Promoted(artifact, order.signatures, order.metrics)
    for inconclusive in (*(seen.inconclusive for seen in references), litert.inconclusive(facts)):
        if inconclusive is not None:
            promotion.hold_unmeasured(order.published, promoted, inconclusive)
            return inconclusive, references
    keys = [each.wanted.key for each in order.signatures]
    used = comparison.measure(artifact, keys, references, measured, scores.add)
    promotion.measure(order.published, promoted, scores)
    seen_by = _circumstances(order, used)
    error = measured.summary(seen_by.source)
    verdict = gates.judge(scores, error, lambda: gate.judge(measured, order.min_snr_decibels, seen_by))
    caveats = [seen.caveat for seen in used if seen.caveat is not None]
    if verdict.reason in _PASSED and caveats:
        return Verdict(caveats[0].reason, f"{verdict.message}; {caveats[0].message}"), used
    return verdict, used


def _circumstances(order: MeasurementOrder, references: Sequence[Reference]) -> Circumstances:
    return Circumstances(
        source=references[0].source,
        guessed=reference.all_guessed(references),
        cut=reference.cut_in_words(references),
        is_synthetic=order.calibration is not None and order.calibration.source == "Synthetic",
    )


def _scores(order: MeasurementOrder) -> Scores:
    wanted = [each.wanted for each in order.signatures]
    labels = {each.wanted.key: label_files.load(Path(each.reference_dir)) for each in order.signatures}
    return Scores(placing.placed(order.metrics, wanted), labels)


def _read_artifact(path: Path) -> ArtifactFacts:
    try:
        facts = flatbuffer.read(path)
    except ValueError as error:
        words = f"TensorFlow's converter gave no model: {error}"
        raise StepFailure(Reason.CONVERSION_FAILED, words, OWN_CURE) from error
    if facts.lost_weights:
        raise StepFailure(Reason.CONVERSION_FAILED, "TensorFlow's converter lost the model's weights", OWN_CURE)
    return facts


def _check_unchanged(artifact: Path, sha256: str) -> None:
    found = file_digest(artifact)
    if found != sha256:
        raise StepFailure(
            Reason.ARTIFACT_REFUSED,
            f"{artifact.name} has the SHA-256 {found}, but the conversion gave {sha256}: the model itself changed it",
            "do not trust it, or export it without operations that write files",
        )


def main() -> int:
    """Do as ordered; exit code 0 where `converted.json` is written, 1 where a failure was reported."""
    report = Report(int(sys.argv[1]))
    content = Path(sys.argv[2]).read_bytes()
    if hashlib.sha256(content).hexdigest() != sys.argv[3]:
        sys.exit("what is to be measured is not what was ordered")
    order = MeasurementOrder.model_validate_json(content)

    def settled() -> None:
        report.done(order.proof)
        if order.report:
            report.announce("Gathering for the report")

    def work() -> None:
        report.announce(VERIFYING)
        measure(order, settled)

    return reported(work, report)


if __name__ == "__main__":
    sys.exit(main())
