"""How far a .tflite is from another one, or from the SavedModel it came from: a child process runs them.

This module imports no TensorFlow and no LiteRT.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Gate, Metric, gate_in_words, missed
from tflite_api.resource.status import MeasuredError, MeasuredMetric
from tflite_api.schema import Integer, Schema
from tflite_api.text import one_line
from tflite_converter.compare import metric_option
from tflite_converter.compare.messages import ComparedSignature, ComparisonFindings, ComparisonOrder, FileContents
from tflite_converter.core.digests import file_digest, prefixed
from tflite_converter.core.failure import Said, StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import read_model
from tflite_converter.worker import process, supervisor
from tflite_converter.worker.cgroup import MemoryGroup
from tflite_converter.worker.process import Child
from tflite_converter.worker.supervisor import Listener, Work

_LOG = logging.getLogger(__name__)
_FINDINGS_FILE: Final = "findings.json"
_WORK: Final = Work("comparison", "Report the files to LiteRT, or to TensorFlow where one is a SavedModel")
_CHILD: Final = "tflite_converter.compare.child"


@dataclass(frozen=True)
class SavedModelReference:
    """A SavedModel on disk."""

    folder: Path
    handle: str
    digest: str
    tags: tuple[str, ...] | None


@dataclass(frozen=True)
class Terms:
    """How to compare."""

    key: str | None = None
    samples: Path | None = None
    max_samples: int = 100
    metrics: tuple[Metric, ...] = ()


class ComparedFile(Schema):
    """One of the two sides."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """The path of the file, or the handle of the SavedModel."""
    digest: str
    """`sha256:` and its SHA-256."""
    size_bytes: Integer
    """Of the file, or of all files of the SavedModel."""
    contents: FileContents | None = None
    """Absent for a SavedModel."""


class ArtifactComparison(Schema):
    """What `tflite-convert compare --json` prints."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: Literal[1] = 1
    """Of this format. Fields may be added to a version; one that is there keeps its meaning."""
    artifact: ComparedFile
    reference: ComparedFile
    signatures: tuple[ComparedSignature, ...]
    """Those that both have."""
    reason: Reason | None = None
    """`VerificationFailed` if an output misses `--min-snr-decibels`."""
    message: str | None = None
    """Which one, and by how much."""


def compare(
    artifact: Path, reference: Path | SavedModelReference, terms: Terms, progress: Progress
) -> ArtifactComparison:
    """Run both on the same samples, in a child process, and measure the difference.

    Raises:
        StepFailure: what is wrong with either, or with the samples; or what became of the child.
    """
    proof = secrets.token_hex(16)
    listener = Listener(progress.phase, lambda line: _LOG.debug("%s", line))
    with Child(process.command(_CHILD)) as worker:
        order = ComparisonOrder(
            artifact=str(artifact.resolve()),
            key=terms.key,
            samples=str(terms.samples.resolve()) if terms.samples else None,
            max_samples=terms.max_samples,
            metrics=terms.metrics,
            findings=str(worker.scratch / _FINDINGS_FILE),
            proof=proof,
            **_side(reference),
        )
        end = supervisor.run(worker, order.model_dump_json(by_alias=True, exclude_none=True).encode(), listener)
        group = MemoryGroup.of_this_process()
        failure = supervisor.explain(end, group.limit() if group else None, proof, _WORK)
        if failure is not None:
            _LOG.debug("The child's last lines:\n%s", end.tail)
            raise _in_options(failure, terms.metrics)
        findings = _findings(worker.scratch)
    return ArtifactComparison(
        artifact=_file(artifact, findings.artifact),
        reference=_file(reference, findings.reference) if isinstance(reference, Path) else _saved_model(reference),
        signatures=findings.signatures,
    )


def held_against(found: ArtifactComparison, gate: float) -> ArtifactComparison:
    """Return the comparison with the reason why it misses a gate (dB): an output is too far off or unmeasured."""
    for signature in found.signatures:
        error = signature.error
        missed = f"{signature.key}: {signature.message}"
        if error is not None and float(error.snr_decibels) >= gate:
            continue
        if error is not None:
            missed = f"SNR {error.snr_decibels} dB ({_worst_output(signature.key, error)})"
        message = one_line(f"{missed}, but --min-snr-decibels asks for {gate:g} dB")
        return found.model_copy(update={"reason": Reason.VERIFICATION_FAILED, "message": message})
    return found


def held_against_metrics(found: ArtifactComparison, asked: Sequence[Metric]) -> ArtifactComparison:
    """Return the comparison with the reason why it misses what is asked of metrics: one is too low or unmeasured."""
    shown = [metric for signature in found.signatures if signature.error for metric in signature.error.metrics or ()]
    for metric in (metric for metric in asked if metric.is_gated):
        measured = next((one for one in shown if (one.name, one.output, one.k) == _named(metric)), None)
        if measured is None:
            message = f"{metric.name} of {metric.output} could not be measured"
        elif gates := missed(metric, measured):
            message = _missed_in_words(metric, measured, gates[0])
        else:
            continue
        return found.model_copy(update={"reason": Reason.VERIFICATION_FAILED, "message": one_line(message)})
    return found


def _named(metric: Metric) -> tuple[str, str, int | None]:
    return metric.name, metric.output, metric.k


def _missed_in_words(metric: Metric, found: MeasuredMetric, gate: Gate) -> str:
    figure, done = (found.drop, "drops by") if gate == "maxDrop" else (found.artifact, "is")
    figures = f"{figure.value} [{figure.low} to {figure.high}] (reference {found.model.value})"
    asked = gate_in_words(gate, metric.gates[gate])
    return f"{found.name} of {found.output} {done} {figures}, but --metric asks for {asked}"


def _in_options(failure: StepFailure, metrics: Sequence[Metric]) -> StepFailure:
    cure = failure.cure if isinstance(failure.cure, Said) else metric_option.in_options(failure.cure, metrics)
    return StepFailure(failure.reason, metric_option.in_options(failure.found, metrics), cure)


def _worst_output(key: str, error: MeasuredError) -> str:
    return f"output {error.outputs[0].name} of {key}" if error.outputs else key


def _side(reference: Path | SavedModelReference) -> Mapping[str, Any]:
    if isinstance(reference, Path):
        return {"reference_artifact": str(reference.resolve())}
    return {"model_dir": str(reference.folder.resolve()), "tags": reference.tags}


def _findings(scratch: Path) -> ComparisonFindings:
    try:
        return read_model(scratch / _FINDINGS_FILE, ComparisonFindings)
    except ValueError as error:
        message = f"The comparison left no well-formed findings: {one_line(str(error), 600)}"
        raise StepFailure(Reason.CONVERSION_CRASHED, message, "Do not trust these files") from error


def _file(path: Path, contents: FileContents | None) -> ComparedFile:
    digest = prefixed(file_digest(path))
    return ComparedFile(name=str(path), digest=digest, size_bytes=path.stat().st_size, contents=contents)


def _saved_model(reference: SavedModelReference) -> ComparedFile:
    size = sum(path.stat().st_size for path in reference.folder.rglob("*") if path.is_file())
    return ComparedFile(name=reference.handle, digest=reference.digest, size_bytes=size)
