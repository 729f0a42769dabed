"""The child process that runs a stranger's model: load, pin, convert, verify.

Started by the supervisor as `python -m tflite_converter.conversion DESCRIPTOR` with a ConversionOrder on stdin; it
reports on that file descriptor. TensorFlow is imported here, once, and nowhere else but in prepare's Hub resolution.
"""

import ctypes
import gc
import hashlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_api.status import ArtifactSignature, Tensor
from tflite_api.step import ConvertedModel
from tflite_converter import artifact_run, flatbuffer, operations, quantization, saved_model, signature
from tflite_converter.child_protocol import ChildFailure, ChildLine, ConversionOrder
from tflite_converter.failure import StepFailure
from tflite_converter.flatbuffer import ArtifactFacts
from tflite_converter.handover import ARTIFACT_FILE, CONVERTED_FILE, write_model, write_whole
from tflite_converter.loaded_model import LoadedModel, Reference
from tflite_converter.signature import SignatureFacts, TensorFacts
from tflite_converter.verification import Comparison, Verdict, judge

_LOG = logging.getLogger(__name__)
_STRATEGY: Final = "Plain"
_PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h"""

Announce = Callable[[str], None]


def convert_model(order: ConversionOrder, announce: Announce) -> ConvertedModel:
    """Convert, measure, and write `model.tflite` and `converted.json` to the order's output folder.

    Raises:
        StepFailure: what is wrong with the model, the spec or the result.
    """
    output = Path(order.output_dir)
    pinned_dir = Path(order.scratch_dir) / "pinned"
    announce("Reading the model")
    tags, wanted = examine(order)
    announce("Running the model")
    model = LoadedModel(Path(order.model_dir), tags, wanted.key)
    model.save_pinned(wanted, pinned_dir)
    reference = model.reference(wanted.inputs)
    model.unload()
    _return_memory()
    announce("Converting")
    write_whole(output / ARTIFACT_FILE, _convert(pinned_dir, wanted.key, order))
    _return_memory()
    announce("Verifying")
    facts = _read_artifact(output / ARTIFACT_FILE)
    quantization.check_applied(order.quantization, facts.constants)
    kept = _artifact_signature(facts, wanted)
    try:
        converted = _verified(output / ARTIFACT_FILE, kept, wanted.inputs, reference, order.min_snr_decibels)
    except StepFailure as failure:
        failure.signature = kept
        raise
    write_model(output / CONVERTED_FILE, converted)
    return converted


def examine(order: ConversionOrder) -> tuple[frozenset[str], SignatureFacts]:
    """Find out from the proto alone what is to be converted: the tags, and the signature with its pinned shapes.

    Raises:
        StepFailure: what the spec asks for is not in the model, or can surely not be converted.
    """
    graphs = saved_model.read(Path(order.model_dir))
    tags = signature.choose_tags([graph.tags for graph in graphs], order.tags)
    graph = next(graph for graph in graphs if graph.tags == tags)
    chosen = signature.choose_signature(graph.signatures, order.signature.key)
    pinned = signature.pin_inputs(chosen, order.signature.inputs or ())
    signature.check_types(pinned)
    operations.check_before_trying(graph.operations(chosen.key))
    return tags, pinned


def _convert(pinned_dir: Path, key: str, order: ConversionOrder) -> bytes:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds
    from tensorflow.lite.python.convert import ConverterError  # noqa: PLC0415

    converter = tf.lite.TFLiteConverter.from_saved_model(str(pinned_dir), signature_keys=[key])
    quantization.configure(converter, order.quantization)
    try:
        converted: bytes = converter.convert()
    except ConverterError as error:
        raise operations.converter_failure(str(error)) from error
    except (ValueError, NotImplementedError) as error:
        raise StepFailure(Reason.CONVERSION_FAILED, f"TensorFlow's converter gave up: {error}") from error
    return converted


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


def _verified(
    artifact: Path,
    kept: ArtifactSignature,
    inputs: tuple[TensorFacts, ...],
    reference: Reference | None,
    gate: int,
) -> ConvertedModel:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    comparison = Comparison()
    if reference is None:
        verdict = Verdict(Reason.NON_FINITE, "The model itself gives infinities or NaN on generated inputs")
    elif not reference.deterministic:
        verdict = Verdict(Reason.NON_DETERMINISTIC, "The model itself gives other outputs when it runs again")
    else:
        measured = artifact_run.run(artifact, kept.key, reference.samples)
        for expected, found in zip(reference.outputs, measured, strict=True):
            comparison.add(expected, found)
        verdict = judge(comparison, gate)
    sizes = reference.sampling.in_words(inputs) if reference is not None else ""
    return ConvertedModel(
        sha256=_digest(artifact),
        verdict=verdict.reason,
        message=f"{verdict.message} (measured with {sizes})" if sizes and comparison.samples else verdict.message,
        signature=kept,
        verification=comparison.summary() if comparison.samples else None,
        tensorflow=tf.__version__,
        strategy=_STRATEGY,
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _return_memory() -> None:
    """Hand freed memory back to the kernel: glibc keeps it, and the peak would be the sum of all phases."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _die_with_parent() -> None:
    """Have the kernel kill this process when the supervisor dies, however it dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError):
        return True
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return isinstance(error, tf.errors.ResourceExhaustedError)


class _Report:
    """Lines of JSON to the supervisor; every one is out before the model runs on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def line(self, **content: Any) -> None:  # noqa: ANN401 - ChildLine checks it
        line = ChildLine(**content).model_dump_json(by_alias=True, exclude_none=True)
        os.write(self._descriptor, line.encode() + b"\n")

    def announce(self, phase: str) -> None:
        self.line(phase=phase)

    def failure(self, failure: StepFailure) -> None:
        self.line(failure=ChildFailure.of(failure))


def main() -> int:
    """Do as ordered; exit code 0 where `converted.json` is written, 1 where a failure was reported."""
    _die_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    report = _Report(int(sys.argv[1]))
    order = ConversionOrder.model_validate_json(sys.stdin.buffer.read())
    try:
        convert_model(order, report.announce)
    except StepFailure as failure:
        report.failure(failure)
    except Exception as error:  # noqa: BLE001 - whatever a model brings about must become a reason
        _LOG.exception("Unexpected error")
        reason = Reason.OUT_OF_MEMORY if _out_of_memory(error) else Reason.INTERNAL_ERROR
        report.failure(StepFailure(reason, f"{type(error).__name__}: {error}"))
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
