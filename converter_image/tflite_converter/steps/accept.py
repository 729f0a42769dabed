"""Taking over what the convert step left: an artifact and a report, both untrusted."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, NoReturn

from pydantic import BaseModel

from tflite_api.reasons import Outcome, Reason
from tflite_api.resource import metrics as asked_metrics
from tflite_api.resource import targets as asked_targets
from tflite_api.resource.metrics import Metric
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import CalibrationData, MeasuredError
from tflite_api.resource.targets import Target
from tflite_api.steps.report import DATA_BYTES, ReportData
from tflite_api.steps.step import ConvertedModel
from tflite_api.text import one_line
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.step_files import ARTIFACT_FILE, CONVERTED_FILE, REPORT_DATA_FILE, open_regular, read_model

_LARGEST: Final = 5 * 1024**3
"""What S3 takes in one upload; a file in several parts would have no checksum of the whole."""


_PASSED: Final = frozenset(
    {Reason.SNR_SUFFICIENT, Reason.METRICS_SUFFICIENT, Reason.REAL_DATA_NOT_SEEN, Reason.REPORT_ONLY}
)
"""Verdicts that nothing was missed."""


@dataclass(frozen=True)
class AcceptedArtifact:
    """An artifact that is what its report says, open for reading at its start."""

    file: BufferedReader
    sha256: str
    size: int
    report: ConvertedModel


def gates_of(spec: ConversionSpec) -> tuple[int, Sequence[Metric], Sequence[Target]]:
    """Return what a spec asks of an artifact, as `accept` takes it."""
    return spec.min_snr_decibels, spec.metrics, spec.targets or ()


@contextmanager
def accept(
    output_dir: Path,
    gate: int,
    metrics: Sequence[Metric] = (),
    targets: Sequence[Target] = (),
    published: str | None = None,
) -> Iterator[AcceptedArtifact]:
    """Open the artifact in `output_dir` and check it against its report, on one and the same open file.

    Args:
        output_dir: where the convert step wrote.
        gate: the SNR asked for (dB), which the report's verdict must fit.
        metrics: those asked for, which it must fit as well.
        targets: the devices that it must say to hold on.
        published: SHA-256 of what they are held against where they ask for it; None where nothing is published.

    Raises:
        StepFailure: ArtifactRefused.
    """
    try:
        report = read_model(output_dir / CONVERTED_FILE, ConvertedModel)
        file = open_regular(output_dir / ARTIFACT_FILE, _LARGEST)
    except ValueError as error:
        _refuse(one_line(str(error), 600))
    _check_report(report, gate, metrics, targets)
    _check_baseline(report, published)
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


def report_data(output_dir: Path) -> ReportData:
    """Read what the report page is to show.

    Raises:
        StepFailure: ArtifactRefused.
    """
    try:
        return read_model(output_dir / REPORT_DATA_FILE, ReportData, DATA_BYTES)
    except ValueError as error:
        _refuse(one_line(str(error), 600))


def _check_report(report: ConvertedModel, gate: int, metrics: Sequence[Metric], targets: Sequence[Target]) -> None:
    problem = problem_of(report, report.verdict, report.verification, report.calibration, gate, metrics)
    problem = problem or asked_targets.problem_of(targets, report.targets or ())
    if problem is not None:
        _refuse(f"its report {problem}")


def _check_baseline(report: ConvertedModel, published: str | None) -> None:
    baseline = report.verification.baseline if report.verification is not None else None
    if baseline is not None and baseline.sha256 != published:
        there = published or "nothing"
        _refuse(f"its report holds it against {baseline.sha256 or 'the model'}, but {there} is published")


def problem_of(
    told: BaseModel,
    verdict: Reason | None,
    measured: MeasuredError | None,
    calibration: CalibrationData | None,
    gate: int,
    metrics: Sequence[Metric] = (),
) -> str | None:
    """Return what is wrong with an untrusted account of a conversion; None where it fits.

    Args:
        told: all of it.
        verdict: what it calls the measurement.
        measured: the measurement that it gives.
        calibration: what activations were measured on, if they were.
        gate: the SNR asked for (dB), which both must fit.
        metrics: those asked for, which both must fit as well.
    """
    if not all(text.isprintable() for text in _texts(told.model_dump())):
        return "holds control characters"
    if verdict is None or verdict.outcome is not Outcome.VERDICT:
        return "gives no verdict of a measurement"
    return _problem_with_error(verdict, measured, calibration, gate) or _problem_with_metrics(
        verdict, measured, metrics
    )


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
