"""The second step: a child process converts the model and measures the result. Has no credentials.

This process is the supervisor: it imports no TensorFlow, and outlives whatever the model does.
"""

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import ConvertedModel, FetchedDatasets
from tflite_api.text import one_line
from tflite_converter.convert.launch import launch
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import CONVERTED_FILE, REPORT_DATA_FILE, read_model, write_model
from tflite_converter.worker import supervisor
from tflite_converter.worker.cgroup import MemoryGroup
from tflite_converter.worker.process import Child
from tflite_converter.worker.supervisor import Listener, Work

_LOG = logging.getLogger(__name__)
_REPORT: Final = Work("measurement for the report page", OWN_CURE)
_NO_DATASETS: Final = FetchedDatasets()


@dataclass(frozen=True)
class Conversion:
    """A conversion that went well, and what it took."""

    converted: ConvertedModel
    peak_memory_bytes: int


class ConversionFailed(StepFailure):
    """A conversion that did not go well, and what it took."""

    def __init__(self, failure: StepFailure, peak_memory_bytes: int) -> None:
        """Take over everything the failure says."""
        super().__init__(
            failure.reason,
            failure.found,
            failure.cure,
            signature=failure.signature,
            verification=failure.verification,
            targets=failure.targets,
        )
        self.peak_memory_bytes = peak_memory_bytes


def convert(
    spec: ConversionSpec,
    model: Path,
    output_dir: Path,
    progress: Progress,
    timeout_seconds: float | None = None,
    datasets: FetchedDatasets = _NO_DATASETS,
    ahead: Child | None = None,
) -> Conversion:
    """Convert the SavedModel in the folder `model`; leaves `model.tflite` and `converted.json` in `output_dir`.

    Args:
        spec: what to do.
        model: the SavedModel's folder.
        output_dir: an existing folder.
        progress: is told the phases.
        timeout_seconds: after which the conversion fails with DeadlineExceeded; None where somebody else watches.
        datasets: those that the spec names, and what metrics are held against.
        ahead: a child that was started already.

    Raises:
        StepFailure: what is wrong with the model, the spec or the result; or what became of the child.
    """
    proof = secrets.token_hex(16)
    listener = Listener(progress.phase, lambda line: _LOG.debug("%s", line))
    with ahead or launch() as worker:
        order = ConversionOrder.of(
            spec,
            model_dir=str(model),
            output_dir=str(output_dir),
            scratch_dir=str(worker.scratch),
            datasets=datasets,
            proof=proof,
        )
        text = order.model_dump_json(by_alias=True, exclude_none=True).encode()
        end = supervisor.run(worker, text, listener, timeout_seconds)
    group = MemoryGroup.of_this_process()
    failure = supervisor.explain(end, group.limit() if group else None, proof)
    if failure is not None:
        if failure.reason in {Reason.INTERNAL_ERROR, Reason.CONVERSION_CRASHED}:
            _LOG.error("The child's last lines:\n%s", end.tail)
        raise ConversionFailed(failure, end.peak_bytes)
    converted = _report(output_dir)
    cut_short = supervisor.explain(end, group.limit() if group else None, work=_REPORT)
    if spec.report and cut_short is not None and not (output_dir / REPORT_DATA_FILE).exists():
        _LOG.error("The child's last lines:\n%s", end.tail)
        converted = converted.model_copy(update={"report_problem": converted.report_problem or cut_short.message})
        write_model(output_dir / CONVERTED_FILE, converted)
    return Conversion(converted, end.peak_bytes)


def _report(output_dir: Path) -> ConvertedModel:
    try:
        return read_model(output_dir / CONVERTED_FILE, ConvertedModel)
    except ValueError as error:
        message = f"The conversion left no well-formed report: {one_line(str(error), 600)}"
        cure = "The model interferes with its conversion: do not trust it"
        raise StepFailure(Reason.CONVERSION_CRASHED, message, cure) from error
