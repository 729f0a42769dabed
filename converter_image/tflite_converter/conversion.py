"""The child process that runs a stranger's model: load, pin, run as the reference, convert.

Started by the supervisor as `python -m tflite_converter.conversion DESCRIPTOR` with a ConversionOrder on stdin; it
reports on that file descriptor. TensorFlow is imported here, once, and nowhere else but in prepare's Hub resolution.
"""

import ctypes
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_converter import operations, reference, saved_model, signature, tflite_conversion
from tflite_converter.child_protocol import ConversionOrder
from tflite_converter.child_report import Report, reported
from tflite_converter.failure import StepFailure
from tflite_converter.handover import ARTIFACT_FILE, write_whole
from tflite_converter.loaded_model import LoadedModel
from tflite_converter.measurement import MeasurementOrder, become_measurement
from tflite_converter.signature import SignatureFacts

_STRATEGY: Final = "Plain"
_PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h"""

Announce = Callable[[str], None]


def convert_model(order: ConversionOrder, announce: Announce) -> MeasurementOrder:
    """Convert the model: writes `model.tflite` to the output folder, and the model's own outputs to the scratch folder.

    Gives what is left to do: to measure the artifact, in a process without TensorFlow.

    Raises:
        StepFailure: what is wrong with the model or the spec.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    scratch = Path(order.scratch_dir)
    pinned_dir, reference_dir = scratch / "pinned", scratch / "reference"
    tags, wanted = examine(order)
    announce("Running the model")
    model = LoadedModel(Path(order.model_dir), tags, wanted.key)
    model.save_pinned(wanted, pinned_dir)
    reference.save(model.reference(wanted.inputs), reference_dir)
    model.unload()
    announce("Converting")
    write_whole(Path(order.output_dir) / ARTIFACT_FILE, _convert(pinned_dir, wanted.key, order))
    return MeasurementOrder(
        output_dir=order.output_dir,
        reference_dir=str(reference_dir),
        wanted=wanted,
        quantization=order.quantization.type,
        min_snr_decibels=order.min_snr_decibels,
        tensorflow=tf.__version__,
        strategy=_STRATEGY,
    )


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
    from tensorflow.lite.python.convert import ConverterError  # noqa: PLC0415 - takes seconds

    try:
        return tflite_conversion.convert(pinned_dir, key, order.quantization.type)
    except ConverterError as error:
        raise operations.converter_failure(str(error)) from error
    except (ValueError, NotImplementedError) as error:
        raise StepFailure(Reason.CONVERSION_FAILED, f"TensorFlow's converter gave up: {error}") from error


def _die_with_parent() -> None:
    """Have the kernel kill this process when the supervisor dies, however it dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError):
        return True
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return isinstance(error, tf.errors.ResourceExhaustedError)


def main() -> int:
    """Do as ordered, then become the process that measures; exit code 1 where a failure was reported."""
    _die_with_parent()
    report = Report(int(sys.argv[1]))
    order = ConversionOrder.model_validate_json(sys.stdin.buffer.read())

    def work() -> None:
        report.announce("Reading the model")
        rest = convert_model(order, report.announce)
        become_measurement(rest, report, Path(order.scratch_dir))

    return reported(work, report, _out_of_memory)


if __name__ == "__main__":
    sys.exit(main())
