"""Taking over what the convert step left: an artifact and a report, both untrusted."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from tflite_api.reasons import Outcome, Reason
from tflite_api.resource import budget as asked_budget
from tflite_api.resource import metrics as asked_metrics
from tflite_api.resource import targets as asked_targets
from tflite_api.resource.budget import Benchmarking, Budget
from tflite_api.resource.metrics import Metric
from tflite_api.resource.quantization import ChosenQuantization, Quantization
from tflite_api.resource.quantization_types import (
    MIXED,
    SCALED,
    SELECTIVE,
    QuantizationType,
    computes_in_half_precision,
)
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import CalibrationData, MeasuredError, Trial
from tflite_api.resource.targets import Target
from tflite_api.steps.report import DATA_BYTES, ReportData
from tflite_api.steps.step import ConvertedModel, StepResult
from tflite_api.steps.step_reasons import OF_VARIANT
from tflite_api.text import one_line
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.step_files import (
    ARTIFACT_FILE,
    CONVERTED_FILE,
    FAILED_FILE,
    REPORT_DATA_FILE,
    open_regular,
    read_model,
    variant_folder,
)

_LARGEST: Final = 5 * 1024**3
"""What S3 takes in one upload; a file in several parts would have no checksum of the whole."""


_PASSED: Final = frozenset(
    {Reason.SNR_SUFFICIENT, Reason.METRICS_SUFFICIENT, Reason.REAL_DATA_NOT_SEEN, Reason.REPORT_ONLY}
)
"""Verdicts that nothing was missed."""


@dataclass(frozen=True)
class Asked:
    """What an account of a conversion must fit."""

    gate: int
    """The SNR (dB); 0 for none."""
    metrics: Sequence[Metric] = ()
    quantization: Quantization = field(default_factory=Quantization)
    targets: Sequence[Target] = ()
    """The devices that it must say to hold on."""
    budget: Budget | None = None
    """What the artifact may take as it runs."""
    benchmarking: Benchmarking | None = None
    """What of that is measured."""
    published: str | None = None
    """SHA-256 of what metrics are held against where they ask for it; None where nothing is published."""
    half_precision_gate: int | None = None
    """The gate where the model computes in half precision; None where that makes no difference."""

    @classmethod
    def of(cls, spec: ConversionSpec, published: str | None = None) -> Self:
        """Take what a spec asks for, and what is published."""
        return cls(
            gate=spec.min_snr_decibels,
            half_precision_gate=spec.half_precision_min_snr_decibels,
            metrics=spec.metrics,
            quantization=spec.quantization,
            targets=spec.targets or (),
            budget=spec.budget,
            benchmarking=spec.benchmarking,
            published=published,
        )

    def gate_of(self, strategy: str) -> int:
        """Return the SNR (dB) that is asked of an artifact that was made so."""
        lower = self.half_precision_gate if computes_in_half_precision(strategy) else None
        return self.gate if lower is None else lower


@dataclass(frozen=True)
class AcceptedArtifact:
    """An artifact that is what its report says, open for reading at its start."""

    file: BufferedReader
    sha256: str
    size: int
    report: ConvertedModel


@contextmanager
def accept(output_dir: Path, asked: Asked) -> Iterator[AcceptedArtifact]:
    """Open the artifact in `output_dir` and check it against its report, on one and the same open file.

    Args:
        output_dir: where the convert step wrote.
        asked: what the report must fit.

    Raises:
        StepFailure: ArtifactRefused.
    """
    try:
        report = read_model(output_dir / CONVERTED_FILE, ConvertedModel)
        file = open_regular(output_dir / ARTIFACT_FILE, _LARGEST)
    except ValueError as error:
        _refuse(one_line(str(error), 600))
    _check_report(report, asked)
    _check_baseline(report, asked)
    with file:
        if not flatbuffer.is_litert(file.read(flatbuffer.START_BYTES)):
            _refuse(f"{ARTIFACT_FILE} is no TensorFlow Lite file")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        if digest != report.sha256:
            _refuse(f"{ARTIFACT_FILE} has the SHA-256 {digest}, but its report says {report.sha256}")
        file.seek(0)
        yield AcceptedArtifact(file, digest, size, report)


def failure_of_variant(output_dir: Path, variant: str) -> StepResult | None:
    """Return why a variant could not be converted, as the convert step says; None where it says nothing of the kind.

    Raises:
        StepFailure: ArtifactRefused.
    """
    folder = variant_folder(output_dir, variant)
    if folder.resolve() != variant_folder(output_dir.resolve(), variant):
        _refuse("a link leads out of its folder")
    if not os.path.lexists(folder / FAILED_FILE):
        return None
    try:
        told = read_model(folder / FAILED_FILE, StepResult)
    except ValueError as error:
        _refuse(one_line(str(error), 600))
    if told.reason not in OF_VARIANT:
        _refuse(f"its report says {told.reason}, which is about more than one variant")
    words = one_line(told.message)
    return StepResult(
        reason=told.reason,
        message=words,
        cure_given=told.cure_given,
        verification=told.verification,
        benchmark=told.benchmark,
    )


def report_data(output_dir: Path) -> ReportData:
    """Read what the report page is to show.

    Raises:
        StepFailure: ArtifactRefused.
    """
    try:
        return read_model(output_dir / REPORT_DATA_FILE, ReportData, DATA_BYTES)
    except ValueError as error:
        _refuse(one_line(str(error), 600))


def _check_report(report: ConvertedModel, asked: Asked) -> None:
    problem = problem_of(report, report.verdict, report.verification, report.calibration, asked)
    problem = problem or asked_targets.problem_of(asked.targets, report.targets or ())
    problem = problem or asked_budget.problem_of(asked.budget, asked.benchmarking, report.benchmark)
    if problem is not None:
        _refuse(f"its report {problem}")


def _check_baseline(report: ConvertedModel, asked: Asked) -> None:
    published = asked.published
    baseline = report.verification.baseline if report.verification is not None else None
    if baseline is not None and baseline.sha256 != published:
        there = published or "nothing"
        _refuse(f"its report holds it against {baseline.sha256 or 'the model'}, but {there} is published")
    is_promotion = any(metric.is_promotion for metric in asked.metrics)
    if published is None or published == report.sha256 or not is_promotion:
        return
    # Whatever its verdict is called: what replaces a published artifact shows that it is no worse.
    problem = asked_metrics.problem_of(asked.metrics, report.verification)
    if problem is not None:
        _refuse(f"its report {problem}, and {published} is published")


def problem_of(
    told: ConvertedModel | StepResult,
    verdict: Reason | None,
    measured: MeasuredError | None,
    calibration: CalibrationData | None,
    asked: Asked,
) -> str | None:
    """Return what is wrong with an untrusted account of a conversion; None where it fits.

    Args:
        told: all of it.
        verdict: what it calls the measurement.
        measured: the measurement that it gives.
        calibration: what activations were measured on, if they were.
        asked: what all of it must fit.
    """
    if not all(text.isprintable() for text in _texts(told.model_dump())):
        return "holds control characters"
    if verdict is None or verdict.outcome is not Outcome.VERDICT:
        return "gives no verdict of a measurement"
    return (
        _problem_with_error(verdict, measured, calibration, asked.gate_of(_strategy(told)))
        or _problem_with_metrics(verdict, measured, asked.metrics)
        or _problem_with_choice(asked.quantization, told.quantization, told.trials or ())
    )


def _strategy(told: ConvertedModel | StepResult) -> str:
    if isinstance(told, ConvertedModel):
        return told.strategy
    return told.provenance.strategy if told.provenance is not None else ""


def _problem_with_choice(asked: Quantization, chosen: ChosenQuantization | None, trials: Sequence[Trial]) -> str | None:
    """Return what is wrong with what type Auto is said to have chosen and tried."""
    if asked.type is not QuantizationType.AUTO:
        return "speaks of a choice among quantizations, and there was none" if chosen or trials else None
    if chosen is None:
        return "does not say which quantization was chosen"
    kept, eights = chosen.keep_float, chosen.keep_int8
    written = ChosenQuantization.of(asked.as_written(chosen.type, kept, eights, chosen.granularity))
    is_too_much = (
        (kept and chosen.type not in SELECTIVE)
        or (eights and chosen.type not in MIXED)
        or (chosen.granularity and chosen.type not in SCALED)
    )
    if chosen.type not in asked.candidates or chosen != written or is_too_much:
        return "chose a quantization that is none of those asked for"
    if len(trials) > asked.search.max_trials or any(one.type not in asked.candidates for one in trials):
        return "tells of other trials than were asked for"
    if trials and [one.type for one in trials if one.outcome == "Chosen"] != [chosen.type]:
        return "chose another quantization than its trials say"
    return None


def _problem_with_error(
    verdict: Reason, measured: MeasuredError | None, calibration: CalibrationData | None, gate: int
) -> str | None:
    has_passed = verdict in {Reason.SNR_SUFFICIENT, Reason.REAL_DATA_NOT_SEEN}
    if has_passed and (gate == 0 or measured is None or not _reaches(measured, gate)):
        return f"calls the SNR sufficient for {gate} dB, but does not show it"
    is_synthetic = calibration is not None and calibration.source == "Synthetic"
    if verdict is Reason.SNR_SUFFICIENT and is_synthetic and measured is not None and measured.source == "Generated":
        return "takes generated inputs for proof of what was calibrated on such"
    if verdict in {Reason.REPORT_ONLY, Reason.METRICS_SUFFICIENT} and gate != 0:
        return f"leaves out the gate of {gate} dB"
    return None


def _problem_with_metrics(verdict: Reason, measured: MeasuredError | None, metrics: Sequence[Metric]) -> str | None:
    is_gated = any(metric.is_gated for metric in metrics)
    if verdict is (Reason.REPORT_ONLY if is_gated else Reason.METRICS_SUFFICIENT):
        return "leaves out the gates of metrics" if is_gated else "speaks of gates of metrics, and there are none"
    # Whatever else a verdict is, it says that what was asked could not be shown; the status does so too.
    return asked_metrics.problem_of(metrics, measured) if verdict in _PASSED else None


def _reaches(measured: MeasuredError, gate: int) -> bool:
    """Return whether a measurement reaches the gate (dB), as a whole and on each distribution."""
    parts = (part.snr_decibels for part in measured.distributions or ())
    return all(float(decibels) >= gate for decibels in (measured.snr_decibels, *parts))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _refuse(what: str) -> NoReturn:
    raise StepFailure(Reason.ARTIFACT_REFUSED, f"What the conversion left is refused: {what}", OWN_CURE)
