"""The process that measures a new artifact against the model's outputs: LiteRT and numpy, no TensorFlow.

The converting child becomes it by exec, so that TensorFlow's half gigabyte is gone before LiteRT takes its own.
"""

import hashlib
import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from tflite_api.reasons import Reason
from tflite_api.schema import Integer, Schema
from tflite_api.spec import QuantizationType
from tflite_api.status import ArtifactSignature, Tensor
from tflite_api.step import ConvertedModel
from tflite_converter import artifact_run, flatbuffer, quantization, reference
from tflite_converter.child_report import Report, reported
from tflite_converter.failure import StepFailure
from tflite_converter.flatbuffer import ArtifactFacts
from tflite_converter.handover import ARTIFACT_FILE, CONVERTED_FILE, write_model
from tflite_converter.reference import Reference
from tflite_converter.signature import SignatureFacts, TensorFacts
from tflite_converter.verification import Comparison, Verdict, judge

_ORDER_FILE: Final = "measurement.json"


class MeasurementOrder(Schema):
    """What is left to do when the artifact is there."""

    output_dir: str
    reference_dir: str
    wanted: SignatureFacts
    quantization: QuantizationType
    min_snr_decibels: Integer
    tensorflow: str
    strategy: str


def become_measurement(order: MeasurementOrder, report: Report, scratch: Path) -> NoReturn:
    """Replace this process by the one that measures."""
    path = scratch / _ORDER_FILE
    write_model(path, order)
    sys.stdout.flush()
    sys.stderr.flush()
    os.set_inheritable(report.descriptor, True)
    command = [sys.executable, "-P", "-m", "tflite_converter.measurement", str(report.descriptor), str(path)]
    os.execv(sys.executable, command)  # noqa: S606 - no shell, and nothing of the command is a stranger's


def measure(order: MeasurementOrder) -> ConvertedModel:
    """Check and measure the artifact; writes `converted.json` beside it.

    Raises:
        StepFailure: ConversionFailed, QuantizationNotApplied or VerificationFailed.
    """
    output = Path(order.output_dir)
    facts = _read_artifact(output / ARTIFACT_FILE)
    quantization.check_applied(order.quantization, facts.constants)
    kept = _artifact_signature(facts, order.wanted)
    seen = reference.load(Path(order.reference_dir))
    comparison = Comparison()
    try:
        verdict = _compare(output / ARTIFACT_FILE, order, seen, comparison)
    except StepFailure as failure:
        failure.signature = kept
        raise
    sizes = seen.sampling.in_words(order.wanted.inputs)
    converted = ConvertedModel(
        sha256=_digest(output / ARTIFACT_FILE),
        verdict=verdict.reason,
        message=f"{verdict.message} (measured with {sizes})" if sizes and comparison.samples else verdict.message,
        signature=kept,
        verification=comparison.summary() if comparison.samples else None,
        tensorflow=order.tensorflow,
        strategy=order.strategy,
    )
    write_model(output / CONVERTED_FILE, converted)
    return converted


def _compare(artifact: Path, order: MeasurementOrder, seen: Reference, comparison: Comparison) -> Verdict:
    if not seen.deterministic:
        return Verdict(Reason.NON_DETERMINISTIC, "The model itself gives other outputs when it runs again")
    if not seen.finite:
        return Verdict(Reason.NON_FINITE, "The model itself gives infinities or NaN on generated inputs")
    measured = artifact_run.run(artifact, order.wanted.key, seen.samples(order.wanted.inputs))
    for expected, found in zip(seen.compared, measured, strict=True):
        comparison.add(expected, found)
    return judge(comparison, order.min_snr_decibels)


def _read_artifact(path: Path) -> ArtifactFacts:
    try:
        facts = flatbuffer.read(path)
    except ValueError as error:
        raise StepFailure(Reason.CONVERSION_FAILED, f"TensorFlow's converter gave no model: {error}") from error
    if facts.lost_weights:
        raise StepFailure(Reason.CONVERSION_FAILED, "TensorFlow's converter lost the model's weights")
    return facts


def _artifact_signature(facts: ArtifactFacts, wanted: SignatureFacts) -> ArtifactSignature:
    found = next((candidate for candidate in facts.signatures if candidate.key == wanted.key), None)
    if found is None:
        raise StepFailure(Reason.CONVERSION_FAILED, f"TensorFlow's converter lost the signature {wanted.key}")
    for side, asked, given in (("input", wanted.inputs, found.inputs), ("output", wanted.outputs, found.outputs)):
        lost = {tensor.name for tensor in asked} - {tensor.name for tensor in given}
        if lost:
            raise StepFailure(
                Reason.CONVERSION_FAILED, f"TensorFlow's converter lost the {side} {', '.join(sorted(lost))}"
            )
    return ArtifactSignature(key=found.key, inputs=_tensors(found.inputs), outputs=_tensors(found.outputs))


def _tensors(facts: tuple[TensorFacts, ...]) -> tuple[Tensor, ...]:
    return tuple(Tensor(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape or ()) for tensor in facts)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Do as ordered; exit code 0 where `converted.json` is written, 1 where a failure was reported."""
    report = Report(int(sys.argv[1]))
    order = MeasurementOrder.model_validate_json(Path(sys.argv[2]).read_bytes())

    def work() -> None:
        report.announce("Verifying")
        measure(order)

    return reported(work, report, lambda error: isinstance(error, MemoryError))


if __name__ == "__main__":
    sys.exit(main())
